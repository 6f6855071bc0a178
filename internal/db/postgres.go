package db

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// SQLSTATE values that this package reacts to.
const (
	pgNoSuchDatabase       = "3D000"
	pgDuplicateDatabase    = "42P04"
	pgUniqueViolation      = "23505"
	pgSerializationFailure = "40001"
	pgDeadlockDetected     = "40P01"
)

func openPostgres(ctx context.Context, opts Options) (*DB, error) {
	cfg, err := pgx.ParseConfig(opts.DSN)
	if err != nil {
		// The parser's text may repeat the string, and with it the password.
		return nil, fault.New(fault.Invalid, "the PostgreSQL connection string is not valid")
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "stagedoor"
	}
	if opts.Role != "" {
		cfg.RuntimeParams["role"] = opts.Role
	}
	if opts.TLS != nil {
		encrypt(cfg, opts.TLS)
	}
	if opts.EnsureExists {
		if err := ensureDatabase(ctx, cfg); err != nil {
			return nil, err
		}
	}
	conns := opts.MaxConns
	if conns <= 0 {
		conns = 16
	}
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	d := &DB{dialect: Postgres, pg: cfg, write: pool, read: pool, log: opts.Logger}
	return pingOrClose(ctx, d)
}

// encrypt makes cfg use the TLS settings for every host it names.
func encrypt(cfg *pgx.ConnConfig, settings *tls.Config) {
	forHost := func(host string) *tls.Config {
		own := settings.Clone()
		if own.ServerName == "" {
			own.ServerName = host
		}
		return own
	}
	cfg.TLSConfig = forHost(cfg.Host)
	for _, f := range cfg.Fallbacks {
		f.TLSConfig = forHost(f.Host)
	}
}

// ensureDatabase creates the database named in cfg unless it is there. It
// first just connects, since the role may well lack the right to create one.
func ensureDatabase(ctx context.Context, cfg *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err == nil {
		return conn.Close(ctx)
	}
	if !isSQLState(err, pgNoSuchDatabase) {
		return fault.Wrap(fault.Unavailable, err, "connect to PostgreSQL")
	}
	admin := cfg.Copy()
	admin.Database = "postgres"
	delete(admin.RuntimeParams, "role")
	if conn, err = pgx.ConnectConfig(ctx, admin); err != nil {
		return fault.Wrap(fault.Unavailable, err, "connect to the database postgres to create "+cfg.Database)
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{cfg.Database}.Sanitize())
	if isSQLState(err, pgDuplicateDatabase) || isSQLState(err, pgUniqueViolation) {
		err = nil // another replica was faster
	}
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		return fmt.Errorf("create database %s: %w", cfg.Database, err)
	}
	return nil
}

func isSQLState(err error, state string) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == state
}

// IsUniqueViolation reports whether err is the engine's refusal of a row that
// repeats a unique key.
func IsUniqueViolation(err error) bool {
	return isSQLState(err, pgUniqueViolation) || isSQLiteUnique(err)
}

var _ Querier = (*sql.DB)(nil)
