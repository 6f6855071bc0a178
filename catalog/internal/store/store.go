package store

import (
	"context"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

// Channels on which replicas tell each other that there is something to look
// at. The payloads are empty.
const (
	ChannelChange = "catalog_change"
	ChannelDue    = "catalog_due"
)

// Store is the catalog's part of the database. Safe for concurrent use.
type Store struct {
	db *db.DB
}

// New returns the store in d, which has all migrations.
func New(d *db.DB) *Store { return &Store{db: d} }

// DB returns the database.
func (s *Store) DB() *db.DB { return s.db }

// Shared reports whether other replicas may use the database.
func (s *Store) Shared() bool { return s.db.Dialect() == db.Postgres }

// Tx is a writing transaction of the catalog. See [Store.Write].
type Tx struct {
	*db.Tx
	base int64 // the last number of the change log before this transaction
	last int64
	due  bool
	// deletes is the number of deletions there ever were.
	deletes, deleted int64
}

// Base is the number of the last change that was there before the
// transaction.
func (tx *Tx) Base() int64 { return tx.base }

// Last is the number of the last change so far, own ones included.
func (tx *Tx) Last() int64 { return tx.last }

// Write runs fn in a transaction that no other Write, here or on another
// replica, overlaps, and returns when it is durable. fn may run again after a
// transient error and must start from scratch then. Errors of fn are returned
// as they are.
func (s *Store) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return s.db.Write(ctx, func(ctx context.Context, inner *db.Tx) error {
		tx := &Tx{Tx: inner}
		// Taking the row is the lock: whoever has it is the only writer until
		// its commit, and the numbers it gives out become visible in order.
		err := inner.QueryRowContext(ctx, `
			UPDATE catalog_counter SET value = value + 0 WHERE name = 'change'
			RETURNING value, COALESCE((SELECT d.value FROM catalog_counter d WHERE d.name = 'deletes'), 1)`).Scan(&tx.base, &tx.deletes)
		if err != nil {
			return fmt.Errorf("take the number of the last change: %w", err)
		}
		tx.last = tx.base
		if err := fn(ctx, tx); err != nil {
			return err
		}
		if tx.last > tx.base {
			if _, err := inner.ExecContext(ctx, `UPDATE catalog_counter SET value = $1 WHERE name = 'change'`, tx.last); err != nil {
				return fmt.Errorf("store the number of the last change: %w", err)
			}
			if tx.deleted > 0 {
				if _, err := inner.ExecContext(ctx, `UPDATE catalog_counter SET value = value + $1 WHERE name = 'deletes'`, tx.deleted); err != nil {
					return fmt.Errorf("count deletions: %w", err)
				}
			}
			if err := s.db.Notify(ctx, inner, ChannelChange, ""); err != nil {
				return err
			}
		}
		if tx.due {
			return s.db.Notify(ctx, inner, ChannelDue, "")
		}
		return nil
	})
}

// inChunks calls fn with parts of list short enough for one statement's
// parameters.
func inChunks[T any](list []T, fn func(part []T) error) error {
	const most = 512
	for len(list) > 0 {
		n := min(most, len(list))
		// Powers of two keep the number of different statements small.
		for m := most; m >= 1; m /= 2 {
			if m <= n {
				n = m
				break
			}
		}
		if err := fn(list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func anys(list []string) []any {
	args := make([]any, len(list))
	for i, s := range list {
		args[i] = s
	}
	return args
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func micros(t time.Time) int64 { return db.Micros(t) }
