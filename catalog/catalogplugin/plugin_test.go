package catalogplugin_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/catalogplugin"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

// host is a portal with nothing but the catalog.
type host struct {
	t       *testing.T
	mux     *httpx.Mux
	mu      sync.Mutex
	config  map[string]any
	reload  []func()
	actors  []func(context.Context) error
	ready   []func() bool
	events  map[string][]func(context.Context, plugin.Event) error
	catalog *catalogplugin.Catalog
	files   map[string]string
	reads   []string
}

func (h *host) Handle(pattern string, _ plugin.Access, fn func(http.ResponseWriter, *http.Request) error) {
	h.mux.Handle(pattern, httpx.Default, fn)
}
func (h *host) Go(_ string, fn func(context.Context) error) { h.actors = append(h.actors, fn) }
func (h *host) Ready(_ string, fn func() bool)              { h.ready = append(h.ready, fn) }
func (h *host) Reader() plugin.URLReader                    { return h }
func (*host) Add(plugin.URLHost)                            {}
func (h *host) Read(_ context.Context, target string, _ plugin.ReadOptions) (plugin.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reads = append(h.reads, target)
	text, ok := h.files[target]
	if !ok {
		return plugin.File{}, fault.New(fault.NotFound, "no such file")
	}
	return plugin.File{URL: target, Data: []byte(text)}, nil
}

func (*host) Tree(context.Context, string, plugin.ReadOptions) (plugin.Tree, error) {
	return plugin.Tree{}, fault.New(fault.NotImplemented, "no trees here")
}

func (h *host) Search(ctx context.Context, target string, o plugin.ReadOptions) ([]plugin.File, error) {
	f, err := h.Read(ctx, target, o)
	return []plugin.File{f}, err
}

func (*host) Describe(string) (plugin.URLInfo, bool)                           { return plugin.URLInfo{}, false }
func (*host) Publish(context.Context, plugin.Event) error                      { return nil }
func (*host) Receive(string, func(context.Context, http.Header, []byte) error) {}
func (h *host) Subscribe(topic string, fn func(context.Context, plugin.Event) error) {
	h.events[topic] = append(h.events[topic], fn)
}

// settings is the configuration of the host.
type settings struct{ h *host }

