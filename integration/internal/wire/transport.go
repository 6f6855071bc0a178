package wire

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
)

// Options configure a [Transport]. Clock is required.
type Options struct {
	// Own are the base URLs of the forge. Credentials go to no other host.
	Own []*url.URL
	// Authorize adds credentials to a request to one of Own; nil adds none.
	Authorize func(req *http.Request) error
	// Clock is the time.
	Clock func() time.Time
	// Sleep replaces waiting; nil in production.
	Sleep func(ctx context.Context, d time.Duration) error
	// Retries is how often a request is repeated; 0 means 2, negative never.
	Retries int
	// RetryStatus are the statuses that are worth a repetition; nil means 502,
	// 503 and 504.
	RetryStatus []int
	// PerMinute is the largest number of requests per minute; 0 means no limit.
	PerMinute int
	// MaxWait is the longest time that one request waits for a forge that asks
	// it to; beyond, it returns a [WaitError]. 0 means two seconds.
	MaxWait time.Duration
	// UserAgent is sent with every request; empty means "stagedoor".
	UserAgent string
}

// Transport is an http.RoundTripper for one forge. Safe for concurrent use.
type Transport struct {
	opts  Options
	inner http.RoundTripper
	pace  *rate.Limiter

	mu     sync.Mutex
	closed map[string]shut
}

// shut says until when, and why, no request is made.
type shut struct {
	until  time.Time
	reason string
}

// NewTransport returns a transport over connections of its own. It heeds the
// proxy variables of the environment, because the forges are hosts that the
// operator named.
func NewTransport(opts Options) *Transport {
	if opts.Retries == 0 {
		opts.Retries = 2
	}
	if opts.RetryStatus == nil {
		opts.RetryStatus = []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
	}
	if opts.MaxWait == 0 {
		opts.MaxWait = 2 * time.Second
	}
	if opts.UserAgent == "" {
		opts.UserAgent = "stagedoor"
	}
	if opts.Sleep == nil {
		opts.Sleep = sleep
	}
	t := &Transport{opts: opts, closed: map[string]shut{}, inner: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 16, MaxIdleConnsPerHost: 8,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: time.Minute,
	}}
	if opts.PerMinute > 0 {
		t.pace = rate.NewLimiter(rate.Limit(float64(opts.PerMinute)/60), max(1, opts.PerMinute/60))
	}
	return t
}

// maxRedirects is how many redirects one request follows.
const maxRedirects = 5

// Client returns a client over the transport that follows few redirects and
// none from https to http.
func (t *Transport) Client() *http.Client {
	return &http.Client{Transport: t, Timeout: 5 * time.Minute, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fail.New(fail.Unavailable, "%s redirects more than %d times", via[0].URL.Host, maxRedirects)
		}
		if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
			return fail.New(fail.Forbidden, "%s redirects to an address without encryption", via[0].URL.Host)
		}
		return nil
	}}
}

// RoundTrip makes the request, again if that is worth while.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	for attempt := 0; ; attempt++ {
		once, err := t.prepare(req, attempt)
		if err != nil {
			return nil, err
		}
		if err := t.gate(once); err != nil {
			return nil, err
		}
		res, err := t.inner.RoundTrip(once)
		if err != nil {
			return nil, err //nolint:wrapcheck // Failure wraps, where the whole is known
		}
		again, wait, err := t.judge(once, res, attempt)
		if err != nil {
			discard(res)
			return nil, err
		}
		if !again {
			return res, nil
		}
		discard(res)
		if err := t.opts.Sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// prepare copies the request for one attempt and adds the credentials, if the
// request goes where they belong.
func (t *Transport) prepare(req *http.Request, attempt int) (*http.Request, error) {
	once := req.Clone(req.Context())
	if attempt > 0 && req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, fmt.Errorf("repeat request: %w", err)
		}
		once.Body = body
	}
	once.Header.Set("User-Agent", t.opts.UserAgent)
	once.Header.Del("Private-Token")
	own := slices.ContainsFunc(t.opts.Own, func(u *url.URL) bool {
		return u.Scheme == once.URL.Scheme && strings.EqualFold(u.Host, once.URL.Host)
	})
	if !own {
		once.Header.Del("Authorization")
		return once, nil
	}
	if t.opts.Authorize != nil && once.Header.Get("Authorization") == "" {
		if err := t.opts.Authorize(once); err != nil {
			return nil, err
		}
	}
	return once, nil
}

// gate refuses a request while the forge wants none, and keeps the pace.
func (t *Transport) gate(req *http.Request) error {
	now := t.opts.Clock()
	t.mu.Lock()
	var found shut
	for _, key := range gates(req) {
		if s := t.closed[key]; s.until.After(found.until) {
			found = s
		}
	}
	t.mu.Unlock()
	if found.until.After(now) {
		return &WaitError{Host: req.URL.Host, Until: found.until, Wait: found.until.Sub(now), reason: found.reason}
	}
	if t.pace == nil {
		return nil
	}
	reservation := t.pace.ReserveN(now, 1)
	if d := reservation.DelayFrom(now); d > 0 {
		if err := t.opts.Sleep(req.Context(), d); err != nil {
			reservation.CancelAt(t.opts.Clock())
			return err
		}
	}
	return nil
}

