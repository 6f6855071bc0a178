package httpx

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// RootOptions configure a [Root]. Zero values are defaults.
type RootOptions struct {
	Logger *slog.Logger
	// AccessLog receives one line per request; nil logs none.
	AccessLog *slog.Logger
	Guard     Guard
	// CSP overrides directives of the content security policy.
	CSP []Directive
	// Referrer is the referrer policy, default no-referrer.
	Referrer string
	CORS     CORS
	// TrustedOrigins may send cookie-authenticated requests that change
	// something, besides the portal itself: scheme://host[:port].
	TrustedOrigins []string
	// CrossSite are the patterns, as of net/http, of requests that other sites
	// must be able to send with the portal's cookies. Their handlers have to
	// prove by other means that the request was asked for.
	CrossSite []string
	// MaxBody bounds request bodies in bytes; default 10 MiB. A handler that
	// expects more reads through its own http.MaxBytesReader.
	MaxBody int64
	// RateLimit, if set, bounds what one caller may ask for.
	RateLimit *RateLimit
	// HealthHeaders are added to the answers of the health checks.
	HealthHeaders map[string]string
	// StartupPause is how long a request to a plugin waits for the portal to
	// be started before it is answered 503; default 5 s.
	StartupPause time.Duration
	// Fallback answers what is not below /api and no health check: the app.
	// Nil answers 404.
	Fallback http.Handler
	// TrustProxy says whose word about the caller's address counts; nil trusts
	// nobody.
	TrustProxy *TrustProxy
	// Observe, if set, is called after every request with what it was: the
	// plugin's id (empty for none), the method, the status and the time taken.
	Observe func(plugin, method string, status int, took time.Duration)
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Root is the outermost handler: it gives every request an id, limits and
// security headers, and hands it to the plugin it is for. Build it with
// [NewRoot], register plugins, then serve it and call Started.
type Root struct {
	opts     RootOptions
	headers  securityHeaders
	log      *slog.Logger
	limit    *Limiter
	origins  *http.CrossOriginProtection
	plugins  map[string]*Mux
	extra    *http.ServeMux
	outside  []string
	state    atomic.Int32
	started  chan struct{}
	once     sync.Once
	stopped  chan struct{}
	stopOnce sync.Once
	idPrefix string
	ids      atomic.Uint64
}

const (
	starting int32 = iota
	running
	stopping
)

const apiPrefix = "/api/"

// NewRoot returns a root without plugins. It returns an error with code
// invalid if a trusted origin is not an origin.
func NewRoot(opts RootOptions) (*Root, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.MaxBody == 0 {
		opts.MaxBody = 10 << 20
	}
	if opts.StartupPause == 0 {
		opts.StartupPause = 5 * time.Second
	}
	rt := &Root{
		opts:    opts,
		headers: newSecurityHeaders(opts.CSP, opts.Referrer),
		log:     opts.Logger,
		origins: http.NewCrossOriginProtection(),
		plugins: map[string]*Mux{},
		extra:   http.NewServeMux(),
		started: make(chan struct{}),
		stopped: make(chan struct{}),
	}
	for _, origin := range append(exact(opts.CORS.Origins), opts.TrustedOrigins...) {
		if err := rt.origins.AddTrustedOrigin(origin); err != nil {
			return nil, fault.Newf(fault.Invalid, "trusted origin %q: %w", origin, err)
		}
	}
	for _, pattern := range opts.CrossSite {
		rt.origins.AddInsecureBypassPattern(pattern)
	}
	if opts.RateLimit != nil {
		rt.limit = NewLimiter(*opts.RateLimit, opts.Now)
	}
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails
	rt.idPrefix = strconv.FormatUint(binary.BigEndian.Uint64(append([]byte{0, 0, 0}, b[:]...)), 36) + "-"
	rt.HandleRoot("/.backstage/health/v1/readiness", http.HandlerFunc(rt.readiness))
	rt.HandleRoot("/.backstage/health/v1/liveness", http.HandlerFunc(rt.liveness))
	return rt, nil
}

// exact leaves out the patterns among origins.
func exact(origins []string) []string {
	var out []string
	for _, o := range origins {
		if !strings.ContainsAny(o, "*?[") {
			out = append(out, o)
		}
	}
	return out
}

// Plugin returns the router of the plugin, mounted at /api/<id>. Repeated
// calls return the same one.
func (rt *Root) Plugin(id string) *Mux {
	if m, ok := rt.plugins[id]; ok {
		return m
	}
	m := NewMux(id, apiPrefix+id, rt.opts.Guard)
	m.limit, m.origins = rt.limit, rt.origins
	rt.plugins[id] = m
	return m
}

// Plugins returns the routers by plugin id. Do not change the map.
func (rt *Root) Plugins() map[string]*Mux { return rt.plugins }

// HandleRoot registers a handler outside all plugins, such as for /metrics,
// that anybody may call. Register before serving.
func (rt *Root) HandleRoot(pattern string, h http.Handler) {
	rt.outside = append(rt.outside, pattern)
	rt.extra.Handle(pattern, h)
}

// Outside returns the patterns of what answers outside all plugins, in order.
func (rt *Root) Outside() []string { return slices.Clone(rt.outside) }

// Started lets requests through to the plugins and turns readiness to ok.
func (rt *Root) Started() {
	if rt.state.CompareAndSwap(starting, running) {
		rt.once.Do(func() { close(rt.started) })
	}
}

// Stopping turns readiness to 503, so that balancers send no more requests.
// Plugins go on answering.
func (rt *Root) Stopping() {
	rt.state.Store(stopping)
	rt.once.Do(func() { close(rt.started) })
}

// stop tells endless answers to end.
func (rt *Root) stop() { rt.stopOnce.Do(func() { close(rt.stopped) }) }

// ServeHTTP implements http.Handler.
func (rt *Root) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := rt.opts.Now()
	s := &scope{id: rt.requestID(r), facts: factsOf(r, rt.opts.TrustProxy), log: rt.log, stop: rt.stopped}
	r = r.WithContext(context.WithValue(r.Context(), scopeKey{}, s))
	resp := newResponse(w, r)
	plugin := ""
	defer func() {
		if cause := recover(); cause != nil {
			rt.recovered(resp, r, cause)
		}
		resp.close()
		rt.observe(plugin, resp, r, s, rt.opts.Now().Sub(start))
		responses.Put(resp)
	}()
	rt.headers.set(w.Header())
	if rt.opts.CORS.apply(resp, r) {
		return
	}
	if r.Body != nil && r.Body != http.NoBody {
		if r.ContentLength > rt.opts.MaxBody {
			WriteError(resp, r, &http.MaxBytesError{Limit: rt.opts.MaxBody})
			return
		}
		r.Body = http.MaxBytesReader(resp, r.Body, rt.opts.MaxBody)
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, apiPrefix); ok || r.URL.Path == "/api" {
		id, _, _ := strings.Cut(rest, "/")
		m, ok := rt.plugins[id]
		if !ok {
			resp.WriteHeader(http.StatusNotFound)
			return
		}
		plugin = id
		if rt.awaitStart(resp, r) {
			m.ServeHTTP(resp, r)
		}
		return
	}
	if h, pattern := rt.extra.Handler(r); pattern != "" {
		h.ServeHTTP(resp, r)
		return
	}
	if rt.opts.Fallback == nil {
		resp.WriteHeader(http.StatusNotFound)
		return
	}
	rt.opts.Fallback.ServeHTTP(resp, r)
}

