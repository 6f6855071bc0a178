package httpx

import (
	"context"
	"math"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// RateLimit bounds how much one caller may ask for.
type RateLimit struct {
	// Window and Requests: so many requests in such a time, all at once if
	// the caller likes. Default 60 s and 500.
	Window   time.Duration
	Requests int
	// Exempt are addresses that are never limited.
	Exempt []netip.Addr
}

// Limiter applies a [RateLimit] per plugin and caller. It is safe for
// concurrent use.
type Limiter struct {
	cfg   RateLimit
	now   func() time.Time
	mu    sync.Mutex
	calls map[limitKey]*limitState
	swept time.Time
}

type limitKey struct{ plugin, caller string }

type limitState struct {
	limiter *rate.Limiter
	seen    time.Time
}

// NewLimiter returns a limiter told the time by now.
func NewLimiter(cfg RateLimit, now func() time.Time) *Limiter {
	if cfg.Window <= 0 {
		cfg.Window = time.Minute
	}
	if cfg.Requests <= 0 {
		cfg.Requests = 500
	}
	return &Limiter{cfg: cfg, now: now, calls: map[limitKey]*limitState{}, swept: now()}
}

// Allow counts a request of the caller and returns an error with status 429
// when it is one too many. It tells the limits in the headers.
func (l *Limiter) Allow(plugin, caller string, h http.Header) error {
	if ip, err := netip.ParseAddr(caller); err == nil && slices.Contains(l.cfg.Exempt, ip) {
		return nil
	}
	now := l.now()
	l.mu.Lock()
	l.sweep(now)
	key := limitKey{plugin, caller}
	s := l.calls[key]
	if s == nil {
		per := rate.Limit(float64(l.cfg.Requests) / l.cfg.Window.Seconds())
		s = &limitState{limiter: rate.NewLimiter(per, l.cfg.Requests)}
		l.calls[key] = s
	}
	s.seen = now
	l.mu.Unlock()

	ok := s.limiter.AllowN(now, 1)
	left := s.limiter.TokensAt(now)
	h.Set("RateLimit-Limit", strconv.Itoa(l.cfg.Requests))
	h.Set("RateLimit-Remaining", strconv.Itoa(max(0, int(left))))
	if ok {
		return nil
	}
	wait := (1 - left) / float64(s.limiter.Limit())
	return &WireError{
		Code: fault.Unavailable, Status: http.StatusTooManyRequests, Name: "TooManyRequestsError",
		Message: "Too many requests, please try again later", RetrySeconds: max(1, int(math.Ceil(wait))),
	}
}

// sweep forgets callers whose limit has recovered.
func (l *Limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < l.cfg.Window {
		return
	}
	l.swept = now
	for key, s := range l.calls {
		if now.Sub(s.seen) >= l.cfg.Window {
			delete(l.calls, key)
		}
	}
}

// callerKey is the caller's name or, for anonymous ones, the address.
func callerKey(ctx context.Context, g *Guard, r *http.Request) string {
	if g.Caller != nil {
		if name := g.Caller(ctx); name != "" {
			return name
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
