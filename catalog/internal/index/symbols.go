package index

import (
	"hash/maphash"
	"sync/atomic"
	"unsafe"
)

// symbols interns texts: a text gets a small number that stays. The table only
// grows. One writer adds; readers use a symbolView that was taken when their
// snapshot was made and see the texts that existed then. The hash slots are
// shared and written atomically; a reader passes over numbers that are too new
// for it.
type symbols struct {
	symbolView
	used int // filled slots
	fill int // bytes used of the last chunk of the arena
}

// symbolView is what a reader needs of symbols.
type symbolView struct {
	seed  maphash.Seed
	slots *atomic.Pointer[[]uint64] // upper half: hash, lower half: number + 1
	dir   []*[pageSize]symbol
	arena [][]byte
	n     uint32
}

// symbol is one text. Key and prev are used by the table of terms: the key the
// value belongs to and the term of that key before this one, plus 1.
type symbol struct {
	off  uint32 // chunk number in the upper half, offset in it in the lower
	size uint32 // flags in the upper byte
	key  uint32
	prev uint32
}

const (
	arenaChunk = 1 << 16

	symLower = 1 << 31 // the text equals its lower-case form
	symArray = 1 << 30 // the value stood in an array
	symSize  = 1<<24 - 1
)

func newSymbols(seed maphash.Seed, capacity int) *symbols {
	size := 1 << 10
	for size*3/4 < capacity {
		size *= 2
	}
	slots := make([]uint64, size)
	s := &symbols{symbolView: symbolView{seed: seed, slots: new(atomic.Pointer[[]uint64])}}
	s.slots.Store(&slots)
	return s
}

func (v *symbolView) entry(id uint32) *symbol { return &v.dir[id>>pageBits][id&pageMask] }

// bytes returns the text of id; it must not be changed.
func (v *symbolView) bytes(id uint32) []byte {
	e := v.entry(id)
	off := e.off & (arenaChunk - 1)
	return v.arena[e.off>>16][off : off+e.size&symSize : off+e.size&symSize]
}

// text returns the text of id without copying it.
func (v *symbolView) text(id uint32) string {
	b := v.bytes(id)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func (v *symbolView) hash(b []byte) uint64 { return maphash.Bytes(v.seed, b) }

// find returns the number of the text b of hash h under the key.
func (v *symbolView) find(h uint64, key uint32, b []byte, flags uint32) (uint32, bool) {
	slots := *v.slots.Load()
	mask := uint64(len(slots) - 1)
	for i := h >> 32 & mask; ; i = (i + 1) & mask {
		slot := atomic.LoadUint64(&slots[i])
		if slot == 0 {
			return 0, false
		}
		if slot>>32 != h>>32 {
			continue
		}
		id := uint32(slot) - 1
		if id >= v.n {
			continue
		}
		if e := v.entry(id); e.key == key && e.size&symArray == flags&symArray && string(v.bytes(id)) == string(b) {
			return id, true
		}
	}
}

// eachFold calls fn with every text under the key whose lower-case form is b;
// h is the hash of b.
func (v *symbolView) eachFold(h uint64, key uint32, b []byte, fn func(id uint32)) {
	slots := *v.slots.Load()
	mask := uint64(len(slots) - 1)
	for i := h >> 32 & mask; ; i = (i + 1) & mask {
		slot := atomic.LoadUint64(&slots[i])
		if slot == 0 {
			return
		}
		if slot>>32 != h>>32 {
			continue
		}
		id := uint32(slot) - 1
		if id >= v.n {
			continue
		}
		if e := v.entry(id); e.key == key && equalLower(v.bytes(id), e.size&symLower != 0, b) {
			fn(id)
		}
	}
}

// intern returns the number of the text, adding it when it is new.
func (s *symbols) intern(h uint64, key uint32, b []byte, flags uint32) (id uint32, added bool) {
	if id, ok := s.find(h, key, b, flags); ok {
		return id, false
	}
	if len(*s.slots.Load())*3/4 <= s.used {
		s.grow()
	}
	id = s.n
	if int(id>>pageBits) == len(s.dir) {
		s.dir = append(s.dir, new([pageSize]symbol))
	}
	off := s.store(b)
	*s.entry(id) = symbol{off: off, size: uint32(len(b)) | flags, key: key}
	s.n++
	s.used++
	insertSlot(*s.slots.Load(), h>>32<<32|uint64(id+1))
	return id, true
}

// name interns a text without key.
func (s *symbols) name(text string) uint32 {
	b := unsafe.Slice(unsafe.StringData(text), len(text))
	id, _ := s.intern(s.hash(b), 0, b, 0)
	return id
}

// lookup finds a text without key.
func (v *symbolView) lookup(text string) (uint32, bool) {
	b := unsafe.Slice(unsafe.StringData(text), len(text))
	return v.find(v.hash(b), 0, b, 0)
}

// insertSlot puts a new text in. The upper half of the hash, which the slot
// keeps, decides about its place, so that slots can move without a look at the
// texts.
func insertSlot(slots []uint64, slot uint64) {
	mask := uint64(len(slots) - 1)
	i := slot >> 32 & mask
	for slots[i] != 0 {
		i = (i + 1) & mask
	}
	atomic.StoreUint64(&slots[i], slot)
}

// grow doubles the slots.
func (s *symbols) grow() {
	old := *s.slots.Load()
	slots := make([]uint64, len(old)*2)
	for _, slot := range old {
		if slot != 0 {
			insertSlot(slots, slot)
		}
	}
	s.slots.Store(&slots)
}

// store copies b behind the last text. Nobody reads there yet.
func (s *symbols) store(b []byte) uint32 {
	last := len(s.arena) - 1
	if last < 0 || len(s.arena[last])-s.fill < len(b) {
		s.arena = append(s.arena, make([]byte, max(arenaChunk, len(b))))
		last, s.fill = last+1, 0
	}
	off := uint32(s.fill)
	s.fill += copy(s.arena[last][s.fill:], b)
	return uint32(last)<<16 | off
}

// termHash mixes the hash of a lower-case value with its key. Keys of terms
// are numbers above 0, so that 0 can mean "no key".
func termHash(key uint32, h uint64) uint64 {
	h ^= uint64(key) * 0x9e3779b97f4a7c15
	h ^= h >> 29
	return h * 0xbf58476d1ce4e5b9
}
