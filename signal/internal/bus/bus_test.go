package bus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/signal"
	"github.com/stagedoor/stagedoor/signal/internal/bus"
	"github.com/stagedoor/stagedoor/signal/internal/hub"
)

// replica is a bus that runs until the test ends.
func replica(t *testing.T, d *db.DB, clock func() time.Time) (*bus.Bus, <-chan hub.Signal) {
	t.Helper()
	got := make(chan hub.Signal, 1000)
	b := &bus.Bus{
		DB: d, Clock: clock, NewID: uuid.NewString, Logger: slog.New(slog.DiscardHandler),
		Deliver: func(s hub.Signal) { got <- s },
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	// It listens when it hears.
	probe := signal.Signal{Everyone: true, Channel: "probe", Message: 0}
	for heard := false; !heard; {
		if err := b.Publish(t.Context(), probe); err != nil {
			t.Fatal(err)
		}
		select {
		case <-got:
			heard = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	return b, got
}

// next skips the probes of other replicas.
func next(t *testing.T, from <-chan hub.Signal) hub.Signal {
	t.Helper()
	for {
		select {
		case s := <-from:
			if s.Channel != "probe" {
				return s
			}
		case <-time.After(10 * time.Second):
			t.Fatal("nothing is heard")
		}
	}
}

func TestPublish_ReachesAllReplicasInOrder(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		now := time.Unix(1_800_000_000, 0)
		clock := func() time.Time { return now }
		one, first := replica(t, d, clock)
		_, second := replica(t, d, clock)

		large := strings.Repeat("ä<", 10_000)
		signals := []signal.Signal{
			{Recipients: []string{"User:Default/Jane"}, Channel: "a", Message: map[string]any{"x": "<&>"}},
			{Recipients: []string{"user:default/jane"}, Channel: "large", Message: large},
		}
		want := []hub.Signal{
			{Recipients: []string{"user:default/jane"}, Channel: "a", Message: json.RawMessage(`{"x":"<&>"}`)},
			{Recipients: []string{"user:default/jane"}, Channel: "large", Message: json.RawMessage(`"` + large + `"`)},
		}
		for i := range 300 { // more than one notification holds, and twice the same
			signals = append(signals, signal.Signal{Everyone: true, Recipients: []string{"ignored"}, Channel: "b", Message: fmt.Sprintf("%0100d", i/2)})
			want = append(want, hub.Signal{Everyone: true, Channel: "b", Message: json.RawMessage(fmt.Sprintf(`"%0100d"`, i/2))})
		}
		if err := one.Publish(t.Context(), signals...); err != nil {
			t.Fatal(err)
		}
		for range 2 { // again the same, which is news again
			if err := one.Publish(t.Context(), signals[0]); err != nil {
				t.Fatal(err)
			}
			want = append(want, want[0])
		}
		for name, from := range map[string]<-chan hub.Signal{"its own": first, "the other": second} {
			var got []hub.Signal
			for range want {
				got = append(got, next(t, from))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s replica (-want +got)\n%.2000s", name, diff)
			}
		}

		count := func() (n int) {
			if err := d.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM signal_parcel`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, step := range []struct {
			after time.Duration
			left  int
		}{{time.Minute, 1}, {time.Hour, 0}} {
			now = now.Add(step.after)
			if err := one.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := count(); n != step.left {
				t.Errorf("%d large signals are kept %v later, want %d", n, step.after, step.left)
			}
		}
	})
}

func TestPublish_RefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	b := &bus.Bus{DB: dbtest.SQLite(t), NewID: uuid.NewString, Clock: time.Now}
	good := signal.Signal{Everyone: true, Channel: "c"}
	for name, tc := range map[string]struct {
		signal signal.Signal
		code   fault.Code
	}{
		"no channel":         {signal.Signal{Everyone: true}, fault.Invalid},
		"no recipients":      {signal.Signal{Channel: "c"}, fault.Invalid},
		"no JSON":            {signal.Signal{Channel: "c", Everyone: true, Message: func() {}}, fault.Invalid},
		"too large":          {signal.Signal{Channel: "c", Everyone: true, Message: strings.Repeat("x", 1<<20)}, fault.TooLarge},
		"nothing is no call": {},
	} {
		signals := []signal.Signal{good, tc.signal}
		if tc.code == "" {
			signals = nil
		}
		if err := b.Publish(t.Context(), signals...); fault.CodeOf(err) != tc.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}
