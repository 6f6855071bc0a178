package service

import (
	"context"
	"sync"

	"github.com/stagedoor/stagedoor/catalog"
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

// Watch begins to watch the changes that the principal in ctx may see. Close
// it when done.
func (s *Service) Watch(ctx context.Context) (*Watch, error) {
	sc, err := s.reading(ctx)
	if err != nil {
		return nil, err
	}
	ch := make(chan []catalog.Change, watchBuffer)
	var mu sync.Mutex
	closed, lost := false, false
	unsubscribe := s.deps.Index.Subscribe(func(changes []catalog.Change) {
		seen := s.seen(sc, changes)
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

// seen keeps the changes that are within the scope. Whether a removed entity
// was within a condition can no longer be told, so it is kept back.
func (s *Service) seen(sc scope, changes []catalog.Change) []catalog.Change {
	if sc.denied {
		return nil
	}
	if sc.filter == nil {
		return changes
	}
	snap := s.deps.Index.Snapshot()
	var out []catalog.Change
	for _, c := range changes {
		if id, ok := snap.Lookup(c.Ref); ok && !c.Removed && sc.visible(snap, id) {
			out = append(out, c)
		}
	}
	return out
}
