package portal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/telemetry"
)

// local is the portal of the configuration, with what its catalog has. One
// whose database is in memory takes in its locations first.
func (f configFlags) local(ctx context.Context, env *environment, skipPolicy bool) (*Portal, func() error, error) {
	p, closeAll, err := f.quiet(ctx, env, f.sources(env), skipPolicy)
	if err != nil {
		return nil, nil, err
	}
	if options, bad := p.settings.Database.Options(p.settings.Dir); bad == nil && options.Memory {
		err = p.ingest(ctx)
	} else {
		err = p.LoadOffline(ctx)
	}
	if err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	return p, closeAll, nil
}

// scratchConfig is the configuration of a portal that is only there to know
// what can be permitted.
const scratchConfig = "app: {title: scratch}\nbackend: {baseUrl: http://localhost}\n"

// databaseInMemory puts the database of a configuration into memory.
var databaseInMemory = []string{"APP_CONFIG_backend_database_client=better-sqlite3", "APP_CONFIG_backend_database_connection=:memory:"}

// scratch is a portal with an empty catalog in memory. It has the
// configuration that the flags name, if they do.
func (f configFlags) scratch(ctx context.Context, env *environment) (_ *Portal, _ func() error, err error) {
	sources := f.sources(env)
	sources.Environ = append(slices.Clone(sources.Environ), databaseInMemory...)
	if len(f.Config) == 0 {
		dir, err := os.MkdirTemp("", "stagedoor-")
		if err != nil {
			return nil, nil, fmt.Errorf("make a folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		file := filepath.Join(dir, "app-config.yaml")
		if err := os.WriteFile(file, []byte(scratchConfig), 0o600); err != nil {
			return nil, nil, fmt.Errorf("write a configuration: %w", err)
		}
		sources.Paths = []string{file}
	}
	p, closeAll, err := f.quiet(ctx, env, sources, true)
	if err != nil {
		return nil, nil, err
	}
	if err := p.LoadOffline(ctx); err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	return p, closeAll, nil
}

// quiet opens a portal for a command that answers on the standard output and
// logs nothing but errors.
func (f configFlags) quiet(ctx context.Context, env *environment, sources config.Sources, skipPolicy bool) (*Portal, func() error, error) {
	tel, shutdown, err := telemetry.Setup(ctx, telemetry.Options{
		Version: env.Version, Output: env.Stderr, Format: logFormat(false), Level: "error",
		Getenv: func(name string) string { value, _ := env.LookupEnv(name); return value },
	})
	if err != nil {
		return nil, nil, err
	}
	watcher, err := config.NewWatcher(ctx, sources, config.WatchOptions{Logger: tel.Logger})
	if err != nil {
		return nil, nil, errors.Join(err, shutdown(ctx))
	}
	p, err := Open(ctx, Options{
		Config: watcher, Telemetry: tel, Clock: env.Clock, NewID: env.NewID, Logger: tel.Logger,
		Version: env.Version, Plugins: env.Plugins, SkipPolicy: skipPolicy,
	})
	if err != nil {
		return nil, nil, errors.Join(err, shutdown(ctx), watcher.Close())
	}
	return p, func() error {
		return errors.Join(p.Close(), watcher.Close(), shutdown(context.WithoutCancel(ctx)))
	}, nil
}

// ingestTime is how long a command waits for the locations of the catalog.
const ingestTime = 2 * time.Minute

// ingest takes in the configured locations, and makes [Portal.Call] work, as a
// portal does that runs. It is for databases in memory, which have nothing.
func (p *Portal) ingest(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ingestTime)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for _, a := range p.actors.list {
		if a.name == p.catalog.ID() {
			g.Go(func() error { return a.run(ctx) })
		}
	}
	idle := p.catalog.WaitIdle(ctx)
	cancel()
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("read the catalog: %w", err)
	}
	if idle != nil {
		return fmt.Errorf("read the catalog: %w", idle)
	}
	p.root.Started()
	return nil
}
