// Package audittest fakes the audit log for tests of what writes to it, and
// proves logs.
//
// What: [Fake] keeps events in memory; [Conformance] holds an audit.Log against
// its contract.
//
// What not: the fake knows no database, so no event of it rides in a
// transaction.
//
// Start reading at [Fake].
package audittest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/audit"
)

// Fake is an audit.Log that keeps events. The zero value is ready. Safe for
// concurrent use.
type Fake struct {
	// Fail, if set, is what storing an event returns.
	Fail error

	mu     sync.Mutex
	events []audit.Event
}

var _ audit.Log = (*Fake)(nil)

// Events returns what was stored, in order.
func (f *Fake) Events() []audit.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events)
}

// Reset forgets what was stored.
func (f *Fake) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = nil
}

// Lines returns what was stored as "plugin.name status target reason", each
// without what is empty.
func (f *Fake) Lines() []string {
	var lines []string
	for _, e := range f.Events() {
		line := e.Plugin + "." + e.Name + " " + string(e.Status)
		for _, part := range []string{e.Target, e.Reason} {
			if part != "" {
				line += " " + part
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// Record implements audit.Log.
func (f *Fake) Record(_ context.Context, e audit.Event) error {
	if f.Fail != nil {
		return f.Fail
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.ID == "" {
		e.ID = fmt.Sprintf("event-%d", len(f.events)+1)
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if e.Status == "" {
		e.Status = audit.Succeeded
	}
	f.events = append(f.events, e)
	return nil
}

// Note implements audit.Log.
func (f *Fake) Note(ctx context.Context, e audit.Event) { _ = f.Record(ctx, e) } // as the contract says, nobody is told

// Begin implements audit.Log.
func (f *Fake) Begin(ctx context.Context, e audit.Event) (context.Context, func(error) error) {
	return ctx, func(err error) error {
		e.Status = audit.Succeeded
		if err == nil {
			return f.Record(ctx, e)
		}
		e.Status, e.Reason = audit.Failed, err.Error()
		_ = f.Record(ctx, e) // the change's own error counts
		return err
	}
}

// Subject is a log to be proven.
type Subject struct {
	Log audit.Log
	// Events returns what is stored durably, in any order.
	Events func() []audit.Event
	// Write makes a write such as a change does, with the context that Begin
	// returned; it fails with the error, if there is one, and then nothing is
	// written. Nil leaves out what is about transactions.
	Write func(ctx context.Context, fail error) error
}

// Conformance holds logs against the contract. open is called for every part
// and returns an empty log.
func Conformance(t *testing.T, open func(t *testing.T) Subject) {
	t.Helper()
	ctx := context.Background()
	event := audit.Event{Plugin: "test", Name: "thing-mutate", Severity: audit.Medium, Target: "thing:default/a", Meta: map[string]any{"n": 1}}
	broken := errors.New("the thing is broken")
	for name, part := range map[string]func(t *testing.T, s Subject){
		"a recorded event is there at once, filled in": func(t *testing.T, s Subject) {
			t.Helper()
			if err := s.Log.Record(ctx, event); err != nil {
				t.Fatal(err)
			}
			got := one(t, s)
			if got.ID == "" || got.At.IsZero() || got.Status != audit.Succeeded || got.Target != event.Target || got.Severity != audit.Medium {
				t.Errorf("got %+v", got)
			}
		},
		"a noted event is there within a second": func(t *testing.T, s Subject) {
			t.Helper()
			failed := event
			failed.Status, failed.Reason = audit.Failed, "not allowed"
			s.Log.Note(ctx, failed)
			deadline := time.Now().Add(10 * time.Second) // a slow machine is no broken log
			for len(s.Events()) == 0 && time.Now().Before(deadline) {
				time.Sleep(time.Millisecond)
			}
			if got := one(t, s); got.Status != audit.Failed || got.Reason != "not allowed" {
				t.Errorf("got %+v", got)
			}
		},
		"a change that wrote nothing has succeeded when it ends": func(t *testing.T, s Subject) {
			t.Helper()
			_, end := s.Log.Begin(ctx, event)
			if n := len(s.Events()); n != 0 {
				t.Errorf("%d events before the end", n)
			}
			if err := end(nil); err != nil {
				t.Fatal(err)
			}
			if got := one(t, s); got.Status != audit.Succeeded {
				t.Errorf("got %+v", got)
			}
		},
		"a change that fails has failed, and its error comes back": func(t *testing.T, s Subject) {
			t.Helper()
			_, end := s.Log.Begin(ctx, event)
			if err := end(broken); !errors.Is(err, broken) {
				t.Errorf("end returns %v", err)
			}
			if got := one(t, s); got.Status != audit.Failed || got.Reason != broken.Error() {
				t.Errorf("got %+v", got)
			}
		},
		"a change that fails after its caller went away is stored": func(t *testing.T, s Subject) {
			t.Helper()
			gone, cancel := context.WithCancel(ctx)
			_, end := s.Log.Begin(gone, event)
			cancel()
			if err := end(context.Canceled); !errors.Is(err, context.Canceled) {
				t.Errorf("end returns %v", err)
			}
			one(t, s)
		},
		"an event is durable with the change's first write, once": func(t *testing.T, s Subject) {
			t.Helper()
			if s.Write == nil {
				t.Skip("no transactions here")
			}
			change, end := s.Log.Begin(ctx, event)
			for range 2 {
				if err := s.Write(change, nil); err != nil {
					t.Fatal(err)
				}
			}
			one(t, s)
			if err := end(nil); err != nil {
				t.Fatal(err)
			}
			if got := one(t, s); got.Status != audit.Succeeded {
				t.Errorf("got %+v", got)
			}
		},
		"a write that fails takes the event with it": func(t *testing.T, s Subject) {
			t.Helper()
			if s.Write == nil {
				t.Skip("no transactions here")
			}
			change, end := s.Log.Begin(ctx, event)
			err := s.Write(change, broken)
			if n := len(s.Events()); !errors.Is(err, broken) || n != 0 {
				t.Errorf("%d events after a write that failed with %v", n, err)
			}
			if err := end(err); !errors.Is(err, broken) {
				t.Errorf("end returns %v", err)
			}
			if got := one(t, s); got.Status != audit.Failed {
				t.Errorf("got %+v", got)
			}
		},
		"a change that fails half way has both": func(t *testing.T, s Subject) {
			t.Helper()
			if s.Write == nil {
				t.Skip("no transactions here")
			}
			change, end := s.Log.Begin(ctx, event)
			if err := s.Write(change, nil); err != nil {
				t.Fatal(err)
			}
			if err := end(broken); !errors.Is(err, broken) {
				t.Errorf("end returns %v", err)
			}
			events := s.Events()
			if len(events) != 2 || events[0].ID == events[1].ID || events[0].Status == events[1].Status {
				t.Errorf("got %+v", events)
			}
		},
		"many at once are all there": func(t *testing.T, s Subject) {
			t.Helper()
			const n = 50
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					if err := s.Log.Record(ctx, event); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			ids := map[string]bool{}
			for _, e := range s.Events() {
				ids[e.ID] = true
			}
			if len(ids) != n {
				t.Errorf("%d different events, want %d", len(ids), n)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { part(t, open(t)) })
	}
}

func one(t *testing.T, s Subject) audit.Event {
	t.Helper()
	events := s.Events()
	if len(events) != 1 {
		t.Fatalf("%d events, want one: %+v", len(events), events)
	}
	return events[0]
}
