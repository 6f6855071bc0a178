package pace

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// maxWaiting bounds how many callers wait for a read. Beyond it they are told
// to come again, which is not a no.
const maxWaiting = 4096

// errAborted marks a read that ended because its caller went away: it says
// nothing about the source.
var errAborted = errors.New("the caller that was reading went away")

// Pace spaces the reads of one source. Make one with [New]. It is safe for
// concurrent use.
type Pace struct {
	every time.Duration
	clock func() time.Time

	waiting atomic.Int64
	// started counts the reads, the one under way included.
	started atomic.Uint64
	// turn is held by the caller that reads, and guards what follows.
	turn chan struct{}
	at   time.Time // when the newest read started
	err  error     // what came of it
}

// New returns a pace whose reads start at least every apart.
func New(every time.Duration, clock func() time.Time) *Pace {
	return &Pace{every: every, clock: clock, turn: make(chan struct{}, 1)}
}

// Do returns when a read that started after the call has ended, with its
// result. It calls read itself unless another caller does so in its stead.
// When ctx ends first it returns the context's error, and one with code
// unavailable when too many callers wait already.
func (p *Pace) Do(ctx context.Context, read func(context.Context) error) error {
	arrived := p.started.Load()
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > maxWaiting {
		return fault.New(fault.Unavailable, "too many requests wait for signing keys; try again")
	}
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.turn }()
	if p.started.Load() > arrived && !errors.Is(p.err, errAborted) {
		return p.err
	}
	if err := p.wait(ctx); err != nil {
		return err
	}
	p.started.Add(1)
	p.at = p.clock()
	err := read(ctx)
	p.err = err
	if err != nil && ctx.Err() != nil {
		p.err = errAborted
	}
	return err
}

// wait lasts until the next read may start.
func (p *Pace) wait(ctx context.Context) error {
	if p.at.IsZero() {
		return nil
	}
	left := min(p.at.Add(p.every).Sub(p.clock()), p.every) // a clock that was set back must not stop us
	if left <= 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
