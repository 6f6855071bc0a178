package index

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
)

// touch returns what the transaction does to the relations of a ref.
func (w *writer) touch(name uint32, seq int64) *touch {
	t := w.touched[name]
	if t == nil {
		t = &touch{was: w.refs.at(name)}
		w.touched[name] = t
	}
	t.seq = max(t.seq, seq)
	return t
}

// triples renders relations in names.
func (w *writer) triples(relations []catalog.Relation) []triple {
	out := make([]triple, len(relations))
	for i, r := range relations {
		out[i] = triple{source: w.names.name(r.Source), typ: w.relationType(r.Type), target: w.names.name(r.Target)}
	}
	return out
}

// relationName interns the type.
func (w *writer) relationName(typ string) uint32 {
	name, ok := w.relTypes[typ]
	if !ok {
		name = w.names.name(typ)
		w.relTypes[w.names.text(name)] = name
	}
	return name
}

// relationType interns the type together with the key it is searched by.
func (w *writer) relationType(typ string) uint32 {
	name := w.relationName(typ)
	if _, ok := w.relKeys[name]; !ok {
		key := []byte(relationPrefix + strings.ToLower(typ))
		keys := maps.Clone(w.relKeys) // snapshots share the old one
		keys[name] = w.key(key, w.keys.hash(key))
		w.relKeys = keys
	}
	return name
}

// emitted returns what the entity of the ref emits so far. Nearly always the
// entity is one end of what it emits, so this needs no list of its own.
func (w *writer) emitted(name uint32) []triple {
	var out []triple
	for _, e := range w.out.at(name) {
		if e.emitter == name {
			out = append(out, triple{source: name, typ: e.typ, target: e.peer})
		}
	}
	for _, e := range w.in.at(name) {
		if e.emitter == name && e.peer != name {
			out = append(out, triple{source: e.peer, typ: e.typ, target: name})
		}
	}
	return append(out, w.foreign[name]...)
}

// emit notes the difference between what the emitter emitted and what it
// emits now.
func (w *writer) emit(emitter uint32, t *touch, before, after []triple) {
	slices.SortFunc(before, compareTriples)
	slices.SortFunc(after, compareTriples)
	after = slices.Compact(after)
	delete(w.foreign, emitter)
	for _, r := range after {
		if r.source != emitter && r.target != emitter {
			w.foreign[emitter] = append(w.foreign[emitter], r)
		}
	}
	for len(before) > 0 || len(after) > 0 {
		c := 0
		switch {
		case len(after) == 0:
			c = -1
		case len(before) == 0:
			c = 1
		default:
			c = compareTriples(before[0], after[0])
		}
		switch {
		case c < 0:
			r := before[0]
			before = before[1:]
			src, dst := w.touch(r.source, t.seq), w.touch(r.target, t.seq)
			src.outDel = append(src.outDel, edge{peer: r.target, typ: r.typ, emitter: emitter})
			dst.inDel = append(dst.inDel, edge{peer: r.source, typ: r.typ, emitter: emitter})
		case c > 0:
			r := after[0]
			after = after[1:]
			src, dst := w.touch(r.source, t.seq), w.touch(r.target, t.seq)
			src.outAdd = append(src.outAdd, edge{peer: r.target, typ: r.typ, emitter: emitter})
			dst.inAdd = append(dst.inAdd, edge{peer: r.source, typ: r.typ, emitter: emitter})
		default:
			before, after = before[1:], after[1:]
		}
	}
}

func compareTriples(a, b triple) int {
	return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.typ, b.typ), cmp.Compare(a.target, b.target))
}

