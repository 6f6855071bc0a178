package index

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/stagedoor/stagedoor/catalog"
)

// PageQuery asks for a page of entities.
type PageQuery struct {
	// Filter restricts the result; nil means everything.
	Filter catalog.Filter
	// Order sorts the result, ties by uid in the direction of the first field.
	// Entities without a value come last in either direction. Of several
	// values the smallest counts. Without Order the uids sort. In strict mode
	// only the first field counts and entities without it are left out.
	Order []catalog.Order
	// Text, when its term is not blank, keeps entities that contain the term.
	// Without fields the first sort field is searched; without any, name, title
	// and description (strict: the uid).
	Text catalog.TextFilter
	// Limit is the largest number of entities; negative means no limit.
	Limit int
	// Offset skips so many entities behind the start.
	Offset int
	// At, when not nil, is the position where the page starts: behind it, or,
	// with Previous, before it. The entity there need not exist any more.
	At       *Position
	Previous bool
}

// Page is the answer to a [PageQuery].
type Page struct {
	// IDs are the entities, in order also when paging backwards.
	IDs []ID
	// Total is the number of entities of the result over all pages.
	Total int
	// First and Last are the positions of the first and last entity; nil when
	// there is none.
	First, Last *Position
	// HasBefore and HasAfter say whether there are entities before and behind
	// the page.
	HasBefore, HasAfter bool
}

// Position is a place in an order. It is an array in JSON: the sort values,
// null where there is none, and the uid.
type Position struct {
	Values []*string
	UID    string
}

// Equal reports whether two positions are the same. Nil equals only nil.
func (p *Position) Equal(q *Position) bool {
	if p == nil || q == nil {
		return p == q
	}
	if p.UID != q.UID || len(p.Values) != len(q.Values) {
		return false
	}
	for i, v := range p.Values {
		w := q.Values[i]
		if (v == nil) != (w == nil) || v != nil && *v != *w {
			return false
		}
	}
	return true
}

// MarshalJSON renders the array.
func (p Position) MarshalJSON() ([]byte, error) {
	return json.Marshal(append(append(make([]*string, 0, len(p.Values)+1), p.Values...), &p.UID))
}

// UnmarshalJSON reads the array. It returns an error when it is empty, holds
// anything but strings and nulls, or ends with null.
func (p *Position) UnmarshalJSON(b []byte) error {
	var all []*string
	if err := json.Unmarshal(b, &all); err != nil {
		return fmt.Errorf("read position: %w", err)
	}
	if len(all) == 0 || all[len(all)-1] == nil {
		return fmt.Errorf("read position: %w", errJSON)
	}
	p.Values, p.UID = all[:len(all)-1], *all[len(all)-1]
	return nil
}

// result is the result of a query over all pages: the entities of the view
// that are in set, or, when list is not nil, exactly list.
type result struct {
	set   *Bitmap // nil is all
	list  []ID
	total int
}

// view is an order as a query reads it.
type view struct {
	s    *Snapshot
	o    *order
	desc bool
	n    int // without what is left out
	// values is the number of sort values of a position.
	values int
}

func (s *Snapshot) view(orders []catalog.Order) view {
	v := view{s: s}
	if s.strict && len(orders) > 1 {
		orders = orders[:1]
	}
	v.values = len(orders)
	switch len(orders) {
	case 0:
		v.o = s.fieldOrder("metadata.uid")
	case 1:
		v.o, v.desc = s.fieldOrder(orders[0].Field), orders[0].Desc
	default:
		v.o = s.combinedOrder(orders)
	}
	v.n = len(v.o.valued)
	if !s.strict || len(orders) == 0 {
		v.n += len(v.o.missing)
	}
	return v
}

// at returns the entity at place i.
func (v view) at(i int) ID {
	o := v.o
	if i < len(o.valued) {
		if v.desc {
			return o.valued[len(o.valued)-1-i]
		}
		return o.valued[i]
	}
	i -= len(o.valued)
	if v.desc {
		return o.missing[len(o.missing)-1-i]
	}
	return o.missing[i]
}

