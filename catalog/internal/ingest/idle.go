package ingest

import (
	"context"
	"time"
)

// LoggedError is a recent error of the engine itself.
type LoggedError struct {
	At      time.Time `json:"at"`
	Doing   string    `json:"doing"`
	Message string    `json:"message"`
}

// begin and end count a unit, or anything else that WaitIdle must wait for.
func (g *Engine) begin(ref string) {
	g.state.Lock()
	defer g.state.Unlock()
	g.state.active++
	if ref != "" {
		g.state.running[ref] = struct{}{}
	}
}

func (g *Engine) end(ref string) {
	g.state.Lock()
	defer g.state.Unlock()
	g.state.active--
	if ref != "" {
		delete(g.state.running, ref)
		g.state.units++
	}
	g.ringLocked()
}

// ring tells those who wait that something moved.
func (g *Engine) ring() {
	g.state.Lock()
	defer g.state.Unlock()
	g.ringLocked()
}

func (g *Engine) ringLocked() {
	close(g.state.bell)
	g.state.bell = make(chan struct{})
}

func (g *Engine) fail(ctx context.Context, doing string, err error) {
	g.log.ErrorContext(ctx, "ingestion was disturbed", "doing", doing, "error", err)
	g.state.Lock()
	defer g.state.Unlock()
	const kept = 20
	g.state.errors = append(g.state.errors, LoggedError{At: g.deps.Clock(), Doing: doing, Message: err.Error()})
	if n := len(g.state.errors); n > kept {
		g.state.errors = append(g.state.errors[:0], g.state.errors[n-kept:]...)
	}
}

// isIdle reports whether nothing is due, in work or on its way to the read
// model.
func (g *Engine) isIdle(ctx context.Context) (bool, error) {
	g.state.Lock()
	active := g.state.active
	g.state.Unlock()
	if active > 0 {
		return false, nil
	}
	busy, err := g.store.Busy(ctx, g.deps.Clock())
	if err != nil || busy {
		return false, err
	}
	if g.store.Shared() {
		if err := g.follow(ctx); err != nil {
			return false, err
		}
	}
	g.applier.flush()
	return true, nil
}

func (g *Engine) checkIdle(ctx context.Context) {
	select {
	case <-g.idle:
		return
	default:
	}
	if ok, err := g.isIdle(ctx); ok && err == nil {
		g.idleOnce.Do(func() { close(g.idle) })
	}
}

// Idle returns a channel that is closed when, for the first time since Run
// began, nothing was due or in work: the first ingestion is complete.
func (g *Engine) Idle() <-chan struct{} { return g.idle }

// WaitIdle returns when nothing is due or in work, on any replica, and
// everything is in the read model. It waits for Run to begin, and returns the
// context's error if that ends before.
func (g *Engine) WaitIdle(ctx context.Context) error {
	select {
	case <-g.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		g.state.Lock()
		bell := g.state.bell
		g.state.Unlock()
		ok, err := g.isIdle(ctx)
		if err != nil {
			return err
		}
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-bell:
		case <-time.After(20 * time.Millisecond): // other replicas ring no bell here
		}
	}
}
