package httpx

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Mux routes the requests of one plugin. Get one from [Root.Plugin]; register
// all routes before the server runs.
type Mux struct {
	plugin  string
	prefix  string
	guard   Guard
	headers http.Header
	inner   *http.ServeMux
	routes  []Route
	limit   *Limiter
	origins *http.CrossOriginProtection
}

// Route describes a registered route.
type Route struct {
	Method string // empty for all
	Path   string // relative to the plugin
	Access Access
}

// NewMux returns a router for the plugin, mounted at prefix, without a [Root]
// around it: for tests.
func NewMux(plugin, prefix string, guard Guard) *Mux {
	m := &Mux{plugin: plugin, prefix: strings.TrimSuffix(prefix, "/"), guard: guard, inner: http.NewServeMux()}
	m.inner.HandleFunc("/", m.unknown)
	return m
}

// Prefix is where the plugin is mounted, such as /api/catalog.
func (m *Mux) Prefix() string { return m.prefix }

// Routes returns what is registered, in order.
func (m *Mux) Routes() []Route { return slices.Clone(m.routes) }

// SetHeader makes all answers of the plugin's handlers carry the header.
func (m *Mux) SetHeader(name, value string) {
	if m.headers == nil {
		m.headers = http.Header{}
	}
	m.headers.Set(name, value)
}

// Handle registers a route. The pattern is that of net/http without a host and
// relative to the plugin, such as "GET /entities/by-uid/{uid}"; GET serves
// HEAD too, and a trailing slash in the request does not matter. Handle panics
// on a pattern that is wrong or taken, which is a bug.
func (m *Mux) Handle(pattern string, access Access, h Handler) {
	method, p, found := strings.Cut(pattern, " ")
	if !found {
		method, p = "", pattern
	}
	if !strings.HasPrefix(p, "/") {
		panic(fmt.Sprintf("httpx: the pattern %q has no path", pattern))
	}
	m.routes = append(m.routes, Route{Method: method, Path: p, Access: access})
	full := m.prefix + p
	if full == "" || full == "/" {
		full = "/{$}"
	} else if p == "/" {
		full = m.prefix
	}
	m.inner.Handle(strings.TrimSpace(method+" "+full), &route{mux: m, access: access, handler: h})
}

// HandleHTTP registers a standard handler, which answers its errors itself.
func (m *Mux) HandleHTTP(pattern string, access Access, h http.Handler) {
	m.Handle(pattern, access, func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	})
}

// ServeHTTP implements http.Handler.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = ensureScope(r)
	scopeOf(r.Context()).prefix = m.prefix
	if unclean(r.URL) {
		w.WriteHeader(http.StatusNotFound) // ServeMux would redirect
		return
	}
	m.inner.ServeHTTP(w, r)
}

// unknown answers what no route matches.
func (m *Mux) unknown(w http.ResponseWriter, r *http.Request) {
	if p := r.URL.Path; len(p) > 1 && strings.HasSuffix(p, "/") {
		trimmed := *r.URL
		trimmed.Path = strings.TrimSuffix(p, "/")
		trimmed.RawPath = strings.TrimSuffix(r.URL.RawPath, "/")
		again := *r
		again.URL = &trimmed
		m.inner.ServeHTTP(w, &again)
		return
	}
	// A preflight of an origin that is not allowed is told that credentials
	// are missing, if there is something to be had at that path.
	if r.Method == http.MethodOptions {
		if access, ok := m.known(r); ok {
			if _, err := m.guard.admit(r, m.plugin, access); err != nil {
				m.fail(w, r, err)
				return
			}
		}
	}
	m.addHeaders(w)
	w.WriteHeader(http.StatusNotFound)
}

// known finds a route for the path, whatever the method.
func (m *Mux) known(r *http.Request) (Access, bool) {
	probe := *r
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		probe.Method = method
		if h, _ := m.inner.Handler(&probe); h != nil {
			if rt, ok := h.(*route); ok {
				return rt.access, true
			}
		}
	}
	return 0, false
}

func (m *Mux) addHeaders(w http.ResponseWriter) {
	for k, v := range m.headers {
		w.Header()[k] = v
	}
}

func (m *Mux) fail(w http.ResponseWriter, r *http.Request, err error) {
	m.addHeaders(w)
	WriteError(w, r, err)
}

// unclean reports whether ServeMux would redirect to a tidier path.
func unclean(u *url.URL) bool {
	p := u.EscapedPath()
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") {
		return false
	}
	cleaned := path.Clean(p)
	if strings.HasSuffix(p, "/") && cleaned != "/" {
		cleaned += "/"
	}
	return cleaned != p
}

// route is one registered handler.
type route struct {
	mux     *Mux
	access  Access
	handler Handler
}

// ServeHTTP authenticates, admits, calls the handler and writes its error.
func (rt *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m := rt.mux
	ctx, err := m.guard.admit(r, m.plugin, rt.access)
	if err == nil {
		err = m.checks(r)
	}
	if m.limit != nil {
		// Those whom the guard turns away count too: they cost as much.
		caller, from := callerOf(ctx, &m.guard, r)
		if over := m.limit.Allow(m.plugin, caller, from, w.Header()); over != nil {
			err = over
		} else {
			defer func() { m.limit.settle(m.plugin, caller, statusOf(w)) }()
		}
	}
	if err != nil {
		m.fail(w, r, err)
		return
	}
	if ctx != r.Context() {
		r = r.WithContext(ctx)
	}
	m.addHeaders(w)
	if err := rt.handler(w, r); err != nil {
		finish(w, r, err)
	}
}

// statusOf is the status that was answered, as far as that is known.
func statusOf(w http.ResponseWriter) int {
	if resp, ok := w.(*response); ok && resp.status != 0 {
		return resp.status
	}
	return http.StatusOK
}

// checks refuses requests that another site made a browser send: only cookies
// travel by themselves, so a request with an authorization header is safe.
func (m *Mux) checks(r *http.Request) error {
	if m.origins == nil || len(r.Header["Cookie"]) == 0 || len(r.Header["Authorization"]) > 0 {
		return nil
	}
	if err := m.origins.Check(r); err != nil {
		return &WireError{Code: "forbidden", Message: "Cross-origin request refused", Err: err}
	}
	return nil
}

// finish writes the error of a handler, or cuts the connection when part of
// an answer is out.
func finish(w http.ResponseWriter, r *http.Request, err error) {
	if resp, ok := w.(*response); ok && resp.wrote {
		s := scopeOf(r.Context())
		s.logger().WarnContext(r.Context(), "answer broken off", "requestId", s.id, "path", r.URL.Path, "error", err)
		panic(http.ErrAbortHandler)
	}
	WriteError(w, r, err)
}
