package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity/internal/oauth"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, key: idpKey(), form: map[string]url.Values{}, last: map[string]*http.Request{}, hosts: map[string]http.HandlerFunc{}}
}

// come begins a sign-in in the world and returns from it with the code.
func (g *rig) come(w *world, id, query string) answer {
	g.t.Helper()
	q := g.start(id, query).Query()
	w.form["start"] = q
	return g.get("/" + id + "/handler/frame?code=code-1&state=" + q.Get("state"))
}

// plain is a portal with an OAuth 2.0 server that gives more with its tokens.
func plain(t *testing.T, more object, edit func(*oauth.Config)) (*rig, *world) {
	t.Helper()
	w := newWorld(t)
	w.hosts["idp.acme.com"] = func(rw http.ResponseWriter, r *http.Request) { w.grant(rw, r, more) }
	return newRig(t, "corp", "oauth2", w, func(_ string, c *oauth.Config) {
		c.AuthorizationURL, c.TokenURL = "https://idp.acme.com/auth", "https://idp.acme.com/token"
		if edit != nil {
			edit(c)
		}
	}), w
}

func TestMicrosoft_OfManyTenantsVouchesForNoAddress(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		claims  object
		vouched string
		refused bool
	}{
		"anybody's tenant":                {claims: object{"tid": "t-7"}},
		"a domain that Microsoft checked": {claims: object{"tid": "t-7", "xms_edov": true}, vouched: "jo@example.com"},
		"a token of another tenant":       {claims: object{"tid": "t-8"}, refused: true},
		"a token without tenant":          {refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			claims := jo(object{"iss": "https://login.microsoftonline.com/t-7/v2.0"})
			for k, v := range tc.claims {
				claims[k] = v
			}
			w.hosts["login.microsoftonline.com"] = w.openID("https://login.microsoftonline.com/{tenantid}/v2.0", "/common", "/common/v2.0/.well-known/openid-configuration", func() object { return claims }, nil)
			w.hosts["graph.microsoft.com"] = w.routes("", nil, map[string]any{"/v1.0/me": object{"id": "7", "mail": "victim@example.com"}})
			g := newRig(t, "microsoft", "microsoft", w, func(_ string, c *oauth.Config) { c.TenantID = "common" })
			a := g.come(w, "microsoft", "")
			if tc.refused {
				a.failed(t)
				return
			}
			if m := a.posted(t); m.Message.Response == nil {
				t.Fatalf("refused: %+v", m.Message.Error)
			}
			if got := g.account().Email; got != tc.vouched {
				t.Errorf("the address %q counts, want %q", got, tc.vouched)
			}
		})
	}
}

func TestGitHub_SessionHasWhatWasGranted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hosts = dialects["github"].hosts(w)
	g := newRig(t, "github", "github", w, func(string, *oauth.Config) {})
	if m := g.come(w, "github", "&scope=repo").posted(t); m.Message.Response == nil || m.Message.Response.Info.Scope != "repo read:user" {
		t.Fatalf("%+v", m.Message)
	}
	if a := g.do(http.MethodGet, "/github/refresh?env=test&scope=repo", xhr); a.StatusCode != http.StatusOK || !strings.Contains(a.body, `"scope":"repo read:user"`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := g.do(http.MethodGet, "/github/refresh?env=test&scope=admin:org", xhr); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, "session has not been granted the requested scope") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if q := g.start("github", "&scope=admin:org").Query(); q.Get("scope") != "admin:org repo read:user" {
		t.Errorf("asking for more forgets what was granted: %s", q.Get("scope"))
	}
}

// A person who signs in with some other program gives it a token that says who
// the person is. That program must not become the person here.
func TestGitHub_TokensOfOtherProgramsSignNobodyIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hosts = dialects["github"].hosts(w)
	g := newRig(t, "github", "github", w, func(string, *oauth.Config) {})
	refresh := func(token string) answer {
		return g.do(http.MethodGet, "/github/refresh?env=test", http.Header{
			"X-Requested-With": {"XMLHttpRequest"}, "Cookie": {"github-granted-scope=read%3Auser; github-refresh-token=access-token-v2." + token},
		})
	}
	if a := refresh("at-2"); a.StatusCode != http.StatusUnauthorized || len(g.accounts) > 0 {
		t.Errorf("%d %s; accounts %+v", a.StatusCode, a.body, g.accounts)
	}
	if a := refresh("at-1"); a.StatusCode != http.StatusOK {
		t.Errorf("the token of the portal's own: %d %s", a.StatusCode, a.body)
	}
}

