package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
)

// batch is one transaction with what must be told after it.
type batch struct {
	g       *Engine
	tx      *store.Tx
	now     time.Time
	changes []store.Change
	rows    map[string]*store.Row // rows written here; nil for removed ones
	removed map[string]int64      // last versions of what this batch removed
	warn    []func()
	touched bool // the queue may have something due
}

// log notes a change of the ref. row is its new state, or nil for a removal;
// it may be replaced by a later state in the same batch.
func (b *batch) log(op store.Op, row *store.Row, cause, previous string) {
	row.Parents = nil // Parent says it, unless there are more
	b.rows[row.Ref] = row
	if op == store.OpDelete {
		b.rows[row.Ref] = nil
		b.removed[row.Ref] = row.Version
	}
	b.changes = append(b.changes, store.Change{
		Ref: row.Ref, UID: row.UID, Version: row.Version, Op: op, At: b.now, Cause: cause, Previous: previous,
	})
}

// touch notes that something besides the content of a valid entity changed;
// its row is read again at the end.
func (b *batch) touch(h *store.Head) {
	if !h.Valid() {
		return
	}
	delete(b.rows, h.Ref)
	b.changes = append(b.changes, store.Change{Ref: h.Ref, UID: h.UID, Version: h.Version, Op: store.OpTouch, At: b.now})
}

// enqueue makes sources due at once.
func (b *batch) enqueue(ctx context.Context, refs []string, cause string, forget bool) error {
	b.touched = b.touched || len(refs) > 0
	return b.tx.Enqueue(ctx, refs, cause, forget)
}

// lastVersions returns the last version numbers of refs that have a history,
// with what this batch has logged but not yet stored.
func (b *batch) lastVersions(ctx context.Context, refs []string) (map[string]int64, error) {
	versions, err := b.tx.LastVersions(ctx, refs)
	if err != nil {
		return nil, err
	}
	for _, ref := range refs {
		versions[ref] = max(versions[ref], b.removed[ref])
	}
	return versions, nil
}

// updates numbers the changes and renders them for the read model.
func (b *batch) updates(ctx context.Context) ([]index.Update, error) {
	if len(b.changes) == 0 {
		return nil, nil
	}
	if err := b.tx.Log(ctx, b.changes); err != nil {
		return nil, err
	}
	last := make(map[string]int, len(b.changes))
	var missing []string
	for i, c := range b.changes {
		if _, seen := last[c.Ref]; !seen {
			if row, known := b.rows[c.Ref]; !known || (row != nil && row.Flags.Has(store.More)) {
				missing = append(missing, c.Ref)
			}
		}
		last[c.Ref] = i
	}
	var read map[string]*store.Row
	if len(missing) > 0 {
		var err error
		if read, err = b.tx.Rows(ctx, missing); err != nil {
			return nil, err
		}
	}
	updates := make([]index.Update, 0, len(last))
	for i, c := range b.changes {
		if last[c.Ref] != i {
			continue // the later change counts
		}
		u := index.Update{Seq: c.Seq, Ref: c.Ref}
		row := read[c.Ref]
		if row == nil {
			row = b.rows[c.Ref]
		}
		if row != nil && row.Valid() {
			r := record(row)
			u.Record = &r
		}
		updates = append(updates, u)
	}
	return updates, nil
}

// record renders a row for the read model.
func record(r *store.Row) index.Record {
	rec := index.Record{
		Ref: r.Ref, UID: r.UID, JSON: []byte(r.Body), Relations: store.DecodeRelations(r.Ref, r.Relations),
		Parents: r.Parents, Orphan: r.Flags.Has(store.Orphan), Version: r.Version, LocationKey: r.LocationKey,
	}
	if rec.Parents == nil && r.Parent != "" {
		rec.Parents = []string{r.Parent}
	}
	if r.Problems != "" {
		// The text was made by this package; a broken one shows as no status.
		_ = json.Unmarshal([]byte(r.Problems), &rec.Status)
	}
	return rec
}

// write runs the functions in one transaction and returns when it is durable
// and in the read model.
func (g *Engine) write(ctx context.Context, fns ...func(context.Context, *batch) error) error {
	err := g.commit(ctx, fns...)
	if err == nil {
		g.applier.flush()
	}
	return err
}

// commit is [Engine.write] that leaves the read model to the applier.
func (g *Engine) commit(ctx context.Context, fns ...func(context.Context, *batch) error) error {
	g.mu.Lock()
	if !g.loaded {
		if err := g.load(ctx); err != nil {
			g.mu.Unlock()
			return err
		}
	}
	var b *batch
	var updates []index.Update
	err := g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		b = &batch{g: g, tx: tx, now: g.deps.Clock(), rows: map[string]*store.Row{}, removed: map[string]int64{}}
		for _, fn := range fns {
			if err := fn(ctx, b); err != nil {
				return err
			}
		}
		var err error
		updates, err = b.updates(ctx)
		return err
	})
	if err == nil {
		switch {
		case b.tx.Base() == g.followed:
			g.applier.add(updates)
			g.followed = b.tx.Last()
		default:
			// Others wrote meanwhile. Theirs come first, and with them ours.
			// It is done whatever happens here; the follower tries again.
			if ferr := g.followLocked(context.WithoutCancel(ctx)); ferr != nil {
				g.fail(ctx, "follow the change log", ferr)
			}
			g.applier.add(updates)
		}
	}
	g.mu.Unlock()
	if err != nil {
		return err
	}
	for _, warn := range b.warn {
		warn()
	}
	for ref := range b.removed {
		if b.rows[ref] == nil && g.deps.Watch {
			g.watcher.forget(ref)
		}
	}
	if b.touched {
		g.signal()
	}
	g.ring()
	return nil
}

