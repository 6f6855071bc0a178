package portal

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/integration/bitbucket"
	"github.com/stagedoor/stagedoor/integration/github"
	"github.com/stagedoor/stagedoor/integration/gitlab"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/internal/telemetry"
	"github.com/stagedoor/stagedoor/plugin"
)

// public are the routes that answer without credentials, each with the reason.
// A star stands for every plugin. Whoever adds a line opens a door: the handler
// must check for itself whatever needs checking.
var public = map[string]string{
	"GET /api/*/.backstage/auth/v1/jwks.json":              "public keys, by which other services verify tokens",
	"DELETE /api/*/.backstage/auth/v1/cookie":              "forgets the cookie of the browser that asks; one that has expired must go, too",
	"GET /api/auth/.well-known/jwks.json":                  "public keys, by which other services verify tokens",
	"GET /api/auth/.well-known/openid-configuration":       "names the addresses of the routes of this list",
	"GET /api/auth/.well-known/oauth-authorization-server": "names the addresses of the routes of this list",
	"GET /api/auth/.well-known/oauth-protected-resource":   "names the addresses of the routes of this list",
	"GET /api/auth/.well-known/oauth-client/cli.json":      "describes the command line as an OAuth client; its text is the same in every portal",
	"GET /api/auth/v1/userinfo":                            "checks the token itself, to word the refusal as OpenID clients know it",
	"GET /api/auth/v1/authorize":                           "begins a sign-in for an OAuth client; the person decides on a page that needs a session",
	"GET /api/auth/v1/sessions/{id}":                       "tells the consent page which client asks; who knows the random id began it",
	"POST /api/auth/v1/token":                              "takes a code, a refresh token or a client's secret, and checks them",
	"POST /api/auth/v1/revoke":                             "takes the token that is to end, and answers the same for tokens that do not exist",
	"POST /api/auth/v1/register":                           "registers an OAuth client where the configuration allows it",
	"GET /api/auth/{provider}/start":                       "begins a sign-in",
	"GET /api/auth/{provider}/handler/frame":               "takes the identity provider's answer; state and nonce prove that it was asked for",
	"POST /api/auth/{provider}/handler/frame":              "takes the identity provider's answer; state and nonce prove that it was asked for",
	"GET /api/auth/{provider}/refresh":                     "recognises people by the refresh cookie, or by what a gateway says",
	"POST /api/auth/{provider}/refresh":                    "recognises people by the refresh cookie, or by what a gateway says",
	"POST /api/auth/{provider}/logout":                     "forgets the refresh cookie of the browser that asks",
	"GET /api/auth/{provider}/{rest...}":                   "says that there is no such provider",
	"POST /api/auth/{provider}/{rest...}":                  "says that there is no such provider",
	"PUT /api/auth/{provider}/{rest...}":                   "says that there is no such provider",
	"PATCH /api/auth/{provider}/{rest...}":                 "says that there is no such provider",
	"DELETE /api/auth/{provider}/{rest...}":                "says that there is no such provider",
	"POST /api/events/http/{topic}":                        "webhooks bring a signature; a topic that checks none is not opened",
	"GET /api/signals/":                                    "upgrades to a socket, which takes the token as its first message",
	"GET /api/signals/health":                              "says that it is there",
	"GET /api/permission/health":                           "says that it is there",
}

// outside are the routes that belong to no plugin, with the reason why anybody
// may ask.
var outside = map[string]string{
	"/.backstage/health/v1/readiness":                      "balancers ask whether the portal is ready",
	"/.backstage/health/v1/liveness":                       "supervisors ask whether the portal is alive",
	"GET /.well-known/oauth-authorization-server":          "names the addresses of routes that are public",
	"GET /.well-known/oauth-authorization-server/api/auth": "names the addresses of routes that are public",
	"GET /.well-known/oauth-protected-resource":            "names the addresses of routes that are public",
	"GET /.well-known/oauth-protected-resource/{path...}":  "names the addresses of routes that are public",
	"GET /metrics": "numbers about the process, for the network that the portal is in",
}

// openPortal opens a portal with everything that ships, permissions switched
// on, and serves requests as a running one would.
func openPortal(t *testing.T, log io.Writer, backend ...string) *Portal {
	t.Helper()
	return openPortalWith(t, log, `
auth:
  environment: production
  providers:
    guest: {dangerouslyAllowOutsideDevelopment: true}
    oauth2Proxy: {signIn: {resolvers: [{resolver: forwardedUserMatchingUserEntityName}]}}
    github:
      production: {clientId: c, clientSecret: s, signIn: {resolvers: [{resolver: usernameMatchingUserEntityName}]}}
permission: {enabled: true}
`, backend...)
}

