package index

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/stagedoor/stagedoor/catalog"
)

// order is all entities in one order. First come those with a value, by value
// and uid; then those without, by uid. Descending order is the same read
// backwards, part by part.
type order struct {
	valued  []ID
	missing []ID
	rank    []uint32 // place in valued followed by missing, by entity
	vals    []string // lower-case sort value, by entity; of one field only
	by      []*order // the orders of the single fields, of several fields
	desc    []bool   // directions of by
}

// has reports whether the entity has a value.
func (o *order) has(id ID) bool { return o.rank[id] < uint32(len(o.valued)) }

// orderSet keeps the orders that were asked for, from snapshot to snapshot.
type orderSet struct {
	entries sync.Map // spec to *orderEntry
}

// orderEntry is an order that is made when it is first asked for: from
// scratch, or out of the entry before it and the entities that changed since.
type orderEntry struct {
	once    sync.Once
	ready   atomic.Pointer[order]
	prev    atomic.Pointer[orderEntry] // until ready
	changed []ID                       // since prev
	pending int                        // changed of this entry and those before, as far as none is ready
	rel     bool                       // depends on relations
}

// base returns the nearest order before and what changed since, or nil.
func (e *orderEntry) base() (*order, []ID) {
	var changed []ID
	for x := e; ; {
		p := x.prev.Load()
		if x != e {
			if o := x.ready.Load(); o != nil {
				return o, changed
			}
		}
		if p == nil {
			return nil, nil
		}
		changed = append(changed, x.changed...)
		x = p
	}
}

func newOrderSet() *orderSet { return &orderSet{} }

// next returns the set for the next snapshot, in which the entities changed
// have other content and the entities related other relations.
func (o *orderSet) next(changed, related []ID, n uint32) *orderSet {
	out := newOrderSet()
	all := append(slices.Clip(changed), related...)
	o.entries.Range(func(spec, v any) bool {
		e := v.(*orderEntry)
		ids := changed
		if e.rel {
			ids = all
		}
		if len(ids) == 0 {
			out.entries.Store(spec, e)
			return true
		}
		next := &orderEntry{changed: ids, pending: len(ids), rel: e.rel}
		if e.ready.Load() == nil {
			next.pending += e.pending
		}
		if next.pending <= 1024+int(n)/4 { // else it is cheaper from scratch
			next.prev.Store(e)
			out.entries.Store(spec, next)
		}
		return true
	})
	return out
}

// Warm makes the orders by the fields, so that the first query need not.
func (s *Snapshot) Warm(fields ...string) {
	for _, f := range fields {
		s.fieldOrder(f)
	}
}

// fieldOrder returns the ascending order by one field.
func (s *Snapshot) fieldOrder(field string) *order {
	field = strings.ToLower(field)
	return s.order(field, strings.HasPrefix(field, relationPrefix), func(base *order, changed []ID) *order {
		if base == nil {
			return s.buildOrder(field)
		}
		return s.mergeOrder(base, changed, s.values(field, changed))
	})
}

// order returns the order of the spec, making it when it is not there.
func (s *Snapshot) order(spec string, rel bool, build func(base *order, changed []ID) *order) *order {
	v, ok := s.orders.entries.Load(spec)
	if !ok {
		v, _ = s.orders.entries.LoadOrStore(spec, &orderEntry{rel: rel})
	}
	e := v.(*orderEntry)
	if o := e.ready.Load(); o != nil {
		return o
	}
	e.once.Do(func() {
		e.ready.Store(build(e.base()))
		e.prev.Store(nil)
	})
	return e.ready.Load()
}

