package identityplugin

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/catalog/catalogtest"
	"github.com/stagedoor/stagedoor/e2e/oidc/issuer"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

func newIdentity(t *testing.T, config map[string]any) (*Identity, *plugintest.Host) {
	t.Helper()
	i := New(Deps{DB: dbtest.SQLite(t), Clock: time.Now, NewID: uuid.NewString})
	return i, plugintest.New(t, i, plugintest.Options{Config: config, Reader: catalogtest.New()})
}

func provider(config map[string]any) map[string]any {
	return map[string]any{
		"app":     map[string]any{"baseUrl": "https://portal.example"},
		"backend": map[string]any{"baseUrl": "https://portal.example"},
		"auth":    config,
	}
}

func github(more map[string]any) map[string]any {
	c := map[string]any{"clientId": "id", "clientSecret": "secret"}
	for k, v := range more {
		c[k] = v
	}
	return c
}

func TestProviders_AreBuiltFromTheConfiguration(t *testing.T) {
	t.Parallel()
	i, h := newIdentity(t, provider(map[string]any{
		"environment": "production",
		"providers": map[string]any{
			"guest": map[string]any{},
			"github": map[string]any{"production": github(map[string]any{"signIn": map[string]any{"resolvers": []any{
				map[string]any{"resolver": "usernameMatchingUserEntityName"},
			}}}), "development": map[string]any{"clientId": "half"}},
			"keycloak": map[string]any{"production": github(map[string]any{
				"metadataUrl": "https://keycloak.example/realms/acme", "additionalScopes": "groups offline_access", "sessionDuration": map[string]any{"days": 1},
			})},
			"nonsense": map[string]any{"production": map[string]any{"clientId": "x"}},
			"oauth2Proxy": map[string]any{"signIn": map[string]any{"resolvers": []any{
				map[string]any{"resolver": "forwardedUserMatchingUserEntityName"},
			}}},
		},
	}))
	// Keycloak is there for its tokens alone.
	if got := strings.Join(i.Providers(), " "); got != "github guest oauth2Proxy" {
		t.Errorf("offered are %s", got)
	}
	for path, want := range map[string]int{
		"/api/auth/github/start?env=production":    http.StatusFound,
		"/api/auth/github/start?env=development":   http.StatusNotFound,
		"/api/auth/github/start":                   http.StatusBadRequest,
		"/api/auth/nonsense/start?env=production":  http.StatusNotFound,
		"/api/auth/guest/start":                    http.StatusNotImplemented,
		"/api/auth/guest/handler/frame":            http.StatusNotImplemented,
		"/api/auth/oauth2Proxy/start?env=x":        http.StatusNotImplemented,
		"/api/auth/oauth2Proxy/refresh":            http.StatusUnauthorized,
		"/api/auth/github/handler/other":           http.StatusNotFound,
		"/api/auth/nobody/handler/frame?state=zz":  http.StatusNotFound,
		"/api/auth/github/handler/frame?state=zz":  http.StatusForbidden,
		"/api/auth/github/refresh?env=production":  http.StatusUnauthorized,
		"/api/auth/github/refresh?env=development": http.StatusNotFound,
	} {
		if a := h.Call(http.MethodGet, path, "", nil); a.Code != want {
			t.Errorf("%s: %d, want %d: %s", path, a.Code, want, a.Body)
		}
	}
}

func TestProviders_OutsideOfDevelopmentMustBeWhole(t *testing.T) {
	t.Parallel()
	half := map[string]any{"github": map[string]any{"production": map[string]any{"clientId": "x"}, "development": map[string]any{"clientId": "x"}}}
	i, h := newIdentity(t, provider(map[string]any{"environment": "development", "providers": half}))
	if a := h.Call(http.MethodGet, "/api/auth/github/start?env=development", "", nil); a.Code != http.StatusNotFound || !strings.Contains(a.Body.String(), "is misconfigured") {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	h.Config.Replace(provider(map[string]any{"environment": "production", "providers": half}))
	err := i.Configure(t.Context(), h.Config)
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "auth.providers.github.production: clientSecret is missing") {
		t.Errorf("got %v", err)
	}
}

func TestProviders_StayWhatTheyAreWhenSomethingElseChanges(t *testing.T) {
	t.Parallel()
	config := func(life int, clientID string) map[string]any {
		return provider(map[string]any{
			"backstageTokenExpiration": map[string]any{"minutes": life},
			"providers":                map[string]any{"github": map[string]any{"development": github(map[string]any{"clientId": clientID})}},
		})
	}
	i, h := newIdentity(t, config(20, "a"))
	before := i.settings.Load().providers["github"]
	h.Config.Replace(config(30, "a"))
	if after := i.settings.Load(); after.life != 30*time.Minute || after.providers["github"] != before {
		t.Errorf("life %v, the same provider: %v", after.life, after.providers["github"] == before)
	}
	h.Config.Replace(config(30, "b"))
	if i.settings.Load().providers["github"] == before {
		t.Error("the provider does not follow its configuration")
	}
	a := h.Call(http.MethodGet, "/api/auth/github/start?env=development", "", nil)
	if u, err := url.Parse(a.Header().Get("Location")); err != nil || u.Query().Get("client_id") != "b" {
		t.Errorf("%d %s", a.Code, a.Header().Get("Location"))
	}
}

