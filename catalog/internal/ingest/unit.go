package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// chunkSize is the number of entities that are processed and written together.
const chunkSize = 128

// unit is one source in work.
type unit struct {
	g     *Engine
	lease *store.Lease
	row   *store.Row
	cause catalog.Cause
	known map[string]store.Child // what the source emitted before

	window []*item
	ready  chan *chunk // chunks in the order in which they were emitted
	acks   chan error  // one per chunk
	sent   int
	seen   map[emission]struct{}
	keys   map[string]struct{}
	first  int64 // the first change of the unit that named no commit yet
}

// chunk is a number of entities that somebody processes.
type chunk struct {
	items []*item
	done  chan struct{}
}

// runUnit processes one source and ends its lease. Errors of the source are
// stored with it; other errors are logged, and the source is tried again.
func (g *Engine) runUnit(ctx context.Context, l *store.Lease) {
	err := g.unit(ctx, l)
	switch {
	case err == nil, errors.Is(err, errLeaseLost):
	case ctx.Err() != nil: // Run releases what it had
	default:
		g.fail(ctx, "process "+l.Ref, err)
		g.abandon(l)
	}
}

func (g *Engine) unit(ctx context.Context, l *store.Lease) error {
	row, err := g.store.Entity(ctx, l.Ref)
	if fault.Is(err, fault.NotFound) {
		return g.write(ctx, func(ctx context.Context, b *batch) error { return b.tx.Unqueue(ctx, []string{l.Ref}) })
	}
	if err != nil {
		return err
	}
	entity, err := decode(row.Unprocessed())
	if err != nil {
		return fmt.Errorf("decode %s: %w", l.Ref, err)
	}
	var children []store.Child
	if !l.FinishedAt.IsZero() { // the first time there are none, or a few after a crash
		if children, err = g.store.Children(ctx, l.Ref); err != nil {
			return err
		}
	}
	u := &unit{
		g: g, lease: l, row: row, cause: unitCause(l),
		known: make(map[string]store.Child, len(children)),
		seen:  make(map[emission]struct{}, len(children)),
		keys:  map[string]struct{}{},
		ready: make(chan *chunk, 4), acks: make(chan error, 4),
	}
	for _, c := range children {
		u.known[c.Ref] = c
	}
	in := process.Input{Entity: entity, LocationKey: row.LocationKey, State: l.State, KeepUnchanged: true}
	if g.deps.Watch {
		if targets := fileTargets(entity); len(targets) > 0 {
			if err := g.watcher.expect(l.Ref, targets); err != nil {
				g.log.WarnContext(ctx, "files are not watched", "source", l.Ref, "error", err)
			}
		}
	}
	return u.run(ctx, in)
}

// unitCause says why entities change in the unit: because their location did,
// or because somebody asked.
func unitCause(l *store.Lease) catalog.Cause {
	c := parseCause(l.Cause)
	if c.Kind == "" {
		c.Kind = "location"
	}
	if c.Source == "" {
		c.Source = l.Ref
	}
	return c
}

func (u *unit) run(ctx context.Context, in process.Input) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	written := make(chan error, 1)
	go func() {
		err := u.write(ctx)
		if err != nil {
			cancel(err) // nobody needs the rest
		}
		written <- err
	}()
	res := u.g.deps.Pipeline.Process(ctx, in, func(d catalog.Deferred) error { return u.take(ctx, d) })
	if in.State == nil || u.lease.Fingerprint != u.g.fingerprint {
		res.Unchanged = false // nothing was remembered that could be the same
	}
	tail := u.window
	u.window = nil
	close(u.ready)
	err := <-written
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	u.cause.Commit = res.Revision
	return u.finish(ctx, in.Entity, res, tail)
}

