package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
)

// Tx is a transaction. It is given to the function that [DB.Write] or
// [DB.View] runs, lives as long as that function and is used by one goroutine
// at a time.
type Tx struct {
	*sql.Tx
	db          *DB
	afterCommit []func()
	stmts       map[string]*sql.Stmt // nil until the text is met again
}

// maxStmts bounds the statements that one transaction keeps prepared.
const maxStmts = 64

// ExecContext runs a statement that returns no rows. On SQLite a text that
// comes again within the transaction is prepared and kept, which halves the
// cost of loops; PostgreSQL's driver does the like for all statements.
// Queries are left alone: their rows may still be open when the text returns.
func (tx *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if tx.db.dialect != SQLite {
		return tx.Tx.ExecContext(ctx, query, args...) //nolint:wrapcheck // stands for database/sql
	}
	if err := ctx.Err(); err != nil {
		return nil, err //nolint:wrapcheck // see above
	}
	// The driver spends a goroutine per statement on watching a context that
	// can end; to be stopped between statements is enough for a writer.
	ctx = context.WithoutCancel(ctx)
	stmt, again := tx.stmts[query]
	switch {
	case stmt != nil:
		return stmt.ExecContext(ctx, args...) //nolint:wrapcheck // see above
	case again:
		if prepared, err := tx.PrepareContext(ctx, query); err == nil { //nolint:sqlclosecheck // closed with the transaction
			tx.stmts[query] = prepared                // closed by database/sql with the transaction
			return prepared.ExecContext(ctx, args...) //nolint:wrapcheck // see above
		}
	case len(tx.stmts) < maxStmts:
		if tx.stmts == nil {
			tx.stmts = map[string]*sql.Stmt{}
		}
		tx.stmts[query] = nil
	}
	return tx.Tx.ExecContext(ctx, query, args...) //nolint:wrapcheck // see above
}

// DB returns the database the transaction belongs to.
func (tx *Tx) DB() *DB { return tx.db }

// Dialect tells the engine.
func (tx *Tx) Dialect() Dialect { return tx.db.dialect }

// Commit does nothing but complain: the function given to [DB.Write] commits
// by returning nil.
func (tx *Tx) Commit() error { return errors.New("db: a transaction is committed by returning nil") }

// Rollback does nothing but complain: the function given to [DB.Write] rolls
// back by returning an error.
func (tx *Tx) Rollback() error {
	return errors.New("db: a transaction is rolled back by returning an error")
}

// AfterCommit runs fn once the transaction is committed, before [DB.Write]
// returns, in the order of registration. It never runs after a rollback.
func (tx *Tx) AfterCommit(fn func()) { tx.afterCommit = append(tx.afterCommit, fn) }

const (
	writeAttempts = 8
	sqliteBusy    = 5
	sqliteLocked  = 6
)

// Write runs fn in a transaction and commits it when fn returns nil; any other
// result, and a panic, roll it back. Write returns when the transaction is
// durable, with fn's error unchanged if fn failed.
//
// On SQLite writes run one after the other. On PostgreSQL they run side by
// side, and fn runs again when the server reports a deadlock or a
// serialization failure, so it must not change anything but the database.
// Do not call Write inside fn: on SQLite it would wait for itself.
func (d *DB) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	along, _ := ctx.Value(alongKey{}).(*along)
	if along != nil && along.db == d {
		ctx, fn = context.WithValue(ctx, alongKey{}, nil), along.with(fn)
	}
	for attempt := 1; ; attempt++ {
		err := d.transact(ctx, d.write, nil, fn)
		if err == nil || attempt == writeAttempts || !transient(err) {
			return err
		}
		// Jitter keeps two transactions that collided from colliding again.
		wait := time.Duration(rand.Int64N(int64(5*time.Millisecond) << attempt))
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(wait):
		}
	}
}

type alongKey struct{}

// along is work that rides in the transaction of somebody else.
type along struct {
	db   *DB
	fn   func(context.Context, *Tx) error
	done atomic.Bool
}

// with runs the work behind fn, in the same transaction. Work that is durable
// already does not run again.
func (a *along) with(fn func(context.Context, *Tx) error) func(context.Context, *Tx) error {
	return func(ctx context.Context, tx *Tx) error {
		if err := fn(ctx, tx); err != nil {
			return err
		}
		if a.done.Load() {
			return nil
		}
		tx.AfterCommit(func() { a.done.Store(true) })
		return a.fn(ctx, tx)
	}
}

// Along returns a context with which the next [DB.Write] on d runs fn in its
// own transaction, after its own function: both are durable or neither is. It
// lets one capability's record of a change commit with the change of another
// without the two knowing of each other. The second result reports whether
// that has happened; it is safe to call at any time. Of several contexts made
// from one another only the innermost counts.
func (d *DB) Along(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) (context.Context, func() bool) {
	a := &along{db: d, fn: fn}
	return context.WithValue(ctx, alongKey{}, a), a.done.Load
}

// View runs fn in a transaction that sees one state of the database however
// many statements it runs, and that writes nothing. It returns fn's error
// unchanged.
func (d *DB) View(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	var opts *sql.TxOptions
	if d.dialect == Postgres {
		opts = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return d.transact(ctx, d.read, opts, fn)
}

func (d *DB) transact(ctx context.Context, pool *sql.DB, opts *sql.TxOptions, fn func(context.Context, *Tx) error) (err error) {
	inner, err := pool.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	tx := &Tx{Tx: inner, db: d}
	done := false
	defer func() {
		if !done { // fn panicked or failed
			if rerr := inner.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
				err = errors.Join(err, fmt.Errorf("roll back: %w", rerr))
			}
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	done = true
	if err := inner.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for _, f := range tx.afterCommit {
		f()
	}
	return nil
}

func transient(err error) bool {
	if isSQLState(err, pgSerializationFailure) || isSQLState(err, pgDeadlockDetected) {
		return true
	}
	var se *sqlite.Error
	// Only another process on the same file can make the single writer wait
	// beyond its busy time-out.
	return errors.As(err, &se) && (se.Code()&0xff == sqliteBusy || se.Code()&0xff == sqliteLocked)
}

func isSQLiteUnique(err error) bool {
	const constraintPrimaryKey, constraintUnique = 1555, 2067
	var se *sqlite.Error
	return errors.As(err, &se) && (se.Code() == constraintUnique || se.Code() == constraintPrimaryKey)
}
