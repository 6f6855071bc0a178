package portal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stagedoor/stagedoor/audit/auditplugin"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/telemetry"
)

// newAudit builds the audit log. It keeps the secrets of the configuration out
// of it, also those of a configuration that comes later; earlier ones stay
// out too, since who looks for them knows the old file.
func newAudit(d *db.DB, opts Options, cfg *live) (*auditplugin.Audit, error) {
	secrets := telemetry.NewRedactor()
	follow := func(c *config.Config) { secrets.Add(c.Secrets()...) }
	follow(opts.Config.Current())
	opts.Config.Subscribe(follow)
	return auditplugin.New(auditplugin.Deps{
		DB: d, Config: cfg, Clock: opts.Clock, NewID: opts.NewID, Logger: opts.Logger, Redact: secrets.Redact,
	})
}

// auditCommands look at the audit log in the database. No server is needed.
type auditCommands struct {
	Verify auditVerifyCommand `cmd:"" help:"Say whether the audit log is still what was written."`
	Export auditExportCommand `cmd:"" help:"Write the events of the audit log."`
}

// auditVerifyCommand checks the chain.
type auditVerifyCommand struct{ configFlags }

// Run implements the command. It answers no when something is wrong.
func (c *auditVerifyCommand) Run(ctx context.Context, env *environment) error {
	return c.withAudit(ctx, env, func(a *auditplugin.Audit) error {
		v, err := a.Verify(ctx)
		if err != nil {
			return err
		}
		if v.Unsealed > 0 {
			fmt.Fprintf(env.Stdout, "%d events are not sealed yet: the next portal that runs does it\n", v.Unsealed)
		}
		if v.Problem != "" {
			fmt.Fprintf(env.Stdout, "the audit log is not what was written: %s\n%d events before are in order\n", v.Problem, v.Checked)
			return errNo
		}
		fmt.Fprintf(env.Stdout, "%d events are in order; the last one is %d, %s\n", v.Checked, v.Seq, v.Hash)
		return nil
	})
}

// auditExportCommand writes events.
type auditExportCommand struct {
	configFlags
	Format string `enum:"ndjson,csv" default:"ndjson" help:"ndjson or csv."`
	From   string `placeholder:"TIME" help:"The first time: RFC 3339 or a day."`
	To     string `placeholder:"TIME" help:"The time after the last one."`
}

// Run implements the command.
func (c *auditExportCommand) Run(ctx context.Context, env *environment) error {
	return c.withAudit(ctx, env, func(a *auditplugin.Audit) error {
		n, err := a.Export(identity.NewContext(ctx, identity.System("cli")), env.Stdout, c.Format, c.From, c.To)
		if err == nil {
			fmt.Fprintf(env.Stderr, "%d events\n", n)
		}
		return err
	})
}

// withAudit opens the database and the audit log in it.
func (f configFlags) withAudit(ctx context.Context, env *environment, fn func(*auditplugin.Audit) error) (err error) {
	tel, shutdown, err := telemetry.Setup(ctx, telemetry.Options{
		Version: env.Version, Output: env.Stderr, Getenv: func(name string) string { value, _ := env.LookupEnv(name); return value },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shutdown(context.WithoutCancel(ctx))) }()
	watcher, err := config.NewWatcher(ctx, f.sources(env), config.WatchOptions{Logger: tel.Logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watcher.Close()) }()
	d, err := f.openDatabase(ctx, env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	states, err := d.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(states, func(s db.MigrationState) bool { return s.Applied.IsZero() }) {
		return fault.New(fault.Invalid, "the database of this configuration is empty or older than this version: run stagedoor migrate up, or name another with --config")
	}
	a, err := newAudit(d, Options{Config: watcher, Clock: env.Clock, NewID: env.NewID, Logger: tel.Logger}, &live{Live: watcher.Live()})
	if err != nil {
		return err
	}
	return fn(a)
}
