package portal

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/telemetry"
)

// unaudited are the routes with a method that changes something which leave no
// event when they succeed, each with the reason. A star stands for every
// plugin.
var unaudited = map[string]string{
	"POST /api/*/.well-known/backstage/permissions/apply-conditions": "reads: conditions are applied to resources",
	"DELETE /api/*/.backstage/auth/v1/cookie":                        "the browser's own cookie, which nothing is stored of",
	"POST /api/catalog/entities/by-query":                            "reads by POST",
	"POST /api/catalog/entities/by-refs":                             "reads by POST",
	"POST /api/catalog/entity-facets":                                "reads by POST",
	"POST /api/catalog/locations/by-query":                           "reads by POST",
	"POST /api/catalog/validate-entity":                              "reads: says what would be wrong",
	"POST /api/catalog/analyze-location":                             "reads: says what stands at a URL",
	"POST /api/permission/authorize":                                 "reads; denials are audited where they are decided",
	"POST /api/permission/explain":                                   "reads: says why something is allowed",
	"POST /api/permission/refresh/{id}":                              "reads again what others have stored",
	"POST /api/notifications/update":                                 "the user's own: what was read",
	"POST /api/notifications/notifications/update":                   "the user's own: what was read",
	"POST /api/notifications/settings":                               "the user's own settings",
	"PUT /api/user-settings/buckets/{bucket}/keys/{key}":             "the user's own settings",
	"DELETE /api/user-settings/buckets/{bucket}/keys/{key}":          "the user's own settings",
	"POST /api/user-settings/multiget":                               "reads by POST",
	"POST /api/auth/{provider}/handler/frame":                        "needs a provider's server; the sign-in's own tests look for the event",
	"POST /api/auth/{provider}/{rest...}":                            "answers 404",
	"PUT /api/auth/{provider}/{rest...}":                             "answers 404",
	"PATCH /api/auth/{provider}/{rest...}":                           "answers 404",
	"DELETE /api/auth/{provider}/{rest...}":                          "answers 404",
}

const noServer = "{client: better-sqlite3, connection: ':memory:'}"

const canary = "canary-7h1s-1s-s3cr3t"

// audited is a portal whose audit log is looked at.
type audited struct {
	*Portal
	t     *testing.T
	asked int
}

func openAudited(t *testing.T, database string) *audited {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "app-config.yaml")
	if err := os.WriteFile(file, []byte(`
app: {baseUrl: 'http://localhost:7007'}
backend:
  baseUrl: 'http://localhost:7007'
  workingDirectory: '`+dir+`'
  database: `+database+`
auth:
  environment: development
  providers: {guest: {}, github: {development: {clientId: c, clientSecret: s}}}
  experimentalRefreshToken: {enabled: true}
  experimentalDynamicClientRegistration: {enabled: true, allowedRedirectUriPatterns: ['https://client.example/*']}
permission:
  enabled: true
  rbac: {admin: {superUsers: [{name: 'user:default/root'}], users: [{name: 'user:default/root'}]}}
events: {http: {topics: [things]}}
integrations: {github: [{host: github.com, token: `+canary+`}]}
`), 0o600); err != nil {
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
	p, err := Open(t.Context(), Options{
		Config: watcher, Telemetry: tel, Clock: time.Now, NewID: uuid.NewString, Version: "test", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, end := range []func() error{p.Close, watcher.Close, func() error { return shutdown(context.Background()) }} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
	})
	if err := p.LoadOffline(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &audited{Portal: p, t: t}
}

var (
	root    = identity.Principal{Kind: identity.User, Subject: "user:default/root", Ownership: []string{"user:default/root"}}
	service = identity.Principal{Kind: identity.Service, Subject: "external:ci"}
)

// step is one change, in the order of a story.
type step struct {
	line string // the route
	as   identity.Principal
	path func() string
	body any // JSON, url.Values for a form, or a function that returns one
	then func(body []byte)
}

func at(path string) func() string { return func() string { return path } }

// ask makes a request and returns its id beside the answer.
func (a *audited) ask(method, path string, as identity.Principal, body any) (string, *httptest.ResponseRecorder) {
	a.t.Helper()
	if f, ok := body.(func() any); ok {
		body = f()
	}
	raw, kind := []byte(nil), "application/json"
	switch b := body.(type) {
	case nil:
	case url.Values:
		raw, kind = []byte(b.Encode()), "application/x-www-form-urlencoded"
	default:
		var err error
		if raw, err = json.Marshal(b); err != nil {
			a.t.Fatal(err)
		}
	}
	ctx := a.t.Context()
	if as.Kind != identity.Anonymous {
		ctx = context.WithValue(ctx, presetKey{}, as)
	}
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(string(raw)))
	a.asked++
	id := fmt.Sprintf("ask-%d", a.asked)
	r.Header.Set("X-Request-Id", id)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-Requested-With", "XMLHttpRequest")
	w := httptest.NewRecorder()
	a.root.ServeHTTP(w, r)
	return id, w
}