// take is the sink of the pipeline.
func (u *unit) take(ctx context.Context, d catalog.Deferred) error {
	if d.Entity.Kind() == "" || d.Entity.Name() == "" {
		return nil // the pipeline has refused it and says so in its result
	}
	u.keys[d.LocationKey] = struct{}{}
	u.window = append(u.window, &item{parent: u.lease.Ref, key: d.LocationKey, line: d.Line, entity: d.Entity, ref: d.Entity.Ref().String()})
	if len(u.window) < chunkSize {
		return nil
	}
	c := u.process(ctx, u.window)
	u.window = nil
	select {
	case u.ready <- c:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// process starts the processing of items and returns at once.
func (u *unit) process(ctx context.Context, items []*item) *chunk {
	c := &chunk{items: items, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		select {
		case u.g.cpus <- struct{}{}:
			defer func() { <-u.g.cpus }()
		case <-ctx.Done():
			return
		}
		c.items = u.g.prepareItems(ctx, items, u.known)
	}()
	return c
}

// write hands processed chunks to the writer, in their order, until ready is
// closed or something fails. A few are under way at a time.
func (u *unit) write(ctx context.Context) error {
	for c := range u.ready {
		select {
		case <-c.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if u.sent == cap(u.acks) {
			if err := u.ack(ctx); err != nil {
				return err
			}
		}
		u.sent++
		u.g.submit(ctx, &job{
			weight: len(c.items),
			fn:     func(ctx context.Context, b *batch) error { return u.put(ctx, b, c.items) },
			done:   func(err error) { u.acks <- err },
		})
	}
	for u.sent > 0 {
		if err := u.ack(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (u *unit) ack(ctx context.Context) error {
	select {
	case err := <-u.acks:
		u.sent--
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// put stores items of the unit, if the lease still holds.
func (u *unit) put(ctx context.Context, b *batch, items []*item) error {
	ok, err := b.tx.Holds(ctx, u.lease)
	if err != nil {
		return err
	}
	if !ok {
		return errLeaseLost
	}
	before := len(b.changes)
	if err := b.put(ctx, items, causeText(u.cause)); err != nil {
		return err
	}
	if u.first == 0 && u.cause.Commit == "" && len(b.changes) > before {
		u.first = b.tx.Base() + 1
	}
	for _, it := range items {
		if it.parent == u.lease.Ref {
			u.seen[emission{it.ref, it.key}] = struct{}{}
		}
	}
	return nil
}

// finish stores the rest of the unit: the last items, the source itself, what
// it no longer emits, and when it is due again.
func (u *unit) finish(ctx context.Context, entity catalog.Entity, res process.Result, tail []*item) error {
	g := u.g
	var items []*item
	if len(tail) > 0 {
		c := u.process(ctx, tail)
		select {
		case <-c.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		items = c.items
	}
	out := render(entity, &res)
	isLocation := strings.EqualFold(entity.Kind(), "location")
	leave := !isLocation && !out.volatile
	due := g.again(u.lease.Ref, g.deps.Clock(), res.Passing)
	done := make(chan error, 1)
	g.submit(ctx, &job{
		weight: len(items) + 1,
		done:   func(err error) { done <- err },
		fn: func(ctx context.Context, b *batch) error {
			if err := u.put(ctx, b, items); err != nil {
				return err
			}
			stale, err := u.settle(ctx, b, &res, out)
			if err != nil {
				return err
			}
			if stale {
				b.touched = true
				return b.tx.Finish(ctx, u.lease, b.now, b.now, g.fingerprint, nil, false)
			}
			return b.tx.Finish(ctx, u.lease, b.now, due, g.fingerprint, out.state, leave)
		},
	})
	select {
	case err := <-done:
		if err == nil && g.deps.Watch {
			g.watchUnit(ctx, u, entity, &res)
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settle stores the source itself and takes away what it no longer emits. It
// reports stale, and does nothing, when the entity became another one while it
// was processed: by the word of its parent, or of a new one.
func (u *unit) settle(ctx context.Context, b *batch, res *process.Result, out *output) (stale bool, err error) {
	rows, err := b.tx.Rows(ctx, []string{u.lease.Ref})
	if err != nil {
		return false, err
	}
	old := rows[u.lease.Ref]
	if old == nil || old.UID != u.row.UID || old.InputHash != u.row.InputHash ||
		old.LocationKey != u.row.LocationKey || old.Parent != u.row.Parent {
		return true, nil
	}
	return false, u.settleOn(ctx, b, old, res, out)
}

func (u *unit) settleOn(ctx context.Context, b *batch, old *store.Row, res *process.Result, out *output) error {
	if err := b.update(ctx, old, old.InputHash, old.Unprocessed(), out, causeText(u.cause)); err != nil {
		return err
	}
	traces, err := b.tx.Traces(ctx, u.lease.Ref)
	if err != nil {
		return err
	}
	if !res.Unchanged {
		if keys := u.further(res); len(keys) > 0 || traces.RefreshKeys {
			if err := b.tx.SetRefreshKeys(ctx, u.lease.Ref, keys); err != nil {
				return err
			}
		}
	}
	if u.first > 0 && u.cause.Commit != "" {
		plain := u.cause
		plain.Commit = ""
		if err := b.tx.Recause(ctx, u.first, causeText(plain), causeText(u.cause)); err != nil {
			return err
		}
	}
	if !res.Unchanged && (traces.Refusals || len(res.Refused) > 0) {
		if err := b.tx.SetRefusals(ctx, u.lease.Ref, refusals(res), b.now); err != nil {
			return err
		}
	}
	if !res.OK || res.Unchanged || res.KeepAll {
		return nil
	}
	kept := make(map[string]bool, len(res.Kept))
	for _, k := range res.Kept {
		kept[k] = true
	}
	return b.reconcileTraced(ctx, u.lease.Ref, u.seen, kept, traces, causeText(u.cause))
}

// further returns the refresh keys that are not known as location keys anyway.
func (u *unit) further(res *process.Result) []string {
	for _, k := range res.Kept {
		u.keys[k] = struct{}{}
	}
	keys := make([]string, 0, 4)
	for _, k := range res.RefreshKeys {
		if _, known := u.keys[k]; !known {
			keys = append(keys, k)
		}
	}
	return keys
}

func refusals(res *process.Result) []store.Refusal {
	list := make([]store.Refusal, len(res.Refused))
	for i, r := range res.Refused {
		list[i] = store.Refusal{LocationKey: r.LocationKey, Line: r.Line, Ref: r.Ref, Code: r.Code, Message: r.Message}
	}
	return list
}

// The time until a source that could not be read for a passing reason is read
// again: it doubles with every failure in a row.
const (
	firstRetry = 5 * time.Second
	maxRetries = 5 // doublings; the usual interval is shorter than what follows
)

// again is when a source that was read now is due again. One that failed for a
// passing reason comes sooner, at first much sooner. Failures in a row are
// counted by the replica that sees them, which is good enough to be polite.
func (g *Engine) again(ref string, now time.Time, passing bool) time.Time {
	due := g.next(now)
	g.state.Lock()
	defer g.state.Unlock()
	if !passing {
		delete(g.state.retries, ref)
		return due
	}
	if g.state.retries == nil {
		g.state.retries = map[string]int{}
	}
	n := min(g.state.retries[ref], maxRetries)
	g.state.retries[ref] = n + 1
	if soon := now.Add(firstRetry << n); soon.Before(due) {
		return soon
	}
	return due
}

// next is when a source that was read now is due again.
func (g *Engine) next(now time.Time) time.Time {
	d := g.deps.Interval()
	if d < 0 {
		return store.Never
	}
	return now.Add(d)
}
