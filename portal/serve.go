package portal

import (
	"context"
	"errors"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/telemetry"
)

// serveCommand serves the portal.
type serveCommand struct {
	configFlags
	FrontendDir string `placeholder:"DIR" help:"Serve this front-end build, such as a stock Backstage's, instead of the portal's own."`
	LogJSON     bool   `help:"Write logs as JSON."`
}

// Run implements the command.
func (c *serveCommand) Run(ctx context.Context, env *environment) error {
	p, closeAll, err := c.open(ctx, env, c.FrontendDir, c.LogJSON)
	if err != nil {
		return err
	}
	return errors.Join(p.Run(ctx), closeAll())
}

// open opens the portal that the configuration describes.
func (f configFlags) open(ctx context.Context, env *environment, frontendDir string, logJSON bool) (*Portal, func() error, error) {
	getenv := func(name string) string { value, _ := env.LookupEnv(name); return value }
	tel, shutdown, err := telemetry.Setup(ctx, telemetry.Options{Version: env.Version, Output: env.Stderr, Format: logFormat(logJSON), Getenv: getenv})
	if err != nil {
		return nil, nil, err
	}
	watcher, err := config.NewWatcher(ctx, f.sources(env), config.WatchOptions{Logger: tel.Logger})
	if err != nil {
		return nil, nil, errors.Join(err, shutdown(ctx))
	}
	if err := followLogging(ctx, tel, watcher); err != nil {
		return nil, nil, errors.Join(err, shutdown(ctx), watcher.Close())
	}
	for _, problem := range config.Check(watcher.Current()) {
		tel.Logger.WarnContext(ctx, "configuration", "problem", problem.String())
	}
	p, err := Open(ctx, Options{
		Config: watcher, Telemetry: tel, Clock: env.Clock, NewID: env.NewID, Logger: tel.Logger,
		Version: env.Version, FrontendDir: frontendDir, Plugins: env.Plugins, Getenv: getenv,
	})
	if err != nil {
		return nil, nil, errors.Join(err, shutdown(ctx), watcher.Close())
	}
	return p, func() error {
		return errors.Join(p.Close(), shutdown(context.WithoutCancel(ctx)))
	}, nil
}

func logFormat(json bool) string {
	if json {
		return "json"
	}
	return "text"
}
