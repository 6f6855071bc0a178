package dbtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/stagedoor/stagedoor/internal/db"
)

// sharedServer is started by the first test of the binary that wants it.
var sharedServer = sync.OnceValues(func() (*server, error) {
	ctx := context.Background()
	s := &server{admin: os.Getenv("STAGEDOOR_TEST_POSTGRES")}
	if s.admin == "" {
		dsn, err := start()
		if err != nil {
			return nil, err
		}
		s.admin = dsn
	}
	return s, s.makeTemplate(ctx)
})

// makeTemplate migrates a database that nobody is connected to afterwards, as
// the server demands of a template. On a server that several test binaries
// share, those with the same migrations share the template too.
func (s *server) makeTemplate(ctx context.Context) error {
	fingerprint, err := db.MigrationsFingerprint()
	if err != nil {
		return err
	}
	s.template = "stagedoor_template_" + fingerprint
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // gives the lock back too
	const lock = 7_236_501
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lock); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	var made bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", s.template).Scan(&made); err != nil || made {
		return err
	}
	// Half a template must not look like a whole one: it gets its name last.
	draft := fmt.Sprintf("%s_%d", s.template, os.Getpid())
	if err := s.exec(ctx, "DROP DATABASE IF EXISTS "+draft, "CREATE DATABASE "+draft); err != nil {
		return err
	}
	dsn, err := withDatabase(s.admin, draft)
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, db.Options{Driver: db.Postgres, DSN: dsn})
	if err != nil {
		return err
	}
	_, err = d.Migrate(ctx)
	if err := errors.Join(err, d.Close()); err != nil {
		return err
	}
	return s.exec(ctx, "ALTER DATABASE "+draft+" RENAME TO "+s.template)
}

// withDatabase replaces the database in a connection string of either form.
func withDatabase(dsn, name string) (string, error) {
	if _, err := pgx.ParseConfig(dsn); err != nil {
		return "", fmt.Errorf("STAGEDOOR_TEST_POSTGRES: %w", err)
	}
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		u, err := url.Parse(dsn)
		if err != nil {
			return "", fmt.Errorf("STAGEDOOR_TEST_POSTGRES: %w", err)
		}
		u.Path = "/" + name
		return u.String(), nil
	}
	return dsn + " dbname=" + name, nil // the last one counts
}
