package db_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// hands is a clock that a test moves.
type hands struct {
	mu sync.Mutex
	at time.Time
}

func (h *hands) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hands) forward(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

func TestLeases_OneOwnerAtATimeAndAFenceThatGrows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		clock := &hands{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
		leases := db.NewLeases(d, clock.now)
		acquire := func(owner string, want bool) int64 {
			t.Helper()
			fence, ok, err := leases.Acquire(ctx, "sync", owner, time.Minute)
			if err != nil || ok != want {
				t.Fatalf("Acquire by %s = %d, %v, %v, want ok %v", owner, fence, ok, err, want)
			}
			return fence
		}
		first := acquire("a", true)
		acquire("b", false)
		clock.forward(50 * time.Second)
		if err := leases.Renew(ctx, "sync", first, time.Minute); err != nil {
			t.Fatal(err)
		}
		clock.forward(50 * time.Second)
		acquire("b", false) // the renewal counts
		clock.forward(11 * time.Second)
		if err := leases.Renew(ctx, "sync", first, time.Minute); !fault.Is(err, fault.Conflict) {
			t.Errorf("renewing a lease that is over: %v, want code conflict", err)
		}
		second := acquire("b", true)
		if second <= first {
			t.Errorf("fence went from %d to %d, want it to grow", first, second)
		}
		guard := func(fence int64) error {
			return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return leases.Guard(ctx, tx, "sync", fence) })
		}
		if err := guard(first); !fault.Is(err, fault.Conflict) {
			t.Errorf("the old owner passes the guard: %v", err)
		}
		if err := guard(second); err != nil {
			t.Errorf("the owner does not pass the guard: %v", err)
		}
		if err := leases.Release(ctx, "sync", first); err != nil { // no longer its to give
			t.Fatal(err)
		}
		acquire("c", false)
		if err := leases.Release(ctx, "sync", second); err != nil {
			t.Fatal(err)
		}
		if third := acquire("c", true); third <= second {
			t.Errorf("fence went from %d to %d, want it to grow", second, third)
		}
	})
}

func TestLeases_AcquireByManyAtOnceGivesOneWinner(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		leases := db.NewLeases(d, time.Now)
		won := make(chan bool, 8)
		for i := range cap(won) {
			go func() {
				_, ok, err := leases.Acquire(context.Background(), "race", string(rune('a'+i)), time.Minute)
				if err != nil {
					t.Error(err)
				}
				won <- ok
			}()
		}
		winners := 0
		for range cap(won) {
			if <-won {
				winners++
			}
		}
		if winners != 1 {
			t.Errorf("%d winners, want 1", winners)
		}
	})
}

func TestLeases_HoldRenewsAndGivesBackAndStopsWhenLost(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		leases := db.NewLeases(d, time.Now)
		held, err := leases.Hold(ctx, "work", "a", time.Minute, func(ctx context.Context, fence int64) error {
			if held, err := leases.Hold(ctx, "work", "b", time.Minute, nil); held || err != nil {
				t.Errorf("a second holder: %v, %v", held, err)
			}
			return nil
		})
		if !held || err != nil {
			t.Fatalf("Hold = %v, %v", held, err)
		}
		held, err = leases.Hold(ctx, "work", "a", 30*time.Millisecond, func(work context.Context, fence int64) error {
			err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.ExecContext(ctx, `UPDATE lease SET owner = 'thief', fence = fence + 1 WHERE name = 'work'`)
				return err
			})
			if err != nil {
				return err
			}
			select {
			case <-work.Done():
				return work.Err()
			case <-time.After(patience):
				return errors.New("the work was not told to stop")
			}
		})
		if !held || !fault.Is(err, fault.Conflict) {
			t.Errorf("Hold of a stolen lease = %v, %v, want code conflict", held, err)
		}
	})
}
