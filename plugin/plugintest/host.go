package plugintest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
)

// Host is a portal with one plugin.
type Host struct {
	// Actors are what the plugin wants to run, by name.
	Actors map[string]func(context.Context) error
	// Tasks are what the plugin has scheduled, by id.
	Tasks map[string]plugin.Task
	// Config is the configuration, which can be replaced.
	Config *Config

	tb         testing.TB
	root       *httpx.Root
	mux        *httpx.Mux
	reader     catalog.Reader
	tokens     *Tokens
	documented *documented
}

// Options describe the portal. Zero values are an empty configuration and an
// empty catalog.
type Options struct {
	Config map[string]any
	Reader catalog.Reader
	Tokens *Tokens
	Clock  func() time.Time
	// Permissions is the permission framework; nil allows everything.
	Permissions *Permissions
	// Audit is the audit log; nil keeps nothing.
	Audit audit.Log
	// Document is the plugin's OpenAPI document as JSON. When it is given, the
	// test fails for routes and answers that it does not describe.
	Document []byte
}

// New initialises the plugin. The host's actors do not run until [Host.Run].
func New(tb testing.TB, pl plugin.Plugin, o Options) *Host {
	tb.Helper()
	h := &Host{
		tb: tb, Actors: map[string]func(context.Context) error{}, Tasks: map[string]plugin.Task{},
		Config: &Config{values: o.Config}, reader: o.Reader, tokens: o.Tokens,
	}
	if h.tokens == nil {
		h.tokens = &Tokens{}
	}
	if o.Permissions == nil {
		o.Permissions = &Permissions{}
	}
	if o.Audit == nil {
		o.Audit = audit.Discard
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	var err error
	h.root, err = httpx.NewRoot(httpx.RootOptions{Guard: httpx.Guard{
		Authenticate: func(r *http.Request) (context.Context, error) {
			p, err := h.tokens.Authenticate(r)
			return identity.NewContext(r.Context(), p), err
		},
		Admit: func(ctx context.Context, _ string, access httpx.Access) error {
			p := identity.FromContext(ctx)
			return access.Check(string(p.Kind), p.Limited)
		},
		Caller: func(ctx context.Context) string { return identity.FromContext(ctx).Subject },
	}})
	if err != nil {
		tb.Fatal(err)
	}
	h.mux = h.root.Plugin(pl.ID())
	if o.Document != nil {
		h.documented = newDocumented(tb, o.Document)
	}
	err = pl.Init(tb.Context(), &plugin.Host{
		Config: h.Config, Logger: slog.New(slog.DiscardHandler), Clock: o.Clock, NewID: uuid.NewString,
		HTTP: router{h.mux, h.documented}, Actors: actors{h}, Schedule: scheduler{h}, Catalog: readOnly{h.reader},
		Permissions: o.Permissions, Audit: o.Audit,
	})
	if err != nil {
		tb.Fatalf("initialise %s: %v", pl.ID(), err)
	}
	if h.documented != nil {
		h.documented.compare(h.mux.Routes())
	}
	h.root.Started()
	return h
}

// ServeHTTP implements http.Handler with the routes of the plugin.
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.root.ServeHTTP(w, r) }

// Run runs the plugin's actors until the test ends or stop is called.
func (h *Host) Run() (stop func()) {
	h.tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.tb.Context()))
	var wg sync.WaitGroup
	for name, run := range h.Actors {
		wg.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				h.tb.Errorf("actor %s: %v", name, err)
			}
		})
	}
	stop = func() {
		cancel()
		wg.Wait()
	}
	h.tb.Cleanup(stop)
	return stop
}

