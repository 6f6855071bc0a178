package oauth

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"

	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// Deps are what providers need. All but Title and Transport are required.
type Deps struct {
	// Title is what messages call the provider; empty is the name of its kind.
	Title string
	// BaseURL is backend.baseUrl.
	BaseURL string
	Origins *Origins
	Clock   func() time.Time
	Logger  *slog.Logger
	// Strict asks for no scope that Backstage would not ask for.
	Strict bool
	// Transport carries calls to the identity provider; nil is the usual one.
	Transport http.RoundTripper
}

// Provider signs people in with an identity provider. It implements
// signin.Provider and is safe for concurrent use.
type Provider struct {
	id      string
	deps    Deps
	clients map[string]*client
	used    used
	shared  shared
}

// New builds the provider with the environments that are configured. kind is a
// row of the table, see [KindOf]. It returns an error with code invalid that
// names the key, for the first environment that cannot be used.
func New(d Deps, id, kindID string, envs map[string]Config) (*Provider, error) {
	k, ok := kinds[kindID]
	if !ok {
		return nil, fault.Newf(fault.Invalid, "auth.providers.%s: there is no such provider", id)
	}
	p := &Provider{id: id, deps: d, clients: map[string]*client{}}
	for _, env := range slices.Sorted(maps.Keys(envs)) {
		c, err := newClient(d, id, env, k, envs[env])
		if err != nil {
			return nil, fault.Newf(fault.Invalid, "auth.providers.%s.%s: %w", id, env, err)
		}
		p.clients[env] = c
	}
	return p, nil
}

// ID is the provider's name in routes.
func (p *Provider) ID() string { return p.id }

