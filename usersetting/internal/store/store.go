// Package store keeps the values that users set.
//
// What not: it tells nobody of changes; the service does.
//
// Start reading at [Store].
package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/usersetting"
)

// MaxPerUser is how many values a user may have.
const MaxPerUser = 5000

// Store is safe for concurrent use.
type Store struct {
	db  *db.DB
	now func() time.Time
	max int
}

// New returns a store over the migrated database.
func New(d *db.DB, now func() time.Time) *Store { return &Store{db: d, now: now, max: MaxPerUser} }

// Get returns the value, or an error with code not_found.
func (s *Store) Get(ctx context.Context, user string, key usersetting.Key) (json.RawMessage, error) {
	var value string
	err := s.db.Read().QueryRowContext(ctx, `
		SELECT value
		FROM usersetting_value
		WHERE user_ref = $1 AND bucket = $2 AND name = $3`, user, key.Bucket, key.Key).Scan(&value)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, fault.Newf(fault.NotFound, "Unable to find '%s' in bucket '%s'", key.Key, key.Bucket)
	case err != nil:
		return nil, fmt.Errorf("read setting %s of %s: %w", key.Key, user, err)
	}
	return json.RawMessage(value), nil
}

// Multiget returns the values in the order of keys; nil where there is none.
func (s *Store) Multiget(ctx context.Context, user string, keys []usersetting.Key) (_ []json.RawMessage, err error) {
	values := make([]json.RawMessage, len(keys))
	if len(keys) == 0 {
		return values, nil
	}
	args := []any{user}
	var places []string
	wanted := map[usersetting.Key][]int{}
	for i, key := range keys {
		if wanted[key] == nil {
			n := len(args)
			places = append(places, "($"+strconv.Itoa(n+1)+", $"+strconv.Itoa(n+2)+")")
			args = append(args, key.Bucket, key.Key)
		}
		wanted[key] = append(wanted[key], i)
	}
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT bucket, name, value
		FROM usersetting_value
		WHERE user_ref = $1 AND (bucket, name) IN (VALUES `+strings.Join(places, ", ")+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("read settings of %s: %w", user, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var key usersetting.Key
		var value string
		if err := rows.Scan(&key.Bucket, &key.Key, &value); err != nil {
			return nil, fmt.Errorf("read settings of %s: %w", user, err)
		}
		for _, i := range wanted[key] {
			values[i] = json.RawMessage(value)
		}
	}
	return values, rows.Err()
}

// Set stores the value. It returns an error with code too_large when it would
// be one too many.
func (s *Store) Set(ctx context.Context, user string, key usersetting.Key, value json.RawMessage) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO usersetting_value (user_ref, bucket, name, value, updated_at)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (user_ref, bucket, name) DO UPDATE SET
				value = excluded.value,
				updated_at = excluded.updated_at`, user, key.Bucket, key.Key, string(value), db.Micros(s.now()))
		if err != nil {
			return fmt.Errorf("store setting %s of %s: %w", key.Key, user, err)
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM usersetting_value WHERE user_ref = $1`, user).Scan(&n); err != nil {
			return fmt.Errorf("count settings of %s: %w", user, err)
		}
		if n > s.max {
			return fault.Newf(fault.TooLarge, "a user may have %d settings", s.max)
		}
		return nil
	})
}

// Delete removes the value, if there is one.
func (s *Store) Delete(ctx context.Context, user string, key usersetting.Key) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `
			DELETE FROM usersetting_value
			WHERE user_ref = $1 AND bucket = $2 AND name = $3`, user, key.Bucket, key.Key)
		if err != nil {
			return fmt.Errorf("delete setting %s of %s: %w", key.Key, user, err)
		}
		return nil
	})
}
