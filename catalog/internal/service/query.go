package service

import (
	"context"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// DefaultLimit is the size of a by-query page when the caller gives none.
const DefaultLimit = 200

// PageRequest asks for a page with cursors.
type PageRequest struct {
	// Cursor continues an earlier request; everything but Limit and Offset
	// comes from it then.
	Cursor *Cursor
	// Filter restricts the result; Query is the same as a predicate, for the
	// cursors.
	Filter catalog.Filter
	Query  any
	Order  []catalog.Order
	Text   *CursorText
	// Limit is nil for [DefaultLimit].
	Limit  *int
	Offset int
	// ExcludeTotal leaves the total out.
	ExcludeTotal bool
}

// PageResult is a page of the read model.
type PageResult struct {
	Snapshot *index.Snapshot
	IDs      []index.ID
	Total    int
	// Next and Prev are nil at the ends.
	Next, Prev *Cursor
}

// uidField sorts a result without an order.
const uidField = "metadata.uid"

// maxOrder bounds the sort fields, because every new combination of them costs
// memory.
const maxOrder = 10

// Page reads a page of the entities that the principal in ctx may see.
func (s *Service) Page(ctx context.Context, q PageRequest) (PageResult, error) {
	sc, err := s.reading(ctx)
	if err != nil {
		return PageResult{}, err
	}
	snap := s.deps.Index.Snapshot()
	if sc.denied {
		return PageResult{Snapshot: snap}, nil
	}
	c := q.Cursor
	if c == nil {
		c = q.cursor()
	} else if q.Filter, err = c.filter(); err != nil {
		return PageResult{}, err
	}
	if len(c.OrderFields) > maxOrder {
		return PageResult{}, fault.Newf(fault.Invalid, "at most %d sort fields are possible, not %d", maxOrder, len(c.OrderFields))
	}
	limit := DefaultLimit
	if q.Limit != nil {
		limit = *q.Limit
	}
	page := snap.Page(index.PageQuery{
		Filter: sc.and(q.Filter), Order: c.order(), Text: s.text(c), Limit: limit, Offset: q.Offset,
		At: c.OrderFieldValues, Previous: c.IsPrevious,
	})
	out := PageResult{Snapshot: snap, IDs: page.IDs, Total: page.Total}
	if c.TotalItems != nil {
		out.Total = *c.TotalItems
	}
	if q.ExcludeTotal {
		out.Total = 0
	}
	out.Next, out.Prev = s.around(c, page, q.Cursor == nil, out.Total)
	return out, nil
}

// cursor makes the cursor that stands for the request itself.
func (q PageRequest) cursor() *Cursor {
	c := &Cursor{Query: q.Query, FullTextFilter: q.Text}
	for _, o := range q.Order {
		order := CursorOrder{Field: o.Field, Order: "asc"}
		if o.Desc {
			order.Order = "desc"
		}
		c.OrderFields = append(c.OrderFields, order)
	}
	if c.OrderFields == nil {
		c.OrderFields = []CursorOrder{{Field: uidField, Order: "asc"}}
	}
	return c
}

func (c *Cursor) order() []catalog.Order {
	out := make([]catalog.Order, len(c.OrderFields))
	for i, o := range c.OrderFields {
		out[i] = catalog.Order{Field: o.Field, Desc: o.Order == "desc"}
	}
	return out
}

// text returns the text filter. Without fields and without an order Backstage
// searches the uid, which finds nothing; we search what a person would mean.
func (s *Service) text(c *Cursor) catalog.TextFilter {
	if c.FullTextFilter == nil {
		return catalog.TextFilter{}
	}
	t := catalog.TextFilter{Term: c.FullTextFilter.Term, Fields: c.FullTextFilter.Fields}
	unordered := len(c.OrderFields) == 0 || len(c.OrderFields) == 1 && c.OrderFields[0].Field == uidField
	if len(t.Fields) == 0 && unordered && !s.deps.Strict {
		t.Fields = []string{"metadata.name", "metadata.title", "metadata.description"}
	}
	return t
}

// around makes the cursors to the neighbouring pages.
func (s *Service) around(c *Cursor, page index.Page, initial bool, total int) (next, prev *Cursor) {
	if len(page.IDs) == 0 {
		return nil, nil
	}
	first := c.FirstSortValues
	if first == nil {
		first = page.First
	}
	if page.HasAfter || c.IsPrevious {
		next = c.at(page.Last, first, false, total)
	}
	if !initial && !page.First.Equal(c.FirstSortValues) {
		prev = c.at(page.First, first, true, total)
	}
	return next, prev
}

func (c *Cursor) at(p, first *index.Position, previous bool, total int) *Cursor {
	out := *c
	out.OrderFieldValues, out.FirstSortValues, out.IsPrevious, out.TotalItems = p, first, previous, &total
	return &out
}

// ListRequest asks for entities without cursors.
type ListRequest struct {
	Filter catalog.Filter
	Order  []catalog.Order
	// Limit is negative for everything.
	Limit, Offset int
}

// ListResult is a list of the read model.
type ListResult struct {
	Snapshot *index.Snapshot
	IDs      []index.ID
	// More says that there are further entities behind the list.
	More bool
}

// List reads entities that the principal in ctx may see. Without an order they
// come in the order of their uids.
func (s *Service) List(ctx context.Context, q ListRequest) (ListResult, error) {
	sc, err := s.reading(ctx)
	if err != nil {
		return ListResult{}, err
	}
	if len(q.Order) > maxOrder {
		return ListResult{}, fault.Newf(fault.Invalid, "at most %d sort fields are possible, not %d", maxOrder, len(q.Order))
	}
	snap := s.deps.Index.Snapshot()
	if sc.denied {
		return ListResult{Snapshot: snap}, nil
	}
	page := snap.Page(index.PageQuery{Filter: sc.and(q.Filter), Order: q.Order, Limit: q.Limit, Offset: q.Offset})
	return ListResult{Snapshot: snap, IDs: page.IDs, More: page.HasAfter}, nil
}
