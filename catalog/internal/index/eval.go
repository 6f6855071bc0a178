package index

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/stagedoor/stagedoor/catalog"
)

// relationPrefix starts the keys by which relations are searched. They are not
// stored as terms: the edges answer for them.
const relationPrefix = "relations."

// Eval returns the entities for which the filter holds; nil is the filter that
// always holds. The result is shared and must not be changed.
func (s *Snapshot) Eval(f catalog.Filter) *Bitmap {
	if f == nil {
		return s.all
	}
	key := string(appendFilter(make([]byte, 0, 128), f))
	if set, ok := s.cache.filter(key); ok {
		return set
	}
	set := s.eval(f)
	s.cache.putFilter(key, set)
	return set
}

// eval may return a shared set.
func (s *Snapshot) eval(f catalog.Filter) *Bitmap {
	switch f := f.(type) {
	case nil:
		return s.all
	case catalog.And:
		return s.evalAnd(f)
	case catalog.Or:
		sets := make([]*Bitmap, len(f))
		for i, g := range f {
			sets[i] = s.eval(g)
		}
		if len(sets) == 1 {
			return sets[0]
		}
		return roaring.FastOr(sets...)
	case catalog.Not:
		return roaring.AndNot(s.all, s.eval(f.Filter))
	case catalog.Match:
		return s.match(strings.ToLower(f.Key), f.Values)
	case catalog.Exists:
		return s.exists(strings.ToLower(f.Key))
	case catalog.HasPrefix:
		prefix := []byte(strings.ToLower(f.Prefix))
		return s.where(strings.ToLower(f.Key), func(v []byte) bool { return bytes.HasPrefix(v, prefix) })
	case catalog.RelatedTo:
		return s.relatedTo(f.Type, f.Targets)
	}
	return roaring.New()
}

// part evaluates a part of a conjunction. One that is itself composed comes
// again in other company: a policy's condition is part of every query of its
// users.
func (s *Snapshot) part(f catalog.Filter) *Bitmap {
	switch f := f.(type) {
	case catalog.And, catalog.Or:
		return s.Eval(f)
	}
	return s.eval(f)
}

func (s *Snapshot) evalAnd(f catalog.And) *Bitmap {
	var set *Bitmap
	owned := false
	for _, g := range f {
		not, isNot := g.(catalog.Not)
		if isNot {
			g = not.Filter
		}
		next := s.part(g)
		switch {
		case set == nil && !isNot:
			set = next
		case set == nil:
			set, owned = roaring.AndNot(s.all, next), true
		case isNot && owned:
			set.AndNot(next)
		case isNot:
			set, owned = roaring.AndNot(set, next), true
		case owned:
			set.And(next)
		default:
			set, owned = roaring.And(set, next), true
		}
	}
	if set == nil {
		return s.all
	}
	return set
}

// key returns the number of the lower-case key.
func (s *Snapshot) key(key string) (uint32, bool) { return s.keys.lookup(key) }

// termPosting returns the postings of all spellings of the lower-case value.
func (s *Snapshot) termPosting(key uint32, value string) []posting {
	var out []posting
	b := []byte(value)
	s.terms.eachFold(termHash(key, s.terms.hash(b)), key, b, func(id uint32) {
		if p := s.byTerm.get(id); p.has || p.small != nil || p.big != nil {
			out = append(out, p)
		}
	})
	return out
}

// match returns the entities with one of the values at the key.
func (s *Snapshot) match(key string, values []string) *Bitmap {
	if strings.HasPrefix(key, relationPrefix) {
		set := roaring.New()
		for _, v := range values {
			s.addRelated(set, key[len(relationPrefix):], strings.ToLower(v))
		}
		return set
	}
	var found []posting
	if k, ok := s.key(key); ok {
		for _, v := range values {
			found = append(found, s.termPosting(k, strings.ToLower(v))...)
		}
	}
	for _, v := range values {
		if strings.EqualFold(v, "true") {
			found = append(found, s.items(key)...)
			break
		}
	}
	return unite(found)
}

// unite returns the union; of a single posting its own set.
func unite(found []posting) *Bitmap {
	if len(found) == 1 {
		return found[0].bitmap()
	}
	set := roaring.New()
	for _, p := range found {
		p.addTo(set)
	}
	return set
}

// items returns the postings of the entities that have the key because of an
// item of an array: of metadata.tags.go those with the item go at
// metadata.tags. An item may hold dots itself, so every dot may be the one.
func (s *Snapshot) items(key string) []posting {
	var out []posting
	if tooLong([]byte(key)) {
		return nil
	}
	for i := range len(key) {
		if key[i] != '.' {
			continue
		}
		k, ok := s.key(key[:i])
		if !ok {
			continue
		}
		b := []byte(key[i+1:])
		s.terms.eachFold(termHash(k, s.terms.hash(b)), k, b, func(id uint32) {
			if s.terms.entry(id).size&symArray == 0 {
				return
			}
			if p := s.byTerm.get(id); p.has || p.small != nil || p.big != nil {
				out = append(out, p)
			}
		})
	}
	return out
}

// exists returns the entities that have the key.
func (s *Snapshot) exists(key string) *Bitmap {
	var found []posting
	if k, ok := s.key(key); ok {
		found = append(found, s.byKey.get(k))
	}
	return unite(append(found, s.items(key)...))
}

// where returns the entities with a value at the key for which ok holds; ok
// gets the value in lower case.
func (s *Snapshot) where(key string, ok func(value []byte) bool) *Bitmap {
	return s.whereBy(key, ok, func(k uint32, found func(term uint32)) {
		var buf [256]byte
		for id := s.keyHead.at(k); id != 0; {
			e, v := s.terms.entry(id-1), s.terms.bytes(id-1)
			if e.size&symLower == 0 {
				v = lower(buf[:0], v)
			}
			if ok(v) {
				found(id - 1)
			}
			id = e.prev
		}
	})
}

