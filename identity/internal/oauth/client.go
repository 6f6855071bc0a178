package oauth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// client is a provider in one environment.
type client struct {
	id, env   string
	title     string
	kind      *kind
	cfg       Config
	callback  string
	cookies   cookies
	http      *http.Client
	clock     func() time.Time
	log       *slog.Logger
	static    metadata
	discovery *discovery
}

func newClient(d Deps, id, env string, k *kind, cfg Config) (*client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	discover, static, err := k.resolve(&cfg)
	if err != nil {
		return nil, err
	}
	callback := orDefault(cfg.CallbackURL, strings.TrimRight(d.BaseURL, "/")+"/api/auth/"+id+"/handler/frame")
	at, err := url.Parse(callback)
	if err != nil || at.Host == "" || (at.Scheme != "https" && at.Scheme != "http") {
		return nil, fault.Newf(fault.Invalid, "callbackUrl: expected an http or https URL, found %q; set backend.baseUrl or callbackUrl", callback)
	}
	c := &client{
		id: id, env: env, title: orDefault(d.Title, k.title), kind: k, cfg: cfg, callback: callback,
		cookies: newCookies(id, at, d.Origins.app, time.Duration(cfg.SessionDuration)),
		http:    newHTTPClient(d.Transport, time.Duration(cfg.Timeout)),
		clock:   d.Clock, log: d.Logger, static: static,
	}
	if discover != "" {
		c.discovery = &discovery{url: discover}
	}
	return c, nil
}

// wanted are the scopes of a request: those asked for, those granted before,
// those that the provider needs, and the configured ones.
func (c *client) wanted(asked string, granted []string) string {
	return joinScopes(splitScope(asked), granted, c.kind.required, c.cfg.AdditionalScopes)
}

// grantedBefore are the scopes of the cookie.
func (c *client) grantedBefore(r *http.Request) []string {
	if !c.kind.persist {
		return nil
	}
	return splitScope(c.cookies.get(r, c.cookies.granted()))
}

// account turns what the provider knows into what resolvers read.
func (c *client) account(p person, g grant, scope string) signin.Account {
	a := signin.Account{
		Provider: c.id, Env: c.env, ID: p.id, Username: p.username, Claims: p.claims,
		Profile: signin.Profile{Email: p.email, DisplayName: p.name, Picture: p.picture},
		Info:    &signin.ProviderInfo{IDToken: g.IDToken, AccessToken: g.AccessToken, Scope: scope, Expires: int64(g.Expires)},
	}
	if p.vouched {
		a.Email = p.email
	}
	return a
}

// redeem turns the code of an answer into tokens and a person.
func (c *client) redeem(ctx context.Context, code, verifier string) (grant, person, error) {
	m, err := c.metadata(ctx)
	if err != nil {
		return grant{}, person{}, err
	}
	g, err := c.exchange(ctx, m.TokenURL, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.callback}, "code_verifier": {verifier},
	})
	if err != nil {
		return grant{}, person{}, c.explain(ctx, "redeeming a code", err)
	}
	p, err := c.kind.person(ctx, c, m, g, tokenNonce(verifier))
	if err != nil {
		return grant{}, person{}, c.explain(ctx, "asking who signed in", err)
	}
	return g, p, nil
}

// renew turns a refresh token into fresh tokens and a person.
func (c *client) renew(ctx context.Context, token, scope string) (grant, person, error) {
	m, err := c.metadata(ctx)
	if err != nil {
		return grant{}, person{}, err
	}
	var g grant
	if access, ok := strings.CutPrefix(token, reusedPrefix); ok && c.kind.reuse != nil {
		if err := c.kind.reuse(ctx, c, access); err != nil {
			return grant{}, person{}, c.explain(ctx, "asking whose token it is", err)
		}
		g = grant{AccessToken: access}
	} else {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
		if c.kind.refreshScope {
			form.Set("scope", scope)
		}
		if g, err = c.exchange(ctx, m.TokenURL, form); err != nil {
			return grant{}, person{}, c.explain(ctx, "renewing tokens", err)
		}
	}
	p, err := c.kind.person(ctx, c, m, g, "")
	if err != nil {
		return grant{}, person{}, c.explain(ctx, "asking who is signed in", err)
	}
	return g, p, nil
}

// reusedPrefix marks an access token in the place of a refresh token. It is
// Backstage's, so that its cookies go on working.
const reusedPrefix = "access-token-v2."

// keep is the text for the refresh cookie, or "" when the provider gave nothing
// that lasts.
func (c *client) keep(g grant) string {
	switch {
	case c.cfg.DisableRefresh:
		return ""
	case g.RefreshToken != "":
		return g.RefreshToken
	case c.kind.reuse != nil && g.Expires == 0:
		return reusedPrefix + g.AccessToken
	}
	return ""
}

// String names the client in errors.
func (c *client) String() string { return fmt.Sprintf("auth.providers.%s.%s", c.id, c.env) }
