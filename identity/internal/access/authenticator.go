package access

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// CookieName is the name of the cookie that carries the limited token.
const CookieName = "backstage-auth"

// Verifier checks the portal's own tokens.
type Verifier interface {
	// Verify checks a user token or a limited token.
	Verify(ctx context.Context, token string) (token.Verified, error)
	// VerifyPlugin checks a plugin token for a call of the plugin target.
	VerifyPlugin(ctx context.Context, token, target string) (token.VerifiedPlugin, error)
	// Remembers returns the type of a token that was valid a moment ago.
	Remembers(token string) string
	// Knows reports whether a key is the portal's own, without looking it up.
	Knows(kid string) bool
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
// wins over the cookie. A plugin token is good for the plugin in the request's
// path alone.
func (a *Authenticator) Authenticate(r *http.Request) (identity.Principal, error) {
	if bearer := Bearer(r); bearer != "" {
		return a.bearer(r.Context(), bearer, pluginOf(r))
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

func (a *Authenticator) bearer(ctx context.Context, bearer, target string) (identity.Principal, error) {
	callers := a.callers.Load()
	if p, ok := callers.static(bearer); ok {
		p.Token = bearer
		return p, nil
	}
	if typ := a.verifier.Remembers(bearer); typ != "" {
		return a.own(ctx, bearer, typ, target)
	}
	t, malformed := token.Parse(bearer)
	if !t.Own() && malformed != nil {
		return identity.Principal{}, fault.New(fault.Unauthenticated, "Illegal token")
	}
	// Other portals issue tokens of the same types; theirs may be trusted.
	foreign := t.Own() && !a.verifier.Knows(t.KeyID) && callers.knows(t.KeyID)
	var refused error
	if t.Own() && !foreign {
		p, err := a.own(ctx, bearer, t.Type, target)
		if !token.UnknownKey(err) {
			return p, err
		}
		refused = err
	}
	if malformed == nil {
		p, ok, err := callers.signed(ctx, bearer, t)
		if ok && t.Type == token.TypePlugin {
			return a.peer(ctx, p, t, target)
		}
		if ok || err != nil {
			return p, err
		}
	}
	if refused == nil {
		refused = fault.New(fault.Unauthenticated, "Illegal token")
	}
	return identity.Principal{}, refused
}

// own authenticates with a token of a type that this portal issues.
func (a *Authenticator) own(ctx context.Context, bearer, typ, target string) (identity.Principal, error) {
	if typ != token.TypePlugin {
		p, err := a.user(ctx, bearer)
		if err == nil && p.Limited { // such tokens are for cookies, and to be called on behalf of
			return identity.Principal{}, fault.New(fault.Unauthenticated, "Illegal limited user token")
		}
		return p, err
	}
	v, err := a.verifier.VerifyPlugin(ctx, bearer, target)
	if err != nil {
		return identity.Principal{}, err
	}
	if v.User == "" {
		return identity.Principal{Kind: identity.Service, Subject: "plugin:" + v.Plugin, Token: bearer}, nil
	}
	refs, err := a.ownership.Ownership(ctx, v.User)
	if err != nil {
		return identity.Principal{}, err
	}
	// What is passed on is the user's limited token: the plugin token around
	// it is good for this plugin alone.
	return identity.Principal{Kind: identity.User, Subject: v.User, Ownership: refs, Via: v.Plugin, Token: v.UserToken}, nil
}

// peer authenticates a plugin of another portal, whose token a trusted issuer
// signed: it is for one plugin, as ours are, and speaks for a user of this
// portal where it says so, never for itself in that user's stead.
func (a *Authenticator) peer(ctx context.Context, p identity.Principal, t token.JWS, target string) (identity.Principal, error) {
	claims, err := t.Claims()
	if err != nil || target == "" || !claims.For(target) {
		return identity.Principal{}, fault.New(fault.Unauthenticated, "Failed plugin token verification")
	}
	if claims.OnBehalfOf == "" {
		return p, nil
	}
	user, err := a.user(ctx, claims.OnBehalfOf)
	if fault.Is(err, fault.Unauthenticated) {
		err = fault.New(fault.Unauthenticated, "Invalid user token in plugin token obo claim")
	}
	if err != nil {
		return identity.Principal{}, err
	}
	user.Limited, user.Via, user.Access = false, p.Subject, p.Access
	return user, nil
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
// scheme is compared without regard to case; a token with blanks in it is
// none.
func Bearer(r *http.Request) string {
	scheme, rest, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	rest = strings.TrimSpace(rest)
	if strings.ContainsAny(rest, " \t") {
		return ""
	}
	return rest
}

// pluginOf is the plugin whose route the request calls, or the empty string.
func pluginOf(r *http.Request) string {
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}