// events are the events of a request, as plugin.name and status, without the
// reading of the log.
func (a *audited) events(request string) (found []string) {
	a.t.Helper()
	rows, err := a.db.Read().QueryContext(a.t.Context(), `SELECT event FROM audit_pending ORDER BY n`)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			a.t.Fatal(err)
		}
		if strings.Contains(text, "canary") {
			a.t.Errorf("a secret of the configuration is in the audit log: %s", text)
		}
		var e struct {
			Plugin, Name, Status string
			Request              struct{ ID string }
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			a.t.Fatal(err)
		}
		if e.Request.ID == request {
			found = append(found, e.Plugin+"."+e.Name+" "+e.Status)
		}
	}
	return found
}

// story changes everything that can be changed.
func (a *audited) story() []step {
	const pushed = "component:default/pushed"
	thing := map[string]any{
		"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": map[string]any{"name": "pushed"},
		"spec": map[string]any{"type": "service", "lifecycle": "x", "owner": "o"},
	}
	var uid, location, role, condition string
	field := func(into *string, names ...string) func([]byte) {
		return func(body []byte) {
			var v any
			_ = json.Unmarshal(body, &v) // an answer without the field fails below
			for _, name := range names {
				m, _ := v.(map[string]any)
				v = m[name]
			}
			if *into = fmt.Sprint(v); v == nil {
				a.t.Errorf("no %v in %s", names, body)
			}
		}
	}
	role = "/api/permission/roles/role/default/team"
	grant := map[string]any{"entityReference": "role:default/team", "permission": "catalog-entity", "policy": "read", "effect": "allow"}
	changed := map[string]any{"permission": "catalog-entity", "policy": "update", "effect": "deny"}
	rule := map[string]any{
		"result": "CONDITIONAL", "roleEntityRef": "role:default/team", "pluginId": "catalog", "resourceType": "catalog-entity", "permissionMapping": []any{map[string]any{"name": "catalog.entity.delete", "action": "delete"}},
		"conditions": map[string]any{"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": map[string]any{"kinds": []string{"API"}}},
	}
	return []step{
		{line: "PUT /api/catalog/entities", as: service, path: at("/api/catalog/entities?source=ci"), body: map[string]any{"entities": []any{thing}}},
		{line: "POST /api/catalog/refresh", as: root, path: at("/api/catalog/refresh"), body: map[string]any{"entityRef": pushed}},
		{line: "DELETE /api/catalog/entities", as: service, path: at("/api/catalog/entities?source=ci"), body: map[string]any{"entityRefs": []string{pushed}}},
		{line: "POST /api/catalog/locations", as: root, path: at("/api/catalog/locations"), body: map[string]any{"type": "url", "target": "https://h.example/" + canary}, then: field(&location, "location", "id")},
		{line: "PUT /api/catalog/locations/{id}", as: root, path: func() string { return "/api/catalog/locations/" + location }, body: map[string]any{"type": "url", "target": "https://h.example/c"}},
		{line: "DELETE /api/catalog/locations/{id}", as: root, path: func() string { return "/api/catalog/locations/" + location }},
		{
			line: "POST /api/catalog/.backstage/actions/v1/actions/{id}/invoke", as: root, path: at("/api/catalog/.backstage/actions/v1/actions/register-entity/invoke"),
			body: map[string]any{"locationUrl": "https://h.example/d"},
			then: func([]byte) {
				_, w := a.ask("GET", "/api/catalog/entities?filter=kind=location", root, nil)
				var list []struct{ Metadata struct{ UID string } }
				if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list) == 0 {
					a.t.Errorf("no entity to delete: %v %s", err, w.Body)
					return
				}
				uid = list[0].Metadata.UID
			},
		},
		{line: "DELETE /api/catalog/entities/by-uid/{uid}", as: root, path: func() string { return "/api/catalog/entities/by-uid/" + uid }},
		{line: "DELETE /api/catalog/entities/unprocessed/delete/{entity_id}", as: root, path: at("/api/catalog/entities/unprocessed/delete/none")},
		{line: "POST /api/events/http/{topic}", path: at("/api/events/http/things"), body: map[string]any{}},
		{line: "POST /api/notifications/", as: service, path: at("/api/notifications"), body: map[string]any{"recipients": map[string]any{"type": "broadcast"}, "payload": map[string]any{"title": canary}}},
		{line: "POST /api/notifications/notifications", as: service, path: at("/api/notifications/notifications"), body: map[string]any{"recipients": map[string]any{"type": "broadcast"}, "payload": map[string]any{"title": "x"}}},
		{line: "POST /api/*/.backstage/scheduler/v1/tasks/{task}/trigger", as: service, path: at("/api/audit/.backstage/scheduler/v1/tasks/retention/trigger")},

		{line: "POST /api/permission/roles", as: root, path: at("/api/permission/roles"), body: map[string]any{"name": "role:default/team", "memberReferences": []string{"user:default/jane"}}},
		{
			line: "PUT /api/permission/roles/{kind}/{namespace}/{name}", as: root, path: at(role),
			body: map[string]any{
				"oldRole": map[string]any{"name": "role:default/team", "memberReferences": []string{"user:default/jane"}},
				"newRole": map[string]any{"name": "role:default/team", "memberReferences": []string{"user:default/john"}},
			},
		},
		{line: "POST /api/permission/policies", as: root, path: at("/api/permission/policies"), body: []any{grant}},
		{
			line: "PUT /api/permission/policies/{kind}/{namespace}/{name}", as: root, path: at("/api/permission/policies/role/default/team"),
			body: map[string]any{"oldPolicy": []any{without(grant, "entityReference")}, "newPolicy": []any{changed}},
		},
		{
			line: "DELETE /api/permission/policies/{kind}/{namespace}/{name}", as: root,
			path: at("/api/permission/policies/role/default/team?permission=catalog-entity&policy=update&effect=deny"),
		},
		{line: "POST /api/permission/roles/conditions", as: root, path: at("/api/permission/roles/conditions"), body: rule, then: field(&condition, "id")},
		{line: "PUT /api/permission/roles/conditions/{id}", as: root, path: func() string { return "/api/permission/roles/conditions/" + condition }, body: with(rule, "permissionMapping", []any{map[string]any{"name": "catalog.entity.refresh", "action": "update"}})},
		{line: "DELETE /api/permission/roles/conditions/{id}", as: root, path: func() string { return "/api/permission/roles/conditions/" + condition }},
		{line: "DELETE /api/permission/roles/{kind}/{namespace}/{name}", as: root, path: at(role)},
		{line: "POST /api/permission/plugins/id", as: root, path: at("/api/permission/plugins/id"), body: map[string]any{"ids": []string{"scaffolder"}}},
		{line: "DELETE /api/permission/plugins/id", as: root, path: at("/api/permission/plugins/id"), body: map[string]any{"ids": []string{"scaffolder"}}},
	}
}