// buildOrder sorts all entities by the field.
func (s *Snapshot) buildOrder(field string) *order {
	n := s.idLimit()
	o := &order{vals: make([]string, n), rank: make([]uint32, n)}
	found := make([]bool, n)
	set := func(id ID, value string) {
		if !found[id] || value < o.vals[id] {
			o.vals[id], found[id] = value, true
		}
	}
	if strings.HasPrefix(field, relationPrefix) {
		s.eachRelated(s.all, field[len(relationPrefix):], func(id ID, target uint32) {
			if text := s.names.text(target); !tooLong(s.names.bytes(target)) {
				set(id, text)
			}
		})
	} else {
		if k, ok := s.key(field); ok {
			for t := s.keyHead.at(k); t != 0; t = s.terms.entry(t - 1).prev {
				value := s.lowerTerm(t - 1)
				s.byTerm.get(t - 1).each(func(id uint32) { set(id, value) })
			}
		}
		for _, p := range s.items(field) {
			p.each(func(id uint32) { set(id, "true") })
		}
	}
	for it := s.all.Iterator(); it.HasNext(); {
		if id := it.Next(); found[id] {
			o.valued = append(o.valued, id)
		} else {
			o.missing = append(o.missing, id)
		}
	}
	s.sortIDs(o.valued, o.vals)
	s.sortIDs(o.missing, nil)
	o.number()
	return o
}

// sortIDs sorts by value, if there are any, and uid.
func (s *Snapshot) sortIDs(ids []ID, vals []string) {
	type item struct {
		head uint64
		val  string
		id   ID
	}
	items := make([]item, len(ids))
	for i, id := range ids {
		val := ""
		if vals != nil {
			val = vals[id]
		} else {
			val = s.UID(id)
		}
		items[i] = item{head: head8(val), val: val, id: id}
	}
	slices.SortFunc(items, func(a, b item) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		if c := strings.Compare(a.val, b.val); c != 0 || vals == nil {
			return c
		}
		return strings.Compare(s.UID(a.id), s.UID(b.id))
	})
	for i := range items {
		ids[i] = items[i].id
	}
}

// head8 returns the first eight bytes as a number that sorts as they do.
func head8(s string) uint64 {
	var n uint64
	for i := range 8 {
		n <<= 8
		if i < len(s) {
			n |= uint64(s[i])
		}
	}
	return n
}

func (o *order) number() {
	for i, id := range o.valued {
		o.rank[id] = uint32(i)
	}
	for i, id := range o.missing {
		o.rank[id] = uint32(len(o.valued) + i)
	}
}

// idLimit returns a number above all entity numbers.
func (s *Snapshot) idLimit() int {
	if s.all.IsEmpty() {
		return 0
	}
	return int(s.all.Maximum()) + 1
}

