package access

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/token"
)

// CookieName is the name of the cookie that carries the limited token.
const CookieName = "backstage-auth"

// Verifier checks the portal's own tokens.
type Verifier interface {
	Verify(ctx context.Context, token string) (token.Verified, error)
}

// Ownership finds the refs that a user owns things by.
type Ownership interface {
	Ownership(ctx context.Context, userRef string) ([]string, error)
}

// Authenticator implements identity.Authenticator. It is safe for concurrent
// use; the external callers may be replaced while it is used.
type Authenticator struct {
	verifier  Verifier
	ownership Ownership
	callers   atomic.Pointer[Callers]
}

// NewAuthenticator returns an authenticator without external callers.
func NewAuthenticator(v Verifier, o Ownership) *Authenticator {
	a := &Authenticator{verifier: v, ownership: o}
	a.callers.Store(&Callers{})
	return a
}

// SetCallers replaces the external callers.
func (a *Authenticator) SetCallers(c *Callers) { a.callers.Store(c) }

// Authenticate implements identity.Authenticator. The Authorization header
// wins over the cookie.
func (a *Authenticator) Authenticate(r *http.Request) (identity.Principal, error) {
	if bearer := Bearer(r); bearer != "" {
		if p, ok := a.callers.Load().find(bearer); ok {
			p.Token = bearer
			return p, nil
		}
		return a.user(r.Context(), bearer)
	}
	if r.Header.Get("Authorization") == "" {
		if c, err := r.Cookie(CookieName); err == nil && c.Value != "" {
			// A stale cookie is as good as none: it must not shut the sign-in page.
			if p, err := a.user(r.Context(), c.Value); err == nil {
				p.Limited = true
				return p, nil
			}
		}
	}
	return identity.Principal{}, nil
}

func (a *Authenticator) user(ctx context.Context, bearer string) (identity.Principal, error) {
	v, err := a.verifier.Verify(ctx, bearer)
	if err != nil {
		return identity.Principal{}, err
	}
	refs, err := a.ownership.Ownership(ctx, v.Subject)
	if err != nil {
		return identity.Principal{}, err
	}
	return identity.Principal{Kind: identity.User, Subject: v.Subject, Ownership: refs, Limited: v.Limited, Token: bearer}, nil
}

// Bearer returns the bearer token of the request, or the empty string. The
// scheme is compared without regard to case.
func Bearer(r *http.Request) string {
	scheme, rest, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(rest)
}
