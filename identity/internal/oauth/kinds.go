package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// kind is what a provider does in its own way.
type kind struct {
	title string
	// required are asked for whatever the front-end wants.
	required []string
	// offline asks for a refresh token where the provider announces the scope
	// for it and the configuration names no scopes of its own.
	offline bool
	// persist remembers the granted scopes in a cookie: the provider does not
	// tell them, or tells them in other words.
	persist bool
	// basic sends the client's credentials as HTTP basic authentication unless
	// the configuration says otherwise; plainBasic leaves them unescaped, as
	// servers older than RFC 6749 want them.
	basic, plainBasic bool
	// resolve checks the configuration and returns where the endpoints are: in
	// a discovery document, or here.
	resolve func(*Config) (discover string, static metadata, err error)
	// start adds parameters to the start.
	start func(*Config, url.Values)
	// person asks who signed in.
	person func(context.Context, *client, *metadata, grant, string) (person, error)
	// refreshScope sends the scopes along when tokens are renewed.
	refreshScope bool
	// reuse makes an access token that never expires do for a refresh token. It
	// returns an error unless the token was issued to this client: whom else a
	// person gave a token to must not become that person.
	reuse func(ctx context.Context, c *client, accessToken string) error
	// logout ends the session at the provider; it returns a page to visit, if
	// one must be visited for that.
	logout func(ctx context.Context, c *client, r *http.Request, token string) (page string, err error)
}

// person is who signed in, as the provider tells it.
type person struct {
	id, username, email, name, picture string
	// vouched is set when the provider knows that the address is the person's.
	vouched bool
	claims  map[string]any
}

const (
	emailScope   = "email"
	profileScope = "profile"
	openIDScope  = "openid"
	offlineScope = "offline_access"
)

// kinds is the table of providers. A further one is a row here and, where it is
// no OpenID provider, a function in persons.go.
var kinds = map[string]*kind{
	"oidc": {
		title: "The identity provider", required: []string{openIDScope, profileScope, emailScope}, offline: true, persist: true, basic: true,
		resolve: func(c *Config) (string, metadata, error) {
			if len(c.Scope) > 0 {
				return "", metadata{}, errScope
			}
			return discovered("metadataUrl", c.MetadataURL)
		},
		start:  prompted(""),
		person: openIDWithUserInfo, logout: revokeAnnounced,
	},
	"onelogin": {
		title: "OneLogin", required: []string{openIDScope, profileScope, emailScope}, basic: true, refreshScope: true,
		resolve: func(c *Config) (string, metadata, error) { return discovered("issuer", c.Issuer) },
		start:   prompted(""),
		person:  openIDWithUserInfo, logout: revokeAnnounced,
	},
	"okta": {
		title: "Okta", required: []string{openIDScope, emailScope, profileScope, offlineScope}, basic: true, refreshScope: true,
		resolve: func(c *Config) (string, metadata, error) {
			issuer := c.Audience
			if issuer != "" && c.AuthServerID != "" {
				issuer = strings.TrimRight(issuer, "/") + "/oauth2/" + url.PathEscape(c.AuthServerID)
			}
			return discovered("audience", issuer)
		},
		start: func(c *Config, q url.Values) {
			prompted("")(c, q)
			optional(q, "idp", c.IDP)
		},
		person: openIDWithUserInfo, logout: revokeAnnounced,
	},
	"auth0": {
		title: "Auth0", required: []string{openIDScope, offlineScope, emailScope, profileScope}, refreshScope: true,
		resolve: func(c *Config) (string, metadata, error) { return discovered("domain", c.Domain) },
		start: func(c *Config, q url.Values) {
			prompted("")(c, q)
			optional(q, "audience", c.Audience)
			optional(q, "connection", c.Connection)
			optional(q, "connection_scope", c.ConnectionScope)
			optional(q, "organization", c.Organization)
		},
		person: openIDWithUserInfo, logout: logoutAuth0,
	},
	"google": {
		title:        "Google",
		required:     []string{openIDScope, "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/userinfo.profile"},
		refreshScope: true,
		resolve:      func(*Config) (string, metadata, error) { return discovered("", "https://accounts.google.com") },
		start: func(c *Config, q url.Values) {
			prompted("consent")(c, q) // without consent Google gives one refresh token per person, ever
			q.Set("access_type", "offline")
			optional(q, "login_hint", c.LoginHint)
		},
		person: openID, logout: revokeAnnounced,
	},
	"microsoft": {
		title:        "Microsoft",
		required:     []string{openIDScope, profileScope, emailScope, offlineScope, "User.Read"},
		refreshScope: true,
		resolve: func(c *Config) (string, metadata, error) {
			if c.TenantID == "" {
				return "", metadata{}, fault.New(fault.Invalid, "tenantId is missing or empty; if it comes from a variable, set that")
			}
			return discovered("tenantId", "https://login.microsoftonline.com/"+url.PathEscape(c.TenantID)+"/v2.0")
		},
		start: func(c *Config, q url.Values) {
			prompted("")(c, q)
			optional(q, "domain_hint", c.DomainHint)
			optional(q, "login_hint", c.LoginHint)
		},
		person: microsoftPerson,
	},
	"github": {
		title: "GitHub", required: []string{"read:user"}, persist: true, reuse: issuedByGitHub,
		resolve: func(c *Config) (string, metadata, error) {
			site, err := absolute("enterpriseInstanceUrl", orDefault(c.EnterpriseInstanceURL, "https://github.com"))
			return "", metadata{AuthURL: site + "/login/oauth/authorize", TokenURL: site + "/login/oauth/access_token", UserInfoURL: githubAPI(site)}, err
		},
		start: prompted(""), person: githubPerson, logout: revokeGitHub,
	},
	"gitlab": {
		title: "GitLab", required: []string{"read_user"}, refreshScope: true,
		resolve: func(c *Config) (string, metadata, error) {
			site, err := absolute("audience", orDefault(c.Audience, "https://gitlab.com"))
			return "", metadata{
				AuthURL: site + "/oauth/authorize", TokenURL: site + "/oauth/token",
				UserInfoURL: site + "/api/v4/user", RevocationURL: site + "/oauth/revoke",
			}, err
		},
		start: prompted(""), person: gitlabPerson, logout: revokeAnnounced,
	},
	"bitbucket": {
		title: "Bitbucket", required: []string{"account"}, basic: true, plainBasic: true, refreshScope: true,
		resolve: func(*Config) (string, metadata, error) {
			return "", metadata{
				AuthURL: "https://bitbucket.org/site/oauth2/authorize", TokenURL: "https://bitbucket.org/site/oauth2/access_token",
				UserInfoURL: "https://api.bitbucket.org/2.0/user",
			}, nil
		},
		start: prompted(""), person: bitbucketPerson,
	},
	"bitbucketServer": {
		title: "Bitbucket", refreshScope: true,
		resolve: func(c *Config) (string, metadata, error) {
			site, err := absolute("host", c.Host)
			return "", metadata{AuthURL: site + "/rest/oauth2/latest/authorize", TokenURL: site + "/rest/oauth2/latest/token", UserInfoURL: site}, err
		},
		start: prompted(""), person: bitbucketServerPerson,
	},
	"atlassian": {
		title: "Atlassian", required: []string{offlineScope, "read:me", "read:jira-work", "read:jira-user"}, refreshScope: true,
		resolve: func(*Config) (string, metadata, error) {
			return "", metadata{
				AuthURL: "https://auth.atlassian.com/authorize", TokenURL: "https://auth.atlassian.com/oauth/token", UserInfoURL: "https://api.atlassian.com/me",
			}, nil
		},
		start: func(c *Config, q url.Values) {
			prompted("consent")(c, q)
			q.Set("audience", orDefault(c.Audience, "api.atlassian.com"))
		},
		person: atlassianPerson,
	},
	"oauth2": {
		title: "The identity provider", refreshScope: true,
		resolve: func(c *Config) (string, metadata, error) {
			if len(c.Scope) > 0 {
				return "", metadata{}, errScope
			}
			var m metadata
			for key, at := range map[string]struct {
				from string
				to   *string
			}{"authorizationUrl": {c.AuthorizationURL, &m.AuthURL}, "tokenUrl": {c.TokenURL, &m.TokenURL}, "userInfoUrl": {c.UserInfoURL, &m.UserInfoURL}} {
				if key == "userInfoUrl" && at.from == "" {
					continue
				}
				u, err := absolute(key, at.from)
				if err != nil {
					return "", m, err
				}
				*at.to = u
			}
			return "", m, nil
		},
		start: prompted(""), person: plainPerson,
	},
}