// lowerTerm returns the value of a term in lower case.
func (s *Snapshot) lowerTerm(id uint32) string {
	if s.terms.entry(id).size&symLower != 0 {
		return s.terms.text(id)
	}
	b := lower(nil, s.terms.bytes(id))
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// fieldValue is the sort value of one entity.
type fieldValue struct {
	id    ID
	value string
	found bool
}

// values returns the sort values of the entities, of which some may be gone or
// mentioned twice.
func (s *Snapshot) values(field string, ids []ID) []fieldValue {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	out := make([]fieldValue, 0, len(ids))
	f := &flattener{seed: s.terms.seed}
	f.reset()
	for _, id := range ids {
		if !s.all.Contains(id) {
			continue
		}
		v := fieldValue{id: id}
		set := func(value string) {
			if !v.found || value < v.value {
				v.value, v.found = value, true
			}
		}
		e := s.ent(id)
		if strings.HasPrefix(field, relationPrefix) {
			types := s.relationTypes(field[len(relationPrefix):])
			for _, x := range s.out.at(e.ref) {
				if target := s.names.text(x.peer); slices.Contains(types, x.typ) && !tooLong([]byte(target)) {
					set(target)
				}
			}
		} else {
			f.rows = f.rows[:0]
			rows, _ := searchRows(f, s.blob(e), s.UID(id))
			for i := range rows {
				eachValueAt(&rows[i], field, set)
			}
		}
		out = append(out, v)
	}
	return out
}

// eachValueAt calls fn with what the row says about the field.
func eachValueAt(r *row, field string, fn func(lowerValue string)) {
	if r.flags&rowNull != 0 || !strings.HasPrefix(field, string(r.key)) {
		return
	}
	value := string(lower(nil, r.val))
	switch rest := field[len(r.key):]; {
	case rest == "":
		fn(value)
	case r.flags&rowArray != 0 && rest[0] == '.' && rest[1:] == value:
		fn("true")
	}
}

// mergeOrder makes an order out of an earlier one by moving the entities that
// changed. values holds those of them that still exist.
func (s *Snapshot) mergeOrder(base *order, changed []ID, values []fieldValue) *order {
	n := s.idLimit()
	o := &order{vals: make([]string, n), rank: make([]uint32, n)}
	copy(o.vals, base.vals)
	gone := make([]bool, max(n, len(base.rank)))
	for _, id := range changed {
		if int(id) < len(gone) {
			gone[id] = true
		}
	}
	var valued, missing []ID
	for _, v := range values {
		if o.vals[v.id] = v.value; v.found {
			valued = append(valued, v.id)
		} else {
			missing = append(missing, v.id)
		}
	}
	s.sortIDs(valued, o.vals)
	s.sortIDs(missing, nil)
	o.valued = mergeIDs(base.valued, valued, gone, func(a, b ID) bool {
		return cmp.Or(strings.Compare(o.vals[a], o.vals[b]), strings.Compare(s.UID(a), s.UID(b))) < 0
	})
	o.missing = mergeIDs(base.missing, missing, gone, func(a, b ID) bool { return s.UID(a) < s.UID(b) })
	o.number()
	return o
}

// mergeIDs returns the ids of base that are not gone with add between them;
// both are sorted by less. The places of add are found by bisection, so that
// few comparisons are made when add is short.
func mergeIDs(base, add []ID, gone []bool, less func(a, b ID) bool) []ID {
	kept := make([]ID, 0, len(base)+len(add))
	for _, id := range base {
		if !gone[id] {
			kept = append(kept, id)
		}
	}
	if len(add) == 0 {
		return kept
	}
	places := make([]int, len(add))
	from := 0
	for i, id := range add {
		lo, hi := from, len(kept)
		for lo < hi {
			if mid := int(uint(lo+hi) >> 1); less(kept[mid], id) {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		places[i], from = lo, lo
	}
	end := len(kept)
	kept = kept[:len(kept)+len(add)]
	for i := len(add) - 1; i >= 0; i-- {
		copy(kept[places[i]+i+1:end+i+1], kept[places[i]:end])
		kept[places[i]+i] = add[i]
		end = places[i]
	}
	return kept
}

// combinedOrder returns the order by several fields. Entities without a value
// come behind those with one, in both directions; ties are by uid, in the
// direction of the first field.
func (s *Snapshot) combinedOrder(fields []catalog.Order) *order {
	spec := []byte{'+'}
	rel := false
	by, desc := make([]*order, len(fields)), make([]bool, len(fields))
	for i, f := range fields {
		spec = strconv.AppendQuote(spec, strings.ToLower(f.Field))
		spec = strconv.AppendBool(spec, f.Desc)
		by[i], desc[i] = s.fieldOrder(f.Field), f.Desc
		rel = rel || strings.HasPrefix(strings.ToLower(f.Field), relationPrefix)
	}
	return s.order(string(spec), rel, func(base *order, changed []ID) *order {
		o := &order{rank: make([]uint32, s.idLimit()), by: by, desc: desc}
		compare := func(a, b ID) int { return s.compareCombined(o, a, b) }
		if base == nil {
			o.valued = s.all.ToArray()
			slices.SortFunc(o.valued, compare)
		} else {
			gone := make([]bool, max(len(o.rank), len(base.rank)))
			var add []ID
			for _, id := range changed {
				if int(id) < len(gone) && !gone[id] {
					gone[id] = true
					if s.all.Contains(id) {
						add = append(add, id)
					}
				}
			}
			slices.SortFunc(add, compare)
			o.valued = mergeIDs(base.valued, add, gone, func(a, b ID) bool { return compare(a, b) < 0 })
		}
		o.number()
		return o
	})
}

func (s *Snapshot) compareCombined(o *order, a, b ID) int {
	for i, by := range o.by {
		if c := compareValues(by.has(a), by.vals[a], by.has(b), by.vals[b], o.desc[i]); c != 0 {
			return c
		}
	}
	c := strings.Compare(s.UID(a), s.UID(b))
	if o.desc[0] {
		return -c
	}
	return c
}

// compareValues compares two sort values of which either may be missing.
func compareValues(hasA bool, a string, hasB bool, b string, desc bool) int {
	switch {
	case !hasA && !hasB:
		return 0
	case !hasA:
		return 1
	case !hasB:
		return -1
	case desc:
		return strings.Compare(b, a)
	}
	return strings.Compare(a, b)
}