// place returns the place of an entity, which may be beyond n.
func (v view) place(id ID) int {
	r, nv := int(v.o.rank[id]), len(v.o.valued)
	switch {
	case !v.desc:
		return r
	case r < nv:
		return nv - 1 - r
	}
	return nv + len(v.o.missing) - 1 - (r - nv)
}

// compare compares an entity with a position.
func (v view) compare(id ID, p *Position) int {
	value := func(i int) (string, bool) {
		if i < len(p.Values) && p.Values[i] != nil {
			return *p.Values[i], true
		}
		return "", false
	}
	desc := v.desc
	switch {
	case v.o.by != nil:
		desc = v.o.desc[0]
		for i, by := range v.o.by {
			val, ok := value(i)
			if c := compareValues(by.has(id), by.vals[id], ok, val, v.o.desc[i]); c != 0 {
				return c
			}
		}
	case v.values == 1:
		val, ok := value(0)
		if c := compareValues(v.o.has(id), v.o.vals[id], ok, val, v.desc); c != 0 {
			return c
		}
	}
	c := strings.Compare(v.s.UID(id), p.UID)
	if desc {
		return -c
	}
	return c
}

// position returns the position of an entity.
func (v view) position(id ID) *Position {
	p := &Position{UID: strings.Clone(v.s.UID(id)), Values: make([]*string, v.values)}
	orders := v.o.by
	if orders == nil {
		orders = []*order{v.o}
	}
	for i := range p.Values {
		if o := orders[i]; o.has(id) {
			val := strings.Clone(o.vals[id])
			p.Values[i] = &val
		}
	}
	return p
}

// Page answers the query.
func (s *Snapshot) Page(q PageQuery) Page {
	v := s.view(q.Order)
	r := s.result(v, q)
	walk := walker{v: v, r: r, n: v.n}
	if r.list != nil {
		walk.n = len(r.list)
	}
	page := Page{Total: r.total, IDs: []ID{}}
	limit := q.Limit
	if limit < 0 {
		limit = walk.n
	}
	if q.Previous && q.At != nil {
		walk.backward(&page, walk.search(q.At, 0), q.Offset, limit)
	} else {
		start := 0
		if q.At != nil {
			start = walk.search(q.At, 1)
		}
		walk.forward(&page, start, q.Offset, limit)
	}
	if n := len(page.IDs); n > 0 {
		page.First, page.Last = v.position(page.IDs[0]), v.position(page.IDs[n-1])
	}
	return page
}

// walker goes through a result.
type walker struct {
	v view
	r *result
	n int
}

// id returns the entity at place i, if it belongs to the result.
func (w *walker) id(i int) (ID, bool) {
	if w.r.list != nil {
		return w.r.list[i], true
	}
	id := w.v.at(i)
	return id, w.r.set == nil || w.r.set.Contains(id)
}

// every reports whether every place belongs to the result.
func (w *walker) every() bool { return w.r.list != nil || w.r.set == nil }

