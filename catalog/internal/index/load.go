package index

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// batch is a number of records on their way through a load.
type batch struct {
	recs     []Record
	bytes    []byte
	flat     flattener
	out      []prepared
	uids     []uint32      // terms of the uids
	prepared chan struct{} // closed when out is there
	indexed  chan struct{} // closed when uids are there
}

const batchSize = 256

// flatEdge is a relation during a load.
type flatEdge struct{ source, typ, target, emitter uint32 }

// loader is a load on its way. The entities get their numbers in the order in
// which they come, so that two goroutines can work on them side by side: one
// on what is searched, one on everything else.
type loader struct {
	w     *writer
	edges []flatEdge
	twice []ID // entities of which another record came later
	bad   error
}

// load fills an empty writer.
func (w *writer) load(each func(yield func(Record) bool) error) error {
	l := &loader{w: w}
	w.byTerm.bulk, w.byKey.bulk = true, true
	workers := max(1, runtime.GOMAXPROCS(0))
	work := make(chan *batch, 2*workers)
	index, store := make(chan *batch, 4*workers), make(chan *batch, 4*workers)
	spare := make(chan *batch, 4*workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for b := range work {
				b.prepare()
				close(b.prepared)
			}
		})
	}
	wg.Go(func() {
		for b := range index {
			<-b.prepared
			l.index(b)
			close(b.indexed)
		}
	})
	wg.Go(func() {
		for b := range store {
			<-b.indexed
			l.store(b)
			select {
			case spare <- b:
			default:
			}
		}
	})
	err := w.feed(each, spare, func(b *batch) { index <- b; store <- b; work <- b })
	close(work)
	close(index)
	close(store)
	wg.Wait()
	if err == nil {
		err = l.bad
	}
	if err == nil {
		l.finish()
		w.loaded = w.names.n
	}
	return err
}