func (s settings) at(path string) (any, bool) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	var v any = s.h.config
	for part := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		var ok bool
		if v, ok = m[part]; !ok {
			return nil, false
		}
	}
	return v, true
}
func (s settings) Has(path string) bool { _, ok := s.at(path); return ok }
func (s settings) Keys(path string) []string {
	v, _ := s.at(path)
	var keys []string
	m, _ := v.(map[string]any)
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (s settings) Decode(path string, into any) error {
	v, ok := s.at(path)
	if !ok {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}
func (s settings) Subscribe(fn func()) { s.h.reload = append(s.h.reload, fn) }

// change gives the catalog another configuration.
func (h *host) change(config map[string]any) {
	h.mu.Lock()
	h.config = config
	h.mu.Unlock()
	for _, fn := range h.reload {
		fn()
	}
}

func start(t *testing.T, config map[string]any, extend func(plugin.Catalog)) *host {
	t.Helper()
	h := &host{t: t, config: config, events: map[string][]func(context.Context, plugin.Event) error{}, files: map[string]string{}}
	h.mux = httpx.NewMux("catalog", "/api/catalog", httpx.Guard{Authenticate: func(r *http.Request) (context.Context, error) {
		return identity.NewContext(r.Context(), identity.Principal{Kind: identity.User, Subject: "user:default/jane"}), nil
	}})
	h.catalog = catalogplugin.New(catalogplugin.Deps{DB: dbtest.SQLite(t), Dir: t.TempDir()})
	err := h.catalog.Init(t.Context(), &plugin.Host{
		Config: settings{h}, Logger: slog.New(slog.DiscardHandler), Clock: time.Now, NewID: uuid.NewString,
		HTTP: h, Actors: h, Catalog: h.catalog.Extensions(), URLs: h, Events: h, Permissions: &plugintest.Permissions{}, Audit: audit.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	if extend != nil {
		extend(h.catalog.Extensions())
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, len(h.actors))
	for _, fn := range h.actors {
		go func() { done <- fn(ctx) }()
	}
	t.Cleanup(func() {
		stop()
		for range h.actors {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	h.idle()
	return h
}

func (h *host) idle() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	if err := h.catalog.WaitIdle(ctx); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) get(path string) (int, string) {
	rec := httptest.NewRecorder()
	h.mux.ServeHTTP(rec, httptest.NewRequestWithContext(h.t.Context(), http.MethodGet, "/api/catalog"+path, nil))
	return rec.Code, rec.Body.String()
}

// await polls the read model: a changed configuration is taken up by an actor.
func (h *host) await(path string, want func(status int, body string) bool) {
	h.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		status, body := h.get(path)
		if want(status, body) {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("waited in vain: %s is %d %s", path, status, body)
		}
		select {
		case <-h.t.Context().Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func status(want int) func(int, string) bool {
	return func(got int, _ string) bool { return got == want }
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "catalog-info.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func entity(kind, name string) string {
	return "apiVersion: backstage.io/v1alpha1\nkind: " + kind + "\nmetadata: {name: " + name + "}\nspec: {type: service, lifecycle: production, owner: team-a}\n"
}

func locations(items ...map[string]any) map[string]any {
	list := make([]any, len(items))
	for i, item := range items {
		list[i] = item
	}
	return map[string]any{"catalog": map[string]any{"locations": list}}
}

func TestCatalog_FollowsItsConfiguration(t *testing.T) {
	t.Parallel()
	file := write(t, entity("Component", "one")+"---\n"+entity("Resource", "two"))
	at := map[string]any{"type": "file", "target": file}
	h := start(t, locations(at), nil)
	if code, body := h.get("/entities/by-name/component/default/one"); code != 200 {
		t.Fatalf("the component of the configured file: %d %s", code, body)
	}
	if code, _ := h.get("/entities/by-name/resource/default/two"); code != 404 {
		t.Fatalf("the rules do not allow resources, and yet: %d", code)
	}
	h.change(locations(map[string]any{"type": "file", "target": file, "rules": []any{map[string]any{"allow": []any{"Component", "Resource"}}}}))
	h.await("/entities/by-name/resource/default/two", status(200))
	h.change(map[string]any{"catalog": map[string]any{"locations": []any{map[string]any{"type": "file"}}}}) // refused
	h.change(locations())
	h.await("/entities/by-name/component/default/one", status(404))
}

func TestCatalog_RefusesToStartWithWrongSettings(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]map[string]any{
		"a location without target": locations(map[string]any{"type": "file"}),
		"a rule without kind":       {"catalog": map[string]any{"rules": []any{map[string]any{"allow": []any{""}}}}},
		"an unknown strategy":       {"catalog": map[string]any{"orphanStrategy": "forget"}},
		"a bad interval":            {"catalog": map[string]any{"processingInterval": "soon"}},
		"an incomplete kind":        {"catalog": map[string]any{"kinds": []any{map[string]any{"title": "x"}}}},
	} {
		h := &host{t: t, config: config, events: map[string][]func(context.Context, plugin.Event) error{}}
		h.mux = httpx.NewMux("catalog", "/api/catalog", httpx.Guard{})
		err := catalogplugin.New(catalogplugin.Deps{DB: dbtest.SQLite(t)}).Init(t.Context(), &plugin.Host{
			Config: settings{h}, Logger: slog.New(slog.DiscardHandler), Clock: time.Now, NewID: uuid.NewString,
			HTTP: h, Actors: h, URLs: h, Events: h, Permissions: &plugintest.Permissions{}, Audit: audit.Discard,
		})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCatalog_RefreshesWhatWasPushed(t *testing.T) {
	t.Parallel()
	const target = "https://github.com/acme/shop/blob/main/catalog-info.yaml"
	h := start(t, nil, nil)
	h.files[target] = entity("Component", "before")
	h.change(locations(map[string]any{"type": "url", "target": target}))
	h.await("/entities/by-name/component/default/before", status(200))
	h.idle()
	h.mu.Lock()
	h.files[target] = entity("Component", "after")
	h.mu.Unlock()
	event := plugin.Event{
		Topic: "github", Metadata: map[string]string{"x-github-event": "push"},
		Payload: []byte(`{"ref":"refs/heads/main","repository":{"html_url":"https://github.com/acme/shop","default_branch":"main"},"commits":[{"modified":["catalog-info.yaml"]}]}`),
	}
	for _, fn := range h.events["github"] {
		if err := fn(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	h.idle()
	if code, _ := h.get("/entities/by-name/component/default/after"); code != 200 {
		t.Errorf("after the push: %d", code)
	}
	if code, _ := h.get("/entities/by-name/component/default/before"); code != 404 {
		t.Errorf("what the push took out: %d", code)
	}
}

// badge adds a label to every component.
type badge struct{}

func (badge) Name() string { return "Badge" }
func (badge) PreProcess(_ context.Context, e catalog.Entity, _ catalog.Location, _ catalog.Emitter) (catalog.Entity, error) {
	if e.Kind() == "Component" {
		e.Metadata()["labels"] = map[string]any{"badge": "yes"}
	}
	return e, nil
}

// people provides entities.
type people struct{ conn chan catalog.Connection }

func (people) Name() string { return "people" }
func (p people) Connect(_ context.Context, c catalog.Connection) error {
	p.conn <- c
	return nil
}

func TestCatalog_TakesProcessorsAndProvidersOfOtherPlugins(t *testing.T) {
	t.Parallel()
	p := people{conn: make(chan catalog.Connection, 1)}
	h := start(t, nil, func(c plugin.Catalog) {
		c.AddProcessor(badge{})
		c.AddProvider(p)
	})
	changed := make(chan []catalog.Change, 16)
	cancel := h.catalog.Extensions().Feed().Subscribe(func(c []catalog.Change) { changed <- c })
	defer cancel()
	err := (<-p.conn).Apply(t.Context(), catalog.Mutation{Full: true, Added: []catalog.Deferred{{Entity: catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": "Component",
		"metadata": map[string]any{"name": "provided", "annotations": map[string]any{
			catalog.AnnotationManagedByLocation: "url:https://example.com", catalog.AnnotationManagedByOriginLocation: "url:https://example.com",
		}},
		"spec": map[string]any{"type": "service", "lifecycle": "production", "owner": "team-a"},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	h.idle()
	e, err := h.catalog.Extensions().Reader().EntityByRef(t.Context(), catalog.MustRef("component:default/provided"))
	if err != nil {
		t.Fatal(err)
	}
	if labels, _ := e.Metadata()["labels"].(map[string]any); labels["badge"] != "yes" {
		t.Errorf("the processor was not asked: %v", e)
	}
	if c := <-changed; len(c) == 0 || c[0].Ref != "component:default/provided" {
		t.Errorf("the feed tells %v", c)
	}
}
