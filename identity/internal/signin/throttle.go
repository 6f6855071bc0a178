package signin

import (
	"container/list"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// The shape of the throttle: the first failures cost nothing, because people
// mistype, press back and change their minds. Each further one doubles the
// wait, up to a minute. A failure is forgotten every ten minutes, a success
// forgives half of them.
const (
	freeFailures  = 10
	maxWait       = time.Minute
	forgetOne     = 10 * time.Minute
	maxFailures   = freeFailures + 7 // 2^6 s is past maxWait
	maxRemembered = 8192
)

// Throttle slows down those whose sign-ins fail, per client and provider. It
// remembers the latest few thousand of them. The zero value is ready; safe for
// concurrent use.
type Throttle struct {
	mu    sync.Mutex
	byKey map[string]*list.Element
	order list.List // of *failures, the latest in front
}

type failures struct {
	key   string
	count int
	last  time.Time
}

// Allow returns an error with status 429 and the seconds to wait while the
// client must wait.
func (t *Throttle) Allow(key string, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.find(key, now)
	if f == nil || f.count <= freeFailures {
		return nil
	}
	wait := min(time.Second<<(f.count-freeFailures-1), maxWait)
	left := f.last.Add(wait).Sub(now)
	if left <= 0 {
		return nil
	}
	return &httpx.WireError{
		Code: fault.Unavailable, Status: http.StatusTooManyRequests, Name: "TooManyRequestsError",
		Message:      "Too many sign-ins failed; wait a moment and try again",
		RetrySeconds: max(1, int(math.Ceil(left.Seconds()))),
	}
}

// Failed counts a failure.
func (t *Throttle) Failed(key string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.find(key, now)
	if f == nil {
		f = &failures{key: key}
		if t.byKey == nil {
			t.byKey = map[string]*list.Element{}
		}
		if t.order.Len() >= maxRemembered {
			t.remove(t.order.Back())
		}
		t.byKey[key] = t.order.PushFront(f)
	}
	f.count, f.last = min(f.count+1, maxFailures), now
	t.order.MoveToFront(t.byKey[key])
}

// Succeeded forgives half of the failures.
func (t *Throttle) Succeeded(key string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.find(key, now); f != nil {
		if f.count /= 2; f.count == 0 {
			t.remove(t.byKey[key])
		}
	}
}

// find returns what is remembered of the key, with what is forgotten by now
// taken off.
func (t *Throttle) find(key string, now time.Time) *failures {
	e, ok := t.byKey[key]
	if !ok {
		return nil
	}
	f := e.Value.(*failures)
	if forgotten := int(now.Sub(f.last) / forgetOne); forgotten > 0 {
		f.count -= forgotten
		f.last = f.last.Add(time.Duration(forgotten) * forgetOne)
	}
	if f.count <= 0 {
		t.remove(e)
		return nil
	}
	return f
}

func (t *Throttle) remove(e *list.Element) {
	delete(t.byKey, e.Value.(*failures).key)
	t.order.Remove(e)
}
