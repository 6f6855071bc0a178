package oauth_test

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/stagedoor/stagedoor/identity/internal/oauth"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
)

// world answers for the hosts of the internet and notes what it was asked.
type world struct {
	t     *testing.T
	hosts map[string]http.HandlerFunc
	key   *rsa.PrivateKey
	mu    sync.Mutex
	asked []string
	form  map[string]url.Values // the latest form per path
	last  map[string]*http.Request
}

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	h, ok := w.hosts[r.URL.Host]
	if !ok || r.URL.Scheme != "https" {
		w.t.Errorf("somebody asks %s", r.URL)
		return nil, fmt.Errorf("no such host: %s", r.URL.Host)
	}
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.Method == http.MethodPost {
		if err := in.ParseForm(); err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	w.asked = append(w.asked, r.Method+" "+r.URL.Host+r.URL.Path)
	w.form[r.URL.Path], w.last[r.URL.Path] = in.PostForm, in
	w.mu.Unlock()
	rec := httptest.NewRecorder()
	h(rec, in)
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

func (w *world) count(call string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, a := range w.asked {
		if a == call {
			n++
		}
	}
	return n
}

// idToken signs claims as the world's OpenID providers do.
func (w *world) idToken(claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: w.key, KeyID: "k"}}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	full := map[string]any{"aud": clientID, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(full, claims)
	raw, err := json.Marshal(full)
	if err != nil {
		w.t.Fatal(err)
	}
	signed, err := signer.Sign(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

func send(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

type object = map[string]any

// openID serves an OpenID provider: prefix is where its endpoints are.
func (w *world) openID(issuer, prefix, wellKnown string, claims func() object, info object) http.HandlerFunc {
	m := http.NewServeMux()
	u, err := url.Parse(issuer)
	if err != nil {
		w.t.Fatal(err)
	}
	base := "https://" + u.Host + prefix
	m.HandleFunc("GET "+wellKnown, func(rw http.ResponseWriter, _ *http.Request) {
		send(rw, object{
			"issuer": issuer, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token", "jwks_uri": base + "/keys",
			"userinfo_endpoint": base + "/userinfo", "revocation_endpoint": base + "/revoke", "id_token_signing_alg_values_supported": []string{"RS256", "HS256"},
		})
	})
	m.HandleFunc("GET "+prefix+"/keys", func(rw http.ResponseWriter, _ *http.Request) {
		send(rw, object{"keys": []any{jose.JSONWebKey{Key: w.key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	m.HandleFunc("POST "+prefix+"/token", func(rw http.ResponseWriter, r *http.Request) {
		c := claims()
		if r.PostForm.Get("grant_type") == "authorization_code" {
			c["nonce"] = w.nonce()
		}
		w.grant(rw, r, object{"id_token": w.idToken(c), "expires_in": 3600})
	})
	m.HandleFunc("GET "+prefix+"/userinfo", func(rw http.ResponseWriter, r *http.Request) { w.bearer(rw, r, info) })
	m.HandleFunc("POST "+prefix+"/revoke", func(http.ResponseWriter, *http.Request) {})
	return m.ServeHTTP
}

// nonce is what the browser was sent away with, kept under a path of its own.
func (w *world) nonce() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.form["start"].Get("nonce")
}

// grant is a token endpoint: it checks what every one of them would check.
func (w *world) grant(rw http.ResponseWriter, r *http.Request, more object) {
	w.mu.Lock()
	start := w.form["start"]
	w.mu.Unlock()
	answer := object{"token_type": "bearer", "access_token": "at-1", "refresh_token": "rt-1"}
	refuse := func(code string) {
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(rw).Encode(object{"error": code, "error_description": "with at-1 inside"})
	}
	switch f := r.PostForm; f.Get("grant_type") {
	case "authorization_code":
		if f.Get("code") != "code-1" || f.Get("redirect_uri") != start.Get("redirect_uri") || oauth2.S256ChallengeFromVerifier(f.Get("code_verifier")) != start.Get("code_challenge") {
			w.t.Errorf("the code comes with %v, the start was %v", f, start)
			refuse("invalid_grant")
			return
		}
	case "refresh_token":
		if f.Get("refresh_token") != "rt-1" {
			refuse("invalid_grant")
			return
		}
		answer["access_token"], answer["refresh_token"] = "at-2", "rt-2"
	default:
		refuse("unsupported_grant_type")
		return
	}
	maps.Copy(answer, more)
	for k, v := range answer {
		if v == nil {
			delete(answer, k)
		}
	}
	send(rw, answer)
}

// bearer answers who has an access token.
func (w *world) bearer(rw http.ResponseWriter, r *http.Request, v any) {
	if token := r.Header.Get("Authorization"); token != "Bearer at-1" && token != "Bearer at-2" {
		http.Error(rw, "who is there?", http.StatusUnauthorized)
		return
	}
	if text, ok := v.(string); ok {
		_, _ = rw.Write([]byte(text))
		return
	}
	send(rw, v)
}

// routes is a handler from a table of paths.
func (w *world) routes(token string, more object, answers map[string]any) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == token {
			w.grant(rw, r, more)
			return
		}
		v, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(rw, r)
			return
		}
		if h, ok := v.(http.HandlerFunc); ok {
			h(rw, r)
			return
		}
		w.bearer(rw, r, v)
	}
}

// dialect is one provider: what the world is, and what should be seen.
type dialect struct {
	edit     func(*oauth.Config)
	hosts    func(w *world) map[string]http.HandlerFunc
	start    string // host and path of the start
	query    map[string]string
	scope    string
	basic    bool // how the client proves itself
	token    string
	account  signin.Account
	refresh  string // what the refresh cookie holds after a refresh; "" for none
	revoke   string // the call at logout
	loggedTo string
}

func jo(more object) object {
	o := object{"sub": "7", "email": "jo@example.com", "email_verified": true, "name": "Jo", "preferred_username": "jo"}
	maps.Copy(o, more)
	return o
}

var profileJo = signin.Profile{Email: "jo@example.com", DisplayName: "Jo"}

var dialects = map[string]dialect{
	"google": {
		hosts: func(w *world) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"accounts.google.com": w.openID("https://accounts.google.com", "/o", "/.well-known/openid-configuration", func() object {
				return object{"iss": "accounts.google.com", "sub": "7", "email": "jo@example.com", "email_verified": true, "name": "Jo", "picture": "https://p/jo"}
			}, object{})}
		},
		start: "accounts.google.com/o/authorize", query: map[string]string{"access_type": "offline", "prompt": "consent"},
		scope: "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile", token: "/o/token",
		account: signin.Account{ID: "7", Email: "jo@example.com", Profile: signin.Profile{Email: "jo@example.com", DisplayName: "Jo", Picture: "https://p/jo"}},
		refresh: "rt-2", revoke: "POST accounts.google.com/o/revoke",
	},
	"okta": {
		edit: func(c *oauth.Config) { c.Audience, c.AuthServerID, c.IDP = "https://acme.okta.com", "default", "idp-9" },
		hosts: func(w *world) map[string]http.HandlerFunc {
			const issuer = "https://acme.okta.com/oauth2/default"
			return map[string]http.HandlerFunc{"acme.okta.com": w.openID(issuer, "/v1", "/oauth2/default/.well-known/openid-configuration", func() object { return object{"iss": issuer, "sub": "7"} }, jo(nil))}
		},
		start: "acme.okta.com/v1/authorize", query: map[string]string{"idp": "idp-9"}, scope: "openid email profile offline_access", basic: true, token: "/v1/token",
		account: signin.Account{ID: "7", Username: "jo", Email: "jo@example.com", Profile: profileJo}, refresh: "rt-2", revoke: "POST acme.okta.com/v1/revoke",
	},
	"auth0": {
		edit: func(c *oauth.Config) {
			c.Domain, c.Audience, c.Connection, c.ConnectionScope, c.Organization = "acme.auth0.com", "api", "github", "repo", "org-1"
		},
		hosts: func(w *world) map[string]http.HandlerFunc {
			const issuer = "https://acme.auth0.com/"
			return map[string]http.HandlerFunc{"acme.auth0.com": w.openID(issuer, "/oauth", "/.well-known/openid-configuration",
				func() object { return object{"iss": issuer, "sub": "7", "nickname": "jo"} }, object{"sub": "7", "email": "jo@example.com", "email_verified": false, "name": "Jo"})}
		},
		start: "acme.auth0.com/oauth/authorize", query: map[string]string{"audience": "api", "connection": "github", "connection_scope": "repo", "organization": "org-1"},
		scope: "openid offline_access email profile", token: "/oauth/token",
		account: signin.Account{ID: "7", Username: "jo", Profile: profileJo}, refresh: "rt-2", revoke: "POST acme.auth0.com/oauth/revoke",
		loggedTo: `{"logoutUrl":"https://acme.auth0.com/v2/logout?client_id=portal&returnTo=https%3A%2F%2Fportal.example"}`,
	},
	"onelogin": {
		edit: func(c *oauth.Config) { c.Issuer = "https://acme.onelogin.com/oidc/2" },
		hosts: func(w *world) map[string]http.HandlerFunc {
			const issuer = "https://acme.onelogin.com/oidc/2"
			return map[string]http.HandlerFunc{"acme.onelogin.com": w.openID(issuer, "/oidc/2", "/oidc/2/.well-known/openid-configuration", func() object { return object{"iss": issuer, "sub": "7"} }, jo(nil))}
		},
		start: "acme.onelogin.com/oidc/2/authorize", scope: "openid profile email", basic: true, token: "/oidc/2/token",
		account: signin.Account{ID: "7", Username: "jo", Email: "jo@example.com", Profile: profileJo}, refresh: "rt-2", revoke: "POST acme.onelogin.com/oidc/2/revoke",
	},
	"microsoft": {
		edit: func(c *oauth.Config) { c.TenantID, c.DomainHint = "t-1", "acme.com" },
		hosts: func(w *world) map[string]http.HandlerFunc {
			const issuer = "https://login.microsoftonline.com/t-1/v2.0"
			return map[string]http.HandlerFunc{
				"login.microsoftonline.com": w.openID(issuer, "/t-1/oauth2", "/t-1/v2.0/.well-known/openid-configuration",
					func() object {
						return object{"iss": issuer, "sub": "pairwise", "oid": "7", "tid": "t-1", "preferred_username": "jo@acme.com"}
					}, nil),
				"graph.microsoft.com": w.routes("", nil, map[string]any{
					"/v1.0/me": object{"id": "7", "displayName": "Jo", "mail": "jo@example.com", "userPrincipalName": "jo@acme.com"}, "/v1.0/me/photos/96x96/$value": "\xff\xd8\xff\xe0",
				}),
			}
		},
		start: "login.microsoftonline.com/t-1/oauth2/authorize", query: map[string]string{"domain_hint": "acme.com"}, scope: "openid profile email offline_access User.Read", token: "/t-1/oauth2/token",
		account: signin.Account{ID: "7", Username: "jo@acme.com", Email: "jo@example.com", Profile: signin.Profile{Email: "jo@example.com", DisplayName: "Jo", Picture: "data:image/jpeg;base64,/9j/4A=="}},
		refresh: "rt-2",
	},
	"github": {
		hosts: func(w *world) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{
				"github.com": w.routes("/login/oauth/access_token", object{"refresh_token": nil, "scope": "read:user,user:email"}, nil),
				"api.github.com": w.routes("", nil, map[string]any{
					"/user":        object{"id": 7, "login": "jo", "name": "Jo", "email": "public@example.com", "avatar_url": "https://p/jo"},
					"/user/emails": []object{{"email": "x@example.com", "primary": true}, {"email": "jo@example.com", "primary": true, "verified": true}},
					"/applications/portal/token": http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
						var body map[string]string
						id, password, ok := r.BasicAuth()
						if json.NewDecoder(r.Body).Decode(&body) != nil || !ok || id != clientID || password != clientSecret || !strings.HasPrefix(body["access_token"], "at-") {
							w.t.Errorf("not asked by the client about a token: %s %v", id, body)
						}
						switch {
						case body["access_token"] != "at-1": // of another client
							rw.WriteHeader(http.StatusNotFound)
						case r.Method == http.MethodDelete:
							rw.WriteHeader(http.StatusNoContent)
						default:
							send(rw, object{"app": object{"client_id": clientID}})
						}
					}),
				}),
			}
		},
		start: "github.com/login/oauth/authorize", scope: "read:user", token: "/login/oauth/access_token",
		account: signin.Account{ID: "7", Username: "jo", Email: "jo@example.com", Profile: signin.Profile{Email: "jo@example.com", DisplayName: "Jo", Picture: "https://p/jo"}},
		refresh: "access-token-v2.at-1", revoke: "DELETE api.github.com/applications/portal/token",
	},
	"gitlab": {
		edit: func(c *oauth.Config) { c.Audience = "https://git.acme.com/" },
		hosts: func(w *world) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"git.acme.com": w.routes("/oauth/token", object{"expires_in": "7200"}, map[string]any{
				"/api/v4/user":  object{"id": 7, "username": "jo", "name": "Jo", "email": "jo@example.com", "confirmed_at": "2020-01-01"},
				"/oauth/revoke": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
			})}
		},
		start: "git.acme.com/oauth/authorize", scope: "read_user", token: "/oauth/token",
		account: signin.Account{ID: "7", Username: "jo", Email: "jo@example.com", Profile: profileJo}, refresh: "rt-2", revoke: "POST git.acme.com/oauth/revoke",
	},
	"bitbucket": {
		hosts: func(w *world) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{
				"bitbucket.org": w.routes("/site/oauth2/access_token", nil, nil),
				"api.bitbucket.org": w.routes("", nil, map[string]any{
					"/2.0/user":        object{"uuid": "{7}", "username": "jo", "display_name": "Jo", "links": object{"avatar": object{"href": "https://p/jo"}}},
					"/2.0/user/emails": object{"values": []object{{"email": "x@example.com", "is_primary": true}, {"email": "jo@example.com", "is_primary": true, "is_confirmed": true}}},
				}),
			}
		},
		start: "bitbucket.org/site/oauth2/authorize", scope: "account", basic: true, token: "/site/oauth2/access_token",
		account: signin.Account{ID: "{7}", Username: "jo", Email: "jo@example.com", Profile: signin.Profile{Email: "jo@example.com", DisplayName: "Jo", Picture: "https://p/jo"}}, refresh: "rt-2",
	},
	"bitbucketServer": {
		edit: func(c *oauth.Config) { c.Host = "bb.acme.com" },
		hosts: func(w *world) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"bb.acme.com": w.routes("/rest/oauth2/latest/token", nil, map[string]any{
				"/plugins/servlet/applinks/whoami": "jo", "/rest/api/latest/users/jo": object{"id": 7, "name": "jo", "displayName": "Jo", "emailAddress": "jo@example.com", "avatarUrl": "/a.png"},
			})}
		},
		start: "bb.acme.com/rest/oauth2/latest/authorize", token: "/rest/oauth2/latest/token",
		account: signin.Account{ID: "7", Username: "jo", Email: "jo@example.com", Profile: signin.Profile{Email: "jo@example.com", DisplayName: "Jo", Picture: "https://bb.acme.com/a.png"}}, refresh: "rt-2",
	},
	"atlassian": {
		hosts: func(w *world) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{
				"auth.atlassian.com": w.routes("/oauth/token", nil, nil),
				"api.atlassian.com":  w.routes("", nil, map[string]any{"/me": object{"account_id": "7", "email": "jo@example.com", "name": "Jo", "nickname": "jo"}}),
			}
		},
		start: "auth.atlassian.com/authorize", query: map[string]string{"audience": "api.atlassian.com", "prompt": "consent"}, scope: "offline_access read:me read:jira-work read:jira-user", token: "/oauth/token",
		account: signin.Account{ID: "7", Username: "jo", Email: "jo@example.com", Profile: profileJo}, refresh: "rt-2",
	},
	"oauth2": {
		edit: func(c *oauth.Config) {
			c.AuthorizationURL, c.TokenURL, c.AdditionalScopes = "https://idp.acme.com/auth", "https://idp.acme.com/token", oauth.Scopes{"openid"}
			c.IncludeBasicAuth, c.StartURLSearchParams = true, map[string]string{"organization": "acme"}
		},
		hosts: func(w *world) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"idp.acme.com": func(rw http.ResponseWriter, r *http.Request) {
				w.grant(rw, r, object{"id_token": w.idToken(jo(nil))})
			}}
		},
		start: "idp.acme.com/auth", query: map[string]string{"organization": "acme"}, scope: "openid", token: "/token",
		account: signin.Account{ID: "7", Username: "jo", Email: "jo@example.com", Profile: profileJo}, refresh: "rt-2",
	},
}

