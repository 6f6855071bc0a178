package index

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
)

// defaultSlack is how many texts may be out of use before a rebuild pays.
const defaultSlack = 1 << 17

// wasteful reports whether most of the interned texts are out of use. Texts
// stay for ever otherwise, because old snapshots may still refer to them.
func (w *writer) wasteful() bool {
	return w.terms.n > 2*w.byTerm.used+w.slack || w.names.n > 2*w.loaded+4*w.n+8*w.slack
}

// rebuild returns a writer with the same entities and none of the waste. It
// costs as much as a load and happens about once per so many changes as there
// are texts.
func (w *writer) rebuild() (*writer, error) {
	fresh := newWriter(w.opts, w.seed, int(w.byTerm.used))
	fresh.seq, fresh.slack = w.seq, w.slack
	err := fresh.load(func(yield func(Record) bool) error {
		for it := w.all.Iterator(); it.HasNext(); {
			r, err := w.record(it.Next())
			if err != nil {
				return err
			}
			if !yield(r) {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("rebuild the read model: %w", err)
	}
	// Removed entities are remembered for a while, lest an update that comes
	// late brings them back.
	const late = 10_000
	for name, seq := range w.refSeq[:min(len(w.refSeq), int(w.names.n))] {
		if seq > w.seq-late || seq > 0 && w.refs.at(uint32(name)) != 0 {
			*fresh.seqOf(fresh.names.name(w.names.text(uint32(name)))) = seq
		}
	}
	return fresh, nil
}

// record returns the entity as it was put in.
func (w *writer) record(id ID) (Record, error) {
	e := w.entities.at(id)
	r := Record{
		Ref: w.names.text(e.ref), UID: w.terms.text(e.uid), Orphan: e.orphan, Version: e.version,
		JSON:        append(append(make([]byte, 0, e.jsonSize+1), w.slabs.at(e.block, e.off, e.jsonSize)...), '}'),
		LocationKey: w.names.text(e.location),
	}
	if parents := w.names.text(e.parents); parents != "" {
		r.Parents = strings.Split(parents, "\n")
	}
	for _, t := range w.emitted(e.ref) {
		r.Relations = append(r.Relations, catalog.Relation{
			Source: w.names.text(t.source), Type: w.names.text(t.typ), Target: w.names.text(t.target),
		})
	}
	if status := w.slabs.at(e.block, e.off+e.jsonSize, e.size-e.jsonSize); len(status) > 0 {
		var s struct{ Items []catalog.StatusItem }
		if err := json.Unmarshal(status, &s); err != nil {
			return Record{}, fmt.Errorf("read the status of %s: %w", r.Ref, err)
		}
		r.Status = s.Items
	}
	return r, nil
}

// seqOf returns the place for the last change of the ref.
func (w *writer) seqOf(name uint32) *int64 {
	for int(name) >= len(w.refSeq) {
		w.refSeq = append(w.refSeq, make([]int64, 1024)...)
	}
	return &w.refSeq[name]
}