// judge looks at an answer: whether and when to ask again, or an error that
// says until when not to.
func (t *Transport) judge(req *http.Request, res *http.Response, attempt int) (bool, time.Duration, error) {
	keys := gates(req)
	left := attempt < t.opts.Retries && (req.Body == nil || req.GetBody != nil)
	wait, reason, gate := t.limit(res)
	if gate != "" {
		key := keys[0]
		if gate == "all" {
			key = keys[1]
		}
		t.close(key, wait, reason)
	}
	switch {
	case gate != "" && res.StatusCode < 400:
		return false, 0, nil // this answer is good, the next one would not be
	case gate != "" && left && wait <= t.opts.MaxWait:
		return true, wait, nil
	case gate != "":
		return false, 0, &WaitError{Host: req.URL.Host, Until: t.opts.Clock().Add(wait), Wait: wait, reason: reason}
	case left && slices.Contains(t.opts.RetryStatus, res.StatusCode):
		return true, (200 * time.Millisecond) << (2 * attempt), nil
	}
	return false, 0, nil
}

// limit reads what an answer says about the rate of requests. The gate is "all"
// for the credential as a whole, "part" for this part of the API, or empty.
func (t *Transport) limit(res *http.Response) (wait time.Duration, reason, gate string) {
	h := res.Header
	refused := res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusForbidden
	after, hasAfter := t.retryAfter(h)
	spent := first(h, "X-RateLimit-Remaining", "RateLimit-Remaining") == "0"
	reset, hasReset := t.reset(h)
	switch {
	case hasAfter && (refused || res.StatusCode == http.StatusServiceUnavailable):
		return after, "asks for fewer requests", "all"
	case spent && hasReset && reset > 0 && (refused || res.StatusCode < 400):
		return reset, "has no requests left for this credential", "part"
	case res.StatusCode == http.StatusTooManyRequests:
		return time.Minute, "asks for fewer requests", "all"
	case refused && secondary(res):
		return time.Minute, "asks for fewer requests", "all"
	}
	return 0, "", ""
}

// secondary recognises a limit that is told in words only, and puts the body
// back for whoever reads it next.
func secondary(res *http.Response) bool {
	data, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	res.Body = struct {
		io.Reader
		io.Closer
	}{strings.NewReader(string(data)), res.Body}
	return err == nil && strings.Contains(strings.ToLower(string(data)), "secondary rate limit")
}

func (t *Transport) retryAfter(h http.Header) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(t.opts.Clock()), 0), true
	}
	return 0, false
}

func (t *Transport) reset(h http.Header) (time.Duration, bool) {
	at, err := strconv.ParseInt(first(h, "X-RateLimit-Reset", "RateLimit-Reset"), 10, 64)
	if err != nil || at < 0 {
		return 0, false
	}
	return max(time.Unix(at, 0).Sub(t.opts.Clock()), 0), true
}

// Close makes the transport refuse requests like req until the time, for
// limits that are told inside an answer.
func (t *Transport) Close(req *http.Request, until time.Time, reason string) error {
	wait := until.Sub(t.opts.Clock())
	t.close(gates(req)[0], wait, reason)
	return &WaitError{Host: req.URL.Host, Until: until, Wait: wait, reason: reason}
}

func (t *Transport) close(key string, wait time.Duration, reason string) {
	now := t.opts.Clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, s := range t.closed {
		if !s.until.After(now) {
			delete(t.closed, k)
		}
	}
	if until := now.Add(wait); until.After(t.closed[key].until) {
		t.closed[key] = shut{until, reason}
	}
}

// gates are the keys under which a request may be refused: its part of the API
// and everything, both for its credential. Limits count per credential.
func gates(req *http.Request) []string {
	part := "rest"
	switch p := req.URL.Path; {
	case strings.HasSuffix(p, "/graphql"):
		part = "graphql"
	case strings.Contains(p, "/search/"), strings.HasSuffix(p, "/search"):
		part = "search"
	}
	sum := sha256.Sum256([]byte(req.Header.Get("Authorization")))
	who := req.URL.Host + " " + string(sum[:])
	return []string{who + " " + part, who}
}

func first(h http.Header, names ...string) string {
	for _, name := range names {
		if v := strings.TrimSpace(h.Get(name)); v != "" {
			return v
		}
	}
	return ""
}

// discard reads a little of the body, so that the connection can be used again.
func discard(res *http.Response) {
	_, _ = io.CopyN(io.Discard, res.Body, 32<<10)
	_ = res.Body.Close()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