// awaitStart holds a request back while the portal is starting.
func (rt *Root) awaitStart(w http.ResponseWriter, r *http.Request) bool {
	if rt.state.Load() != starting {
		return true
	}
	ctx, cancel := context.WithTimeout(r.Context(), rt.opts.StartupPause)
	defer cancel()
	select {
	case <-rt.started:
		return true
	case <-ctx.Done():
		WriteError(w, r, fault.New(fault.Unavailable, "Service has not started up yet"))
		return false
	}
}

// recovered answers a request whose handler panicked.
func (rt *Root) recovered(resp *response, r *http.Request, cause any) {
	if cause == http.ErrAbortHandler { //nolint:errorlint // compared as net/http does
		panic(cause)
	}
	rt.log.ErrorContext(r.Context(), "a handler panicked", "requestId", RequestID(r.Context()), "method", r.Method,
		"path", r.URL.Path, "panic", cause, "stack", string(debug.Stack()))
	if resp.wrote {
		panic(http.ErrAbortHandler) // let the client see that the answer is not whole
	}
	WriteError(resp, r, fault.New(fault.Internal, "a handler panicked"))
}

func (rt *Root) observe(plugin string, resp *response, r *http.Request, s *scope, took time.Duration) {
	status := resp.status
	if status == 0 {
		status = http.StatusOK
	}
	// How long a connection that became something else lasts is no time of an answer.
	if rt.opts.Observe != nil && status != http.StatusSwitchingProtocols {
		rt.opts.Observe(plugin, r.Method, status, took)
	}
	log := rt.opts.AccessLog
	if log == nil {
		return
	}
	level := slog.LevelInfo
	if strings.HasPrefix(r.URL.Path, "/.backstage/health/") {
		level = slog.LevelDebug
	}
	if !log.Enabled(r.Context(), level) {
		return
	}
	log.LogAttrs(r.Context(), level, "request",
		slog.String("requestId", s.id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", status), slog.Int64("bytes", resp.bytes), slog.Duration("took", took),
		slog.String("remote", r.RemoteAddr), slog.String("userAgent", r.UserAgent()))
}

const maxRequestID = 128

// requestID takes over the caller's id if it is fit for a log, or makes one.
func (rt *Root) requestID(r *http.Request) string {
	if given := r.Header["X-Request-Id"]; len(given) > 0 && given[0] != "" && len(given[0]) <= maxRequestID {
		for i := range len(given[0]) {
			if c := given[0][i]; c <= ' ' || c > '~' {
				return rt.nextID()
			}
		}
		return given[0]
	}
	return rt.nextID()
}

func (rt *Root) nextID() string { return rt.idPrefix + strconv.FormatUint(rt.ids.Add(1), 36) }

func ensureScope(r *http.Request) *http.Request {
	if _, ok := r.Context().Value(scopeKey{}).(*scope); ok {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), scopeKey{}, &scope{facts: factsOf(r, nil)}))
}

type health struct {
	Message string `json:"message,omitempty"`
	Status  string `json:"status"`
}

func (rt *Root) readiness(w http.ResponseWriter, r *http.Request) {
	answer, status := health{Status: "ok"}, http.StatusOK
	switch rt.state.Load() {
	case starting:
		answer, status = health{Status: "error", Message: "Backend has not started yet"}, http.StatusServiceUnavailable
	case stopping:
		answer, status = health{Status: "error", Message: "Backend is shutting down"}, http.StatusServiceUnavailable
	}
	rt.answerHealth(w, r, status, answer)
}

func (rt *Root) liveness(w http.ResponseWriter, r *http.Request) {
	rt.answerHealth(w, r, http.StatusOK, health{Status: "ok"})
}

func (rt *Root) answerHealth(w http.ResponseWriter, r *http.Request, status int, answer health) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	for name, value := range rt.opts.HealthHeaders {
		w.Header().Set(name, value)
	}
	if err := JSONStatus(w, r, status, answer); err != nil {
		rt.log.DebugContext(r.Context(), "write health answer", "error", err)
	}
}