// TestSignIn_GivesAWorkingToken signs in through the routes of the capability,
// with a real OpenID provider, and uses what it gets.
func TestSignIn_GivesAWorkingToken(t *testing.T) {
	t.Parallel()
	idp := &late{}
	idpServer := httptest.NewServer(idp)
	t.Cleanup(idpServer.Close)
	portal := &late{}
	server := httptest.NewServer(portal)
	t.Cleanup(server.Close)
	var err error
	if idp.Handler, err = issuer.New(idpServer.URL, issuer.Options{
		ClientID: "portal", ClientSecret: "secret", RedirectURIs: []string{server.URL + "/api/auth/oidc/handler/frame"},
		Users: []issuer.User{{Username: "jo", Password: "pw", Email: "jo@acme.example", Name: "Jo", Sub: "1"}},
	}); err != nil {
		t.Fatal(err)
	}
	i, h := newIdentity(t, map[string]any{
		"app": map[string]any{"baseUrl": server.URL}, "backend": map[string]any{"baseUrl": server.URL},
		"auth": map[string]any{"providers": map[string]any{"oidc": map[string]any{"development": map[string]any{
			"clientId": "portal", "clientSecret": "secret", "metadataUrl": idpServer.URL, "additionalScopes": []any{"offline_access"},
			"signIn": map[string]any{"resolvers": []any{map[string]any{
				"resolver": "emailLocalPartMatchingUserEntityName", "allowedDomains": []any{"acme.example"}, "dangerouslyAllowSignInWithoutUserInCatalog": true,
			}}},
		}}}},
	})
	portal.Handler = h

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	form := fetch(t, browser, http.MethodGet, server.URL+"/api/auth/oidc/start?env=development&flow=popup&origin="+url.QueryEscape(server.URL), nil)
	id := form.Request.URL.Query().Get("id")
	page := fetch(t, browser, http.MethodPost, idpServer.URL+"/login", strings.NewReader(url.Values{"id": {id}, "username": {"jo"}, "password": {"pw"}}.Encode()))
	_, rest, _ := strings.Cut(page.text, `id="answer">`)
	raw, _, _ := strings.Cut(rest, "</script>")
	var posted struct {
		Message struct{ Response Session }
	}
	if err := json.Unmarshal([]byte(raw), &posted); err != nil {
		t.Fatalf("%d %s: %v", page.StatusCode, page.text, err)
	}
	check := func(s Session) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+s.Identity.Token)
		who, err := i.Authenticate(r)
		if err != nil || who.Kind != identity.User || who.Subject != "user:default/jo" {
			t.Errorf("%+v, %v", who, err)
		}
	}
	check(posted.Message.Response)
	again := fetch(t, browser, http.MethodGet, server.URL+"/api/auth/oidc/refresh?env=development", nil)
	var session Session
	if err := json.Unmarshal([]byte(again.text), &session); err != nil {
		t.Fatalf("%d %s: %v", again.StatusCode, again.text, err)
	}
	check(session)
	if out := fetch(t, browser, http.MethodPost, server.URL+"/api/auth/oidc/logout?env=development", nil); out.StatusCode != http.StatusOK {
		t.Errorf("%d %s", out.StatusCode, out.text)
	}
	if gone := fetch(t, browser, http.MethodGet, server.URL+"/api/auth/oidc/refresh?env=development", nil); gone.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d %s", gone.StatusCode, gone.text)
	}
}

// late is a handler that is there before what it serves.
type late struct{ http.Handler }

type text struct {
	*http.Response
	text string
}

func fetch(t *testing.T, browser *http.Client, method, address string, body io.Reader) text {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Requested-With", "XMLHttpRequest")
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text{resp, string(raw)}
}

// Configurations of Backstage have the guest also where it runs in production,
// where nothing says so in the configuration.
func TestGuest_IsNotLetInWhereNothingSaysThatThisIsDevelopment(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		base, environment string
		guest             map[string]any
		want              int
	}{
		"on this machine":               {base: "http://localhost:7007", want: http.StatusOK},
		"at a loopback address":         {base: "http://127.0.0.1:7007", want: http.StatusOK},
		"without an address":            {want: http.StatusOK},
		"elsewhere":                     {base: "https://portal.example", want: http.StatusForbidden},
		"elsewhere, in development":     {base: "https://portal.example", environment: "development", want: http.StatusOK},
		"on this machine in production": {base: "http://localhost:7007", environment: "production", want: http.StatusForbidden},
		"elsewhere, on purpose":         {base: "https://portal.example", guest: map[string]any{"dangerouslyAllowOutsideDevelopment": true}, want: http.StatusOK},
	} {
		auth := map[string]any{"providers": map[string]any{"guest": tc.guest}}
		if tc.guest == nil {
			auth["providers"] = map[string]any{"guest": map[string]any{}}
		}
		if tc.environment != "" {
			auth["environment"] = tc.environment
		}
		config := map[string]any{"auth": auth}
		if tc.base != "" {
			config["backend"] = map[string]any{"baseUrl": tc.base}
		}
		_, h := newIdentity(t, config)
		if a := h.Call(http.MethodGet, "/api/auth/guest/refresh", "", nil); a.Code != tc.want {
			t.Errorf("%s: %d %s, want %d", name, a.Code, a.Body, tc.want)
		}
	}
}
