package index

// slabs keep the bytes of the entities in large blocks that hold no pointers,
// so that the garbage collector has nothing to look at. Bytes are written once
// and never changed; a block is given up when the last entity in it is gone.
type slabs struct {
	blocks [][]byte
}

const slabSize = 1 << 20

// at returns n bytes; they must not be changed.
func (s *slabs) at(block, off, n uint32) []byte {
	return s.blocks[block][off : off+n : off+n]
}

// slabWriter appends to slabs and knows what in them is still in use.
type slabWriter struct {
	slabs
	fill     int        // bytes used of the last block
	live     []int      // bytes in use, by block
	ids      [][]uint32 // entities that were written to the block
	dirStamp uint64
}

// put stores b for the entity.
func (w *slabWriter) put(id uint32, b []byte, txn uint64) (block, off uint32) {
	last := len(w.blocks) - 1
	if last < 0 || w.blocks[last] == nil || len(w.blocks[last])-w.fill < len(b) {
		w.own(txn)
		w.blocks = append(w.blocks, make([]byte, max(slabSize, len(b))))
		w.live, w.ids = append(w.live, 0), append(w.ids, nil)
		last, w.fill = last+1, 0
	}
	off = uint32(w.fill)
	w.fill += copy(w.blocks[last][w.fill:], b)
	w.live[last] += len(b)
	w.ids[last] = append(w.ids[last], id)
	return uint32(last), off
}

// drop notes that n bytes of the block are no longer used by the next
// snapshot, and gives the block up when they were the last.
func (w *slabWriter) drop(block, n uint32, txn uint64) {
	w.live[block] -= int(n)
	if w.live[block] == 0 && int(block) < len(w.blocks)-1 {
		w.own(txn)
		w.blocks[block], w.ids[block] = nil, nil
	}
}

// sparse returns a full block of which less than half is in use.
func (w *slabWriter) sparse() (block uint32, ok bool) {
	for i := range max(0, len(w.blocks)-1) {
		if w.blocks[i] != nil && w.live[i] < len(w.blocks[i])/2 {
			return uint32(i), true
		}
	}
	return 0, false
}

func (w *slabWriter) own(txn uint64) {
	if w.dirStamp != txn {
		w.blocks = append(make([][]byte, 0, len(w.blocks)+4), w.blocks...)
		w.dirStamp = txn
	}
}
