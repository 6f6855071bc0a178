package portal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/stagedoor/stagedoor/catalog/catalogplugin"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/plugin"
)

// configCommands look at the configuration.
type configCommands struct {
	Check configCheckCommand `cmd:"" help:"Say what is wrong with the configuration."`
	Print configPrintCommand `cmd:"" help:"Print the resolved configuration, secrets redacted."`
}

// configCheckCommand says what is wrong.
type configCheckCommand struct{ configFlags }

// Run implements the command.
func (c *configCheckCommand) Run(ctx context.Context, env *environment) error {
	if !config.CheckCommand(ctx, c.sources(env), env.Stdout) {
		return errNo
	}
	return nil
}

// configPrintCommand prints the configuration.
type configPrintCommand struct {
	configFlags
	Format   string `enum:"yaml,json" default:"yaml" help:"yaml or json."`
	Frontend bool   `help:"Only what browsers may see."`
}

// Run implements the command.
func (c *configPrintCommand) Run(ctx context.Context, env *environment) error {
	cfg, err := config.Load(ctx, c.sources(env))
	if err != nil {
		return err
	}
	return config.PrintCommand(ctx, cfg, env.Stdout, c.Format, c.Frontend)
}

// validateCommand checks entity files.
type validateCommand struct {
	configFlags
	JSON    bool     `help:"One JSON object a line: file, document, line, ref, ok, error."`
	Verbose bool     `short:"v" help:"Also name the documents that are right."`
	Paths   []string `arg:"" name:"path" help:"Files, and folders to look through."`
}

// Run implements the command. It needs no configuration; when there is one,
// its kinds count.
func (c *validateCommand) Run(ctx context.Context, env *environment) error {
	var cfg plugin.Config
	if len(c.Config) > 0 || fileExists("app-config.yaml") {
		loaded, err := config.Load(ctx, c.sources(env))
		if err != nil && len(c.Config) > 0 {
			return err
		}
		if err == nil {
			cfg = loaded.Live()
		}
	}
	ok, err := catalogplugin.Validate(ctx, env.Stdout, cfg, c.JSON, c.Verbose, c.Paths)
	if err != nil {
		return err
	}
	if !ok {
		return errNo
	}
	return nil
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// migrateUpCommand migrates the database.
type migrateUpCommand struct{ configFlags }

// Run implements the command.
func (c *migrateUpCommand) Run(ctx context.Context, env *environment) (err error) {
	d, err := c.openDatabase(ctx, env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	applied, err := d.Migrate(ctx)
	for _, name := range applied {
		fmt.Fprintln(env.Stdout, "applied", name)
	}
	if err == nil && len(applied) == 0 {
		fmt.Fprintln(env.Stdout, "nothing to do")
	}
	return err
}

// migrateStatusCommand shows the migrations.
type migrateStatusCommand struct{ configFlags }

// Run implements the command. It answers no when a migration is missing.
func (c *migrateStatusCommand) Run(ctx context.Context, env *environment) (err error) {
	d, err := c.openDatabase(ctx, env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	states, err := d.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	missing := false
	for _, s := range states {
		state := "pending"
		if !s.Applied.IsZero() {
			state = "applied " + s.Applied.Format("2006-01-02 15:04:05")
		}
		missing = missing || s.Applied.IsZero()
		fmt.Fprintf(env.Stdout, "%-40s %s\n", s.Name, state)
	}
	if missing {
		return errNo
	}
	return nil
}

func (f configFlags) openDatabase(ctx context.Context, env *environment) (*db.DB, error) {
	cfg, err := config.Load(ctx, f.sources(env))
	if err != nil {
		return nil, err
	}
	s, err := readSettings(cfg.Live())
	if err != nil {
		return nil, err
	}
	options, err := s.Database.Options(s.Dir)
	if err != nil {
		return nil, err
	}
	return db.Open(ctx, options)
}
