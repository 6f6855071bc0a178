package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// The statuses of an [OAuthSession].
const (
	OAuthPending  = "pending"
	OAuthApproved = "approved"
	OAuthRejected = "rejected"
)

// OAuthClient is a client of the OAuth server that registered itself.
type OAuthClient struct {
	ID, Name     string
	SecretHash   string // empty for a public client
	AuthMethod   string // as the client asked; empty when it did not say
	RedirectURIs []string
	Scope        string
	Created      time.Time
}

// OAuthSession is a request for authorization, and after its approval the code
// that was given out. No secret is stored in the clear.
type OAuthSession struct {
	ID, ClientID, ClientName       string
	RedirectURI                    string
	Scope, State, Nonce, Resource  string
	Challenge, ChallengeMethod     string
	Status, UserRef                string
	CodeExpires, CodeUsed, Expires time.Time
}

// AddOAuthClient stores a client. No more than limit clients wait for their
// first use, so that a stranger cannot fill the database: those that have
// waited longest go, because a refusal would let the stranger shut others out.
func (s *Store) AddOAuthClient(ctx context.Context, c OAuthClient, limit int) error {
	uris, err := json.Marshal(c.RedirectURIs)
	if err != nil {
		return fmt.Errorf("encode redirect URIs: %w", err)
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var waiting int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM identity_oauth_client WHERE used_at = 0`).Scan(&waiting); err != nil {
			return fmt.Errorf("count OAuth clients: %w", err)
		}
		if waiting >= limit {
			_, err := tx.ExecContext(ctx, `
				DELETE FROM identity_oauth_client
				WHERE id IN (
					SELECT id FROM identity_oauth_client WHERE used_at = 0 ORDER BY created_at, id LIMIT $1)`, waiting-limit+1)
			if err != nil {
				return fmt.Errorf("drop OAuth clients that wait longest: %w", err)
			}
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO identity_oauth_client (id, name, secret_hash, auth_method, redirect_uris, scope, created_at, used_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, 0)`,
			c.ID, c.Name, c.SecretHash, c.AuthMethod, string(uris), c.Scope, db.Micros(c.Created))
		if err != nil {
			return fmt.Errorf("add OAuth client %s: %w", c.ID, err)
		}
		return nil
	})
}

// OAuthClient returns a client, or an error with code not_found.
func (s *Store) OAuthClient(ctx context.Context, id string) (OAuthClient, error) {
	c := OAuthClient{ID: id}
	var uris string
	var created int64
	err := s.db.Read().QueryRowContext(ctx, `
		SELECT name, secret_hash, auth_method, redirect_uris, scope, created_at
		FROM identity_oauth_client
		WHERE id = $1`, id).Scan(&c.Name, &c.SecretHash, &c.AuthMethod, &uris, &c.Scope, &created)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return c, fault.Newf(fault.NotFound, "there is no OAuth client %s", id)
	case err != nil:
		return c, fmt.Errorf("read OAuth client: %w", err)
	}
	if err := json.Unmarshal([]byte(uris), &c.RedirectURIs); err != nil {
		return c, fmt.Errorf("decode redirect URIs of OAuth client %s: %w", id, err)
	}
	c.Created = db.FromMicros(created)
	return c, nil
}

// AddOAuthSession stores a pending session. No more than limit sessions are
// pending, for the reason and in the way of AddOAuthClient.
func (s *Store) AddOAuthSession(ctx context.Context, o OAuthSession, limit int) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := db.Micros(s.now())
		var pending int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM identity_oauth_session WHERE status = $1 AND expires_at > $2`, OAuthPending, now).Scan(&pending)
		if err != nil {
			return fmt.Errorf("count OAuth sessions: %w", err)
		}
		if pending >= limit {
			_, err := tx.ExecContext(ctx, `
				DELETE FROM identity_oauth_session
				WHERE id IN (
					SELECT id FROM identity_oauth_session WHERE status = $1 AND expires_at > $2 ORDER BY created_at, id LIMIT $3)`,
				OAuthPending, now, pending-limit+1)
			if err != nil {
				return fmt.Errorf("drop OAuth sessions that wait longest: %w", err)
			}
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO identity_oauth_session (
				id, client_id, client_name, redirect_uri, scope, state, nonce, resource, challenge, challenge_method,
				status, user_ref, code_hash, code_expires_at, code_used_at, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', '', 0, 0, $12, $13)`,
			o.ID, o.ClientID, o.ClientName, o.RedirectURI, o.Scope, o.State, o.Nonce, o.Resource, o.Challenge, o.ChallengeMethod,
			OAuthPending, now, db.Micros(o.Expires))
		if err != nil {
			return fmt.Errorf("add OAuth session: %w", err)
		}
		return nil
	})
}