func TestDialects_AreSpokenAsTheProvidersExpect(t *testing.T) {
	t.Parallel()
	for _, id := range oauth.Kinds() {
		d, ok := dialects[id]
		if !ok {
			if id != "oidc" {
				t.Errorf("nobody looks at %s", id)
			}
			continue
		}
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			w := &world{t: t, key: idpKey(), form: map[string]url.Values{}, last: map[string]*http.Request{}}
			w.hosts = d.hosts(w)
			g := newRig(t, id, id, w, func(_ string, c *oauth.Config) {
				if d.edit != nil {
					d.edit(c)
				}
			})
			speak(t, g, w, id, d)
		})
	}
}

// speak signs in, renews and signs out.
func speak(t *testing.T, g *rig, w *world, id string, d dialect) {
	t.Helper()
	at := g.start(id, "&origin=https://portal.example")
	q := at.Query()
	w.form["start"] = q
	want := map[string]string{"client_id": clientID, "response_type": "code", "scope": d.scope, "redirect_uri": g.url + "/api/auth/" + id + "/handler/frame", "code_challenge_method": "S256"}
	maps.Copy(want, d.query)
	got := map[string]string{}
	for k := range q {
		if !slices.Contains([]string{"state", "nonce", "code_challenge"}, k) {
			got[k] = q.Get(k)
		}
	}
	if d.scope == "" {
		delete(want, "scope")
	}
	if diff := cmp.Diff(want, got); diff != "" || at.Host+at.Path != d.start {
		t.Errorf("start at %s (-want +got):\n%s", at.Host+at.Path, diff)
	}
	a := g.get("/" + id + "/handler/frame?code=code-1&state=" + q.Get("state"))
	if m := a.posted(t); m.Message.Response == nil {
		t.Fatalf("refused: %+v", m.Message.Error)
	}
	checkClient(t, w.last[d.token], d.basic || id == "oauth2", d.basic && id != "bitbucket", !d.basic)
	account := g.account()
	if account.Info.AccessToken != "at-1" {
		t.Errorf("info %+v", account.Info)
	}
	account.Info, account.Claims = nil, nil
	d.account.Provider, d.account.Env = id, "test"
	if diff := cmp.Diff(d.account, account); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
	if a := g.do(http.MethodGet, "/"+id+"/refresh?env=test&scope="+url.QueryEscape(d.scope), xhr); a.StatusCode != http.StatusOK {
		t.Errorf("refresh: %d %s", a.StatusCode, a.body)
	}
	checkClient(t, w.last[d.token], d.basic || id == "oauth2", d.basic && id != "bitbucket", !d.basic)
	if got := g.cookieAt("/api/auth/"+id, id+"-refresh-token"); got != d.refresh {
		t.Errorf("the refresh cookie is %q, want %q", got, d.refresh)
	}
	out := g.do(http.MethodPost, "/"+id+"/logout?env=test", http.Header{"X-Requested-With": {"XMLHttpRequest"}, "Origin": {"https://portal.example"}})
	if out.StatusCode != http.StatusOK || strings.TrimSpace(out.body) != d.loggedTo {
		t.Errorf("logout: %d %s", out.StatusCode, out.body)
	}
	if d.revoke != "" && w.count(d.revoke) != 1 {
		t.Errorf("nothing was revoked: %v", w.asked)
	}
	if got := g.cookieAt("/api/auth/"+id, id+"-refresh-token"); got != "" {
		t.Errorf("the refresh cookie is still %q", got)
	}
}

// checkClient checks how the client proved itself.
func checkClient(t *testing.T, r *http.Request, basic, escaped, body bool) {
	t.Helper()
	id, password, ok := r.BasicAuth()
	if raw, err := url.QueryUnescape(password); err == nil && escaped {
		password = raw
	}
	if ok != basic || (basic && (id != clientID || password != clientSecret)) {
		t.Errorf("basic authentication: %v %s", ok, id)
	}
	if sent := r.PostForm.Get("client_secret"); (sent == clientSecret) != body {
		t.Errorf("the body has the secret: %v, want %v", sent != "", body)
	}
}

func (g *rig) cookieAt(path, name string) string {
	u, err := url.Parse(g.url + path)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, c := range g.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
