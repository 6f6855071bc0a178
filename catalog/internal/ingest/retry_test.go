package ingest

import (
	"testing"
	"time"
)

func TestAgain_ComesSoonerAfterAPassingFailure(t *testing.T) {
	t.Parallel()
	g := &Engine{deps: Deps{Interval: func() time.Duration { return 100 * time.Second }}}
	now := time.Unix(1_800_000_000, 0)
	for n, want := range []int{5, 10, 20, 40, 80, 100, 100} {
		if got := int(g.again("location:default/x", now, true).Sub(now).Seconds()); got != want {
			t.Errorf("after failure %d the source is read again in %d s, want %d s", n+1, got, want)
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