// feed cuts what each yields into batches.
func (w *writer) feed(each func(yield func(Record) bool) error, spare chan *batch, send func(*batch)) error {
	var b *batch
	err := each(func(r Record) bool {
		if b == nil {
			select {
			case b = <-spare:
				b.recs, b.bytes = b.recs[:0], b.bytes[:0]
			default:
				b = &batch{flat: flattener{seed: w.seed}}
			}
			b.prepared, b.indexed = make(chan struct{}), make(chan struct{})
		}
		from := len(b.bytes)
		b.bytes = append(b.bytes, r.JSON...)
		r.JSON = b.bytes[from:len(b.bytes):len(b.bytes)]
		b.recs = append(b.recs, r)
		if len(b.recs) == batchSize {
			send(b)
			b = nil
		}
		return true
	})
	if b != nil {
		send(b)
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

// index adds what the entities are found by. It touches keys, terms and their
// postings only.
func (l *loader) index(b *batch) {
	w := l.w
	b.uids = b.uids[:0]
	for i := range b.out {
		p := &b.out[i]
		if p.err != nil {
			b.uids = append(b.uids, 0)
			continue
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
		b.uids = append(b.uids, w.uid)
	}
}

// store keeps the entities themselves and collects the relations. Of two
// records of one ref the last one counts.
func (l *loader) store(b *batch) {
	w := l.w
	var last, location, parents string
	var lastName, locationName, parentsName uint32
	for i := range b.out {
		p := &b.out[i]
		if p.err != nil && l.bad == nil {
			l.bad = fmt.Errorf("read %s: %w", p.rec.Ref, p.err)
		}
		if l.bad != nil {
			return
		}
		id := ID(w.all.GetCardinality())
		name := w.names.name(p.rec.Ref)
		if v := w.refs.at(name); v != 0 {
			l.twice = append(l.twice, v-1)
			l.edges = slices.DeleteFunc(l.edges, func(e flatEdge) bool { return e.emitter == name })
		}
		if p.rec.LocationKey != location || locationName == 0 {
			location, locationName = p.rec.LocationKey, w.names.name(p.rec.LocationKey)
		}
		if text := parentsText(p.rec.Parents); text != parents || parentsName == 0 {
			parents, parentsName = text, w.names.name(text)
		}
		e := w.entities.ptr(id, w.txn)
		*e = entity{
			size: uint32(len(p.blob)), jsonSize: p.jsonSize, insert: p.insert, ref: name, uid: b.uids[i],
			location: locationName, parents: parentsName,
			live: true, ownEtag: p.ownEtag, orphan: p.rec.Orphan, version: p.rec.Version, hash: p.hash,
		}
		e.block, e.off = w.slabs.put(id, p.blob, w.txn)
		*w.refs.ptr(name, w.txn) = id + 1
		w.all.Add(id)
		for _, r := range p.relations {
			x := flatEdge{source: name, target: name, emitter: name}
			// Most relations come with their mirror image behind them.
			if r.Source != p.rec.Ref {
				if r.Source != last {
					last, lastName = r.Source, w.names.name(r.Source)
				}
				x.source = lastName
			}
			if r.Target != p.rec.Ref {
				if r.Target != last {
					last, lastName = r.Target, w.names.name(r.Target)
				}
				x.target = lastName
			}
			x.typ = w.relationName(r.Type)
			l.edges = append(l.edges, x)
		}
	}
}

// finish does what needs all entities.
func (l *loader) finish() {
	w := l.w
	w.byTerm.pack()
	w.byKey.pack()
	for _, id := range l.twice {
		e := w.entities.ptr(id, w.txn)
		w.reindex(id, e, false, nil)
		w.slabs.drop(e.block, e.size, w.txn)
		w.all.Remove(id)
		*e = entity{}
		w.freed = append(w.freed, id)
	}
	for typ := range w.relTypes {
		w.relationType(typ)
	}
	l.connect()
	w.byKey.bulk = true
	for it := w.all.Iterator(); it.HasNext(); {
		id := it.Next()
		w.newKeys = w.relationKeys(w.out.at(w.entities.at(id).ref), w.newKeys[:0])
		for _, k := range w.newKeys {
			w.byKey.add(k, id, w.txn)
		}
	}
	w.byKey.pack()
}

// connect makes the lists of edges of every ref.
func (l *loader) connect() {
	w := l.w
	for _, e := range l.edges {
		if e.source != e.emitter && e.target != e.emitter {
			w.foreign[e.emitter] = append(w.foreign[e.emitter], triple{source: e.source, typ: e.typ, target: e.target})
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		l.spread(&w.in, func(e flatEdge) (uint32, edge) {
			return e.target, edge{peer: e.source, typ: e.typ, emitter: e.emitter}
		})
	})
	lists := l.spread(&w.out, func(e flatEdge) (uint32, edge) {
		return e.source, edge{peer: e.target, typ: e.typ, emitter: e.emitter}
	})
	half := len(lists) / 2
	wg.Go(func() { w.sortEdges(lists[:half]) })
	w.sortEdges(lists[half:])
	wg.Wait()
}

// spread writes the edges into one array, grouped by one end, and gives every
// ref its part. It returns the parts.
func (l *loader) spread(to *pagedWriter[[]edge], end func(flatEdge) (uint32, edge)) [][]edge {
	w := l.w
	ends := make([]uint32, w.names.n+1)
	for _, e := range l.edges {
		name, _ := end(e)
		ends[name+1]++
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	all, fill := make([]edge, len(l.edges)), slices.Clone(ends)
	for _, e := range l.edges {
		name, x := end(e)
		all[fill[name]] = x
		fill[name]++
	}
	var lists [][]edge
	for name := range w.names.n {
		if from, until := ends[name], ends[name+1]; from < until {
			list := all[from:until:until]
			*to.ptr(name, w.txn) = list
			lists = append(lists, list)
		}
	}
	return lists
}

// sortEdges sorts each list.
func (w *writer) sortEdges(lists [][]edge) {
	for _, list := range lists {
		slices.SortFunc(list, w.compareEdges)
	}
}
