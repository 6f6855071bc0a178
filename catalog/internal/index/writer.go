package index

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/stagedoor/stagedoor/catalog"
)

// writer owns the growing side of the index. It is used under the lock of
// [Index]; what it publishes it never changes again.
type writer struct {
	opts     Options
	seed     maphash.Seed
	txn      uint64
	slack    uint32 // texts out of use that are not worth a rebuild
	loaded   uint32 // names after the load
	seq      int64
	names    *symbols
	keys     *symbols
	terms    *symbols
	byTerm   postingsWriter
	byKey    postingsWriter
	keyHead  pagedWriter[uint32]
	entities pagedWriter[entity]
	refs     pagedWriter[uint32]
	out, in  pagedWriter[[]edge]
	slabs    slabWriter
	all      *Bitmap
	allStamp uint64
	uidKey   uint32
	relKeys  map[uint32]uint32
	relTypes map[string]uint32 // names of the types in relKeys
	sorted   *sortedTerms
	texts    *textColumns
	orders   *orderSet

	n       uint32              // entity numbers given so far
	free    []ID                // numbers of removed entities
	refSeq  []int64             // last change of a ref, by name
	foreign map[uint32][]triple // relations whose emitter is neither end, by emitter

	// of the present transaction
	touched  map[uint32]*touch
	freed    []ID
	changed  []ID // content changed
	related  []ID // relations changed
	changes  map[uint32]catalog.Change
	flat     flattener
	memo     []memo
	uid      uint32
	newTerms []uint32
	newKeys  []uint32
	oldTerms []uint32
	oldKeys  []uint32
}

// triple is one emitted relation in names.
type triple struct{ source, typ, target uint32 }

// touch is what a transaction does to the relations of one ref.
type touch struct {
	was            uint32 // entity before, plus 1
	seq            int64
	outAdd, outDel []edge
	inAdd, inDel   []edge
}

func newWriter(opts Options, seed maphash.Seed, capacity int) *writer {
	w := &writer{
		opts: opts, seed: seed, txn: 1, slack: defaultSlack,
		names: newSymbols(seed, capacity), keys: newSymbols(seed, 0), terms: newSymbols(seed, capacity),
		all: roaring.New(), relKeys: map[uint32]uint32{}, relTypes: map[string]uint32{}, sorted: newSortedTerms(), texts: new(textColumns), orders: newOrderSet(),
		foreign: map[uint32][]triple{}, touched: map[uint32]*touch{}, changes: map[uint32]catalog.Change{},
		flat: flattener{seed: seed}, memo: make([]memo, memoSize),
	}
	w.names.name("")
	w.keys.name("")
	w.uidKey = w.key([]byte("metadata.uid"), w.keys.hash([]byte("metadata.uid")))
	return w
}

// publish makes a snapshot of the present state and ends the transaction.
func (w *writer) publish() *Snapshot {
	w.orders = w.orders.next(w.changed, w.related, w.n)
	s := &Snapshot{
		strict: w.opts.Strict, seq: w.seq,
		names: w.names.symbolView, keys: w.keys.symbolView, terms: w.terms.symbolView,
		byTerm: w.byTerm.view(), byKey: w.byKey.view(), keyHead: w.keyHead.paged,
		entities: w.entities.paged, refs: w.refs.paged, out: w.out.paged, in: w.in.paged,
		slabs: w.slabs.slabs, all: w.all, uidKey: w.uidKey, relKeys: w.relKeys,
		cache: newCache(), orders: w.orders, sorted: w.sorted, texts: w.texts,
	}
	w.txn++
	w.free = append(w.free, w.freed...)
	w.freed, w.changed, w.related = nil, nil, nil
	clear(w.touched)
	clear(w.changes)
	return s
}

// apply takes in the updates and returns what changed.
func (w *writer) apply(updates []Update) []catalog.Change {
	for _, p := range w.prepareAll(w.coalesce(updates)) {
		if p.err != nil {
			w.opts.logBad(p.rec.Ref, p.err)
			continue
		}
		w.put(&p)
	}
	w.settle()
	w.tidySlabs()
	changes := make([]catalog.Change, 0, len(w.changes))
	for _, c := range w.changes {
		changes = append(changes, c)
	}
	slices.SortFunc(changes, func(a, b catalog.Change) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), strings.Compare(a.Ref, b.Ref))
	})
	return changes
}

