package dbtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stagedoor/stagedoor/internal/db"
)

// Each runs fn as a subtest on every engine, with a database that has all
// migrations, belongs to the subtest alone and is removed after it. fn may
// call t.Parallel.
func Each(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
}

// SQLite returns a migrated database in a file of its own.
func SQLite(tb testing.TB) *db.DB {
	tb.Helper()
	template, err := sqliteTemplate()
	if err != nil {
		tb.Fatalf("make the SQLite template: %v", err)
	}
	path := filepath.Join(tb.TempDir(), "test.sqlite")
	if err := os.WriteFile(path, template, 0o600); err != nil {
		tb.Fatalf("copy the SQLite template: %v", err)
	}
	return open(tb, db.Options{Driver: db.SQLite, Path: path})
}

// Postgres returns a migrated PostgreSQL database, or skips the test when
// there is no server to be had.
func Postgres(tb testing.TB) *db.DB {
	tb.Helper()
	return open(tb, db.Options{Driver: db.Postgres, DSN: PostgresDSN(tb)})
}

// PostgresDSN is [Postgres] for who opens the database, several times perhaps.
func PostgresDSN(tb testing.TB) string {
	tb.Helper()
	s, err := sharedServer()
	if err != nil {
		if os.Getenv("STAGEDOOR_REQUIRE_POSTGRES") == "1" {
			tb.Fatalf("PostgreSQL is required: %v", err)
		}
		tb.Skipf("SKIP: no PostgreSQL to test with: %v", err)
	}
	dsn, drop, err := s.clone(context.Background())
	if err != nil {
		tb.Fatalf("clone the PostgreSQL template: %v", err)
	}
	tb.Cleanup(drop)
	return dsn
}

// EmptyPostgresDSN is [PostgresDSN] for a database without any table.
func EmptyPostgresDSN(tb testing.TB) string {
	tb.Helper()
	dsn := PostgresDSN(tb)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		tb.Fatalf("connect: %v", err)
	}
	if _, err := conn.Exec(ctx, "DROP SCHEMA public CASCADE; CREATE SCHEMA public"); err != nil {
		tb.Fatalf("empty the database: %v", err)
	}
	if err := conn.Close(ctx); err != nil {
		tb.Fatalf("close: %v", err)
	}
	return dsn
}

func open(tb testing.TB, opts db.Options) *db.DB {
	tb.Helper()
	d, err := db.Open(context.Background(), opts)
	if err != nil {
		tb.Fatalf("open the test database: %v", err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Errorf("close the test database: %v", err)
		}
	})
	return d
}

// sqliteTemplate migrates once per test binary; tests copy the bytes.
var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "stagedoor-dbtest-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system's temporary folder is cleaned anyway
	path := filepath.Join(dir, "template.sqlite")
	ctx := context.Background()
	d, err := db.Open(ctx, db.Options{Driver: db.SQLite, Path: path})
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if _, err := d.Migrate(ctx); err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil { // folds the write-ahead log into the file
		return nil, fmt.Errorf("close: %w", err)
	}
	return os.ReadFile(path)
})

// server is a PostgreSQL server with a migrated template database.
type server struct {
	admin    string // connection string of a maintenance database
	template string
	made     atomic.Int64
}

// clone makes a database from the template.
func (s *server) clone(ctx context.Context) (dsn string, drop func(), err error) {
	name := fmt.Sprintf("stagedoor_test_%d_%d", os.Getpid(), s.made.Add(1))
	if err := s.exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, s.template)); err != nil {
		return "", nil, err
	}
	dsn, err = withDatabase(s.admin, name)
	if err != nil {
		return "", nil, err
	}
	return dsn, func() {
		// A database that can not be dropped only costs space until the server stops.
		_ = s.exec(context.Background(), fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", name))
	}, nil
}

func (s *server) exec(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // the statements have succeeded or not
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