// signIns is the part of the story that is about tokens.
func (a *audited) signIns() []step {
	var client, session, refresh string
	verifier := strings.Repeat("verifier-", 6)
	sum := sha256.Sum256([]byte(verifier))
	const redirect = "https://client.example/done"
	authorize := func() {
		q := url.Values{
			"client_id": {client}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid offline_access"}, "state": {"s"},
			"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		}
		_, w := a.ask("GET", "/api/auth/v1/authorize?"+q.Encode(), identity.Principal{}, nil)
		to := w.Header().Get("Location")
		if session = to[strings.LastIndex(to, "/")+1:]; w.Code != http.StatusFound || session == "" {
			a.t.Errorf("authorize: %d %s %s", w.Code, to, w.Body)
		}
	}
	code := ""
	return []step{
		{line: "POST /api/auth/{provider}/refresh", path: at("/api/auth/guest/refresh")},
		{line: "POST /api/auth/{provider}/logout", path: at("/api/auth/github/logout?env=development")},
		{
			line: "POST /api/auth/v1/register", path: at("/api/auth/v1/register"),
			body: map[string]any{"client_name": "cli", "redirect_uris": []string{redirect}, "token_endpoint_auth_method": "none"},
			then: func(body []byte) {
				var v struct {
					ID string `json:"client_id"`
				}
				if err := json.Unmarshal(body, &v); err != nil {
					a.t.Error(err)
				}
				client = v.ID
				authorize()
			},
		},
		{
			line: "POST /api/auth/v1/sessions/{id}/reject", as: root, path: func() string { return "/api/auth/v1/sessions/" + session + "/reject" },
			then: func([]byte) { authorize() },
		},
		{
			line: "POST /api/auth/v1/sessions/{id}/approve", as: root, path: func() string { return "/api/auth/v1/sessions/" + session + "/approve" },
			then: func(body []byte) {
				var v struct {
					URL string `json:"redirectUrl"`
				}
				_ = json.Unmarshal(body, &v) // an answer without one fails in the next step
				u, err := url.Parse(v.URL)
				if err != nil {
					a.t.Error(err)
					return
				}
				code = u.Query().Get("code")
			},
		},
		{
			line: "POST /api/auth/v1/token", path: at("/api/auth/v1/token"),
			body: func() any {
				return map[string]string{"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier, "client_id": client}
			},
			then: func(body []byte) {
				var v struct {
					Access  string `json:"access_token"`
					Refresh string `json:"refresh_token"`
				}
				if err := json.Unmarshal(body, &v); err != nil || v.Access == "" {
					a.t.Errorf("no token: %v %s", err, body)
				}
				if refresh = v.Refresh; refresh == "" {
					refresh = v.Access
				}
			},
		},
		{
			line: "POST /api/auth/v1/revoke", path: at("/api/auth/v1/revoke"),
			body: func() any { return map[string]string{"token": refresh, "client_id": client} },
		},
	}
}

func with(m map[string]any, key string, value any) map[string]any {
	out := map[string]any{key: value}
	for k, v := range m {
		if k != key {
			out[k] = v
		}
	}
	return out
}

func without(m map[string]any, key string) map[string]any {
	out := with(m, key, nil)
	delete(out, key)
	return out
}

// Every route with a method that changes something is in the story, where it
// must leave an event, or on the list of those that need not.
func TestRoutes_ThatChangeSomethingAreAudited(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		walk(t, openAudited(t, noServer))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		walk(t, openAudited(t, "{client: pg, connection: '"+dbtest.PostgresDSN(t)+"'}"))
	})
}