func TestPKCE_ProtectsTheCode(t *testing.T) {
	t.Parallel()
	// The world compares the verifier with the challenge, so swapping the
	// challenge is what an injected code looks like.
	g, w := plain(t, nil, nil)
	q := g.start("corp", "").Query()
	w.hosts["idp.acme.com"] = func(rw http.ResponseWriter, r *http.Request) {
		if r.PostForm.Get("code_verifier") == "" || r.PostForm.Get("code_verifier") == q.Get("code_challenge") {
			t.Errorf("the verifier is %q", r.PostForm.Get("code_verifier"))
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(rw).Encode(object{"error": "invalid_grant", "error_description": "PKCE with at-1"})
	}
	if got := g.get("/corp/handler/frame?code=code-1&state=" + q.Get("state")).failed(t); !strings.HasPrefix(got, "AuthenticationError: The identity provider did not accept the sign-in") || strings.Contains(got, "at-1") {
		t.Errorf("got %q", got)
	}
}

func TestCookies_SplitLongTokens(t *testing.T) {
	t.Parallel()
	long := "rt-" + strings.Repeat("ab=;/ ", 1600) // 9603 characters
	g, w := plain(t, object{"refresh_token": long}, nil)
	g.come(w, "corp", "")
	if g.cookieAt("/api/auth/corp", "corp-refresh-token-0") == "" || g.cookieAt("/api/auth/corp", "corp-refresh-token-2") == "" || g.cookieAt("/api/auth/corp", "corp-refresh-token-3") != "" {
		t.Error("9603 characters are not three cookies")
	}
	w.hosts["idp.acme.com"] = func(rw http.ResponseWriter, r *http.Request) {
		if r.PostForm.Get("refresh_token") != long {
			t.Errorf("the token became %.20q…, %d characters", r.PostForm.Get("refresh_token"), len(r.PostForm.Get("refresh_token")))
		}
		send(rw, object{"access_token": "at-2", "refresh_token": "rt-short"})
	}
	if a := g.do(http.MethodGet, "/corp/refresh?env=test", xhr); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if g.cookieAt("/api/auth/corp", "corp-refresh-token") != "rt-short" || g.cookieAt("/api/auth/corp", "corp-refresh-token-0") != "" || g.cookieAt("/api/auth/corp", "corp-refresh-token-2") != "" {
		t.Error("the chunks outlive their token")
	}
}

func TestPlainOAuth_KnowsPeopleByUserInfoOrIDToken(t *testing.T) {
	t.Parallel()
	t.Run("by the user info", func(t *testing.T) {
		t.Parallel()
		g, w := plain(t, nil, func(c *oauth.Config) { c.UserInfoURL = "https://api.acme.com/me" })
		w.hosts["api.acme.com"] = w.routes("", nil, map[string]any{"/me": object{"id": 7, "login": "jo", "email": "jo@example.com"}})
		g.come(w, "corp", "")
		if a := g.account(); a.ID != "7" || a.Username != "jo" || a.Email != "jo@example.com" {
			t.Errorf("account %+v", a)
		}
	})
	t.Run("an id token for somebody else is refused", func(t *testing.T) {
		t.Parallel()
		more := object{}
		g, w := plain(t, more, nil)
		more["id_token"] = w.idToken(jo(object{"aud": "another"}))
		if got := g.come(w, "corp", "").failed(t); !strings.Contains(got, "cannot be trusted") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("no refresh when it is disabled", func(t *testing.T) {
		t.Parallel()
		g, w := plain(t, nil, func(c *oauth.Config) { c.DisableRefresh = true })
		g.come(w, "corp", "")
		if got := g.cookieAt("/api/auth/corp", "corp-refresh-token"); got != "" {
			t.Errorf("cookie %q", got)
		}
	})
	t.Run("forms are read too", func(t *testing.T) {
		t.Parallel()
		g, w := plain(t, nil, nil)
		w.hosts["idp.acme.com"] = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
			_, _ = rw.Write([]byte("access_token=at-1&scope=a%20b&expires_in=60"))
		}
		g.come(w, "corp", "")
		if diff := cmp.Diff(&signin.ProviderInfo{AccessToken: "at-1", Scope: "a b", Expires: 60}, g.account().Info); diff != "" {
			t.Errorf("info (-want +got):\n%s", diff)
		}
	})
	t.Run("an error inside of an answer that looks fine", func(t *testing.T) {
		t.Parallel()
		g, w := plain(t, nil, nil)
		w.hosts["idp.acme.com"] = func(rw http.ResponseWriter, _ *http.Request) { send(rw, object{"error": "bad_verification_code"}) }
		if got := g.come(w, "corp", "").failed(t); !strings.Contains(got, "did not accept the sign-in") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("the secret is not sent where a redirect leads", func(t *testing.T) {
		t.Parallel()
		g, w := plain(t, nil, nil)
		w.hosts["idp.acme.com"] = func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "https://evil.example/token", http.StatusTemporaryRedirect)
		}
		g.come(w, "corp", "").failed(t) // the world knows no evil.example
	})
}

func TestNoResolver_GivesTheProvidersTokensAndNobody(t *testing.T) {
	t.Parallel()
	g, w := plain(t, nil, nil)
	g.refuse = signin.ErrNoResolver
	a := g.come(w, "corp", "")
	m := a.posted(t)
	if m.Message.Response == nil || m.Message.Response.Info.AccessToken != "at-1" || m.Message.Response.Identity.Token != "" || strings.Contains(a.body, "backstageIdentity") || len(g.events) > 0 {
		t.Errorf("%s, events %v", a.body, g.events)
	}
}

func TestNew_NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, tc := range map[string]struct{ id, config string }{
		"auth.providers.oidc.test: clientId is missing or empty; if it comes from a variable, set that":           {"oidc", `{"clientSecret":"x"}`},
		"auth.providers.github.test: clientSecret is missing or empty; if it comes from a variable, set that":     {"github", `{"clientId":"x"}`},
		"auth.providers.oidc.test: metadataUrl is missing or empty; if it comes from a variable, set that":        {"oidc", `{"clientId":"x","clientSecret":"y"}`},
		"auth.providers.oidc.test: scope is no longer read":                                                       {"oidc", `{"clientId":"x","clientSecret":"y","metadataUrl":"https://i","scope":"a"}`},
		"auth.providers.microsoft.test: tenantId is missing or empty; if it comes from a variable, set that":      {"microsoft", `{"clientId":"x","clientSecret":"y"}`},
		"auth.providers.okta.test: audience is missing or empty; if it comes from a variable, set that":           {"okta", `{"clientId":"x","clientSecret":"y"}`},
		"auth.providers.auth0.test: domain is missing or empty; if it comes from a variable, set that":            {"auth0", `{"clientId":"x","clientSecret":"y"}`},
		"auth.providers.onelogin.test: issuer is missing or empty; if it comes from a variable, set that":         {"onelogin", `{"clientId":"x","clientSecret":"y"}`},
		"auth.providers.oauth2.test: authorizationUrl is missing or empty; if it comes from a variable, set that": {"oauth2", `{"clientId":"x","clientSecret":"y","tokenUrl":"https://t"}`},
		"startUrlSearchParams: state belongs to the protocol":                                                     {"oidc", `{"clientId":"x","clientSecret":"y","metadataUrl":"https://i","startUrlSearchParams":{"state":"1"}}`},
		"tokenEndpointAuthMethod: expected client_secret_basic":                                                   {"oidc", `{"clientId":"x","clientSecret":"y","metadataUrl":"https://i","tokenEndpointAuthMethod":"private_key_jwt"}`},
		`callbackUrl: expected an http or https URL, found "/x"`:                                                  {"github", `{"clientId":"x","clientSecret":"y","callbackUrl":"/x"}`},
		`audience: expected an http or https URL, found "ftp://x"`:                                                {"gitlab", `{"clientId":"x","clientSecret":"y","audience":"ftp://x"}`},
		"auth.providers.nobody: there is no such provider":                                                        {"nobody", `{}`},
		"auth.providers.github.test: timeout and sessionDuration cann":                                            {"github", `{"clientId":"x","clientSecret":"y","timeout":"-5 s"}`},
	} {
		var c oauth.Config
		if err := json.Unmarshal([]byte(tc.config), &c); err != nil {
			t.Fatal(err)
		}
		origins, err := oauth.NewOrigins("https://portal.example", "https://portal.example")
		if err != nil {
			t.Fatal(err)
		}
		_, err = oauth.New(oauth.Deps{BaseURL: "https://portal.example", Origins: origins}, tc.id, tc.id, map[string]oauth.Config{"test": c})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestScopes_AreReadInBothForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{`"a b,c|d"`: "a b c d", `["a","b"]`: "a b", `""`: ""} {
		var s oauth.Scopes
		if err := json.Unmarshal([]byte(text), &s); err != nil || strings.Join(s, " ") != want {
			t.Errorf("%s: %v, %v", text, s, err)
		}
	}
	var s oauth.Scopes
	if err := json.Unmarshal([]byte(`{"a":1}`), &s); err == nil {
		t.Errorf("an object is no list of scopes, but gave %v", s)
	}
}

func TestKindOf_RecognisesOwnIDsByTheirKeys(t *testing.T) {
	t.Parallel()
	for id, tc := range map[string]struct {
		c    oauth.Config
		want string
	}{
		"github":   {oauth.Config{}, "github"},
		"keycloak": {oauth.Config{MetadataURL: "https://i"}, "oidc"},
		"corp":     {oauth.Config{AuthorizationURL: "https://a", TokenURL: "https://t"}, "oauth2"},
		"saml":     {oauth.Config{}, ""},
	} {
		if got, ok := oauth.KindOf(id, tc.c); got != tc.want || ok != (tc.want != "") {
			t.Errorf("%s is %q", id, got)
		}
	}
}