// settle carries out what the transaction does to relations, and notes the
// entities that look different now.
func (w *writer) settle() {
	for name, t := range w.touched {
		before := w.out.at(name)
		after := before
		if len(t.outAdd)+len(t.outDel) > 0 {
			after = w.mergeEdges(before, t.outAdd, t.outDel)
			*w.out.ptr(name, w.txn) = after
		}
		if len(t.inAdd)+len(t.inDel) > 0 {
			*w.in.ptr(name, w.txn) = append(without(w.in.at(name), t.inDel, len(t.inAdd)), t.inAdd...)
		}
		is := w.refs.at(name)
		w.reindexRelations(t.was, is, before, after)
		if is == 0 || sameRelations(before, after) {
			continue
		}
		w.related = append(w.related, is-1)
		if _, ok := w.changes[name]; !ok {
			w.changes[name] = catalog.Change{Seq: t.seq, Ref: w.names.text(name)}
		}
	}
}

// reindexRelations moves the postings of the keys "relations.<type>".
func (w *writer) reindexRelations(was, is uint32, before, after []edge) {
	if was == is && (was == 0 || sameEdges(before, after)) {
		return
	}
	var oldKeys, newKeys []uint32
	if was != 0 {
		oldKeys = w.relationKeys(before, nil)
	}
	if is != 0 {
		newKeys = w.relationKeys(after, nil)
	}
	if was != 0 && is != 0 && was != is || was == 0 {
		for _, k := range oldKeys {
			w.byKey.remove(k, was-1, w.txn)
		}
		oldKeys = nil
	}
	diffSorted(oldKeys, newKeys,
		func(k uint32) { w.byKey.remove(k, was-1, w.txn) }, func(k uint32) { w.byKey.add(k, is-1, w.txn) })
}

// relationKeys appends the keys of the types that occur, sorted.
func (w *writer) relationKeys(edges []edge, keys []uint32) []uint32 {
	for i, e := range edges {
		if i == 0 || e.typ != edges[i-1].typ {
			keys = append(keys, w.relKeys[e.typ])
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func sameEdges(a, b []edge) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b))
}

// sameRelations reports whether two sorted lists hold the same relations,
// whoever emitted them.
func sameRelations(a, b []edge) bool {
	if sameEdges(a, b) {
		return true
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		if !sameEnd(a[i], b[j]) {
			return false
		}
		for i++; i < len(a) && sameEnd(a[i], a[i-1]); {
			i++
		}
		for j++; j < len(b) && sameEnd(b[j], b[j-1]); {
			j++
		}
	}
	return i == len(a) && j == len(b)
}

// mergeEdges returns a new sorted list without del and with add.
func (w *writer) mergeEdges(old, add, del []edge) []edge {
	kept := without(old, del, len(add))
	if len(add) == 0 {
		return kept
	}
	slices.SortFunc(add, w.compareEdges)
	end := len(kept)
	kept = slices.Grow(kept, len(add))[:end+len(add)]
	for i := len(add) - 1; i >= 0; i-- {
		at, _ := slices.BinarySearchFunc(kept[:end], add[i], w.compareEdges)
		copy(kept[at+i+1:end+i+1], kept[at:end])
		kept[at+i] = add[i]
		end = at
	}
	return kept
}

// without returns a copy of the list without del, with room for more.
func without(old, del []edge, more int) []edge {
	out := make([]edge, 0, max(0, len(old)-len(del))+more)
	switch {
	case len(del) == 0:
		return append(out, old...)
	case len(del) <= 8:
		for _, e := range old {
			if !slices.Contains(del, e) {
				out = append(out, e)
			}
		}
	default:
		gone := make(map[edge]bool, len(del))
		for _, e := range del {
			gone[e] = true
		}
		for _, e := range old {
			if !gone[e] {
				out = append(out, e)
			}
		}
	}
	return out
}

// compareEdges orders by type, then by the ref at the other end, as relations
// are shown.
func (w *writer) compareEdges(a, b edge) int {
	if a.typ != b.typ {
		return compareUnits(w.names.text(a.typ), w.names.text(b.typ))
	}
	if a.peer != b.peer {
		return compareUnits(w.names.text(a.peer), w.names.text(b.peer))
	}
	return cmp.Compare(a.emitter, b.emitter)
}
