package index

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// Bitmap is a set of entity numbers. A Bitmap that a [Snapshot] hands out is
// shared: it must not be changed.
type Bitmap = roaring.Bitmap

// A cell holds the entities of one term: 0 for none, the entity plus 1 for
// one, and for more the number of a posting list with the upper bit set. Most
// terms occur once, so most of them need no more than their cell.
const cellList = 1 << 31

// smallList is the length up to which a sorted slice is smaller than a bitmap.
const smallList = 128

// postingList is the set of entities of a term that more than one entity has.
type postingList struct {
	stamp uint64 // transaction that made it
	small []uint32
	big   *Bitmap
}

func (l *postingList) clone(txn uint64) *postingList {
	if l.big != nil {
		return &postingList{stamp: txn, big: l.big.Clone()}
	}
	return &postingList{stamp: txn, small: append(make([]uint32, 0, len(l.small)+4), l.small...)}
}

func (l *postingList) add(id uint32, bulk bool) {
	if l.big != nil {
		l.big.Add(id)
		return
	}
	if n := len(l.small); n == 0 || l.small[n-1] < id {
		l.small = append(l.small, id)
	} else if i, found := slices.BinarySearch(l.small, id); !found {
		l.small = slices.Insert(l.small, i, id)
	}
	if len(l.small) > smallList && !bulk {
		l.big, l.small = roaring.BitmapOf(l.small...), nil
	}
}

func (l *postingList) remove(id uint32) {
	if l.big != nil {
		l.big.Remove(id)
		return
	}
	if i, found := slices.BinarySearch(l.small, id); found {
		l.small = slices.Delete(l.small, i, i+1)
	}
}

// postings are the cells of one table (terms or keys) with their lists.
type postings struct {
	cells paged[uint32]
	lists paged[*postingList]
}

// posting is the content of one cell.
type posting struct {
	one   uint32
	has   bool
	small []uint32
	big   *Bitmap
}

func (p *postings) get(i uint32) posting {
	cell := p.cells.at(i)
	switch {
	case cell == 0:
		return posting{}
	case cell&cellList == 0:
		return posting{one: cell - 1, has: true}
	}
	l := p.lists.at(cell &^ cellList)
	return posting{small: l.small, big: l.big}
}

// count returns the number of entities.
func (p posting) count() int {
	switch {
	case p.has:
		return 1
	case p.big != nil:
		return int(p.big.GetCardinality())
	}
	return len(p.small)
}

// countIn returns the number of entities that are in the set; nil is the set
// of all.
func (p posting) countIn(set *Bitmap) int {
	if set == nil {
		return p.count()
	}
	if p.big != nil {
		return int(p.big.AndCardinality(set))
	}
	n := 0
	if p.has && set.Contains(p.one) {
		n++
	}
	for _, id := range p.small {
		if set.Contains(id) {
			n++
		}
	}
	return n
}

// addTo adds the entities to the set.
func (p posting) addTo(set *Bitmap) {
	switch {
	case p.has:
		set.Add(p.one)
	case p.big != nil:
		set.Or(p.big)
	default:
		set.AddMany(p.small)
	}
}

// each calls fn with every entity in ascending order.
func (p posting) each(fn func(id uint32)) {
	switch {
	case p.has:
		fn(p.one)
	case p.big != nil:
		for it := p.big.Iterator(); it.HasNext(); {
			fn(it.Next())
		}
	default:
		for _, id := range p.small {
			fn(id)
		}
	}
}

// bitmap returns the entities as a set that may be shared.
func (p posting) bitmap() *Bitmap {
	if p.big != nil {
		return p.big
	}
	set := roaring.New()
	p.addTo(set)
	return set
}

// postingsWriter changes postings.
type postingsWriter struct {
	cells pagedWriter[uint32]
	lists pagedWriter[*postingList]
	n     uint32   // lists made so far
	free  []uint32 // lists that are no longer used
	bulk  bool     // leave making bitmaps to pack
	used  uint32   // cells that hold anything
}

func (w *postingsWriter) view() postings { return postings{cells: w.cells.paged, lists: w.lists.paged} }

// add puts the entity into cell i.
func (w *postingsWriter) add(i, id uint32, txn uint64) {
	cell := w.cells.ptr(i, txn)
	switch {
	case *cell == 0:
		*cell = id + 1
		w.used++
	case *cell&cellList != 0:
		w.list(*cell, txn).add(id, w.bulk)
	case *cell != id+1:
		slot := w.n
		if k := len(w.free); k > 0 {
			slot, w.free = w.free[k-1], w.free[:k-1]
		} else {
			w.n++
		}
		small := make([]uint32, 2, 4)
		small[0], small[1] = min(*cell-1, id), max(*cell-1, id)
		*w.lists.ptr(slot, txn) = &postingList{stamp: txn, small: small}
		*cell = slot | cellList
	}
}

// remove takes the entity out of cell i.
func (w *postingsWriter) remove(i, id uint32, txn uint64) {
	cell := w.cells.ptr(i, txn)
	if *cell&cellList == 0 {
		if *cell == id+1 {
			*cell = 0
			w.used--
		}
		return
	}
	l := w.list(*cell, txn)
	l.remove(id)
	if l.big == nil && len(l.small) > 0 || l.big != nil && !l.big.IsEmpty() {
		return
	}
	slot := *cell &^ cellList
	*w.lists.ptr(slot, txn) = nil
	w.free = append(w.free, slot)
	*cell = 0
	w.used--
}

// list returns the posting list of the cell for writing.
func (w *postingsWriter) list(cell uint32, txn uint64) *postingList {
	p := w.lists.ptr(cell&^cellList, txn)
	if (*p).stamp != txn {
		*p = (*p).clone(txn)
	}
	return *p
}

// pack ends a bulk load, when no reader knows the lists yet: long lists become
// bitmaps, and all short ones move into one array without slack.
func (w *postingsWriter) pack() {
	w.bulk = false
	total := 0
	for i := range w.n {
		l := w.lists.at(i)
		if l != nil && len(l.small) > smallList {
			l.big, l.small = roaring.BitmapOf(l.small...), nil
			l.big.RunOptimize()
		}
		if l != nil {
			total += len(l.small)
		}
	}
	all := make([]uint32, 0, total)
	for i := range w.n {
		if l := w.lists.at(i); l != nil && l.big == nil {
			from := len(all)
			all = append(all, l.small...)
			l.small = all[from:len(all):len(all)]
		}
	}
}
