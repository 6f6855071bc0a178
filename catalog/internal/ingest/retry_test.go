package ingest

import (
	"testing"
	"time"
)

func TestAgain_ComesSoonerAfterAPassingFailure(t *testing.T) {
	t.Parallel()
	g := &Engine{deps: Deps{Interval: func() time.Duration { return 100 * time.Second }}}
	now := time.Unix(1_800_000_000, 0)
	for n, want := range []time.Duration{5, 10, 20, 40, 80, 100, 100} {
		if got := g.again("location:default/x", now, true).Sub(now); got != want*time.Second {
			t.Errorf("after failure %d the source is read again in %v, want %v", n+1, got, want*time.Second)
		}
	}
	if got := g.again("location:default/other", now, true).Sub(now); got != 5*time.Second {
		t.Errorf("another source waits %v", got)
	}
	if got := g.again("location:default/x", now, false).Sub(now); got != 100*time.Second {
		t.Errorf("a source that was read waits %v", got)
	}
	if got := g.again("location:default/x", now, true).Sub(now); got != 5*time.Second {
		t.Errorf("success does not start the count anew: %v", got)
	}
}
