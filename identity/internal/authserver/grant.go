package authserver

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity/internal/store"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// A refresh token is <grant>.<family><rest>. All tokens of a grant share the
// family, so that a token which was replaced long ago is known as one that was
// genuine, without a record of every token there ever was.
const (
	familyBytes = 16
	restBytes   = 32
	familyChars = 22 // of 16 bytes in base64
)

type refreshToken struct{ grant, family, text string }

func newRefreshToken(grant, family string) refreshToken {
	return refreshToken{grant, family, grant + "." + family + random(restBytes)}
}

func parseRefreshToken(text string) (refreshToken, bool) {
	grant, rest, ok := strings.Cut(text, ".")
	if !ok || grant == "" || len(text) > 256 || len(rest) <= familyChars {
		return refreshToken{}, false
	}
	return refreshToken{grant, rest[:familyChars], text}, true
}

// newGrant makes the grant behind a refresh token. It is stored with the
// redemption of the code.
func (s *Server) newGrant(ctx context.Context, cfg *Settings, session store.OAuthSession, ownership []string) (*store.OAuthGrant, string, error) {
	catalogued, err := s.inCatalog(ctx, session.UserRef)
	if err != nil {
		return nil, "", err
	}
	derived := false
	if catalogued {
		refs, err := s.ownershipOf(ctx, session.UserRef)
		if err != nil {
			return nil, "", err
		}
		derived = sameRefs(refs, ownership)
	}
	now := s.now()
	fresh := newRefreshToken(s.newID(), random(familyBytes))
	return &store.OAuthGrant{
		ID: fresh.grant, SessionID: session.ID, ClientID: session.ClientID, UserRef: session.UserRef,
		Scope: session.Scope, Resource: session.Resource,
		FamilyHash: hash(fresh.family), TokenHash: hash(fresh.text), Catalogued: catalogued, Derived: derived,
		Created: now, Used: now, Expires: cfg.grantExpiry(now, now),
	}, fresh.text, nil
}

// grantExpiry is when a grant ends unless it is used again.
func (s *Settings) grantExpiry(created, used time.Time) time.Time {
	expires, last := used.Add(s.tokenLife), created.Add(s.grantLife)
	if last.Before(expires) {
		return last
	}
	return expires
}

func sameRefs(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// findGrant returns the grant of a refresh token that is or was genuine. Any
// other gives an *[Error].
func (s *Server) findGrant(ctx context.Context, text string) (store.OAuthGrant, error) {
	invalid := refuse(codeInvalidGrant, "Invalid refresh token")
	presented, ok := parseRefreshToken(text)
	if !ok {
		return store.OAuthGrant{}, invalid
	}
	grant, err := s.store.OAuthGrant(ctx, presented.grant)
	if fault.Is(err, fault.NotFound) {
		return grant, invalid
	}
	if err == nil && !sameHash(hash(presented.family), grant.FamilyHash) {
		return grant, invalid
	}
	return grant, err
}

// refresh rotates a refresh token.
func (s *Server) refresh(ctx context.Context, r TokenRequest) (TokenResponse, error) {
	cfg := s.settings.Load()
	grant, err := s.findGrant(ctx, r.RefreshToken)
	if err != nil {
		return TokenResponse{}, err
	}
	if err := s.checkGrant(ctx, cfg, grant, r); err != nil {
		return TokenResponse{}, err
	}
	ownership, err := s.ownershipNow(ctx, cfg, grant)
	if err != nil {
		return TokenResponse{}, err
	}
	answer, err := s.issue(ctx, token.User{Ref: grant.UserRef, Ownership: ownership, Client: grant.ClientID, Session: grant.SessionID})
	if err != nil {
		return TokenResponse{}, err
	}
	old, _ := parseRefreshToken(r.RefreshToken)
	next := newRefreshToken(grant.ID, old.family)
	change, end := s.audit.Begin(ctx, event("oauth-token-refresh", audit.Low, grant.UserRef, grant.ClientID, map[string]any{"session": grant.SessionID}))
	expires := cfg.grantExpiry(grant.Created, s.now())
	if err := end(s.store.RotateOAuthGrant(change, grant.ID, hash(old.text), hash(next.text), expires)); err != nil {
		if fault.Is(err, fault.Conflict) {
			return TokenResponse{}, raced()
		}
		return TokenResponse{}, err
	}
	answer.Scope, answer.RefreshToken = grant.Scope, next.text
	return answer, nil
}

func raced() error {
	return refuse(codeInvalidGrant, "The refresh token was replaced a moment ago by another request")
}

// checkGrant checks that the token is the valid one, and that the client may
// still use it.
func (s *Server) checkGrant(ctx context.Context, cfg *Settings, grant store.OAuthGrant, r TokenRequest) error {
	c, err := s.known(ctx, cfg, grant.ClientID)
	if err != nil {
		return err
	}
	if err := c.authenticate(r.Client); err != nil {
		return err
	}
	switch {
	case !cfg.refreshes(grant.ClientID):
		return refuse(codeInvalidGrant, "Refresh tokens are not enabled")
	case !s.now().Before(grant.Expires):
		return refuse(codeInvalidGrant, "Refresh token expired")
	case !sameHash(hash(r.RefreshToken), grant.TokenHash):
		if s.now().Sub(grant.Used) < rotationGrace {
			return raced()
		}
		return s.reused(ctx, grant)
	}
	granted := strings.Fields(grant.Scope)
	for scope := range strings.FieldsSeq(r.Scope) {
		if !slices.Contains(granted, scope) {
			return refuse(codeInvalidScope, "scope exceeds what was granted")
		}
	}
	return sameResource(grant.Resource, r.Resource)
}

// reused ends a grant one of whose old tokens came back: either that one or
// the new one is in the wrong hands.
func (s *Server) reused(ctx context.Context, grant store.OAuthGrant) error {
	e := event("oauth-token-reuse", audit.High, grant.UserRef, grant.ClientID, map[string]any{"session": grant.SessionID, "what": "refresh token"})
	e.Status, e.Reason = audit.Failed, "a refresh token that had been replaced was used again; the grant is revoked"
	return s.usedTwice(ctx, grant.SessionID, e, "Refresh token already used; the grant is revoked")
}

// ownershipNow is what the user owns things by today. A user who has left the
// catalog since the grant was made loses it. Users who never were in it, such
// as guests, keep what their own sign-in gave them.
func (s *Server) ownershipNow(ctx context.Context, cfg *Settings, grant store.OAuthGrant) ([]string, error) {
	if (grant.Catalogued || cfg.strict) && !cfg.skipCatalog {
		present, err := s.inCatalog(ctx, grant.UserRef)
		if err != nil {
			return nil, err
		}
		if !present {
			return nil, s.left(ctx, grant)
		}
	}
	if !grant.Derived {
		return s.store.Ownership(ctx, grant.UserRef)
	}
	refs, err := s.ownershipOf(ctx, grant.UserRef)
	if err != nil {
		return nil, err
	}
	return refs, s.store.SetOwnership(ctx, grant.UserRef, refs)
}

func (s *Server) left(ctx context.Context, grant store.OAuthGrant) error {
	e := event("oauth-token-revoke", audit.High, grant.UserRef, grant.ClientID, map[string]any{"session": grant.SessionID})
	e.Reason = "the user is not in the catalog any more"
	change, end := s.audit.Begin(ctx, e)
	if err := end(s.revoke(change, grant.SessionID)); err != nil {
		return err
	}
	return refuse(codeInvalidGrant, "The user is not in the catalog any more")
}
