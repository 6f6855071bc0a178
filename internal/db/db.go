package db

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Dialect names a database engine.
type Dialect string

// The engines.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Options say which database to open. The zero value is a SQLite database in
// a temporary file that vanishes with [DB.Close].
type Options struct {
	// Driver is the engine; empty means SQLite.
	Driver Dialect
	// DSN is the connection string of PostgreSQL: a URL or key=value pairs.
	DSN string
	// Path is the file of SQLite. Folders above it are made.
	Path string
	// Directory holds the SQLite file stagedoor.sqlite when Path is empty.
	Directory string
	// Memory asks for a database that vanishes with Close. It is a file in the
	// system's temporary folder, because SQLite's own in-memory databases can
	// not be read while they are written to. No Path and no Directory mean
	// the same.
	Memory bool
	// TLS encrypts the connection to PostgreSQL with these settings instead of
	// those of the connection string.
	TLS *tls.Config
	// EnsureExists creates the PostgreSQL database if the server does not
	// have it.
	EnsureExists bool
	// Role is the PostgreSQL role to assume in every session, if any.
	Role string
	// Readers is the number of reading SQLite connections; 0 means 4.
	Readers int
	// MaxConns bounds the connections to PostgreSQL; 0 means 16.
	MaxConns int
	// Logger receives what nobody is told otherwise; nil discards.
	Logger *slog.Logger
}

// Querier is what a store needs to run statements. Both [DB.Read] and [Tx]
// give it.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// DB is an open database. All its methods are safe for concurrent use.
type DB struct {
	dialect Dialect
	pg      *pgx.ConnConfig // how to connect another time
	write   *sql.DB
	read    *sql.DB
	log     *slog.Logger
	signals signals

	closeOnce sync.Once
	closeErr  error
	temp      string // folder to remove with Close
}

// Open opens the database and checks that it answers. It applies no
// migrations. It returns an error with code invalid when the options make no
// sense, and unavailable when the database does not answer.
func Open(ctx context.Context, opts Options) (*DB, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	switch opts.Driver {
	case SQLite, "":
		return openSQLite(ctx, opts)
	case Postgres:
		return openPostgres(ctx, opts)
	}
	return nil, fault.Newf(fault.Invalid, "unknown database driver %q, expected %q or %q", opts.Driver, SQLite, Postgres)
}

// Close closes all connections and, for a temporary database, removes it.
// Further calls return the first one's result.
func (d *DB) Close() error {
	d.closeOnce.Do(func() {
		// The reader goes first, so that the writer, closed last, can fold
		// SQLite's write-ahead log back into the file.
		if d.read != d.write {
			d.closeErr = d.read.Close()
		}
		d.closeErr = errors.Join(d.closeErr, d.write.Close())
		if d.temp != "" {
			d.closeErr = errors.Join(d.closeErr, os.RemoveAll(d.temp))
		}
	})
	return d.closeErr
}

// Dialect tells the engine.
func (d *DB) Dialect() Dialect { return d.dialect }

// Read returns the pool for single reading statements outside a transaction.
// On SQLite it refuses to write. It sees every committed [DB.Write].
func (d *DB) Read() Querier { return d.read }

// Ping reports whether the database answers, as an error with code
// unavailable if not.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.read.PingContext(ctx); err != nil {
		return fault.Wrap(fault.Unavailable, err, "ping database")
	}
	return nil
}

// Stats returns the figures of the writing and the reading pool, which are
// the same one on PostgreSQL.
func (d *DB) Stats() (write, read sql.DBStats) { return d.write.Stats(), d.read.Stats() }

// ForUpdateSkipLocked is the clause that makes a SELECT lock the rows it
// returns and step over those that others hold. It is empty on SQLite, whose
// single writer makes it needless.
func (d *DB) ForUpdateSkipLocked() string {
	if d.dialect == Postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// MaxParams is the number of parameters that one statement may have.
func (d *DB) MaxParams() int { return maxParams(d.dialect) }

func maxParams(dialect Dialect) int {
	if dialect == Postgres {
		return 65535
	}
	return 32766
}

// Micros converts a time to what the database stores: microseconds since 1970
// in UTC. The zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros converts what the database stores back to a time in UTC. 0 is
// the zero time.
func FromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func pingOrClose(ctx context.Context, d *DB) (*DB, error) {
	for _, pool := range []*sql.DB{d.write, d.read} {
		if err := pool.PingContext(ctx); err != nil {
			return nil, errors.Join(fault.Wrap(fault.Unavailable, err, fmt.Sprintf("open %s database", d.dialect)), d.Close())
		}
	}
	return d, nil
}