// OAuthSession returns a session by its id, or an error with code not_found.
func (s *Store) OAuthSession(ctx context.Context, id string) (OAuthSession, error) {
	return s.oauthSession(ctx, "id", id)
}

// OAuthSessionByCode returns the session that a code was given out for, or an
// error with code not_found. The code may be used or expired.
func (s *Store) OAuthSessionByCode(ctx context.Context, codeHash string) (OAuthSession, error) {
	if codeHash == "" {
		return OAuthSession{}, fault.New(fault.NotFound, "there is no such code")
	}
	return s.oauthSession(ctx, "code_hash", codeHash)
}

// oauthSession reads a session by one of two columns.
func (s *Store) oauthSession(ctx context.Context, column, value string) (OAuthSession, error) {
	var (
		o                           OAuthSession
		codeExpires, used, expireAt int64
	)
	err := s.db.Read().QueryRowContext(ctx, `
		SELECT id, client_id, client_name, redirect_uri, scope, state, nonce, resource, challenge, challenge_method,
			status, user_ref, code_expires_at, code_used_at, expires_at
		FROM identity_oauth_session
		WHERE `+column+` = $1`, value).Scan(
		&o.ID, &o.ClientID, &o.ClientName, &o.RedirectURI, &o.Scope, &o.State, &o.Nonce, &o.Resource, &o.Challenge, &o.ChallengeMethod,
		&o.Status, &o.UserRef, &codeExpires, &used, &expireAt)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return o, fault.New(fault.NotFound, "there is no such OAuth session")
	case err != nil:
		return o, fmt.Errorf("read OAuth session: %w", err)
	}
	o.CodeExpires, o.CodeUsed, o.Expires = db.FromMicros(codeExpires), db.FromMicros(used), db.FromMicros(expireAt)
	return o, nil
}

// ApproveOAuthSession binds a pending session to the user and stores the hash
// of its code. It returns an error with code conflict when the session is not
// pending any more: the first answer counts.
func (s *Store) ApproveOAuthSession(ctx context.Context, id, userRef, codeHash string, codeExpires time.Time) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := db.Micros(s.now())
		err := changed(tx.ExecContext(ctx, `
			UPDATE identity_oauth_session
			SET status = $1, user_ref = $2, code_hash = $3, code_expires_at = $4
			WHERE id = $5 AND status = $6 AND expires_at > $7`,
			OAuthApproved, userRef, codeHash, db.Micros(codeExpires), id, OAuthPending, now))
		if err != nil {
			return fmt.Errorf("approve OAuth session: %w", err)
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE identity_oauth_client
			SET used_at = $1
			WHERE id = (SELECT client_id FROM identity_oauth_session WHERE id = $2)`, now, id)
		if err != nil {
			return fmt.Errorf("note the use of an OAuth client: %w", err)
		}
		return nil
	})
}

// RejectOAuthSession ends a pending session. It returns an error with code
// conflict when the session is not pending any more.
func (s *Store) RejectOAuthSession(ctx context.Context, id, userRef string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		err := changed(tx.ExecContext(ctx, `
			UPDATE identity_oauth_session
			SET status = $1, user_ref = $2
			WHERE id = $3 AND status = $4 AND expires_at > $5`, OAuthRejected, userRef, id, OAuthPending, db.Micros(s.now())))
		if err != nil {
			return fmt.Errorf("reject OAuth session: %w", err)
		}
		return nil
	})
}

// changed turns a conditional update that found no row into an error with code
// conflict.
func changed(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "somebody else was first")
	}
	return err
}
