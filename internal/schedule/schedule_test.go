package schedule_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/schedule"
)

// start runs the scheduler until the test ends.
func start(t *testing.T, s *schedule.Scheduler) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func receive(t *testing.T, ch <-chan string) string {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing ran")
		return ""
	}
}

func TestScheduler_OneReplicaRunsASharedTask(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		ran := make(chan string, 16)
		var inside atomic.Int32
		task := func(name string) schedule.Task {
			return schedule.Task{Owner: "p", ID: "t", Every: time.Hour, Run: func(context.Context) error {
				if inside.Add(1) > 1 {
					t.Error("two replicas ran the task at once")
				}
				defer inside.Add(-1)
				ran <- name
				return errors.New("as expected")
			}}
		}
		one := schedule.New(d, time.Now, "one", slog.New(slog.DiscardHandler))
		two := schedule.New(d, time.Now, "two", slog.New(slog.DiscardHandler))
		for _, s := range []struct {
			s    *schedule.Scheduler
			name string
		}{{one, "one"}, {two, "two"}} {
			if err := s.s.Add(task(s.name)); err != nil {
				t.Fatal(err)
			}
			start(t, s.s)
		}
		receive(t, ran)
		if err := two.Trigger(t.Context(), "p", "t"); err != nil {
			t.Fatal(err)
		}
		receive(t, ran)
		deadline := time.Now().Add(10 * time.Second)
		for {
			states, err := one.States(t.Context(), "p")
			if err != nil || len(states) != 1 {
				t.Fatalf("states %v, %v", states, err)
			}
			if st := states[0]; !st.Ended.IsZero() && st.Problem == "as expected" && st.NextAt.After(time.Now().Add(50*time.Minute)) {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("the outcome was not stored: %+v", st)
			}
		}
		if len(ran) != 0 {
			t.Error("the task ran more often than asked")
		}
	})
}

func TestScheduler_LocalTasksRunOnEveryReplicaAndSurvivePanics(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	ran := make(chan string, 16)
	for _, name := range []string{"one", "two"} {
		s := schedule.New(d, time.Now, name, slog.New(slog.DiscardHandler))
		if err := s.Add(schedule.Task{Owner: "p", ID: "t", Every: time.Hour, Local: true, Run: func(context.Context) error { ran <- name; panic("oops") }}); err != nil {
			t.Fatal(err)
		}
		start(t, s)
		if got := receive(t, ran); got != name {
			t.Errorf("%s ran, want %s", got, name)
		}
		if err := s.Trigger(t.Context(), "p", "t"); err != nil {
			t.Fatal(err)
		}
		receive(t, ran)
	}
}

func TestAdd_RefusesWhatCannotRun(t *testing.T) {
	t.Parallel()
	s := schedule.New(dbtest.SQLite(t), time.Now, "one", slog.New(slog.DiscardHandler))
	if err := s.Add(schedule.Task{Owner: "p", ID: "t"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a task without a period: %v", err)
	}
	if err := s.Add(schedule.Task{Owner: "p", ID: "t", Every: time.Second}); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(schedule.Task{Owner: "p", ID: "t", Every: time.Second}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a task twice: %v", err)
	}
	if err := s.Trigger(t.Context(), "p", "nope"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown task: %v", err)
	}
}
