package catalogtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stagedoor/stagedoor/catalog"
)

var (
	_ catalog.Reader = (*Catalog)(nil)
	_ catalog.Feed   = (*Catalog)(nil)
)

// Catalog is a catalog in memory. It is safe for concurrent use. The entities
// that it gives out are shared, as those of the real one are.
type Catalog struct {
	mu      sync.Mutex
	stored  map[string]catalog.Entity // by ref
	made    int                       // uids given out
	seq     int64
	nextSub int
	subs    map[int]func([]catalog.Change)

	tell sync.Mutex // held while subscribers are told, so that they are told in order
}

// New returns a catalog that holds the entities.
func New(entities ...catalog.Entity) *Catalog {
	c := &Catalog{stored: map[string]catalog.Entity{}, subs: map[int]func([]catalog.Change){}}
	c.Put(entities...)
	return c
}

// Put adds or replaces entities. It fills metadata.namespace and, for refs that
// are new, metadata.uid, if they are missing. It panics on an entity without
// kind or name, because that is a mistake of the test.
func (c *Catalog) Put(entities ...catalog.Entity) {
	c.tell.Lock()
	defer c.tell.Unlock()
	c.mu.Lock()
	changes := make([]catalog.Change, 0, len(entities))
	for _, e := range entities {
		if e.Kind() == "" || e.Name() == "" {
			c.mu.Unlock()
			panic(fmt.Sprintf("catalogtest: an entity without kind or name: %v", e))
		}
		e = e.Clone()
		ref := e.Ref().String()
		meta := e.Metadata()
		if meta["namespace"] == nil {
			meta["namespace"] = catalog.DefaultNamespace
		}
		if e.UID() == "" {
			if old, ok := c.stored[ref]; ok {
				meta["uid"] = old.UID()
			} else {
				c.made++
				meta["uid"] = fmt.Sprintf("00000000-0000-4000-8000-%012d", c.made)
			}
		}
		c.stored[ref] = e
		c.seq++
		changes = append(changes, catalog.Change{Seq: c.seq, Ref: ref})
	}
	subs := c.subscribers()
	c.mu.Unlock()
	notify(subs, changes)
}

// Remove takes entities out; refs that are not there are passed over.
func (c *Catalog) Remove(refs ...catalog.Ref) {
	c.tell.Lock()
	defer c.tell.Unlock()
	c.mu.Lock()
	var changes []catalog.Change
	for _, r := range refs {
		ref := r.String()
		if _, ok := c.stored[ref]; !ok {
			continue
		}
		delete(c.stored, ref)
		c.seq++
		changes = append(changes, catalog.Change{Seq: c.seq, Ref: ref, Removed: true})
	}
	subs := c.subscribers()
	c.mu.Unlock()
	notify(subs, changes)
}

// subscribers returns the subscribers in the order of their subscription.
func (c *Catalog) subscribers() []func([]catalog.Change) {
	ids := make([]int, 0, len(c.subs))
	for id := range c.subs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out := make([]func([]catalog.Change), len(ids))
	for i, id := range ids {
		out[i] = c.subs[id]
	}
	return out
}

func notify(subs []func([]catalog.Change), changes []catalog.Change) {
	if len(changes) == 0 {
		return
	}
	for _, fn := range subs {
		fn(slices.Clone(changes))
	}
}

// Subscribe implements [catalog.Feed]. fn is called before Put or Remove
// return.
func (c *Catalog) Subscribe(fn func([]catalog.Change)) (cancel func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.nextSub
	c.nextSub++
	c.subs[id] = fn
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.subs, id)
	}
}

// notFoundError is the error for an entity that is not there.
type notFoundError string

func (e notFoundError) Error() string     { return "No entity named '" + string(e) + "' found" }
func (e notFoundError) FaultCode() string { return "not_found" }

// EntityByRef implements [catalog.Reader].
func (c *Catalog) EntityByRef(_ context.Context, ref catalog.Ref) (catalog.Entity, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.stored[ref.String()]
	if !ok {
		return nil, notFoundError(ref.String())
	}
	return e, nil
}

// EntitiesByRefs implements [catalog.Reader].
func (c *Catalog) EntitiesByRefs(_ context.Context, refs []catalog.Ref) ([]catalog.Entity, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]catalog.Entity, len(refs))
	for i, ref := range refs {
		out[i] = c.stored[ref.String()]
	}
	return out, nil
}

// Query implements [catalog.Reader].
func (c *Catalog) Query(_ context.Context, q catalog.Query) (catalog.Page, error) {
	found := c.find(q.Filter)
	found = slices.DeleteFunc(found, func(e searched) bool { return !e.contains(q) })
	slices.SortFunc(found, func(a, b searched) int {
		for _, o := range q.Order {
			if n := compareAt(a, b, o); n != 0 {
				return n
			}
		}
		return cmp.Compare(a.entity.UID(), b.entity.UID())
	})
	page := catalog.Page{Total: len(found)}
	found = found[min(max(q.Offset, 0), len(found)):]
	if q.Limit >= 0 {
		found = found[:min(q.Limit, len(found))]
	}
	for _, e := range found {
		page.Items = append(page.Items, e.entity)
	}
	return page, nil
}

// compareAt compares by one sort field; what has no value comes last.
func compareAt(a, b searched, o catalog.Order) int {
	x, hasX := a.first(o.Field)
	y, hasY := b.first(o.Field)
	switch {
	case !hasX && !hasY:
		return 0
	case !hasX:
		return 1
	case !hasY:
		return -1
	case o.Desc:
		return cmp.Compare(y, x)
	}
	return cmp.Compare(x, y)
}

// contains applies the text filter.
func (s searched) contains(q catalog.Query) bool {
	if q.Text.Term == "" {
		return true
	}
	fields := q.Text.Fields
	if len(fields) == 0 {
		fields = []string{"metadata.name", "metadata.title", "metadata.description"}
		if len(q.Order) > 0 {
			fields = []string{q.Order[0].Field}
		}
	}
	term := strings.ToLower(q.Text.Term)
	return slices.ContainsFunc(fields, func(f string) bool {
		return slices.ContainsFunc(s.rows[strings.ToLower(f)], func(r row) bool { return strings.Contains(r.folded, term) })
	})
}

// Facets implements [catalog.Reader].
func (c *Catalog) Facets(_ context.Context, fields []string, filter catalog.Filter) (map[string][]catalog.Facet, error) {
	found := c.find(filter)
	out := make(map[string][]catalog.Facet, len(fields))
	for _, field := range fields {
		counts := map[string]int{}
		for _, e := range found {
			seen := map[string]bool{}
			for _, r := range e.rows[strings.ToLower(field)] {
				if !r.null && !seen[r.value] {
					seen[r.value] = true
					counts[r.value]++
				}
			}
		}
		list := make([]catalog.Facet, 0, len(counts))
		for v, n := range counts {
			list = append(list, catalog.Facet{Value: v, Count: n})
		}
		slices.SortFunc(list, func(a, b catalog.Facet) int { return cmp.Compare(a.Value, b.Value) })
		out[field] = list
	}
	return out, nil
}

// find returns the entities that the filter keeps, in no order.
func (c *Catalog) find(f catalog.Filter) []searched {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []searched
	for _, e := range c.stored {
		if s := search(e); s.holds(f) {
			out = append(out, s)
		}
	}
	return out
}
