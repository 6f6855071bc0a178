package hosttest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/plugin"
)

// T is the part of testing.TB that is used here.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
	Context() context.Context
}

// Now is the time in tests.
var Now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Config is a plugin.Config over JSON.
type Config struct {
	mu   sync.Mutex
	root any
	subs []func()
}

// NewConfig reads a configuration.
func NewConfig(t T, text string) *Config {
	t.Helper()
	c := &Config{}
	c.Set(t, text)
	return c
}

// Set replaces the configuration and tells the subscribers.
func (c *Config) Set(t T, text string) {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		t.Fatalf("configuration of the test: %v", err)
	}
	c.mu.Lock()
	c.root = root
	subs := slices.Clone(c.subs)
	c.mu.Unlock()
	for _, fn := range subs {
		fn()
	}
}

func (c *Config) at(path string) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.root
	for key := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[key]; !ok {
			return nil, false
		}
	}
	return v, v != nil
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
	data, err := json.Marshal(v)
	if err != nil {
		return err //nolint:wrapcheck // a test
	}
	return json.Unmarshal(data, into) //nolint:wrapcheck // a test
}

// Subscribe implements plugin.Config.
func (c *Config) Subscribe(fn func()) { c.subs = append(c.subs, fn) }

// Portal records what a plugin registers and plays the portal.
type Portal struct {
	Config     *Config
	Host       *plugin.Host
	URLs       plugin.URLHost
	Providers  []catalog.Provider
	Tasks      []plugin.Task
	Processors []catalog.Processor
	Checks     map[string]func(context.Context, http.Header, []byte) error

	mu        sync.Mutex
	now       time.Time
	handlers  map[string][]func(context.Context, plugin.Event) error
	triggered []string
}

// New returns a portal with the configuration.
func New(t T, config string) *Portal {
	t.Helper()
	p := &Portal{
		Config: NewConfig(t, config), Checks: map[string]func(context.Context, http.Header, []byte) error{},
		handlers: map[string][]func(context.Context, plugin.Event) error{}, now: Now,
	}
	p.Host = &plugin.Host{
		Config: p.Config, Logger: slog.New(slog.DiscardHandler), Clock: p.Clock, NewID: func() string { return "id" },
		Schedule: schedule{p}, Catalog: extensions{p}, URLs: urls{p}, Events: exchange{p},
	}
	return p
}

// Clock is the portal's clock.
func (p *Portal) Clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// Advance moves the clock.
func (p *Portal) Advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

// Connect connects the named provider and returns what it will hand over.
func (p *Portal) Connect(t T, name string) *Connection {
	t.Helper()
	for _, provider := range p.Providers {
		if provider.Name() == name {
			conn := &Connection{}
			if err := provider.Connect(t.Context(), conn); err != nil {
				t.Fatalf("connect %s: %v", name, err)
			}
			return conn
		}
	}
	t.Fatalf("there is no provider %s", name)
	return nil
}

// Run runs a task of the plugin.
func (p *Portal) Run(t T, id string) error {
	t.Helper()
	for _, task := range p.Tasks {
		if task.ID == id {
			return task.Run(t.Context())
		}
	}
	t.Fatalf("there is no task %s", id)
	return nil
}

// Send gives an event to the subscribers, without any check.
func (p *Portal) Send(t T, topic string, body []byte, header map[string]string) error {
	t.Helper()
	var payload any
	if err := json.Unmarshal(body, &payload); err != nil {
		t.Fatalf("event of the test: %v", err)
	}
	var errs []error
	for _, fn := range p.handlers[topic] {
		errs = append(errs, fn(t.Context(), plugin.Event{Topic: topic, Payload: payload, Metadata: header}))
	}
	return errors.Join(errs...)
}

// Triggered returns the tasks that were asked for since the last call, sorted.
func (p *Portal) Triggered() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.triggered
	p.triggered = nil
	slices.Sort(out)
	return out
}

// Read reads a URL through the plugin's host.
func (p *Portal) Read(t T, target string, opts plugin.ReadOptions) (plugin.File, error) {
	t.Helper()
	return p.URLs.Read(t.Context(), p.parse(t, target), opts)
}

