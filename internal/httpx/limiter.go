package httpx

import (
	"context"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// RateLimit bounds how much one caller may ask for: a user or service by name,
// everybody else by address.
type RateLimit struct {
	// Window and Requests: so many requests in such a time, all at once if
	// the caller likes. Default 60 s and 500.
	Window   time.Duration
	Requests int
	// Exempt are addresses of clients that are never limited.
	Exempt []netip.Addr
	// SkipSuccessful and SkipFailed do not count requests that are answered
	// with a status below 400, or with another.
	SkipSuccessful, SkipFailed bool
	// Off limits only the plugins that have limits of their own.
	Off bool
	// Plugins are the limits of single plugins, in place of the others.
	Plugins map[string]RateLimit
}

func (c RateLimit) filled() RateLimit {
	if c.Window <= 0 {
		c.Window = time.Minute
	}
	if c.Requests <= 0 {
		c.Requests = 500
	}
	return c
}

// maxCallers bounds the memory of a limiter. Where more callers than that ask
// within the window, some start anew.
const maxCallers = 1 << 16

// Limiter applies a [RateLimit] per plugin and caller. It is safe for
// concurrent use.
type Limiter struct {
	cfg     RateLimit
	plugins map[string]RateLimit
	longest time.Duration // of the windows
	now     func() time.Time
	mu      sync.Mutex
	calls   map[limitKey]bucket
	swept   time.Time
}

type limitKey struct{ plugin, caller string }

// bucket holds what a caller may still ask for, as of a time.
type bucket struct {
	left float64
	at   time.Time
}

// NewLimiter returns a limiter told the time by now.
func NewLimiter(cfg RateLimit, now func() time.Time) *Limiter {
	l := &Limiter{cfg: cfg.filled(), plugins: map[string]RateLimit{}, now: now, calls: map[limitKey]bucket{}, swept: now()}
	l.longest = l.cfg.Window
	for id, c := range cfg.Plugins {
		l.plugins[id] = c.filled()
		l.longest = max(l.longest, l.plugins[id].Window)
	}
	return l
}

// of returns the limit of a plugin and whether it has one.
func (l *Limiter) of(plugin string) (RateLimit, bool) {
	if c, ok := l.plugins[plugin]; ok {
		return c, true
	}
	return l.cfg, !l.cfg.Off
}

// Allow counts a request of the caller, who asks from the address, and returns
// an error with status 429 when it is one too many. It tells the limits in the
// headers.
func (l *Limiter) Allow(plugin, caller string, from netip.Addr, h http.Header) error {
	c, limited := l.of(plugin)
	if !limited || slices.Contains(c.Exempt, from) {
		return nil
	}
	now, full := l.now(), float64(c.Requests)
	perSecond := full / c.Window.Seconds()
	l.mu.Lock()
	key := limitKey{plugin, caller}
	b, known := l.calls[key]
	if !known {
		l.makeRoom(now)
		b = bucket{full, now}
	}
	b.left = min(full, b.left+max(0, now.Sub(b.at).Seconds())*perSecond)
	b.at = now
	ok := b.left >= 1
	if ok {
		b.left--
	}
	l.calls[key] = b
	l.mu.Unlock()

	h.Set("RateLimit-Limit", strconv.Itoa(c.Requests))
	h.Set("RateLimit-Remaining", strconv.Itoa(max(0, int(b.left))))
	if ok {
		return nil
	}
	return &WireError{
		Code: fault.Unavailable, Status: http.StatusTooManyRequests, Name: "TooManyRequestsError",
		Message: "Too many requests, please try again later", RetrySeconds: max(1, int(math.Ceil((1-b.left)/perSecond))),
	}
}

// settle gives a request back that its answer says not to count.
func (l *Limiter) settle(plugin, caller string, status int) {
	c, limited := l.of(plugin)
	if failed := status >= http.StatusBadRequest; !limited || failed && !c.SkipFailed || !failed && !c.SkipSuccessful {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := limitKey{plugin, caller}
	if b, known := l.calls[key]; known {
		b.left = min(float64(c.Requests), b.left+1)
		l.calls[key] = b
	}
}

// Callers is how many callers are remembered.
func (l *Limiter) Callers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.calls)
}

// makeRoom forgets callers whose limit has recovered, and any one when the
// memory is full even so.
func (l *Limiter) makeRoom(now time.Time) {
	if now.Sub(l.swept) >= l.longest {
		l.swept = now
		for key, b := range l.calls {
			if now.Sub(b.at) >= l.longest {
				delete(l.calls, key)
			}
		}
	}
	if len(l.calls) < maxCallers {
		return
	}
	for key := range l.calls { // begins anywhere
		delete(l.calls, key)
		return
	}
}

// callerOf is the caller's name or, for anonymous ones, the address, and the
// address. Of IPv6 addresses the name is the network, since every caller has a
// whole one.
func callerOf(ctx context.Context, g *Guard, r *http.Request) (name string, from netip.Addr) {
	facts, ok := FactsOf(r.Context())
	if !ok {
		facts.IP = r.RemoteAddr
	}
	from, known := address(facts.IP)
	if g.Caller != nil {
		if name := g.Caller(ctx); name != "" {
			return name, from
		}
	}
	const network = 64
	switch {
	case !known:
		return "elsewhere", from
	case from.Is6() && !from.IsLoopback():
		if p, err := from.Prefix(network); err == nil {
			return p.Addr().String(), from
		}
	}
	return from.String(), from
}
