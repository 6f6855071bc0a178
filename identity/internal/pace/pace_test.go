package pace_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/identity/internal/pace"
	"github.com/stagedoor/stagedoor/internal/fault"
)

func TestDo_GivesEverybodyAReadThatStartedAfterTheyAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(time.Second, time.Now)
		var (
			mu     sync.Mutex
			starts []time.Time
			wg     sync.WaitGroup
		)
		read := func(context.Context) error {
			mu.Lock()
			starts = append(starts, time.Now())
			mu.Unlock()
			time.Sleep(100 * time.Millisecond) // the bubble's clock: nothing waits
			return nil
		}
		begin := time.Now()
		for n := range 3000 {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * time.Millisecond)
				asked := time.Now()
				if err := p.Do(t.Context(), read); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if newest := starts[len(starts)-1]; newest.Before(asked) {
					t.Errorf("asked after %v, the newest read is of %v", asked.Sub(begin), newest.Sub(begin))
				}
				if took := time.Since(asked); took > 1200*time.Millisecond {
					t.Errorf("asked after %v, waited %v", asked.Sub(begin), took)
				}
			})
		}
		wg.Wait()
		for i := 1; i < len(starts); i++ {
			if gap := starts[i].Sub(starts[i-1]); gap < time.Second {
				t.Errorf("reads %d and %d are %v apart", i-1, i, gap)
			}
		}
		if len(starts) != 4 {
			t.Errorf("%d reads in three seconds of questions, want 4", len(starts))
		}
	})
}

func TestDo_SharesAFailureButNotACallerThatWentAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(time.Second, time.Now)
		down := errors.New("the source is down")
		reads := 0
		// It holds the turn and goes away in the middle of its read.
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			err := p.Do(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the caller that went away got %v", err)
			}
		})
		synctest.Wait()
		for range 10 {
			wg.Go(func() {
				if err := p.Do(t.Context(), func(context.Context) error { reads++; return down }); !errors.Is(err, down) {
					t.Errorf("got %v, want %v", err, down)
				}
			})
		}
		wg.Wait()
		if reads != 1 {
			t.Errorf("ten callers had the broken source read %d times, want once", reads)
		}
	})
}

func TestDo_TellsTheCrowdToComeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(time.Second, time.Now)
		read := func(context.Context) error { return nil }
		if err := p.Do(t.Context(), read); err != nil {
			t.Fatal(err)
		}
		var (
			wg      sync.WaitGroup
			mu      sync.Mutex
			refused int
		)
		for range 5000 {
			wg.Go(func() {
				err := p.Do(t.Context(), read)
				mu.Lock()
				defer mu.Unlock()
				if fault.Is(err, fault.Unavailable) {
					refused++
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if refused != 5000-4096 {
			t.Errorf("%d of 5000 were refused, want those beyond 4096", refused)
		}
		if err := p.Do(t.Context(), read); err != nil {
			t.Errorf("when the crowd has gone: %v", err)
		}
	})
}