// openPortalWith opens a portal with the configuration, and lines for its part
// backend.
func openPortalWith(t *testing.T, log io.Writer, text string, backend ...string) *Portal {
	t.Helper()
	p, err := tryPortal(t, log, text, backend...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the portal: %v", err)
		}
	})
	p.root.Started()
	return p
}

func tryPortal(t *testing.T, log io.Writer, text string, backend ...string) (*Portal, error) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "app-config.yaml")
	text = `
app: {baseUrl: 'http://localhost:7007'}
backend:
  baseUrl: 'http://localhost:7007'
  workingDirectory: '` + dir + `'
  database: {client: better-sqlite3, connection: ':memory:'}
  ` + strings.Join(backend, "\n  ") + text
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	tel, shutdown, err := telemetry.Setup(t.Context(), telemetry.Options{Output: io.Discard, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := config.NewWatcher(t.Context(), config.Sources{Paths: []string{file}}, config.WatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := watcher.Close(); err != nil {
			t.Errorf("close the configuration: %v", err)
		}
		if err := shutdown(context.Background()); err != nil {
			t.Errorf("end telemetry: %v", err)
		}
	})
	return Open(t.Context(), Options{
		Config: watcher, Telemetry: tel, Clock: time.Now, NewID: uuid.NewString, Version: "test",
		Logger:  slog.New(slog.NewTextHandler(log, nil)),
		Plugins: []plugin.Plugin{github.Plugin{}, gitlab.Plugin{}, bitbucket.Plugin{}},
	})
}

// door is one registered route.
type door struct {
	method, plugin, pattern string
	access                  httpx.Access
}

// doors are all routes of the portal, those for every method once per method.
func doors(p *Portal) []door {
	var out []door
	for id, mux := range p.root.Plugins() {
		for _, r := range mux.Routes() {
			methods := []string{r.Method}
			if r.Method == "" {
				methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
			}
			for _, m := range methods {
				out = append(out, door{m, id, r.Path, r.Access})
			}
		}
	}
	slices.SortFunc(out, func(a, b door) int {
		return cmp.Or(cmp.Compare(a.plugin, b.plugin), cmp.Compare(a.pattern, b.pattern), cmp.Compare(a.method, b.method))
	})
	return out
}

