package db

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

// Migrations are files named NNNNN_<capability>_<what>.sql, one sequence over
// all capabilities. A file is read by both engines; where they must differ
// there are two files with the same number and name that end in .sqlite.sql
// and .postgres.sql.
//
//go:embed migrations/*.sql
var embedded embed.FS

// MigrationState is one migration and whether the database has it.
type MigrationState struct {
	Version int64
	Name    string
	// Applied is when the migration was applied; zero means that it was not.
	Applied time.Time
}

// Migrate brings the schema up to date and returns the names of the migrations
// it applied. When several replicas start at once on PostgreSQL, one applies
// and the others wait for it.
func (d *DB) Migrate(ctx context.Context) ([]string, error) {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open embedded migrations: %w", err)
	}
	return d.migrate(ctx, sub, "stagedoor_migration")
}

// MigrateFrom is [DB.Migrate] for the files in the root of fsys, which have a
// sequence of their own and are accounted for under the name of their owner.
func (d *DB) MigrateFrom(ctx context.Context, owner string, fsys fs.FS) ([]string, error) {
	return d.migrate(ctx, fsys, "stagedoor_migration_"+owner)
}

// MigrationStatus tells for every known migration whether the database has it,
// in order of application.
func (d *DB) MigrationStatus(ctx context.Context) ([]MigrationState, error) {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open embedded migrations: %w", err)
	}
	p, err := d.migrator(sub, "stagedoor_migration")
	if err != nil {
		return nil, err
	}
	found, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read migration status: %w", err)
	}
	states := make([]MigrationState, 0, len(found))
	for _, s := range found {
		states = append(states, MigrationState{Version: s.Source.Version, Name: s.Source.Path, Applied: s.AppliedAt})
	}
	return states, nil
}

// MigrationsFingerprint is a short text that changes when any embedded
// migration does.
func MigrationsFingerprint() (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(embedded, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(embedded, path)
		_, _ = fmt.Fprintf(hash, "%s %d ", path, len(text)) // a hash never fails
		_, _ = hash.Write(text)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read embedded migrations: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8]), nil
}

func (d *DB) migrate(ctx context.Context, fsys fs.FS, table string) ([]string, error) {
	p, err := d.migrator(fsys, table)
	if err != nil {
		return nil, err
	}
	results, err := p.Up(ctx)
	if err != nil {
		var partial *goose.PartialError
		if errors.As(err, &partial) && partial.Failed != nil {
			return nil, fmt.Errorf("apply migration %s: %w", partial.Failed.Source.Path, partial.Err)
		}
		return nil, fmt.Errorf("apply migrations: %w", err)
	}
	names := make([]string, 0, len(results))
	for _, r := range results {
		names = append(names, r.Source.Path)
	}
	return names, nil
}

func (d *DB) migrator(fsys fs.FS, table string) (*goose.Provider, error) {
	dialect := database.DialectSQLite3
	options := []goose.ProviderOption{goose.WithTableName(table), goose.WithDisableGlobalRegistry(true)}
	if d.dialect == Postgres {
		dialect = database.DialectPostgres
		// Asked every second, for up to ten minutes.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600))
		if err != nil {
			return nil, fmt.Errorf("make migration lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, d.write, dialectFS{fsys, d.dialect}, options...)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}

// dialectFS hides the files that are meant for the other engine.
type dialectFS struct {
	fs.FS
	dialect Dialect
}

// ReadDir implements fs.ReadDirFS, through which the migrations are found.
func (f dialectFS) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(f.FS, name)
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	kept := all[:0:0]
	for _, e := range all {
		if only := dialectOf(e.Name()); only == "" || only == f.dialect {
			kept = append(kept, e)
		}
	}
	return kept, nil
}

func dialectOf(file string) Dialect {
	switch {
	case strings.HasSuffix(file, ".sqlite.sql"):
		return SQLite
	case strings.HasSuffix(file, ".postgres.sql"):
		return Postgres
	}
	return ""
}

var _ fs.ReadDirFS = dialectFS{}