var errScope = fault.New(fault.Invalid, "scope is no longer read; use additionalScopes")

// Kinds returns the ids that the table knows, sorted.
func Kinds() []string {
	ids := make([]string, 0, len(kinds))
	for id := range kinds {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// KindOf returns the kind of a provider: that of its id, or for an id of the
// operator's own choice the protocol that the configuration speaks. It reports
// false when there is none.
func KindOf(id string, cfg Config) (string, bool) {
	_, known := kinds[id]
	switch {
	case known:
		return id, true
	case cfg.MetadataURL != "":
		return "oidc", true
	case cfg.AuthorizationURL != "" && cfg.TokenURL != "":
		return "oauth2", true
	}
	return "", false
}

// discovered returns the address of the discovery document of an issuer.
func discovered(key, issuer string) (string, metadata, error) {
	address, err := absolute(key, issuer)
	if err == nil && !strings.Contains(address, "/.well-known/") {
		address += wellKnown
	}
	return address, metadata{}, err
}

// prompted sends the configured prompt; auto stands for none, as does nothing
// when the kind needs none.
func prompted(needed string) func(*Config, url.Values) {
	return func(c *Config, q url.Values) {
		if prompt := orDefault(c.Prompt, needed); prompt != "auto" {
			optional(q, "prompt", prompt)
		}
	}
}

func optional(q url.Values, key, value string) {
	if value != "" {
		q.Set(key, value)
	}
}

func orDefault(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// githubAPI is where the API of a GitHub installation is.
func githubAPI(site string) string {
	u, err := url.Parse(site)
	switch {
	case err == nil && u.Host == "github.com":
		return "https://api.github.com"
	case err == nil && strings.HasSuffix(u.Host, ".ghe.com"):
		return "https://api." + u.Host
	}
	return site + "/api/v3"
}
