package authserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/internal/fault"
)

const (
	// longestToken is how long an access token may be valid at the most, and
	// so how long a revocation must be remembered.
	longestToken = 25 * time.Hour
	// revocationDelay is how long another replica's revocation may go
	// unnoticed.
	revocationDelay = 5 * time.Second
)

// tokenClient is whom a token was issued to. It is empty for the token of a
// user's own sign-in.
type tokenClient struct {
	Client  string `json:"azp"`
	Session string `json:"sid"`
}

// clientOf reads a user token, which has been verified.
func clientOf(bearer string) tokenClient {
	var c tokenClient
	_, rest, _ := strings.Cut(bearer, ".")
	payload, _, ok := strings.Cut(rest, ".")
	if !ok {
		return tokenClient{}
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	// Most tokens are of the user's own, and every request comes through here.
	if err != nil || !bytes.Contains(raw, []byte(`"azp"`)) || json.Unmarshal(raw, &c) != nil {
		return tokenClient{}
	}
	return c
}

// revocations are the sessions whose access tokens count no more.
type revocations struct {
	mu       sync.Mutex
	sessions map[string]bool
	read     time.Time
}

// Revoked reports whether a user token, which has been verified, was issued to
// a client and taken back since. A revocation counts at once on the replica
// that made it and within five seconds on the others.
func (s *Server) Revoked(ctx context.Context, bearer string) (bool, error) {
	session := clientOf(bearer).Session
	if session == "" {
		return false, nil
	}
	r := &s.revoked
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := s.now(); r.sessions == nil || now.Sub(r.read) >= revocationDelay {
		ids, err := s.store.RevokedOAuthSessions(ctx)
		if err != nil {
			return false, fault.Wrap(fault.Unavailable, err, "check for revoked tokens")
		}
		r.sessions, r.read = make(map[string]bool, len(ids)), now
		for _, id := range ids {
			r.sessions[id] = true
		}
	}
	return r.sessions[session], nil
}

// revoke ends all tokens of a session.
func (s *Server) revoke(ctx context.Context, session string) error {
	if err := s.store.RevokeOAuthSession(ctx, session, s.now().Add(longestToken)); err != nil {
		return err
	}
	s.revoked.mu.Lock()
	defer s.revoked.mu.Unlock()
	s.revoked.read = time.Time{} // read again
	return nil
}

// Revoke ends the session of a refresh token or an access token: both kinds of
// its tokens. A token that means nothing is no error, as RFC 7009 has it. The
// token of a user's own sign-in is one, because it was not issued here.
func (s *Server) Revoke(ctx context.Context, text string, given Credentials) error {
	if text == "" {
		return refuse(codeInvalidRequest, "Missing token")
	}
	owner, err := s.ownerOf(ctx, text)
	var refusal *Error
	switch {
	case errors.As(err, &refusal) && refusal.Code == codeInvalidGrant:
		return nil
	case err != nil:
		return err
	}
	// A client that is not admitted any more may still give back its tokens.
	if c, err := s.known(ctx, s.settings.Load(), owner.client); err == nil {
		if err := c.authenticate(given); err != nil {
			return err
		}
	} else if !errors.As(err, &refusal) {
		return err
	}
	change, end := s.audit.Begin(ctx, event("oauth-token-revoke", audit.Medium, owner.user, owner.client, map[string]any{"session": owner.session}))
	return end(s.revoke(change, owner.session))
}

type tokenOwner struct{ session, client, user string }

// ownerOf finds out whose token it is. One that means nothing gives an
// *[Error] with the code invalid_grant.
func (s *Server) ownerOf(ctx context.Context, text string) (tokenOwner, error) {
	if strings.Count(text, ".") != 2 {
		grant, err := s.findGrant(ctx, text)
		return tokenOwner{grant.SessionID, grant.ClientID, grant.UserRef}, err
	}
	if err := s.verify(ctx, text); fault.Is(err, fault.Unauthenticated) {
		return tokenOwner{}, refuse(codeInvalidGrant, "Invalid access token")
	} else if err != nil {
		return tokenOwner{}, err
	}
	c := clientOf(text)
	if c.Client == "" || c.Session == "" {
		return tokenOwner{}, refuse(codeUnsupportedToken, "This token was not issued to a client")
	}
	session, err := s.store.OAuthSession(ctx, c.Session)
	if fault.Is(err, fault.NotFound) { // it was swept, the token may live a little longer
		return tokenOwner{c.Session, c.Client, ""}, nil
	}
	return tokenOwner{c.Session, c.Client, session.UserRef}, err
}
