package discovery

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/plugin"
)

// The times that apply where a schedule names none.
const (
	DefaultEvery   = 30 * time.Minute
	DefaultTimeout = 3 * time.Minute
)

// Schedule is the schedule object of a provider's configuration.
type Schedule struct {
	Frequency    Frequency       `json:"frequency"`
	Timeout      plugin.Duration `json:"timeout"`
	InitialDelay plugin.Duration `json:"initialDelay"`
	Scope        string          `json:"scope"`
}

// Frequency is a duration. A cron expression is kept, so that whoever uses it
// can say that it is not served.
type Frequency struct {
	Every time.Duration
	Cron  string
}

// UnmarshalJSON reads a duration or an object with cron.
func (f *Frequency) UnmarshalJSON(data []byte) error {
	var cron struct {
		Cron string `json:"cron"`
	}
	if json.Unmarshal(data, &cron) == nil && cron.Cron != "" {
		f.Cron = cron.Cron
		return nil
	}
	var d plugin.Duration
	if err := json.Unmarshal(data, &d); err != nil {
		return fmt.Errorf("schedule.frequency: %w", err)
	}
	f.Every = time.Duration(d)
	return nil
}

// Provider is one entity provider. It implements catalog.Provider.
type Provider struct {
	name string
	log  *slog.Logger
	run  func(ctx context.Context, p *Provider) error

	once      sync.Once
	connected chan struct{}
	conn      catalog.Connection
}

// New returns a provider whose scheduled run is run.
func New(name string, log *slog.Logger, run func(ctx context.Context, p *Provider) error) *Provider {
	return &Provider{name: name, log: log.With("provider", name), run: run, connected: make(chan struct{})}
}

// Name implements catalog.Provider.
func (p *Provider) Name() string { return p.name }

// TaskID is the id of the scheduled task.
func (p *Provider) TaskID() string { return p.name + ":refresh" }

// Connect implements catalog.Provider.
func (p *Provider) Connect(_ context.Context, conn catalog.Connection) error {
	p.once.Do(func() {
		p.conn = conn
		close(p.connected)
	})
	return nil
}

// Connected reports whether the catalog has connected the provider.
func (p *Provider) Connected() bool {
	select {
	case <-p.connected:
		return true
	default:
		return false
	}
}

// Connection waits for the catalog to connect the provider.
func (p *Provider) Connection(ctx context.Context) (catalog.Connection, error) {
	select {
	case <-p.connected:
		return p.conn, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the catalog: %w", ctx.Err())
	}
}

// Register adds the provider to the catalog and its run to the schedule.
// A provider that catalog.providerOptions disables is left out.
func (p *Provider) Register(ctx context.Context, h *plugin.Host, s Schedule) error {
	var options map[string]struct {
		Disabled bool `json:"disabled"`
	}
	if err := h.Config.Decode("catalog.providerOptions", &options); err != nil {
		return fmt.Errorf("read catalog.providerOptions: %w", err)
	}
	if options[p.name].Disabled {
		p.log.InfoContext(ctx, "this provider is disabled")
		return nil
	}
	if s.Frequency.Cron != "" {
		p.log.WarnContext(ctx, "cron expressions are not served for providers, so this one runs at the default interval",
			"cron", s.Frequency.Cron, "every", DefaultEvery)
	}
	task := plugin.Task{
		ID: p.TaskID(), Every: s.Frequency.Every, Timeout: time.Duration(s.Timeout),
		InitialDelay: time.Duration(s.InitialDelay), Run: p.Run,
	}
	switch s.Scope {
	case "", "global":
	case "local":
		task.Local = true
	default:
		return fail.New(fail.Invalid, "the schedule of %s has the scope %q; it is global or local", p.name, s.Scope)
	}
	if task.Every <= 0 {
		task.Every = DefaultEvery
	}
	if task.Timeout <= 0 {
		task.Timeout = DefaultTimeout
	}
	h.Catalog.AddProvider(p)
	h.Schedule.Add(task)
	return nil
}

// Run is one scheduled run. It waits for the catalog first.
func (p *Provider) Run(ctx context.Context) error {
	if _, err := p.Connection(ctx); err != nil {
		return err
	}
	if err := p.run(ctx, p); err != nil {
		return fmt.Errorf("%s keeps what it found before: %w", p.name, err)
	}
	return nil
}

// Replace makes the entities the provider's whole set.
func (p *Provider) Replace(ctx context.Context, entities []catalog.Deferred) error {
	return p.apply(ctx, catalog.Mutation{Full: true, Added: entities, Cause: catalog.Cause{Kind: "provider", Source: p.name}})
}

// Change adds and removes entities because of an event.
func (p *Provider) Change(ctx context.Context, added, removed []catalog.Deferred, commit string) error {
	if len(added)+len(removed) == 0 {
		return nil
	}
	return p.apply(ctx, catalog.Mutation{
		Added: added, Removed: removed, Cause: catalog.Cause{Kind: "webhook", Source: p.name, Commit: commit},
	})
}

func (p *Provider) apply(ctx context.Context, m catalog.Mutation) error {
	conn, err := p.Connection(ctx)
	if err != nil {
		return err
	}
	if err := conn.Apply(ctx, m); err != nil {
		return fmt.Errorf("hand entities to the catalog: %w", err)
	}
	p.log.InfoContext(ctx, "entities handed to the catalog", "full", m.Full, "added", len(m.Added), "removed", len(m.Removed))
	return nil
}

// Entries reads the configurations of a provider that is written either as one
// object, known by one of the keys in single, or as an object of objects by id.
// The single one has the id "default".
func Entries(c plugin.Config, path string, single ...string) []Entry {
	for _, key := range single {
		if c.Has(path+"."+key) && len(c.Keys(path+"."+key)) == 0 {
			return []Entry{{ID: "default", Path: path}}
		}
	}
	var out []Entry
	for _, id := range c.Keys(path) {
		if strings.Contains(id, ".") {
			continue // dotted paths cannot reach it
		}
		out = append(out, Entry{ID: id, Path: path + "." + id})
	}
	return out
}

// Entry is one configured provider.
type Entry struct{ ID, Path string }
