package signin_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// wait is how long the throttle has the client wait.
func wait(t *testing.T, th *signin.Throttle, key string, now time.Time) int {
	t.Helper()
	err := th.Allow(key, now)
	if err == nil {
		return 0
	}
	var wire *httpx.WireError
	if !errors.As(err, &wire) || wire.Status != http.StatusTooManyRequests {
		t.Fatalf("got %v, want status 429", err)
	}
	return wire.RetrySeconds
}

func TestThrottle_WaitsDoubleAndEnd(t *testing.T) {
	t.Parallel()
	var th signin.Throttle
	now := time.Unix(1e9, 0)
	for range 10 {
		th.Failed("a", now)
	}
	if got := wait(t, &th, "a", now); got != 0 {
		t.Errorf("ten failures cost %d s", got)
	}
	for i, want := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		th.Failed("a", now)
		if got := wait(t, &th, "a", now); got != want {
			t.Errorf("failure %d costs %d s, want %d", 11+i, got, want)
		}
	}
	if got := wait(t, &th, "a", now.Add(59*time.Second)); got != 1 {
		t.Errorf("a second before the end %d s are left", got)
	}
	if got := wait(t, &th, "a", now.Add(60*time.Second)); got != 0 {
		t.Errorf("at the end %d s are left", got)
	}
	if got := wait(t, &th, "b", now); got != 0 {
		t.Errorf("somebody else waits %d s", got)
	}
	th.Succeeded("a", now)
	if got := wait(t, &th, "a", now); got != 0 {
		t.Errorf("after a success %d s", got)
	}
	for range 3 {
		th.Failed("a", now)
	}
	if got := wait(t, &th, "a", now); got != 1 {
		t.Errorf("a success forgives half, but eleven failures cost %d s", got)
	}
	later := now.Add(2 * time.Hour)
	th.Failed("a", later)
	if got := wait(t, &th, "a", later); got != 0 {
		t.Errorf("two hours later %d s", got)
	}
}

func TestThrottle_RemembersTheLatest(t *testing.T) {
	t.Parallel()
	var th signin.Throttle
	now := time.Unix(1e9, 0)
	fail := func(key string) {
		for range 12 {
			th.Failed(key, now)
		}
	}
	fail("first")
	fail("kept")
	for i := range 8191 {
		th.Failed(fmt.Sprint(i), now)
		if i%1000 == 0 {
			th.Failed("kept", now)
		}
	}
	if wait(t, &th, "first", now) != 0 {
		t.Error("the memory has no bound")
	}
	if wait(t, &th, "kept", now) == 0 {
		t.Error("who goes on failing is forgotten")
	}
}