func walk(t *testing.T, a *audited) {
	t.Helper()
	told := map[string]bool{}
	for _, s := range append(a.story(), a.signIns()...) {
		told[s.line] = true
		method, _, _ := strings.Cut(s.line, " ")
		id, w := a.ask(method, s.path(), s.as, s.body)
		if w.Code < 200 || w.Code > 299 {
			t.Errorf("%s: %d %s", s.line, w.Code, w.Body)
			continue
		}
		found := a.events(id)
		ok := false
		for _, e := range found {
			ok = ok || strings.HasSuffix(e, " succeeded")
		}
		if !ok {
			t.Errorf("%s succeeds (%d) and leaves no event of that, but %v", s.line, w.Code, found)
		}
		if s.then != nil {
			s.then(w.Body.Bytes())
		}
	}
	seen := map[string]bool{}
	for id, mux := range a.root.Plugins() {
		for _, r := range mux.Routes() {
			methods := []string{r.Method}
			if r.Method == "" {
				methods = []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
			}
			for _, m := range methods {
				if m == http.MethodGet || m == http.MethodHead {
					continue
				}
				known := false
				for _, line := range []string{m + " /api/" + id + r.Path, m + " /api/*" + r.Path} {
					_, listed := unaudited[line]
					seen[line] = true
					known = known || listed || told[line]
				}
				if !known {
					t.Errorf("%s /api/%s%s: make it part of the story, or put it on the list with a reason", m, id, r.Path)
				}
			}
		}
	}
	for line, reason := range unaudited {
		if !seen[line] {
			t.Errorf("there is no route %s: take it off the list", line)
		}
		if len(reason) < 10 {
			t.Errorf("%s is on the list without a reason", line)
		}
	}
}

// A change that is refused leaves an event of that.
func TestRoutes_RefusedChangesAreAudited(t *testing.T) {
	t.Parallel()
	a := openAudited(t, noServer)
	nobody := identity.Principal{Kind: identity.User, Subject: "user:default/nobody", Ownership: []string{"user:default/nobody"}}
	for path, want := range map[string]string{
		"POST /api/catalog/locations":                     "catalog.location-mutate failed",
		"DELETE /api/catalog/entities/by-uid/x":           "catalog.entity-mutate failed",
		"POST /api/catalog/refresh":                       "catalog.entity-mutate failed",
		"DELETE /api/catalog/entities?source=ci":          "catalog.entity-mutate failed",
		"PUT /api/catalog/entities?source=ci&x=" + canary: "catalog.entity-mutate failed",
	} {
		method, target, _ := strings.Cut(path, " ")
		id, w := a.ask(method, target, nobody, map[string]any{"type": "url", "target": "https://h.example/" + canary, "entityRef": "component:default/" + canary})
		found := a.events(id)
		ok := false
		for _, e := range found {
			ok = ok || e == want
		}
		if w.Code < 400 || !ok {
			t.Errorf("%s: %d leaves %v, want %s", path, w.Code, found, want)
		}
	}
}