// follow brings the changes of other replicas into the read model.
func (g *Engine) follow(ctx context.Context) error {
	g.mu.Lock()
	err := g.followLocked(ctx)
	g.mu.Unlock()
	g.applier.flush()
	return err
}

func (g *Engine) followLocked(ctx context.Context) error {
	if !g.loaded {
		return nil
	}
	trimmed, err := g.store.Trimmed(ctx)
	if err != nil {
		return err
	}
	if g.followed < trimmed {
		return g.load(ctx)
	}
	const most = 2000
	for {
		changes, upTo, err := g.store.Changed(ctx, g.followed, most)
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			return nil
		}
		refs := make([]string, len(changes))
		for i, c := range changes {
			refs[i] = c.Ref
		}
		rows, err := g.store.Entities(ctx, refs)
		if err != nil {
			return err
		}
		updates := make([]index.Update, len(changes))
		for i, c := range changes {
			updates[i] = index.Update{Seq: c.Seq, Ref: c.Ref}
			if row := rows[c.Ref]; row != nil && row.Valid() {
				r := record(row)
				updates[i].Record = &r
			}
		}
		g.applier.add(updates)
		g.followed = upTo
	}
}

func (g *Engine) runFollower(ctx context.Context) error {
	news := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() {
		done <- g.store.DB().Listen(ctx, store.ChannelChange, func(string) {
			select {
			case news <- struct{}{}:
			default:
			}
		})
	}()
	tick := time.NewTicker(g.deps.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return <-done
		case <-news:
		case <-tick.C:
		}
		if err := g.follow(ctx); err != nil && ctx.Err() == nil {
			g.fail(ctx, "follow the change log", err)
		}
		g.ring()
	}
}

// applier hands updates to the read model in the order in which they were
// added. Whoever flushes takes everything that waits, so that many small
// transactions become few changes of the read model.
type applier struct {
	sink Sink
	more chan struct{}

	mu    sync.Mutex
	queue []index.Update
	apply sync.Mutex // held while the sink works
}

func (a *applier) add(updates []index.Update) {
	if len(updates) == 0 {
		return
	}
	a.mu.Lock()
	a.queue = append(a.queue, updates...)
	a.mu.Unlock()
	select {
	case a.more <- struct{}{}:
	default:
	}
}

func (a *applier) drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue = nil
}

// flush returns when everything that was added before is visible.
func (a *applier) flush() {
	a.apply.Lock()
	defer a.apply.Unlock()
	a.mu.Lock()
	updates := a.queue
	a.queue = nil
	a.mu.Unlock()
	if len(updates) > 0 {
		a.sink.Apply(updates)
	}
}

func (g *Engine) runApplier(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.applier.more:
			g.applier.flush()
		}
	}
}

// job is a part of a unit on its way to the writer.
type job struct {
	weight int
	fn     func(context.Context, *batch) error
	done   func(error)
}

// runWriter commits jobs in their order, as many together as there are.
func (g *Engine) runWriter(ctx context.Context) error {
	const most = 1024 // entities per transaction
	for {
		var group []*job
		select {
		case <-ctx.Done():
			return nil
		case j := <-g.jobs:
			group = append(group, j)
		}
		for weight := group[0].weight; weight < most; {
			select {
			case j := <-g.jobs:
				group = append(group, j)
				weight += j.weight
				continue
			default:
			}
			break
		}
		fns := make([]func(context.Context, *batch) error, len(group))
		for i, j := range group {
			fns[i] = j.fn
		}
		err := g.commit(ctx, fns...)
		if err != nil && len(group) > 1 && ctx.Err() == nil {
			for _, j := range group { // one bad job spoils no other
				j.done(g.commit(ctx, j.fn))
			}
			continue
		}
		for _, j := range group {
			j.done(err)
		}
	}
}

// submit hands a job to the writer. done is called exactly once.
func (g *Engine) submit(ctx context.Context, j *job) {
	select {
	case g.jobs <- j:
	case <-ctx.Done():
		j.done(ctx.Err())
	}
}

var errLeaseLost = errors.New("another replica has taken over")

func causeText(c catalog.Cause) string {
	if c == (catalog.Cause{}) {
		return ""
	}
	text, err := json.Marshal(c)
	if err != nil {
		return "" // a struct of strings always marshals
	}
	return string(text)
}

func parseCause(text string) catalog.Cause {
	var c catalog.Cause
	if text != "" {
		_ = json.Unmarshal([]byte(text), &c) // made by causeText
	}
	return c
}
