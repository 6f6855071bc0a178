package uiplugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/ui/uiplugin"
)

func deps(files map[string]string, stock bool) uiplugin.Deps {
	build := fstest.MapFS{}
	for name, content := range files {
		build[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return uiplugin.Deps{
		Files: fs.FS(build), Stock: stock, Version: "1.2.3",
		Frontend: func() map[string]any {
			return map[string]any{"app": map[string]any{"title": "Port <Lane>", "baseUrl": "https://p.example"}}
		},
		Seq:       func() int64 { return 42 },
		Providers: func() []string { return []string{"guest", "okta", "custom"} },
		SignIn: func(_ http.ResponseWriter, _ *http.Request, provider string) (uiplugin.Grant, error) {
			if provider != "guest" {
				return uiplugin.Grant{}, errors.New("needs interaction")
			}
			return uiplugin.Grant{Token: "t", Expires: 3600, Provider: provider, UserRef: "user:default/guest", Ownership: []string{"user:default/guest"}}, nil
		},
		Prefetch: func(_ context.Context, who identity.Principal, path string) json.RawMessage {
			if who.Subject != "user:default/guest" || strings.Contains(path, "missing") {
				return nil
			}
			return json.RawMessage(`{"path":"` + path + `"}`)
		},
	}
}

func get(t *testing.T, d uiplugin.Deps, target string, cookies ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for _, c := range cookies {
		name, value, _ := strings.Cut(c, "=")
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	uiplugin.New(d).ServeHTTP(w, r)
	return w
}

const ownPage = `<!doctype html><html lang="en" data-stagedoor><head><title>Stagedoor</title><!--stagedoor:head--></head><body><!--stagedoor:body--></body></html>`

func ownFiles() map[string]string {
	return map[string]string{
		"index.html":             ownPage,
		"favicon.svg":            "<svg/>",
		"assets/app-0a1b2c3d.js": "js",
		".config-schema.json":    "{}",
		"first-queries.json":     `{"/catalog":[{"key":["by-query","a"],"get":"/api/catalog/entities/by-query?a"},{"key":["x"],"get":"/missing"}]}`,
	}
}

var bootBlock = regexp.MustCompile(`<script type="application/json" id="stagedoor-boot">(.*?)</script>`)

func boot(t *testing.T, page string) map[string]any {
	t.Helper()
	m := bootBlock.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no boot block in %s", page)
	}
	var b map[string]any
	if err := json.Unmarshal([]byte(m[1]), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOwnPage_ForAStranger(t *testing.T) {
	t.Parallel()
	d := deps(ownFiles(), false)
	d.Frontend = func() map[string]any {
		return map[string]any{
			"app":                            map[string]any{"title": "Port <Lane>"},
			"auth":                           map[string]any{"environment": "production"},
			"enableExperimentalRedirectFlow": true,
			"stagedoor": map[string]any{"auth": map[string]any{"providers": map[string]any{
				"okta": map[string]any{"title": "Harbour ID", "message": "With your badge."},
			}}},
		}
	}
	w := get(t, d, "/catalog")
	page := w.Body.String()
	if !strings.Contains(page, `data-stagedoor data-page="sign-in"`) || !strings.Contains(page, "<title>Port &lt;Lane&gt;</title>") {
		t.Errorf("page: %s", page)
	}
	b := boot(t, page)
	if b["identity"] != nil || b["queries"] != nil {
		t.Errorf("a stranger got %v", b)
	}
	want := []any{
		map[string]any{"id": "okta", "title": "Harbour ID", "message": "With your badge."},
		map[string]any{"id": "custom", "title": "custom"},
		map[string]any{"id": "guest", "title": "Guest", "message": "Look around without an account.", "silent": true},
	}
	config := b["config"].(map[string]any)
	if diff := cmp.Diff(want, config["providers"]); diff != "" {
		t.Errorf("providers (-want +got):\n%s", diff)
	}
	if config["environment"] != "production" || config["redirectFlow"] != true {
		t.Errorf("config %v", config)
	}
	if h := w.Header(); h.Get("Cache-Control") != "no-store, max-age=0" || h.Get("X-Frame-Options") != "DENY" || h.Get("ETag") != "" || h.Get("Cross-Origin-Opener-Policy") != "same-origin-allow-popups" {
		t.Errorf("headers %v", h)
	}
}

// Whoever frames the page that asks whether a program may act as the visitor
// could make the visitor click on yes.
func TestConsentPage_IsFramedByNobody(t *testing.T) {
	t.Parallel()
	const frames = "frame-ancestors 'self' https://intranet.example"
	for _, stock := range []bool{false, true} {
		ui := uiplugin.New(deps(ownFiles(), stock))
		for path, want := range map[string]string{
			"/catalog":                frames,
			"/oauth2/authorize/1":     "frame-ancestors 'none'",
			"/OAuth2/authorize/1":     "frame-ancestors 'none'",
			"//oauth2/authorize/1":    "frame-ancestors 'none'",
			"/%6fauth2%2fauthorize/1": "frame-ancestors 'none'",
		} {
			for _, policy := range []string{"default-src 'self';" + frames + ";img-src 'self'", "default-src 'self'", ""} {
				r := httptest.NewRequest(http.MethodGet, "http://portal.example"+path, nil)
				w := httptest.NewRecorder()
				if policy != "" {
					w.Header().Set("Content-Security-Policy", policy)
				}
				ui.ServeHTTP(w, r)
				got := w.Header().Get("Content-Security-Policy")
				framed := strings.Contains(policy, frames) || want != frames
				if strings.Contains(got, want) != framed || want != frames && strings.Contains(got, frames) {
					t.Errorf("%s with %q (stock: %v): %q", path, policy, stock, got)
				}
				if strings.Contains(policy, "img-src") && !strings.Contains(got, "img-src 'self'") {
					t.Errorf("%s: the rest is lost: %q", path, got)
				}
			}
		}
	}
}

func TestOwnPage_MarksItsScriptsAsItsOwn(t *testing.T) {
	t.Parallel()
	files := ownFiles()
	files["index.html"] = strings.Replace(files["index.html"], "</head>", `<script type="module" crossorigin src="/assets/app.js"></script></head>`, 1)
	ui := uiplugin.New(deps(files, false))
	seen := map[string]bool{}
	for range 2 {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Security-Policy", "default-src 'self';script-src 'self'")
		ui.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		policy := w.Header().Get("Content-Security-Policy")
		_, nonce, _ := strings.Cut(policy, "script-src 'self' 'nonce-")
		nonce, _, found := strings.Cut(nonce, "'")
		if !found || nonce == "" || seen[nonce] {
			t.Fatalf("policy %q: want a new nonce for scripts", policy)
		}
		seen[nonce] = true
		for _, part := range []string{`<script nonce="` + nonce + `" type="module" crossorigin`, `<meta property="csp-nonce" nonce="` + nonce + `">`} {
			if strings.Count(w.Body.String(), part) != 1 {
				t.Errorf("the page does not have %s once: %s", part, w.Body)
			}
		}
	}
}

func TestOwnPage_CarriesSessionThemeAndFirstData(t *testing.T) {
	t.Parallel()
	d := deps(ownFiles(), false)
	page := get(t, d, "/catalog", "stagedoor-provider=guest", "stagedoor-theme=dark").Body.String()
	if !strings.Contains(page, `data-stagedoor data-theme="dark" data-page="catalog"`) {
		t.Errorf("page: %s", page)
	}
	b := boot(t, page)
	if got := b["identity"].(map[string]any)["token"]; got != "t" {
		t.Errorf("token %v", got)
	}
	if b["seq"] != 42.0 {
		t.Errorf("seq %v", b["seq"])
	}
	want := []any{map[string]any{"key": []any{"by-query", "a"}, "data": map[string]any{"path": "/api/catalog/entities/by-query?a"}}}
	if diff := cmp.Diff(want, b["queries"]); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
	for target, want := range map[string]int{"/catalog?page=2": 0, "/settings": 0, "/": 1, "/catalog/Default/Component/Pay": 1} {
		queries, _ := boot(t, get(t, d, target, "stagedoor-provider=guest").Body.String())["queries"].([]any)
		if len(queries) != want {
			t.Errorf("%s carries %d answers, want %d", target, len(queries), want)
		}
	}
}

func TestOwnPage_LeavesInteractiveProvidersToTheFrontEnd(t *testing.T) {
	t.Parallel()
	d := deps(ownFiles(), false)
	d.SignIn = func(http.ResponseWriter, *http.Request, string) (uiplugin.Grant, error) {
		t.Error("the page waited for an identity provider")
		return uiplugin.Grant{}, errors.New("no")
	}
	page := get(t, d, "/catalog", "stagedoor-provider=okta", "stagedoor-theme=evil\"").Body.String()
	if b := boot(t, page); b["identity"] != nil || b["queries"] != nil {
		t.Errorf("somebody is signed in: %v", b)
	}
	if !strings.Contains(page, `<html lang="en" data-stagedoor data-page="catalog">`) {
		t.Errorf("the page of somebody who will be signed in is not sketched: %s", page)
	}
}

func TestOwnPage_GatewaysNeedNoChoice(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cookies []string
		want    string
	}{
		"on the first visit":                    {nil, "oauth2Proxy"},
		"on the next":                           {[]string{"stagedoor-provider=oauth2Proxy"}, "oauth2Proxy"},
		"but not after leaving":                 {[]string{"stagedoor-provider=-"}, ""},
		"nor in place of what was chosen":       {[]string{"stagedoor-provider=guest"}, "guest"},
		"nor in place of an interactive choice": {[]string{"stagedoor-provider=okta"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deps(ownFiles(), false)
			d.Providers = func() []string { return []string{"guest", "oauth2Proxy", "okta"} }
			d.SignIn = func(_ http.ResponseWriter, _ *http.Request, provider string) (uiplugin.Grant, error) {
				return uiplugin.Grant{Token: "t", Provider: provider, UserRef: "user:default/ada"}, nil
			}
			b := boot(t, get(t, d, "/settings", tc.cookies...).Body.String())
			got := ""
			if grant, ok := b["identity"].(map[string]any); ok {
				got, _ = grant["provider"].(string)
			}
			if got != tc.want {
				t.Errorf("signed in by %q, want %q", got, tc.want)
			}
		})
	}
}

func TestOwnPage_ConsentStandsAlone(t *testing.T) {
	t.Parallel()
	page := get(t, deps(ownFiles(), false), "/oauth2/authorize/1", "stagedoor-provider=guest").Body.String()
	if !strings.Contains(page, `data-page="sign-in"`) || boot(t, page)["identity"] == nil {
		t.Errorf("page: %s", page)
	}
}

func TestFiles_AndWhatIsNone(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]struct {
		status      int
		contentType string
	}{
		"/favicon.svg":               {200, "image/svg+xml"},
		"/assets/app-0a1b2c3d.js":    {200, "text/javascript; charset=UTF-8"},
		"/assets/missing.js":         {404, ""},
		"/static/nope.js":            {404, ""},
		"/index.html":                {200, "text/html; charset=utf-8"}, // the page, not the file
		"/.config-schema.json":       {200, "text/html; charset=utf-8"},
		"/anything/else":             {200, "text/html; charset=utf-8"},
		"/assets/../../etc/passwd":   {200, "text/html; charset=utf-8"},
		"/catalog/default/x/y/z.svg": {200, "text/html; charset=utf-8"},
	} {
		w := get(t, deps(ownFiles(), false), target)
		if w.Code != want.status || (want.contentType != "" && !strings.EqualFold(w.Header().Get("Content-Type"), want.contentType)) {
			t.Errorf("%s: %d %q, want %d %q", target, w.Code, w.Header().Get("Content-Type"), want.status, want.contentType)
		}
	}
}

func TestStockPage_IsRenderedFromItsTemplate(t *testing.T) {
	t.Parallel()
	template := `<head><link href="<%= publicPath %>/favicon.ico"><title><%= config.getOptionalString('app.title') ?? 'Backstage' %></title></head>`
	page := get(t, deps(map[string]string{"index.html.tmpl": template, "index.html": "no"}, true), "/").Body.String()
	want := `<head><link href="/favicon.ico"><title>Port &lt;Lane&gt;</title>
<script type="backstage.io/config">
[
  {
    "context": "app",
    "data": {
      "app": {
        "baseUrl": "https://p.example",
        "title": "Port \u003cLane\u003e"
      }
    },
    "deprecatedKeys": []
  }
]
</script>
</head>`
	if diff := cmp.Diff(want, page); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
}

func TestStockPage_ReplacesTheConfigurationOfTheBuild(t *testing.T) {
	t.Parallel()
	page := get(t, deps(map[string]string{"index.html": `<head><script type="backstage.io/config">[{"old":1}]</script></head>`}, true), "/deep/link").Body.String()
	if strings.Contains(page, "old") || strings.Count(page, "backstage.io/config") != 1 {
		t.Errorf("page: %s", page)
	}
	if w := get(t, deps(map[string]string{"x": ""}, true), "/"); w.Code != http.StatusNotFound {
		t.Errorf("a folder without a page answers %d", w.Code)
	}
}
