package service

import (
	"context"
	"sync"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
)

// Subscribe implements [catalog.Feed].
func (s *Service) Subscribe(fn func([]catalog.Change)) (cancel func()) {
	return s.deps.Index.Subscribe(fn)
}

// Watch is a subscription of one client. Read Changes until it is closed.
type Watch struct {
	// Seq is the number of the last change that the client can have seen in
	// answers before the watch began.
	Seq int64
	// Changes brings batches. An empty batch says that some were lost because
	// the client was slow, and that it should read everything anew.
	Changes <-chan []catalog.Change
	cancel  func()
}

// Close ends the watch.
func (w *Watch) Close() { w.cancel() }

// watchBuffer is how many batches a slow client may be behind.
const watchBuffer = 64

// Watch begins to watch the changes that the principal in ctx may see; what it
// may see is asked anew for every batch, so that a stricter policy takes effect
// on streams that are open. Close it when done.
func (s *Service) Watch(ctx context.Context) (*Watch, error) {
	if _, err := s.reading(ctx); err != nil {
		return nil, err
	}
	before := s.deps.Index.Snapshot()
	ch := make(chan []catalog.Change, watchBuffer)
	var mu sync.Mutex
	closed, lost := false, false
	unsubscribe := s.deps.Index.Subscribe(func(changes []catalog.Change) {
		now := s.deps.Index.Snapshot()
		seen := s.seen(ctx, before, now, changes)
		before = now
		mu.Lock()
		defer mu.Unlock()
		if closed || len(seen) == 0 {
			return
		}
		if lost {
			select {
			case ch <- nil:
				lost = false
			default:
				return
			}
		}
		select {
		case ch <- seen:
		default:
			lost = true
		}
	})
	w := &Watch{Seq: s.deps.Index.Snapshot().Seq(), Changes: ch, cancel: func() {
		unsubscribe()
		mu.Lock()
		defer mu.Unlock()
		if !closed {
			closed = true
			close(ch)
		}
	}}
	return w, nil
}

// seen keeps the changes that the principal in ctx may know of. What it could
// see before and cannot see now, because it is gone or because it says other
// things, is gone for it.
func (s *Service) seen(ctx context.Context, before, now *index.Snapshot, changes []catalog.Change) []catalog.Change {
	sc, err := s.reading(ctx)
	if err != nil || sc.denied {
		return nil
	}
	if sc.filter == nil {
		return changes
	}
	visible := func(snap *index.Snapshot, ref string) bool {
		id, ok := snap.Lookup(ref)
		return ok && sc.visible(snap, id)
	}
	var out []catalog.Change
	for _, c := range changes {
		switch {
		case visible(now, c.Ref):
			c.Removed = false
			out = append(out, c)
		case visible(before, c.Ref):
			c.Removed = true
			out = append(out, c)
		}
	}
	return out
}
