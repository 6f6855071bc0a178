package catalogplugin

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
	"github.com/stagedoor/stagedoor/plugin"
)

// run is the catalog's actor. A changed configuration of kinds, rules or
// processors ends the engine and begins another one; nothing is lost, because
// what is due stands in the database.
func (c *Catalog) run(ctx context.Context) error {
	stop := sync.OnceFunc(func() { close(c.stopping) })
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	err := c.runEngines(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // whatever was broken off, the end was asked for
	}
	return err
}

func (c *Catalog) runEngines(ctx context.Context) error {
	s, err := c.readSettings()
	if err != nil {
		return err
	}
	first := true
	for ctx.Err() == nil {
		engine, err := c.assemble(s)
		if err != nil {
			return err
		}
		if first {
			if err := c.connect(ctx, s); err != nil {
				return err
			}
			first = false
		}
		if err := engine.SetConfigLocations(ctx, s.configLocations()); err != nil {
			return fmt.Errorf("set the configured locations: %w", err)
		}
		if err := engine.Load(ctx); err != nil {
			return err
		}
		c.startOne.Do(func() { close(c.started) })
		// The order of every list page, so that no visitor waits for it.
		c.index.Snapshot().Warm("metadata.name", "metadata.uid")
		if s, err = c.runUntilChanged(ctx, engine, s); err != nil {
			return err
		}
	}
	return nil
}

// assemble builds the chain of processing and the engine, and makes the
// service use them.
func (c *Catalog) assemble(s settings) (*ingest.Engine, error) {
	kinds, err := model.New(s.Model)
	if err != nil {
		return nil, fmt.Errorf("read the kinds: %w", err)
	}
	rules, err := s.rules()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	processors := slices.Clone(c.processors)
	c.mu.Unlock()
	pipeline := process.New(process.Deps{
		Model: kinds, Reader: urlReader{c.urls}, Rules: rules, Processors: processors, Options: s.ProcessorOptions,
		Strict: c.deps.Strict, MergeKeys: s.MergeKeys, Clock: c.clock, Logger: c.log, Registered: c.registered,
	})
	engine := ingest.New(ingest.Deps{
		Store: c.store, Pipeline: pipeline, Sink: c.index, Clock: c.clock, NewID: c.newID, Logger: c.log,
		Interval: s.Interval, OrphanStrategy: s.OrphanStrategy, Strict: c.deps.Strict, Watch: s.Watch,
	})
	c.engine.Store(engine)
	c.service.Use(service.Parts{Engine: engine, Pipeline: pipeline, Model: kinds})
	return engine, nil
}

func (c *Catalog) registered(ctx context.Context, at catalog.Location) (bool, error) {
	_, err := c.engine.Load().LocationAt(ctx, at)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// connect hands the providers their connections and removes the entities of
// providers that no longer exist.
func (c *Catalog) connect(ctx context.Context, s settings) error {
	c.mu.Lock()
	providers := slices.Clone(c.providers)
	c.mu.Unlock()
	var names []string
	for _, p := range providers {
		name := p.Name()
		if s.ProviderOptions[name].Disabled {
			continue
		}
		if slices.Contains(names, name) {
			return fault.Newf(fault.Invalid, "two entity providers are called %s", name)
		}
		names = append(names, name)
		if err := p.Connect(ctx, connection{c, name}); err != nil {
			return fmt.Errorf("connect the provider %s: %w", name, err)
		}
	}
	if s.OrphanProviderStrategy == ingest.OrphansKeep {
		return nil
	}
	return c.engine.Load().RemoveMissingProviders(ctx, names)
}

// connection leads a provider to the engine of the moment.
type connection struct {
	c    *Catalog
	name string
}

// Apply implements catalog.Connection.
func (x connection) Apply(ctx context.Context, m catalog.Mutation) error {
	return x.c.engine.Load().Connection(x.name).Apply(ctx, m)
}

// Refresh implements catalog.Connection.
func (x connection) Refresh(ctx context.Context, keys []string) error {
	return x.c.engine.Load().Connection(x.name).Refresh(ctx, keys)
}

// runUntilChanged runs the engine until ctx ends or the settings change in a
// way that needs another engine, and returns the settings of then.
func (c *Catalog) runUntilChanged(ctx context.Context, engine *ingest.Engine, s settings) (settings, error) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(running) }() // waited for below
	for {
		select {
		case err := <-ended:
			return s, err
		case <-c.reload:
		}
		next, err := c.readSettings()
		if err == nil {
			err = next.check()
		}
		if err != nil {
			c.log.ErrorContext(ctx, "the catalog keeps its settings", "error", err)
			continue
		}
		if next.checks() == s.checks() {
			if err := engine.SetConfigLocations(ctx, next.configLocations()); err != nil && ctx.Err() == nil {
				c.log.ErrorContext(ctx, "the configured locations were not changed", "error", err)
				continue
			}
			s = next
			continue
		}
		c.log.InfoContext(ctx, "the catalog starts anew with changed kinds, rules or processors")
		stop()
		if err := <-ended; err != nil {
			return s, err
		}
		return next, nil
	}
}

// configChanged asks the actor to look at the configuration.
func (c *Catalog) configChanged() {
	select {
	case c.reload <- struct{}{}:
	default:
	}
}

// pushed refreshes what a push to a repository changed.
func (c *Catalog) pushed(ctx context.Context, e plugin.Event) error {
	if e.Metadata["x-github-event"] != "push" || !c.isStarted() {
		return nil
	}
	push, ok, err := service.ParseGitHubPush(e.Payload)
	if err != nil || !ok {
		return err
	}
	n, err := c.service.RefreshPushed(ctx, push)
	if err != nil {
		return fmt.Errorf("refresh what was pushed to %s: %w", push.RepoURL, err)
	}
	c.log.InfoContext(ctx, "a push refreshes locations", "repository", push.RepoURL, "branch", push.Branch, "locations", n)
	return nil
}

// urlReader is the portal's reader in the words of the ground floor.
type urlReader struct{ inner plugin.URLReader }

// Read implements process.URLReader.
func (r urlReader) Read(ctx context.Context, target string, o fetch.Options) (fetch.File, error) {
	f, err := r.inner.Read(ctx, target, plugin.ReadOptions(o))
	return fetch.File(f), err
}

// Search implements process.URLReader.
func (r urlReader) Search(ctx context.Context, target string, o fetch.Options) ([]fetch.File, error) {
	files, err := r.inner.Search(ctx, target, plugin.ReadOptions(o))
	out := make([]fetch.File, len(files))
	for i, f := range files {
		out[i] = fetch.File(f)
	}
	return out, err
}

// Describe implements process.URLReader.
func (r urlReader) Describe(target string) (fetch.Info, bool) {
	info, ok := r.inner.Describe(target)
	return fetch.Info(info), ok
}
