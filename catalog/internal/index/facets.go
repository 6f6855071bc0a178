package index

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/stagedoor/stagedoor/catalog"
)

// Facets counts, for each of the keys, the values among the entities of within
// (nil: all entities), in the author's case, sorted by value. The keys of the
// result are those that were asked for, the case of which does not matter. A
// value that is null or too long is not counted. A key without values has an
// empty list.
func (s *Snapshot) Facets(keys []string, within *Bitmap) map[string][]catalog.Facet {
	out := make(map[string][]catalog.Facet, len(keys))
	for _, key := range keys {
		if _, ok := out[key]; !ok {
			out[key] = s.facet(strings.ToLower(key), within)
		}
	}
	return out
}

func (s *Snapshot) facet(key string, within *Bitmap) []catalog.Facet {
	if within != nil && within.GetCardinality() == uint64(s.Len()) {
		within = nil
	}
	if strings.HasPrefix(key, relationPrefix) {
		return s.relationFacet(key, within)
	}
	out := []catalog.Facet{}
	if k, ok := s.key(key); ok {
		terms := s.sorted.get(s, k)
		for i := 0; i < len(terms); {
			value := terms[i]
			p := s.byTerm.get(value)
			n := p.countIn(within)
			for i++; i < len(terms) && bytes.Equal(s.terms.bytes(terms[i]), s.terms.bytes(value)); i++ {
				// The same value, in an array and not in one.
				if more := s.byTerm.get(terms[i]); more.count() > 0 {
					set := roaring.New()
					p.addTo(set)
					more.addTo(set)
					p = posting{big: set}
					n = p.countIn(within)
				}
			}
			if n > 0 {
				out = append(out, catalog.Facet{Value: s.terms.text(value), Count: n})
			}
		}
	}
	if items := s.items(key); len(items) > 0 {
		out = addFacet(out, "true", posting{big: unite(items)}.countIn(within))
	}
	return out
}

// addFacet adds to the count of a value in a sorted list.
func addFacet(list []catalog.Facet, value string, n int) []catalog.Facet {
	if n == 0 {
		return list
	}
	i, found := slices.BinarySearchFunc(list, value, func(f catalog.Facet, v string) int { return strings.Compare(f.Value, v) })
	if found {
		list[i].Count += n
		return list
	}
	return slices.Insert(list, i, catalog.Facet{Value: value, Count: n})
}

// relationFacet counts the targets of the relations of one type.
func (s *Snapshot) relationFacet(key string, within *Bitmap) []catalog.Facet {
	if within == nil {
		within = s.all
	}
	typ := key[len(relationPrefix):]
	counts := make([]uint32, s.names.n)
	var last []ID
	if len(s.relationTypes(typ)) > 1 {
		last = make([]ID, s.names.n)
	}
	distinct := 0
	s.eachRelated(within, typ, func(id ID, target uint32) {
		if last != nil {
			// The same target by types that differ in case counts once.
			if last[target] == id+1 {
				return
			}
			last[target] = id + 1
		}
		if counts[target]++; counts[target] == 1 {
			distinct++
		}
	})
	out := make([]catalog.Facet, 0, distinct)
	for name, n := range counts {
		if n > 0 && !tooLong(s.names.bytes(uint32(name))) {
			out = append(out, catalog.Facet{Value: s.names.text(uint32(name)), Count: int(n)})
		}
	}
	slices.SortFunc(out, func(a, b catalog.Facet) int { return strings.Compare(a.Value, b.Value) })
	return out
}

// sortedTerms keeps the terms of a key sorted by value. Terms are never
// removed, so one list serves all snapshots that are not newer than it.
type sortedTerms struct {
	keys sync.Map // key to *sortedKey
}

type sortedKey struct {
	head  uint32 // last term of the key, plus 1, when the list was made
	terms []uint32
}

func newSortedTerms() *sortedTerms { return &sortedTerms{} }

// get returns the terms of the key. Some of them may be newer than the
// snapshot, when another goroutine has a newer one; they are left out.
func (t *sortedTerms) get(s *Snapshot, key uint32) []uint32 {
	head := s.keyHead.at(key)
	old := &sortedKey{}
	if v, ok := t.keys.Load(key); ok {
		old = v.(*sortedKey)
	}
	if old.head == head {
		return old.terms
	}
	if old.head > head {
		return slices.DeleteFunc(slices.Clone(old.terms), func(id uint32) bool { return id >= s.terms.n })
	}
	var fresh []uint32
	for id := head; id != 0 && id != old.head; id = s.terms.entry(id - 1).prev {
		fresh = append(fresh, id-1)
	}
	compare := func(a, b uint32) int { return bytes.Compare(s.terms.bytes(a), s.terms.bytes(b)) }
	slices.SortFunc(fresh, compare)
	merged := make([]uint32, 0, len(old.terms)+len(fresh))
	for _, id := range old.terms {
		for len(fresh) > 0 && compare(fresh[0], id) < 0 {
			merged, fresh = append(merged, fresh[0]), fresh[1:]
		}
		merged = append(merged, id)
	}
	merged = append(merged, fresh...)
	t.keys.Store(key, &sortedKey{head: head, terms: merged})
	return merged
}
