// Package rest speaks HTTP for identity: the routes below /api/auth and those
// that every plugin has for tokens and cookies.
//
// What not: it makes no decision; it reads a request, calls package signin or
// token, and writes what clients expect.
//
// Start reading at [REST.Register].
package rest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/access"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
)

// REST holds what the routes need. All fields are required.
type REST struct {
	Issuer    *token.Issuer
	SignIn    *signin.Service
	Ownership access.Ownership
	Auth      identity.Authenticator
	// Provider finds a configured provider.
	Provider func(id string) (signin.Provider, bool)
	// BaseURL is backend.baseUrl.
	BaseURL func() string
	// Amend adds what the OAuth server offers to the OpenID configuration; nil
	// adds nothing. It may be set until the routes are served.
	Amend func(doc map[string]any)

	throttle signin.Throttle
}

// Register adds the routes of /api/auth.
func (h *REST) Register(r plugin.Router) {
	r.Handle("GET /.well-known/jwks.json", plugin.Unauthenticated, h.jwks)
	r.Handle("GET /.well-known/openid-configuration", plugin.Unauthenticated, h.openIDConfiguration)
	r.Handle("GET /v1/userinfo", plugin.Unauthenticated, h.userInfo)
	h.registerSignIn(r)
}

// RegisterShared adds the routes that every plugin has.
func (h *REST) RegisterShared(r plugin.Router) {
	r.Handle("GET /.backstage/auth/v1/jwks.json", plugin.Unauthenticated, h.jwks)
	r.Handle("GET /.backstage/auth/v1/cookie", plugin.UsersOnly, h.setCookie)
	r.Handle("DELETE /.backstage/auth/v1/cookie", plugin.Unauthenticated, h.clearCookie)
}

func (h *REST) jwks(w http.ResponseWriter, r *http.Request) error {
	set, err := h.Issuer.JWKS(r.Context())
	if err != nil {
		return err
	}
	return httpx.JSONBytes(w, r, http.StatusOK, set)
}

// openIDConfiguration is what relying parties read to find the keys. The
// algorithm list and the endpoints of the code flow are those that clients of
// the contract see, whether or not a flow is configured.
func (h *REST) openIDConfiguration(w http.ResponseWriter, r *http.Request) error {
	base := h.BaseURL() + "/api/auth"
	doc := map[string]any{
		"issuer":                                base,
		"token_endpoint":                        base + "/v1/token",
		"userinfo_endpoint":                     base + "/v1/userinfo",
		"jwks_uri":                              base + "/.well-known/jwks.json",
		"authorization_endpoint":                base + "/v1/authorize",
		"response_types_supported":              []string{"code", "id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"},
		"scopes_supported":                      []string{"openid"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"claims_supported":                      []string{"sub", "ent"},
		"grant_types_supported":                 []string{"authorization_code"},
		"code_challenge_methods_supported":      []string{"S256", "plain"},
	}
	if h.Amend != nil {
		h.Amend(doc)
	}
	return httpx.JSON(w, r, doc)
}

// userInfo tells what a user token leaves out: the ownership.
func (h *REST) userInfo(w http.ResponseWriter, r *http.Request) error {
	if access.Bearer(r) == "" {
		return fault.New(fault.Unauthenticated, "No token provided")
	}
	p, err := h.Auth.Authenticate(r)
	if err != nil {
		return err
	}
	if p.Kind != identity.User {
		return fault.New(fault.Invalid, "Userinfo endpoint must be called with a token that represents a user principal")
	}
	return httpx.JSON(w, r, map[string]any{"claims": map[string]any{"sub": p.Subject, "ent": p.Ownership}})
}

// setCookie gives the browser a limited token, for assets that it fetches
// without an authorization header.
func (h *REST) setCookie(w http.ResponseWriter, r *http.Request) error {
	limited, expires, err := token.Limited(plugin.PrincipalOf(r).Token)
	if err != nil {
		return err
	}
	cookie, err := h.cookie(limited, expires)
	if err != nil {
		return err
	}
	w.Header().Set("Set-Cookie", cookie)
	return httpx.JSON(w, r, map[string]string{"expiresAt": expires.UTC().Format("2006-01-02T15:04:05.000Z")})
}

func (h *REST) clearCookie(w http.ResponseWriter, _ *http.Request) error {
	cookie, err := h.cookie("", time.Unix(0, 0))
	if err != nil {
		return err
	}
	w.Header().Set("Set-Cookie", cookie)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// cookie renders the cookie. It is Secure where browsers keep secure cookies:
// behind https, and on localhost. Only such a cookie may be sent by pages of
// other sites (a front-end on another host), others stay with their site.
// net/http has no Priority attribute, hence the text.
func (h *REST) cookie(value string, expires time.Time) (string, error) {
	base, err := url.Parse(h.BaseURL())
	if err != nil {
		return "", fmt.Errorf("read backend.baseUrl: %w", err)
	}
	if base.Hostname() == "" {
		return "", errors.New("backend.baseUrl has no host")
	}
	attributes := "; Path=/; Expires=" + expires.UTC().Format(http.TimeFormat) + "; HttpOnly"
	if base.Scheme == "https" || base.Hostname() == "localhost" {
		attributes += "; Secure; Priority=High; SameSite=None"
	} else {
		attributes += "; Priority=High; SameSite=Lax"
	}
	domain := ""
	if net.ParseIP(base.Hostname()) == nil {
		domain = "; Domain=" + base.Hostname()
	}
	return access.CookieName + "=" + value + domain + attributes, nil
}