// whereBy is where with a way of its own to find the terms of a key.
func (s *Snapshot) whereBy(key string, ok func(value []byte) bool, search func(key uint32, found func(term uint32))) *Bitmap {
	set := roaring.New()
	if strings.HasPrefix(key, relationPrefix) {
		s.eachRelated(s.all, key[len(relationPrefix):], func(id ID, target uint32) {
			if text := s.names.bytes(target); !tooLong(text) && ok(text) {
				set.Add(id)
			}
		})
		return set
	}
	if k, found := s.key(key); found {
		var ids []uint32
		search(k, func(term uint32) {
			if p := s.byTerm.get(term); p.has {
				ids = append(ids, p.one)
			} else {
				p.addTo(set)
			}
		})
		slices.Sort(ids)
		set.AddMany(ids)
	}
	if items := s.items(key); len(items) > 0 && ok([]byte("true")) {
		for _, p := range items {
			p.addTo(set)
		}
	}
	return set
}

// addRelated adds the entities with a relation of the type (in lower case) to
// the target.
func (s *Snapshot) addRelated(set *Bitmap, typ, target string) {
	name, ok := s.names.lookup(target)
	if !ok || tooLong([]byte(target)) {
		return
	}
	for _, e := range s.in.at(name) {
		if typ != "" && !strings.EqualFold(s.names.text(e.typ), typ) {
			continue
		}
		if id, ok := s.entityOf(e.peer); ok {
			set.Add(id)
		}
	}
}

// eachRelated calls fn with every target of a relation of the type (in lower
// case) of the entities, also when it is too long to be searched.
func (s *Snapshot) eachRelated(within *Bitmap, typ string, fn func(id ID, target uint32)) {
	types := s.relationTypes(typ)
	if len(types) == 0 {
		return
	}
	for it := within.Iterator(); it.HasNext(); {
		id := it.Next()
		edges := s.out.at(s.ent(id).ref)
		for i, e := range edges {
			if slices.Contains(types, e.typ) && (i == 0 || !sameEnd(e, edges[i-1])) {
				fn(id, e.peer)
			}
		}
	}
}

// relationTypes returns the types that are equal to typ but for case.
func (s *Snapshot) relationTypes(typ string) []uint32 {
	var out []uint32
	for name := range s.relKeys {
		if strings.EqualFold(s.names.text(name), typ) {
			out = append(out, name)
		}
	}
	return out
}

func (s *Snapshot) relatedTo(typ string, targets []string) *Bitmap {
	typ = strings.ToLower(typ)
	if len(targets) > 0 {
		set := roaring.New()
		for _, target := range targets {
			s.addRelated(set, typ, strings.ToLower(target))
		}
		return set
	}
	if typ != "" {
		return s.exists(relationPrefix + typ)
	}
	var found []posting
	for _, k := range s.relKeys {
		found = append(found, s.byKey.get(k))
	}
	return unite(found)
}

// appendFilter renders a filter unambiguously, as the key of the cache.
func appendFilter(dst []byte, f catalog.Filter) []byte {
	text := func(tag byte, parts ...string) {
		dst = append(dst, tag)
		for _, p := range parts {
			dst = strconv.AppendInt(dst, int64(len(p)), 10)
			dst = append(append(dst, ':'), p...)
		}
		dst = append(dst, ')')
	}
	switch f := f.(type) {
	case nil:
		dst = append(dst, '*')
	case catalog.And:
		dst = append(dst, '&', '(')
		for _, g := range f {
			dst = appendFilter(dst, g)
		}
		dst = append(dst, ')')
	case catalog.Or:
		dst = append(dst, '|', '(')
		for _, g := range f {
			dst = appendFilter(dst, g)
		}
		dst = append(dst, ')')
	case catalog.Not:
		dst = appendFilter(append(dst, '!'), f.Filter)
	case catalog.Match:
		text('=', f.Key)
		text('(', f.Values...)
	case catalog.Exists:
		text('?', f.Key)
	case catalog.HasPrefix:
		text('^', f.Key, f.Prefix)
	case catalog.RelatedTo:
		text('>', f.Type)
		text('(', f.Targets...)
	}
	return dst
}

// cache keeps answers of one snapshot. When it is full it starts afresh.
type cache struct {
	filters atomic.Pointer[cacheMap]
	results atomic.Pointer[cacheMap]
}

type cacheMap struct {
	sync.Map
	weight atomic.Int64
}

const (
	cachedFilters = 1024
	cachedIDs     = 4 << 20
)

func newCache() *cache {
	c := &cache{}
	c.filters.Store(new(cacheMap))
	c.results.Store(new(cacheMap))
	return c
}

func (c *cache) filter(key string) (*Bitmap, bool) {
	v, ok := c.filters.Load().Load(key)
	if !ok {
		return nil, false
	}
	return v.(*Bitmap), true
}

func (c *cache) putFilter(key string, set *Bitmap) {
	m := c.filters.Load()
	if m.weight.Add(1) > cachedFilters {
		c.filters.CompareAndSwap(m, new(cacheMap))
	}
	m.Store(key, set)
}

func (c *cache) result(key string) (*result, bool) {
	v, ok := c.results.Load().Load(key)
	if !ok {
		return nil, false
	}
	return v.(*result), true
}

// putResult keeps a result that holds about so many entity numbers.
func (c *cache) putResult(key string, r *result, weight int) {
	m := c.results.Load()
	if m.weight.Add(int64(weight)+64) > cachedIDs {
		c.results.CompareAndSwap(m, new(cacheMap))
	}
	m.Store(key, r)
}
