// Package store keeps what identity must share between replicas: public keys
// of tokens, and the ownership of users as decided at their sign-in.
//
// What not: no private key and no token is ever stored.
//
// Start reading at [Store].
package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

// ownershipTTL is how long another replica's sign-in may go unnoticed.
const ownershipTTL = 10 * time.Second

// Store is safe for concurrent use.
type Store struct {
	db  *db.DB
	now func() time.Time

	mu        sync.Mutex
	ownership map[string]cached
}

type cached struct {
	refs []string
	at   time.Time
}

// New returns a store over the migrated database.
func New(d *db.DB, now func() time.Time) *Store {
	return &Store{db: d, now: now, ownership: map[string]cached{}}
}

// AddKey stores a public key until it expires, and drops those that have.
func (s *Store) AddKey(ctx context.Context, kid string, jwk []byte, expires time.Time) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM identity_key WHERE expires_at <= $1`, db.Micros(s.now())); err != nil {
			return fmt.Errorf("drop expired keys: %w", err)
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO identity_key (kid, jwk, expires_at)
			VALUES ($1, $2, $3)`, kid, string(jwk), db.Micros(expires))
		if err != nil {
			return fmt.Errorf("add key %s: %w", kid, err)
		}
		return nil
	})
}

// Keys returns the public keys that have not expired at now, oldest first.
func (s *Store) Keys(ctx context.Context, now time.Time) (keys [][]byte, err error) {
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT jwk
		FROM identity_key
		WHERE expires_at > $1
		ORDER BY expires_at, kid`, db.Micros(now))
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var jwk string
		if err := rows.Scan(&jwk); err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
		keys = append(keys, []byte(jwk))
	}
	return keys, rows.Err()
}

// SetOwnership records what a sign-in decided.
func (s *Store) SetOwnership(ctx context.Context, userRef string, refs []string) error {
	raw, err := json.Marshal(refs)
	if err != nil {
		return fmt.Errorf("encode ownership of %s: %w", userRef, err)
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO identity_user (ref, ownership, updated_at)
			VALUES ($1, $2, $3)
			ON CONFLICT (ref) DO UPDATE SET
				ownership = excluded.ownership,
				updated_at = excluded.updated_at`, userRef, string(raw), db.Micros(s.now()))
		return err
	})
	if err != nil {
		return fmt.Errorf("store ownership of %s: %w", userRef, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ownership[userRef] = cached{slices.Clone(refs), s.now()}
	return nil
}

// Ownership returns the refs that the user owns things by: what the last
// sign-in decided, or the user alone. A sign-in on another replica shows after
// ten seconds at the latest.
func (s *Store) Ownership(ctx context.Context, userRef string) ([]string, error) {
	now := s.now()
	s.mu.Lock()
	hit, ok := s.ownership[userRef]
	s.mu.Unlock()
	if ok && now.Sub(hit.at) < ownershipTTL {
		return hit.refs, nil
	}
	var raw string
	refs := []string{userRef}
	err := s.db.Read().QueryRowContext(ctx, `SELECT ownership FROM identity_user WHERE ref = $1`, userRef).Scan(&raw)
	switch {
	case err == nil:
		if err := json.Unmarshal([]byte(raw), &refs); err != nil {
			return nil, fmt.Errorf("decode ownership of %s: %w", userRef, err)
		}
	case !errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("read ownership of %s: %w", userRef, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ownership[userRef] = cached{refs, now}
	return refs, nil
}