// lines are the lines of [public] that are about the door.
func (d door) lines() []string {
	return []string{d.method + " /api/" + d.plugin + d.pattern, d.method + " /api/*" + d.pattern}
}

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// knock asks at the door, with header names and values by turns.
func (d door) knock(t *testing.T, p *Portal, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	path := wildcard.ReplaceAllStringFunc("/api/"+d.plugin+d.pattern, func(part string) string {
		if part == "{$}" {
			return ""
		}
		return "x"
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // some answers have no end of their own
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, d.method, path, strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.root.ServeHTTP(w, r)
	return w
}

func TestRoutes_NoneAnswersWithoutCredentialsUnlessItIsPublic(t *testing.T) {
	t.Parallel()
	p := openPortal(t, io.Discard)
	used := map[string]bool{}
	all := doors(p)
	const fewest = 80
	if len(all) < fewest {
		t.Fatalf("only %d routes: this is no assembled portal", len(all))
	}
	for _, d := range all {
		open := false
		for _, line := range d.lines() {
			if _, listed := public[line]; listed {
				used[line], open = true, true
			}
		}
		if open {
			if d.access&httpx.AllowAnonymous == 0 {
				t.Errorf("%s is listed as public and is not: take it off the list", d.lines()[0])
			}
			continue
		}
		for name, headers := range map[string][]string{
			"without credentials":     nil,
			"with a forged token":     {"Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyOmRlZmF1bHQvcm9vdCJ9."},
			"with another scheme":     {"Authorization", "Basic cm9vdDpyb290"},
			"with a forged cookie":    {"Cookie", "backstage-auth=eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyOmRlZmF1bHQvcm9vdCJ9."},
			"with a gateway's header": {"X-Forwarded-User", "root"},
		} {
			if w := d.knock(t, p, headers...); w.Code != http.StatusUnauthorized {
				t.Errorf("%s answers %d %s: it must ask for credentials, or stand on the list of public routes with a reason", d.lines()[0], w.Code, name)
			}
		}
	}
	for _, pattern := range p.root.Outside() {
		used[pattern] = true
		if outside[pattern] == "" {
			t.Errorf("%s answers everybody: it must stand on the list of what may", pattern)
		}
	}
	everything := maps.Clone(public)
	maps.Copy(everything, outside)
	for line, reason := range everything {
		if !used[line] {
			t.Errorf("there is no route %s: take it off the list", line)
		}
		if len(reason) < 10 {
			t.Errorf("%s is public without a reason", line)
		}
	}
}

// A browser sends its cookies along with whatever another site makes it send.
func TestRoutes_OtherSitesChangeNothingWithTheCookies(t *testing.T) {
	t.Parallel()
	p := openPortal(t, io.Discard)
	session, err := p.identity.SignIn(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), "guest")
	if err != nil {
		t.Fatal(err)
	}
	cookie := door{http.MethodGet, "catalog", "/.backstage/auth/v1/cookie", 0}.knock(t, p, "Authorization", "Bearer "+session.Identity.Token)
	if len(cookie.Result().Cookies()) != 1 {
		t.Fatalf("no cookie: %d %s", cookie.Code, cookie.Body)
	}
	cookies := "backstage-auth=" + cookie.Result().Cookies()[0].Value + "; github-refresh-token=x; github-nonce=y"
	changing := 0
	for _, d := range doors(p) {
		if d.method == http.MethodGet {
			continue
		}
		changing++
		w := d.knock(t, p, "Cookie", cookies, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example", "Content-Type", "text/plain")
		excepted := d.method+" /api/"+d.plugin+d.pattern == identityProviderPost
		if refused := w.Code == http.StatusForbidden || w.Code == http.StatusUnauthorized; refused == excepted {
			t.Errorf("%s answers %d %s to another site", d.lines()[0], w.Code, w.Body)
		}
	}
	if changing < 20 {
		t.Errorf("only %d routes change anything", changing)
	}
}

// A cookie is for the browser, never for scripts, and says itself which sites
// may send it; what travels over https stays there.
func TestRoutes_CookiesAreOutOfReachOfScripts(t *testing.T) {
	t.Parallel()
	p := openPortal(t, io.Discard)
	session, err := p.identity.SignIn(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), "guest")
	if err != nil {
		t.Fatal(err)
	}
	set := 0
	for _, d := range doors(p) {
		if d.pattern == "/{provider}/start" {
			d.pattern = "/github/start"
		}
		w := d.knock(t, p, "Authorization", "Bearer "+session.Identity.Token, "X-Requested-With", "XMLHttpRequest")
		for _, c := range w.Result().Cookies() {
			set++
			if !c.HttpOnly || c.SameSite == http.SameSiteDefaultMode || c.SameSite == http.SameSiteNoneMode && !c.Secure {
				t.Errorf("%s %s sets %s", d.method, d.pattern, c)
			}
		}
	}
	if set == 0 {
		t.Error("no route has set a cookie: the test looks at nothing")
	}
}

func TestRoutes_WithoutTheDefaultPolicyCallersNeedNoCredentials(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	openPortal(t, &log)
	if strings.Contains(log.String(), "dangerouslyDisableDefaultAuthPolicy") {
		t.Error("the log warns of a key that is not set")
	}
	p := openPortal(t, &log, "auth: {dangerouslyDisableDefaultAuthPolicy: true}")
	if !strings.Contains(log.String(), "dangerouslyDisableDefaultAuthPolicy") || !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "app-config.yaml:7") {
		t.Errorf("the log does not warn, with file and line: %s", log.String())
	}
	for _, tc := range []struct {
		method, path string
		headers      []string
		want         int
	}{
		{http.MethodGet, "/api/catalog/entity-facets?facet=kind", nil, http.StatusOK},
		{http.MethodGet, "/api/catalog/entity-facets?facet=kind", []string{"Authorization", "Bearer x"}, http.StatusUnauthorized},
		{http.MethodGet, "/api/catalog/.backstage/auth/v1/cookie", nil, http.StatusUnauthorized},     // for users
		{http.MethodGet, "/api/catalog/.backstage/scheduler/v1/tasks", nil, http.StatusUnauthorized}, // for services
	} {
		r := httptest.NewRequestWithContext(t.Context(), tc.method, tc.path, nil)
		for i := 0; i < len(tc.headers); i += 2 {
			r.Header.Set(tc.headers[i], tc.headers[i+1])
		}
		w := httptest.NewRecorder()
		p.root.ServeHTTP(w, r)
		if w.Code != tc.want {
			t.Errorf("%s %v: status %d, want %d: %s", tc.path, tc.headers, w.Code, tc.want, w.Body)
		}
	}
}