// Tree reads a folder through the plugin's host.
func (p *Portal) Tree(t T, target string, opts plugin.ReadOptions) (plugin.Tree, error) {
	t.Helper()
	return p.URLs.Tree(t.Context(), p.parse(t, target), opts)
}

// Search searches through the plugin's host.
func (p *Portal) Search(t T, target string, opts plugin.ReadOptions) ([]plugin.File, error) {
	t.Helper()
	return p.URLs.Search(t.Context(), p.parse(t, target), opts)
}

// Describe describes through the plugin's host.
func (p *Portal) Describe(t T, target string) plugin.URLInfo {
	t.Helper()
	return p.URLs.Describe(p.parse(t, target))
}

func (p *Portal) parse(t T, target string) *url.URL {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatalf("URL of the test: %v", err)
	}
	if !p.URLs.Serves(u) {
		t.Fatalf("%s is not served", target)
	}
	return u
}

type schedule struct{ p *Portal }

func (s schedule) Add(t plugin.Task) { s.p.Tasks = append(s.p.Tasks, t) }
func (s schedule) Trigger(_ context.Context, id string) error {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.triggered = append(s.p.triggered, id)
	return nil
}

type extensions struct{ p *Portal }

func (x extensions) AddProcessor(pr catalog.Processor) {
	x.p.Processors = append(x.p.Processors, pr)
}
func (x extensions) AddProvider(pr catalog.Provider) { x.p.Providers = append(x.p.Providers, pr) }
func (x extensions) Reader() catalog.Reader          { return nil }
func (x extensions) Feed() catalog.Feed              { return nil }

type urls struct{ p *Portal }

func (u urls) Reader() plugin.URLReader { return nil }
func (u urls) Add(h plugin.URLHost) {
	if u.p.URLs != nil {
		h = both{u.p.URLs, h}
	}
	u.p.URLs = h
}

// both is two URL hosts, of which the one that serves a URL answers.
type both [2]plugin.URLHost

func (b both) of(u *url.URL) plugin.URLHost {
	if b[0].Serves(u) {
		return b[0]
	}
	return b[1]
}

func (b both) Serves(u *url.URL) bool             { return b[0].Serves(u) || b[1].Serves(u) }
func (b both) Describe(u *url.URL) plugin.URLInfo { return b.of(u).Describe(u) }

func (b both) Read(ctx context.Context, u *url.URL, o plugin.ReadOptions) (plugin.File, error) {
	return b.of(u).Read(ctx, u, o)
}

func (b both) Tree(ctx context.Context, u *url.URL, o plugin.ReadOptions) (plugin.Tree, error) {
	return b.of(u).Tree(ctx, u, o)
}

func (b both) Search(ctx context.Context, u *url.URL, o plugin.ReadOptions) ([]plugin.File, error) {
	return b.of(u).Search(ctx, u, o)
}

type exchange struct{ p *Portal }

func (x exchange) Publish(context.Context, plugin.Event) error { return nil }

func (x exchange) Subscribe(topic string, fn func(context.Context, plugin.Event) error) {
	x.p.handlers[topic] = append(x.p.handlers[topic], fn)
}

func (x exchange) Receive(topic string, check func(context.Context, http.Header, []byte) error) {
	x.p.Checks[topic] = check
}

// Connection records mutations. It is a catalog.Connection.
type Connection struct {
	mu        sync.Mutex
	mutations []catalog.Mutation
	refreshed []string
}

// Apply implements catalog.Connection.
func (c *Connection) Apply(_ context.Context, m catalog.Mutation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mutations = append(c.mutations, m)
	return nil
}

// Refresh implements catalog.Connection.
func (c *Connection) Refresh(_ context.Context, keys []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshed = append(c.refreshed, keys...)
	return nil
}

// Take returns the mutations since the last call.
func (c *Connection) Take() []catalog.Mutation {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.mutations
	c.mutations = nil
	return out
}

// Refreshed returns the keys that were refreshed since the last call, sorted.
func (c *Connection) Refreshed() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.refreshed
	c.refreshed = nil
	slices.Sort(out)
	return out
}

// Targets returns the targets of Location entities, sorted.
func Targets(deferred []catalog.Deferred) []string {
	var out []string
	for _, d := range deferred {
		out = append(out, d.Entity.SpecString("target"))
	}
	slices.Sort(out)
	return out
}
