package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

const (
	// keepSessions is how long an answered session stays, so that a code that
	// comes again is known for what it is.
	keepSessions = 24 * time.Hour
	// keepUnusedClients is how long a client may take until its first use, and
	// keepClients how long it stays after its last.
	keepUnusedClients = 24 * time.Hour
	keepClients       = 400 * 24 * time.Hour
)

// OAuthGrant stands behind a refresh token and all that it was rotated to.
type OAuthGrant struct {
	ID, SessionID, ClientID, UserRef string
	Scope, Resource                  string
	// FamilyHash is of the part that the tokens of a grant share, TokenHash of
	// the one that is valid.
	FamilyHash, TokenHash string
	// Catalogued tells that the user was in the catalog when the grant was
	// made, Derived that the user's ownership was what the catalog says.
	Catalogued, Derived    bool
	Created, Used, Expires time.Time
}

// RedeemOAuthCode marks the code as used and stores the grant, if there is
// one, leaving the user no more than limit grants: those that were used longest
// ago go. It returns an error with code conflict when the code was used before.
func (s *Store) RedeemOAuthCode(ctx context.Context, codeHash string, grant *OAuthGrant, limit int) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		err := changed(tx.ExecContext(ctx, `
			UPDATE identity_oauth_session
			SET code_used_at = $1
			WHERE code_hash = $2 AND code_used_at = 0 AND status = $3`, db.Micros(s.now()), codeHash, OAuthApproved))
		if err != nil {
			return fmt.Errorf("redeem OAuth code: %w", err)
		}
		if grant == nil {
			return nil
		}
		_, err = tx.ExecContext(ctx, `
			DELETE FROM identity_oauth_grant
			WHERE user_ref = $1 AND id NOT IN (
				SELECT id FROM identity_oauth_grant WHERE user_ref = $1 ORDER BY used_at DESC, id LIMIT $2)`,
			grant.UserRef, max(limit-1, 0))
		if err != nil {
			return fmt.Errorf("drop surplus OAuth grants: %w", err)
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO identity_oauth_grant (
				id, session_id, client_id, user_ref, scope, resource, family_hash, token_hash,
				catalogued, derived, created_at, used_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
			grant.ID, grant.SessionID, grant.ClientID, grant.UserRef, grant.Scope, grant.Resource, grant.FamilyHash, grant.TokenHash,
			number(grant.Catalogued), number(grant.Derived), db.Micros(grant.Created), db.Micros(grant.Used), db.Micros(grant.Expires))
		if err != nil {
			return fmt.Errorf("add OAuth grant: %w", err)
		}
		return nil
	})
}

// OAuthGrant returns a grant, or an error with code not_found. It may have
// expired.
func (s *Store) OAuthGrant(ctx context.Context, id string) (OAuthGrant, error) {
	g := OAuthGrant{ID: id}
	var catalogued, derived, created, used, expires int64
	err := s.db.Read().QueryRowContext(ctx, `
		SELECT session_id, client_id, user_ref, scope, resource, family_hash, token_hash, catalogued, derived, created_at, used_at, expires_at
		FROM identity_oauth_grant
		WHERE id = $1`, id).Scan(
		&g.SessionID, &g.ClientID, &g.UserRef, &g.Scope, &g.Resource, &g.FamilyHash, &g.TokenHash, &catalogued, &derived, &created, &used, &expires)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return g, fault.New(fault.NotFound, "there is no such OAuth grant")
	case err != nil:
		return g, fmt.Errorf("read OAuth grant: %w", err)
	}
	g.Catalogued, g.Derived = catalogued != 0, derived != 0
	g.Created, g.Used, g.Expires = db.FromMicros(created), db.FromMicros(used), db.FromMicros(expires)
	return g, nil
}

// RotateOAuthGrant replaces the valid token of a grant. It returns an error
// with code conflict when old is not the valid one any more.
func (s *Store) RotateOAuthGrant(ctx context.Context, id, oldHash, newHash string, expires time.Time) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := db.Micros(s.now())
		err := changed(tx.ExecContext(ctx, `
			UPDATE identity_oauth_grant
			SET token_hash = $1, used_at = $2, expires_at = $3
			WHERE id = $4 AND token_hash = $5 AND expires_at > $2`, newHash, now, db.Micros(expires), id, oldHash))
		if err != nil {
			return fmt.Errorf("rotate OAuth grant: %w", err)
		}
		return nil
	})
}

// RevokeOAuthSession ends the grant that came from a session's code, and marks
// the session's access tokens as ended until the last of them would have. A
// session without a grant is no error.
func (s *Store) RevokeOAuthSession(ctx context.Context, sessionID string, until time.Time) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM identity_oauth_grant WHERE session_id = $1`, sessionID); err != nil {
			return fmt.Errorf("revoke OAuth grants: %w", err)
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO identity_oauth_revoked (session_id, until)
			VALUES ($1, $2)
			ON CONFLICT (session_id) DO UPDATE SET until = excluded.until`, sessionID, db.Micros(until))
		if err != nil {
			return fmt.Errorf("revoke OAuth session: %w", err)
		}
		return nil
	})
}

// RevokedOAuthSessions returns the sessions whose access tokens are revoked.
func (s *Store) RevokedOAuthSessions(ctx context.Context) (ids []string, err error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT session_id FROM identity_oauth_revoked WHERE until > $1`, db.Micros(s.now()))
	if err != nil {
		return nil, fmt.Errorf("read revoked OAuth sessions: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read revoked OAuth sessions: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// SweepOAuth drops what has expired: sessions, grants, and clients that nobody
// uses. It returns how many rows that were.
func (s *Store) SweepOAuth(ctx context.Context) (dropped int64, err error) {
	now := s.now()
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		dropped = 0
		for _, sweep := range []struct {
			query string
			args  []any
		}{
			{`DELETE FROM identity_oauth_session WHERE status = $1 AND expires_at <= $2`, []any{OAuthPending, db.Micros(now)}},
			{`DELETE FROM identity_oauth_session WHERE expires_at <= $1`, []any{db.Micros(now.Add(-keepSessions))}},
			{`DELETE FROM identity_oauth_grant WHERE expires_at <= $1`, []any{db.Micros(now)}},
			{`DELETE FROM identity_oauth_revoked WHERE until <= $1`, []any{db.Micros(now)}},
			{`DELETE FROM identity_oauth_client WHERE used_at = 0 AND created_at <= $1`, []any{db.Micros(now.Add(-keepUnusedClients))}},
			{`DELETE FROM identity_oauth_client WHERE used_at > 0 AND used_at <= $1 AND NOT EXISTS (
				SELECT 1 FROM identity_oauth_grant WHERE client_id = identity_oauth_client.id)`, []any{db.Micros(now.Add(-keepClients))}},
		} {
			res, err := tx.ExecContext(ctx, sweep.query, sweep.args...)
			if err != nil {
				return fmt.Errorf("sweep OAuth rows: %w", err)
			}
			n, err := res.RowsAffected()
			if err != nil {
				return fmt.Errorf("count swept OAuth rows: %w", err)
			}
			dropped += n
		}
		return nil
	})
	return dropped, err
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