// coalesce drops updates that are out of date, and removes at once what is to
// be removed. Of several for one ref the last one counts.
func (w *writer) coalesce(updates []Update) []Update {
	last := make(map[string]int, len(updates))
	for i, u := range updates {
		w.seq = max(w.seq, u.Seq)
		if j, ok := last[u.Ref]; !ok || updates[j].Seq <= u.Seq {
			last[u.Ref] = i
		}
	}
	kept := make([]Update, 0, len(last))
	for i, u := range updates {
		if last[u.Ref] != i {
			continue
		}
		name := w.names.name(u.Ref)
		known := w.seqOf(name)
		if u.Seq < *known {
			continue
		}
		*known = u.Seq
		if u.Record != nil {
			kept = append(kept, u)
		} else if v := w.refs.at(name); v != 0 {
			w.remove(name, v-1, u.Seq)
		}
	}
	return kept
}

// prepareAll prepares the records, on both sides of the machine when there are
// many.
func (w *writer) prepareAll(updates []Update) []prepared {
	const many = 32
	out := make([]prepared, len(updates))
	run := func(from, to int) {
		f := &flattener{seed: w.seed}
		f.reset()
		for i := from; i < to; i++ {
			out[i] = prepare(updates[i].Record, updates[i].Seq, f)
		}
	}
	if len(updates) < many {
		run(0, len(updates))
		return out
	}
	var wg sync.WaitGroup
	half := len(updates) / 2
	wg.Go(func() { run(0, half) })
	run(half, len(updates))
	wg.Wait()
	return out
}

// put adds or replaces one entity.
func (w *writer) put(p *prepared) {
	name := w.names.name(p.rec.Ref)
	t := w.touch(name, p.seq)
	var old entity
	id, fresh := uint32(0), true
	if v := w.refs.at(name); v != 0 {
		id, fresh = v-1, false
		old = *w.entities.ptr(id, w.txn)
	} else if k := len(w.free); k > 0 {
		id, w.free = w.free[k-1], w.free[:k-1]
	} else {
		id, w.n = w.n, w.n+1
	}
	content := fresh || old.hash != p.hash || w.terms.text(old.uid) != p.rec.UID
	status := fresh || string(w.slabs.at(old.block, old.off+old.jsonSize, old.size-old.jsonSize)) != string(p.blob[p.jsonSize:])
	if content {
		w.reindex(id, &old, fresh, p)
		old.uid = w.uid
		w.changed = append(w.changed, id)
	}
	e := w.entities.ptr(id, w.txn)
	if content || status {
		if !fresh {
			w.slabs.drop(old.block, old.size, w.txn)
		}
		e.block, e.off = w.slabs.put(id, p.blob, w.txn)
		w.changes[name] = catalog.Change{Seq: p.seq, Ref: p.rec.Ref}
	}
	e.size, e.jsonSize, e.insert = uint32(len(p.blob)), p.jsonSize, p.insert
	e.ref, e.location, e.parents = name, w.names.name(p.rec.LocationKey), w.names.name(parentsText(p.rec.Parents))
	e.live, e.ownEtag, e.orphan, e.version, e.hash = true, p.ownEtag, p.rec.Orphan, p.rec.Version, p.hash
	e.uid = old.uid
	if fresh {
		*w.refs.ptr(name, w.txn) = id + 1
		w.ownAll().Add(id)
	}
	w.emit(name, t, w.emitted(name), w.triples(p.relations))
}

// remove takes one entity out.
func (w *writer) remove(name uint32, id ID, seq int64) {
	t := w.touch(name, seq)
	e := w.entities.ptr(id, w.txn)
	w.reindex(id, e, false, nil)
	w.slabs.drop(e.block, e.size, w.txn)
	w.emit(name, t, w.emitted(name), nil)
	*e = entity{}
	*w.refs.ptr(name, w.txn) = 0
	w.ownAll().Remove(id)
	w.freed = append(w.freed, id)
	w.changed = append(w.changed, id)
	w.changes[name] = catalog.Change{Seq: seq, Ref: w.names.text(name), Removed: true}
}