// client finds the environment that a request is for.
func (p *Provider) client(r *http.Request) (*client, error) {
	env := r.FormValue("env")
	if text := r.FormValue("state"); env == "" && text != "" {
		s, err := decodeState(text)
		if err != nil {
			return nil, err
		}
		env = s.env
	}
	if env == "" {
		return nil, fault.New(fault.Invalid, "Must specify 'env' query to select environment")
	}
	c, ok := p.clients[env]
	if !ok && strings.ContainsFunc(env, func(c rune) bool { return c != '-' && c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		return nil, fault.New(fault.NotFound, "No configuration available for the requested environment of this provider.")
	}
	if !ok {
		return nil, fault.Newf(fault.NotFound, "No configuration available for the '%s' environment of this provider.", env)
	}
	return c, nil
}

// maxParameter bounds what travels through the identity provider and back.
const maxParameter = 2000

// Start sends the browser to the identity provider. Parameters: env, scope,
// origin, flow (popup or redirect), redirectUrl.
func (p *Provider) Start(w http.ResponseWriter, r *http.Request) error {
	c, err := p.client(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if len(q.Get("redirectUrl")) > maxParameter || len(q.Get("scope")) > maxParameter {
		return fault.Newf(fault.Invalid, "redirectUrl and scope may have %d characters", maxParameter)
	}
	s := state{env: c.env, flow: q.Get("flow"), redirectURL: q.Get("redirectUrl"), nonce: random(16)}
	origin, err := p.deps.Origins.origin(q.Get("origin"))
	if err != nil {
		return err
	}
	if q.Get("origin") != "" {
		s.origin = origin
	}
	if s.redirectURL != "" || s.flow == flowRedirect {
		target, err := p.deps.Origins.target(s.redirectURL)
		if err != nil {
			return err
		}
		s.redirectURL = target.String()
	}
	m, err := c.metadata(r.Context())
	if err != nil {
		return err
	}
	scope := c.wanted(q.Get("scope"), c.grantedBefore(r))
	if c.kind.offline && !p.deps.Strict && c.cfg.AdditionalScopes == nil && slices.Contains(m.Scopes, offlineScope) {
		scope = joinScopes(splitScope(scope), []string{offlineScope})
	}
	if c.kind.persist {
		s.scope = scope
	}
	verifier := oauth2.GenerateVerifier()
	to, err := c.authorizeURL(m, scope, s.encode(), verifier)
	if err != nil {
		return err
	}
	c.cookies.setHandler(w, c.cookies.nonce(), s.nonce, origin)
	c.cookies.setHandler(w, c.cookies.verifier(), verifier, origin)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
	return nil
}

func (c *client) authorizeURL(m *metadata, scope, state, verifier string) (string, error) {
	config := oauth2.Config{ClientID: c.cfg.ClientID, RedirectURL: c.callback, Endpoint: oauth2.Endpoint{AuthURL: m.AuthURL}}
	u, err := url.Parse(config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		return "", fmt.Errorf("address of %s: %w", c, err)
	}
	q := u.Query()
	optional(q, "scope", scope)
	if slices.Contains(splitScope(scope), openIDScope) {
		q.Set("nonce", tokenNonce(verifier))
	}
	c.kind.start(&c.cfg, q)
	for key, value := range c.cfg.StartURLSearchParams {
		q.Set(key, value)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// Frame takes the identity provider's answer, hands the session to the page
// that began the sign-in, and sets the cookies that renew it.
func (p *Provider) Frame(w http.ResponseWriter, r *http.Request, complete signin.Complete) error {
	c, s, origin, err := p.answered(w, r)
	if err != nil {
		return err
	}
	verifier := c.cookies.get(r, c.cookies.verifier())
	g, who, err := c.redeem(r.Context(), r.FormValue("code"), verifier)
	if err != nil {
		return err
	}
	scope := cmp.Or(g.Scope, c.wanted("", nil))
	if c.kind.persist {
		scope = s.scope
	}
	scope = joinScopes(splitScope(scope))
	session, err := complete(r.Context(), c.account(who, g, scope))
	if err != nil {
		return err
	}
	if c.kind.persist {
		c.cookies.setSession(w, r, c.cookies.granted(), scope, origin)
	}
	kept := c.keep(g)
	if kept != "" {
		c.cookies.setSession(w, r, c.cookies.refresh(), kept, origin)
	}
	if s.flow != flowRedirect {
		return p.answer(w, http.StatusOK, origin, message{Type: messageType, Response: &session})
	}
	if kept == "" {
		return fault.Newf(fault.Forbidden, "%s gave nothing that outlives this page, so the sign-in cannot be taken back to the portal: ask for the scope %s (additionalScopes), or use the popup flow", c.title, offlineScope)
	}
	target, err := p.deps.Origins.target(s.redirectURL)
	if err != nil {
		return err
	}
	redirect(w, target)
	return nil
}

// answered checks that the answer is one to this browser's question, and that
// it comes for the first time.
func (p *Provider) answered(w http.ResponseWriter, r *http.Request) (c *client, s state, origin string, err error) {
	if c, err = p.client(r); err != nil {
		return nil, s, "", err
	}
	if s, err = decodeState(r.FormValue("state")); err != nil {
		return nil, s, "", err
	}
	if s.env != c.env {
		return nil, s, "", fault.New(fault.Forbidden, "OAuth state is for another environment; start again")
	}
	if origin, err = p.deps.Origins.origin(s.origin); err != nil {
		return nil, s, "", err
	}
	nonce, verifier := c.cookies.get(r, c.cookies.nonce()), c.cookies.get(r, c.cookies.verifier())
	c.cookies.setHandler(w, c.cookies.nonce(), "", origin)
	c.cookies.setHandler(w, c.cookies.verifier(), "", origin)
	switch {
	case nonce == "" || verifier == "":
		return nil, s, "", fault.New(fault.Forbidden, "Auth response is missing cookie nonce: the sign-in took longer than ten minutes, or began in another browser; start again")
	case !same(nonce, s.nonce):
		return nil, s, "", fault.New(fault.Forbidden, "Invalid nonce: another sign-in was begun after this one; start again")
	case !p.used.first(s.nonce, p.deps.Clock()):
		return nil, s, "", fault.New(fault.Forbidden, "This answer was used already; start again")
	}
	if iss := r.FormValue("iss"); iss != "" || c.discovery != nil {
		m, err := c.metadata(r.Context())
		if err != nil {
			return nil, s, "", err
		}
		if (iss != "" && m.Issuer != "" && iss != m.Issuer) || (iss == "" && m.IssInAnswer && r.FormValue("code") != "") {
			return nil, s, "", fault.New(fault.Forbidden, "The answer comes from another identity provider than the one that was asked; start again")
		}
	}
	switch code := r.FormValue("error"); {
	case code != "":
		return nil, s, "", c.denied(r.Context(), code)
	case r.FormValue("code") == "":
		return nil, s, "", fault.New(fault.Invalid, "The answer of the identity provider has no code; start again")
	}
	return c, s, origin, nil
}

// denied explains the error of an answer. Its description is not repeated:
// whoever makes a link can write anything into it.
func (c *client) denied(ctx context.Context, code string) error {
	switch code {
	case "access_denied", "user_cancelled_login", "user_cancelled_authorize":
		return fault.Newf(fault.Forbidden, "%s did not let you in: you, or those who run it, denied the access. Start again and allow it, or ask for an account", c.title)
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		return fault.Newf(fault.Forbidden, "%s would have had to ask you something but was not allowed to (prompt: none); sign in there first, or have the portal's configuration set prompt to auto", c.title)
	case "server_error", "temporarily_unavailable":
		return &httpx.WireError{Code: fault.Unavailable, Message: c.title + " cannot sign anybody in at the moment; try again in a minute"}
	case "invalid_scope", "unauthorized_client", "invalid_request", "unsupported_response_type", "application_suspended", "redirect_uri_mismatch":
		c.log.WarnContext(ctx, "identity provider refuses the portal's request", "provider", c.id, "env", c.env, "code", code)
		return fault.Newf(fault.Forbidden, "%s refuses the portal's request (%s); tell those who run the portal", c.title, code)
	}
	return fault.Newf(fault.Forbidden, "%s did not sign you in; start again", c.title)
}

func redirect(w http.ResponseWriter, to *url.URL) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusFound)
}

var (
	_ signin.Provider  = (*Provider)(nil)
	_ signin.ErrorPage = (*Provider)(nil)
)
