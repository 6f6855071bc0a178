package index

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// batch is a number of records on their way through a load.
type batch struct {
	recs  []Record
	bytes []byte
	flat  flattener
	out   []prepared
	done  chan struct{}
}

const batchSize = 256

// flatEdge is a relation during a load.
type flatEdge struct{ source, typ, target, emitter uint32 }

// load fills an empty writer: each hands over the records, a few goroutines
// prepare them, one puts them in, in the order in which they came.
func (w *writer) load(each func(yield func(Record) bool) error) error {
	workers := max(1, runtime.GOMAXPROCS(0))
	work, order := make(chan *batch, 2*workers), make(chan *batch, 4*workers)
	spare := make(chan *batch, 4*workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for b := range work {
				b.prepare()
				close(b.done)
			}
		})
	}
	var edges []flatEdge
	var bad error
	wg.Go(func() {
		for b := range order {
			<-b.done
			for i := range b.out {
				if bad == nil && b.out[i].err != nil {
					bad = fmt.Errorf("read %s: %w", b.out[i].rec.Ref, b.out[i].err)
				}
				if bad == nil {
					edges = w.insert(&b.out[i], edges)
				}
			}
			select {
			case spare <- b:
			default:
			}
		}
	})
	err := w.feed(each, work, order, spare)
	close(work)
	close(order)
	wg.Wait()
	if err == nil {
		err = bad
	}
	if err != nil {
		return err
	}
	w.byTerm.pack()
	w.connect(edges)
	w.byKey.pack()
	return nil
}

// feed cuts what each yields into batches.
func (w *writer) feed(each func(yield func(Record) bool) error, work, order, spare chan *batch) error {
	var b *batch
	flush := func() {
		order <- b
		work <- b
		b = nil
	}
	err := each(func(r Record) bool {
		if b == nil {
			select {
			case b = <-spare:
				b.recs, b.bytes = b.recs[:0], b.bytes[:0]
			default:
				b = &batch{flat: flattener{seed: w.seed}}
			}
			b.done = make(chan struct{})
		}
		from := len(b.bytes)
		b.bytes = append(b.bytes, r.JSON...)
		r.JSON = b.bytes[from:len(b.bytes):len(b.bytes)]
		b.recs = append(b.recs, r)
		if len(b.recs) == batchSize {
			flush()
		}
		return true
	})
	if b != nil {
		flush()
	}
	return err
}

func (b *batch) prepare() {
	b.flat.reset()
	b.out = b.out[:0]
	for i := range b.recs {
		b.out = append(b.out, prepare(&b.recs[i], 0, &b.flat))
	}
}

// insert puts one entity into an index that has no reader yet, and appends
// what it emits to edges. Of two records of one ref the last one counts.
func (w *writer) insert(p *prepared, edges []flatEdge) []flatEdge {
	name := w.names.name(p.rec.Ref)
	if v := w.refs.at(name); v != 0 {
		edges = slices.DeleteFunc(edges, func(e flatEdge) bool { return e.emitter == name })
		w.remove(name, v-1, 0)
	}
	id := w.n
	w.n++
	w.newTerms, w.newKeys = w.numbers(p.rows, w.newTerms[:0], w.newKeys[:0])
	for _, t := range w.newTerms {
		w.byTerm.add(t, id, w.txn)
	}
	for _, k := range w.newKeys {
		w.byKey.add(k, id, w.txn)
	}
	e := w.entities.ptr(id, w.txn)
	*e = entity{
		size: uint32(len(p.blob)), jsonSize: p.jsonSize, insert: p.insert,
		ref: name, uid: w.uidTerm(p.rec.UID),
		location: w.names.name(p.rec.LocationKey), parents: w.names.name(parentsText(p.rec.Parents)),
		live: true, ownEtag: p.ownEtag, orphan: p.rec.Orphan, version: p.rec.Version, hash: p.hash,
	}
	e.block, e.off = w.slabs.put(id, p.blob, w.txn)
	*w.refs.ptr(name, w.txn) = id + 1
	w.all.Add(id)
	for _, r := range p.relations {
		edges = append(edges, flatEdge{
			source: w.names.name(r.Source), typ: w.relationType(r.Type), target: w.names.name(r.Target), emitter: name,
		})
	}
	return edges
}

// connect makes the lists of edges of every ref.
func (w *writer) connect(edges []flatEdge) {
	for _, e := range edges {
		if e.source != e.emitter && e.target != e.emitter {
			w.foreign[e.emitter] = append(w.foreign[e.emitter], triple{source: e.source, typ: e.typ, target: e.target})
		}
	}
	spread := func(to *pagedWriter[[]edge], end func(flatEdge) (uint32, edge)) {
		counts := make([]uint32, w.names.n+1)
		for _, e := range edges {
			name, _ := end(e)
			counts[name+1]++
		}
		for i := 1; i < len(counts); i++ {
			counts[i] += counts[i-1]
		}
		all, fill := make([]edge, len(edges)), slices.Clone(counts)
		for _, e := range edges {
			name, x := end(e)
			all[fill[name]] = x
			fill[name]++
		}
		for name := range w.names.n {
			if from, until := counts[name], counts[name+1]; from < until {
				*to.ptr(name, w.txn) = all[from:until:until]
				slices.SortFunc(all[from:until], w.compareEdges)
			}
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		spread(&w.in, func(e flatEdge) (uint32, edge) { return e.target, edge{peer: e.source, typ: e.typ, emitter: e.emitter} })
	})
	spread(&w.out, func(e flatEdge) (uint32, edge) { return e.source, edge{peer: e.target, typ: e.typ, emitter: e.emitter} })
	wg.Wait()
	for id := range w.n {
		if e := w.entities.at(id); e.live {
			for _, k := range w.relationKeys(w.out.at(e.ref)) {
				w.byKey.add(k, id, w.txn)
			}
		}
	}
	clear(w.changes)
	clear(w.touched)
	w.changed = nil
}