// search returns the first place of which the entity is not before the
// position, or, with behind 1, is behind it.
func (w *walker) search(p *Position, behind int) int {
	lo, hi := 0, w.n
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		id := ID(0)
		if w.r.list != nil {
			id = w.r.list[mid]
		} else {
			id = w.v.at(mid)
		}
		if w.v.compare(id, p) < behind {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (w *walker) forward(page *Page, i, offset, limit int) {
	start := i
	offset = max(0, offset)
	if w.every() {
		i = min(w.n, i+offset)
		offset = 0
	}
	limit = min(limit, w.n)
	if limit > 0 {
		page.IDs = make([]ID, 0, min(limit, 1+w.r.total))
	}
	first := i
	for ; i < w.n; i++ {
		id, ok := w.id(i)
		switch {
		case !ok:
		case offset > 0:
			offset--
			first = i + 1
		case len(page.IDs) == limit:
			page.HasAfter = true
			page.HasBefore = w.before(first) || first > start && w.every()
			return
		default:
			page.IDs = append(page.IDs, id)
		}
	}
	page.HasBefore = w.before(first)
}

// before reports whether the result has an entity before place i.
func (w *walker) before(i int) bool {
	for i--; i >= 0; i-- {
		if _, ok := w.id(i); ok {
			return true
		}
	}
	return false
}

func (w *walker) backward(page *Page, end, offset, limit int) {
	page.HasAfter = w.after(end)
	i := end - 1
	for ; i >= 0; i-- {
		id, ok := w.id(i)
		switch {
		case !ok:
		case offset > 0:
			offset--
			page.HasAfter = true
		case len(page.IDs) == limit:
			page.HasBefore = true
			reverse(page.IDs)
			return
		default:
			page.IDs = append(page.IDs, id)
		}
	}
	reverse(page.IDs)
}

// after reports whether the result has an entity at place i or behind.
func (w *walker) after(i int) bool {
	for ; i < w.n; i++ {
		if _, ok := w.id(i); ok {
			return true
		}
	}
	return false
}

func reverse(ids []ID) {
	for i, j := 0, len(ids)-1; i < j; i, j = i+1, j-1 {
		ids[i], ids[j] = ids[j], ids[i]
	}
}

// result evaluates filter and text of the query.
func (s *Snapshot) result(v view, q PageQuery) *result {
	term := strings.TrimSpace(q.Text.Term)
	if q.Filter == nil && term == "" {
		return &result{total: v.n}
	}
	key := resultKey(q, term, s.strict)
	key = fmt.Appendf(key, "%t", q.Offset > deepOffset)
	if r, ok := s.cache.result(string(key)); ok {
		return r
	}
	set := s.Eval(q.Filter)
	if term != "" {
		set = roaring.And(set, s.contains(term, s.textFields(q)))
	}
	r := &result{set: set, total: int(set.GetCardinality())}
	if v.n < s.Len() {
		for _, id := range v.o.missing {
			if set.Contains(id) {
				r.total--
			}
		}
	}
	weight := 0
	if r.total < v.n/16 || q.Offset > deepOffset {
		r.list = v.list(set, r.total)
		weight = r.total
	}
	s.cache.putResult(string(key), r, weight)
	return r
}

// deepOffset is the offset from which it is worth to write the result out.
const deepOffset = 512

// list writes the entities of the set out in the order of the view.
func (v view) list(set *Bitmap, total int) []ID {
	out := make([]ID, 0, total)
	if total > v.n/16 {
		dense := set.ToDense()
		for i := range v.n {
			if id := v.at(i); int(id>>6) < len(dense) && dense[id>>6]>>(id&63)&1 != 0 {
				out = append(out, id)
			}
		}
		return out
	}
	places := make([]int, 0, total)
	for it := set.Iterator(); it.HasNext(); {
		if p := v.place(it.Next()); p < v.n {
			places = append(places, p)
		}
	}
	slices.Sort(places)
	for _, p := range places {
		out = append(out, v.at(p))
	}
	return out
}

// resultKey renders what the result of a query depends on.
func resultKey(q PageQuery, term string, strict bool) []byte {
	key := make([]byte, 0, 192)
	key = appendFilter(key, q.Filter)
	for i, o := range q.Order {
		if strict && i > 0 {
			break
		}
		key = strconv.AppendQuote(append(key, ','), o.Field)
		key = strconv.AppendBool(key, o.Desc)
	}
	key = strconv.AppendQuote(append(key, '~'), term)
	if term != "" {
		for _, f := range q.Text.Fields {
			key = strconv.AppendQuote(key, f)
		}
	}
	return key
}
