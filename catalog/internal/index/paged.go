package index

const (
	pageBits = 8
	pageSize = 1 << pageBits
	pageMask = pageSize - 1
)

// paged is an array in pages. A value of it is immutable for readers; only a
// pagedWriter changes pages, and only pages of its own transaction.
type paged[T any] struct {
	pages []*[pageSize]T
}

// at returns element i, or the zero value beyond the end.
func (p paged[T]) at(i uint32) T {
	if pg := i >> pageBits; int(pg) < len(p.pages) {
		return p.pages[pg][i&pageMask]
	}
	var zero T
	return zero
}

// pagedWriter changes a paged array by copying each page, and the list of
// pages, once per transaction.
type pagedWriter[T any] struct {
	paged[T]
	stamps   []uint64 // transaction that made the page
	dirStamp uint64   // transaction that made the list of pages
}

// ptr returns the place of element i for writing in transaction txn, growing
// the array when needed.
func (w *pagedWriter[T]) ptr(i uint32, txn uint64) *T {
	pg := int(i >> pageBits)
	if w.dirStamp != txn {
		pages := make([]*[pageSize]T, len(w.pages), max(len(w.pages)+len(w.pages)/8, pg+1))
		copy(pages, w.pages)
		w.pages, w.dirStamp = pages, txn
	}
	for len(w.pages) <= pg {
		w.pages = append(w.pages, new([pageSize]T))
		w.stamps = append(w.stamps, txn)
	}
	if w.stamps[pg] != txn {
		fresh := *w.pages[pg]
		w.pages[pg], w.stamps[pg] = &fresh, txn
	}
	return &w.pages[pg][i&pageMask]
}