func (w *writer) ownAll() *Bitmap {
	if w.allStamp != w.txn {
		w.all, w.allStamp = w.all.Clone(), w.txn
	}
	return w.all
}

// reindex moves the entity's postings from the old content to the new one; p
// is nil when there is no new one.
func (w *writer) reindex(id ID, old *entity, fresh bool, p *prepared) {
	w.oldTerms, w.oldKeys = w.oldTerms[:0], w.oldKeys[:0]
	w.newTerms, w.newKeys = w.newTerms[:0], w.newKeys[:0]
	if !fresh {
		w.flat.reset()
		rows, _ := searchRows(&w.flat, w.slabs.at(old.block, old.off, old.jsonSize), w.terms.text(old.uid))
		w.oldTerms, w.oldKeys = w.numbers(rows, w.oldTerms, w.oldKeys)
	}
	if p != nil {
		w.newTerms, w.newKeys = w.numbers(p.rows, w.newTerms, w.newKeys)
	}
	diffSorted(w.oldTerms, w.newTerms,
		func(i uint32) { w.byTerm.remove(i, id, w.txn) }, func(i uint32) { w.byTerm.add(i, id, w.txn) })
	diffSorted(w.oldKeys, w.newKeys,
		func(i uint32) { w.byKey.remove(i, id, w.txn) }, func(i uint32) { w.byKey.add(i, id, w.txn) })
}

// memo remembers the numbers of frequent rows. Two seeded hashes of 64 bits
// together are as good as the texts.
type memo struct {
	kh, vh    uint64
	key, term uint32
	flags     uint8
}

const memoSize = 1 << 13

// numbers appends the terms and keys of the rows, sorted and without
// duplicates, and leaves the term of the uid in w.uid.
func (w *writer) numbers(rows []row, terms, keys []uint32) (t, k []uint32) {
	for i := range rows {
		r := &rows[i]
		m := &w.memo[(r.kh*31^r.vh)%memoSize]
		if m.kh != r.kh || m.vh != r.vh || m.flags != r.flags || m.flags&(rowLower|rowNull) == 0 {
			*m = memo{kh: r.kh, vh: r.vh, flags: r.flags, key: w.key(r.key, r.kh)}
			if r.flags&rowNull == 0 {
				m.term = w.term(m.key, r)
			}
		}
		if n := len(keys); n == 0 || keys[n-1] != m.key {
			keys = append(keys, m.key)
		}
		if r.flags&rowNull != 0 {
			continue
		}
		if m.key == w.uidKey {
			w.uid = m.term
		}
		terms = append(terms, m.term)
	}
	slices.Sort(terms)
	slices.Sort(keys)
	return slices.Compact(terms), slices.Compact(keys)
}

func (w *writer) key(key []byte, h uint64) uint32 {
	id, _ := w.keys.intern(h, 0, key, symLower)
	return id
}

// term returns the number of the value under the key.
func (w *writer) term(key uint32, r *row) uint32 {
	flags := uint32(0)
	if r.flags&rowArray != 0 {
		flags |= symArray
	}
	if r.flags&rowLower != 0 {
		flags |= symLower
	}
	id, added := w.terms.intern(termHash(key, r.vh), key, r.val, flags)
	if added {
		head := w.keyHead.ptr(key, w.txn)
		w.terms.entry(id).prev = *head
		*head = id + 1
	}
	return id
}

// diffSorted calls del for what is only in a and add for what is only in b.
func diffSorted(a, b []uint32, del, add func(uint32)) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			del(a[0])
			a = a[1:]
		case len(a) == 0 || b[0] < a[0]:
			add(b[0])
			b = b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
}

// tidySlabs empties one block that is mostly out of use.
func (w *writer) tidySlabs() {
	block, ok := w.slabs.sparse()
	if !ok {
		return
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(w.slabs.ids[block]))) {
		if e := w.entities.at(id); !e.live || e.block != block {
			continue
		}
		e := w.entities.ptr(id, w.txn)
		bytes := w.slabs.at(block, e.off, e.size)
		w.slabs.drop(block, e.size, w.txn)
		e.block, e.off = w.slabs.put(id, bytes, w.txn)
	}
}