// Call sends a request with the token and a JSON body, if there is one, and
// returns the answer.
func (h *Host) Call(method, path, token string, body any) *httptest.ResponseRecorder {
	h.tb.Helper()
	r := httptest.NewRequestWithContext(h.tb.Context(), method, path, nil)
	if body != nil {
		raw, ok := body.(json.RawMessage)
		if !ok {
			var err error
			if raw, err = json.Marshal(body); err != nil {
				h.tb.Fatal(err)
			}
		}
		r = httptest.NewRequestWithContext(h.tb.Context(), method, path, bytes.NewReader(raw))
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Decode calls and decodes the answer, which must have the status.
func (h *Host) Decode(method, path, token string, body any, status int, into any) {
	h.tb.Helper()
	w := h.Call(method, path, token, body)
	if w.Code != status {
		h.tb.Fatalf("%s %s: status %d, want %d: %s", method, path, w.Code, status, w.Body)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		h.tb.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
	}
}

// Tokens is an identity.Authenticator that knows fixed tokens. The token
// "guest" is user:default/guest and "service" the service peer-bench, unless
// they are set otherwise.
type Tokens struct {
	mu    sync.Mutex
	known map[string]identity.Principal
}

// Set makes the token that of the principal.
func (t *Tokens) Set(token string, p identity.Principal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = map[string]identity.Principal{}
	}
	t.known[token] = p
}

// Revoke makes the token a bad one.
func (t *Tokens) Revoke(token string) { t.Set(token, identity.Principal{}) }

// Authenticate implements identity.Authenticator. A cookie backstage-auth
// counts as a limited token.
func (t *Tokens) Authenticate(r *http.Request) (identity.Principal, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	limited := false
	if !ok {
		cookie, err := r.Cookie("backstage-auth")
		if err != nil {
			return identity.Principal{}, nil
		}
		token, limited = cookie.Value, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p, ok := t.known[token]
	switch {
	case ok && p.Kind == identity.Anonymous:
		return p, fault.New(fault.Unauthenticated, "Illegal token")
	case ok:
	case token == "guest":
		p = identity.Principal{Kind: identity.User, Subject: "user:default/guest", Ownership: []string{"user:default/guest", "group:default/guests"}}
	case token == "service":
		p = identity.Principal{Kind: identity.Service, Subject: "peer-bench"}
	default:
		return p, fault.New(fault.Unauthenticated, "Illegal token")
	}
	p.Limited, p.Token = p.Limited || limited, token
	return p, nil
}

// Config is a plugin.Config over a map.
type Config struct {
	mu     sync.Mutex
	values map[string]any
	reload []func()
}

// Replace changes the configuration, as a reload does.
func (c *Config) Replace(values map[string]any) {
	c.mu.Lock()
	c.values = values
	reload := slices.Clone(c.reload)
	c.mu.Unlock()
	for _, fn := range reload {
		fn()
	}
}

func (c *Config) at(path string) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var v any = c.values
	for part := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		var ok bool
		if v, ok = m[part]; !ok {
			return nil, false
		}
	}
	return v, true
}

// Has implements plugin.Config.
func (c *Config) Has(path string) bool { _, ok := c.at(path); return ok }

// Keys implements plugin.Config.
func (c *Config) Keys(path string) []string {
	v, _ := c.at(path)
	m, _ := v.(map[string]any)
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Decode implements plugin.Config.
func (c *Config) Decode(path string, into any) error {
	v, ok := c.at(path)
	if !ok {
		return nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Subscribe implements plugin.Config.
func (c *Config) Subscribe(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reload = append(c.reload, fn)
}

type router struct {
	mux        *httpx.Mux
	documented *documented
}

// Handle implements plugin.Router.
func (r router) Handle(pattern string, access plugin.Access, h func(http.ResponseWriter, *http.Request) error) {
	kinds := map[plugin.Access]httpx.Access{
		plugin.UsersAndServices: httpx.Default,
		plugin.UsersOnly:        httpx.AllowUser,
		plugin.ServicesOnly:     httpx.AllowService,
		plugin.AnyoneWithCookie: httpx.Default | httpx.AllowCookie,
		plugin.Unauthenticated:  httpx.AllowAnonymous,
	}
	if r.documented != nil {
		_, path, _ := strings.Cut(pattern, " ")
		h = r.documented.check(path, h)
	}
	r.mux.Handle(pattern, kinds[access], h)
}

type actors struct{ h *Host }

// Go implements plugin.Actors.
func (a actors) Go(name string, fn func(context.Context) error) { a.h.Actors[name] = fn }

// Ready implements plugin.Actors.
func (actors) Ready(string, func() bool) {}

type scheduler struct{ h *Host }

// Add implements plugin.Scheduler.
func (s scheduler) Add(t plugin.Task) { s.h.Tasks[t.ID] = t }

// Trigger implements plugin.Scheduler.
func (s scheduler) Trigger(ctx context.Context, id string) error { return s.h.Tasks[id].Run(ctx) }

// readOnly is a plugin.Catalog that only reads.
type readOnly struct{ reader catalog.Reader }

// AddProcessor implements plugin.Catalog.
func (readOnly) AddProcessor(catalog.Processor) {}

// AddProvider implements plugin.Catalog.
func (readOnly) AddProvider(catalog.Provider) {}

// Reader implements plugin.Catalog.
func (c readOnly) Reader() catalog.Reader { return c.reader }

// Feed implements plugin.Catalog.
func (c readOnly) Feed() catalog.Feed { feed, _ := c.reader.(catalog.Feed); return feed }
