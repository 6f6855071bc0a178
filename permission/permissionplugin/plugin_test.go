package permissionplugin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/catalogtest"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/rest"
	"github.com/stagedoor/stagedoor/permission/permissionplugin"
	"github.com/stagedoor/stagedoor/permission/permissiontest"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

// directory knows what users own things by.
type directory map[string][]string

func (d directory) OwnershipOf(_ context.Context, ref string) ([]string, error) {
	return append([]string{ref}, d[ref]...), nil
}

// nowhere takes routes that a test does not call.
type nowhere struct{}

func (nowhere) Handle(string, plugin.Access, func(http.ResponseWriter, *http.Request) error) {}

func thing(kind, name string, tags ...any) catalog.Entity {
	return catalog.Entity{
		"kind": kind, "metadata": map[string]any{"name": name, "namespace": "default", "tags": tags},
		"spec": map[string]any{"profile": map[string]any{"displayName": strings.ToUpper(name)}},
	}
}

var things = []catalog.Entity{
	thing("User", "ann"), thing("User", "sue"), thing("User", "bob"),
	thing("API", "a"), thing("Template", "open"), thing("Template", "hidden", "group:staff"),
}

var groups = directory{
	"user:default/ann": {"group:default/admin"},
	"user:default/sue": {"group:default/staff"},
}

const text = `statements:
  - name: admins
    match: {group: group:default/admin}
    allow: true
  - name: everybody
    match: {permission: catalog.entity.read}
    when:
      anyOf:
        - {rule: IS_ENTITY_KIND, params: {kinds: [API, User]}}
        - {rule: IS_GROUP_IN_TAG}
`

type portal struct {
	*plugintest.Host
	permission *permissionplugin.Permission
}

func newPortal(t *testing.T, dir string, config map[string]any) *portal {
	t.Helper()
	e := permissiontest.NewEntities(things...)
	p := permissionplugin.New(permissionplugin.Deps{
		Directory: func() identity.Directory { return groups }, Dir: dir,
		Position: func(path string) fault.Position {
			if strings.HasSuffix(path, ".statements[0].allow") {
				return fault.Position{File: "app-config.yaml", Line: 7, Column: 3}
			}
			return fault.Position{File: "app-config.yaml", Line: 2}
		},
	})
	p.For("catalog", nowhere{}).Define(e.Definition())
	tokens := &plugintest.Tokens{}
	for name, owns := range map[string][]string{"ann": groups["user:default/ann"], "sue": groups["user:default/sue"], "bob": nil} {
		ref := "user:default/" + name
		tokens.Set(name, identity.Principal{Kind: identity.User, Subject: ref, Ownership: append([]string{ref}, owns...)})
	}
	h := plugintest.New(t, p, plugintest.Options{
		Config: map[string]any{"permission": config}, Tokens: tokens,
		Reader: reader{catalogtest.New(things...), p.Authorizer()}, Document: rest.OpenAPI(),
	})
	return &portal{h, p}
}

// reader is the catalog as the caller may see it.
type reader struct {
	*catalogtest.Catalog
	authorizer permission.Authorizer
}

func (r reader) Facets(ctx context.Context, fields []string, f catalog.Filter) (map[string][]catalog.Facet, error) {
	d, err := r.authorizer.Authorize(ctx, permission.Request{Permission: permissiontest.Read})
	if err != nil || d.Result == permission.Allow {
		return r.Catalog.Facets(ctx, fields, f)
	}
	var seen []catalog.Entity
	for _, e := range things {
		if d.Condition != nil {
			if ok, err := permissiontest.Holds(e, *d.Condition); err == nil && ok {
				seen = append(seen, e)
			}
		}
	}
	return catalogtest.New(seen...).Facets(ctx, fields, f)
}

func withPolicy(t *testing.T, text string) (*portal, string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "policy.yaml")
	write(t, file, text)
	p := newPortal(t, dir, map[string]any{"enabled": true, "policy": map[string]any{"file": "./policy.yaml"}})
	if err := p.permission.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p, file
}

func write(t *testing.T, file, text string) {
	t.Helper()
	temp := file + ".new"
	if err := os.WriteFile(temp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, file); err != nil {
		t.Fatal(err)
	}
}

func (p *portal) decide(t *testing.T, name string, what permission.Permission) permission.Result {
	t.Helper()
	ref := "user:default/" + name
	ctx := identity.NewContext(t.Context(), identity.Principal{Kind: identity.User, Subject: ref, Ownership: append([]string{ref}, groups[ref]...)})
	d, err := p.permission.Authorizer().Authorize(ctx, permission.Request{Permission: what})
	if err != nil {
		t.Fatal(err)
	}
	return d.Result
}

func TestStart_LoadsWhatIsConfigured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "good.yaml"), text)
	write(t, filepath.Join(dir, "bad.yaml"), "statements:\n  - alow: true\n")
	inline := func(statement map[string]any) any {
		return map[string]any{"statements": []any{statement}}
	}
	for name, tc := range map[string]struct {
		config map[string]any
		want   permission.Result // for bob to delete
		err    string
	}{
		"nothing":                    {nil, permission.Allow, ""},
		"switched off":               {map[string]any{"enabled": false, "policy": "good.yaml"}, permission.Allow, ""},
		"switched off and broken":    {map[string]any{"enabled": false, "policy": "bad.yaml"}, permission.Allow, ""},
		"switched on without policy": {map[string]any{"enabled": true}, permission.Allow, ""},
		"a file":                     {map[string]any{"enabled": true, "policy": "good.yaml"}, permission.Deny, ""},
		"a file as an object":        {map[string]any{"enabled": true, "policy": map[string]any{"file": "good.yaml"}}, permission.Deny, ""},
		"within the configuration":   {map[string]any{"enabled": true, "policy": inline(map[string]any{"allow": true})}, permission.Allow, ""},
		"a broken file":              {map[string]any{"enabled": true, "policy": "bad.yaml"}, "", `load the policy: bad.yaml:2:5: a statement has no key "alow"; did you mean allow?`},
		"a missing file":             {map[string]any{"enabled": true, "policy": "none.yaml"}, "", "the policy file none.yaml cannot be read: no such file or directory"},
		"broken in the configuration": {
			map[string]any{"enabled": true, "policy": inline(map[string]any{"allow": "yes"})},
			"",
			`load the policy: app-config.yaml:7:3: allow must be true or false, got "yes"`,
		},
		"a number":            {map[string]any{"enabled": true, "policy": 5.0}, "", "app-config.yaml:2: permission.policy is the name of a file"},
		"a file and a policy": {map[string]any{"enabled": true, "policy": map[string]any{"file": "good.yaml", "statements": []any{}}}, "", "permission.policy is the name of a file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPortal(t, dir, tc.config)
			if got := p.decide(t, "bob", permissiontest.Delete); got != permission.Deny {
				t.Errorf("before the start: got %s", got)
			}
			err := p.permission.Start(t.Context())
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got  %v\nwant %s", err, tc.err)
				}
				if strings.Contains(err.Error(), dir) {
					t.Errorf("the message names a folder of the machine: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := p.decide(t, "bob", permissiontest.Delete); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// inForce is the answer of GET /policy.
type inForce struct {
	File       string
	Statements []struct {
		Text, Effect string
		Source       permission.Source
	}
	Problem *struct {
		Message, File string
		Line          int
	}
}

// await asks for the policy until it is as wanted.
func (p *portal) await(t *testing.T, want func(inForce) bool) inForce {
	t.Helper()
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var got inForce
		p.Decode(http.MethodGet, "/api/permission/policy", "ann", nil, http.StatusOK, &got)
		if want(got) {
			return got
		}
		select {
		case <-deadline:
			t.Fatalf("still %+v", got)
		case <-tick.C:
		}
	}
}

func TestFollow_TakesUpGoodPoliciesAndRefusesBrokenOnes(t *testing.T) {
	t.Parallel()
	p, file := withPolicy(t, text)
	p.Run()
	if got := p.decide(t, "bob", permissiontest.Create); got != permission.Deny {
		t.Fatalf("got %s", got)
	}
	started := time.Now()
	write(t, file, text+"  - match: {permission: catalog.entity.create}\n    allow: true\n")
	p.await(t, func(f inForce) bool { return len(f.Statements) == 3 })
	if took := time.Since(started); took > time.Second {
		t.Errorf("it took %s", took)
	}
	if got := p.decide(t, "bob", permissiontest.Create); got != permission.Allow {
		t.Errorf("the new policy: got %s", got)
	}
	write(t, file, "statements:\n  - name: x\n    allow: maybe\n")
	got := p.await(t, func(f inForce) bool { return f.Problem != nil })
	if got.Problem.File != "./policy.yaml" || got.Problem.Line != 3 || !strings.Contains(got.Problem.Message, "allow must be true or false") || len(got.Statements) != 3 {
		t.Errorf("got %+v", got.Problem)
	}
	if got := p.decide(t, "bob", permissiontest.Create); got != permission.Allow {
		t.Errorf("with a broken policy: got %s, want that of the last good one", got)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	p.await(t, func(f inForce) bool { return f.Problem != nil && strings.Contains(f.Problem.Message, "cannot be read") })
	write(t, file, text)
	p.await(t, func(f inForce) bool { return f.Problem == nil && len(f.Statements) == 2 })

	p.Config.Replace(map[string]any{"permission": map[string]any{"enabled": false}})
	if got := p.decide(t, "bob", permissiontest.Delete); got != permission.Allow {
		t.Errorf("switched off: got %s", got)
	}
}

func TestFollow_FollowsMountedConfigMaps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	version := func(name, text string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "policy.yaml"), text)
		if err := os.Symlink(name, filepath.Join(dir, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	version("..1", text)
	if err := os.Symlink(filepath.Join("..data", "policy.yaml"), filepath.Join(dir, "policy.yaml")); err != nil {
		t.Fatal(err)
	}
	p := newPortal(t, dir, map[string]any{"enabled": true, "policy": "policy.yaml"})
	if err := p.permission.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Run()
	for i, name := range []string{"..2", "..3"} {
		version(name, text+strings.Repeat("  - allow: false\n", i+1))
		p.await(t, func(f inForce) bool { return len(f.Statements) == 3+i })
	}
}

// yes allows everything.
type yes struct{}

func (yes) Decide(context.Context, identity.Principal, permission.Permission) (permission.Decision, error) {
	return permission.Decision{Result: permission.Allow, Reason: "yes"}, nil
}

func TestSetPolicy_ReplacesTheConfiguredPolicyOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "policy.yaml"), text)
	p := newPortal(t, dir, map[string]any{"enabled": true, "policy": "policy.yaml"})
	p.permission.For("mine", nowhere{}).SetPolicy(yes{})
	if err := p.permission.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := p.decide(t, "bob", permissiontest.Delete); got != permission.Allow {
		t.Errorf("got %s", got)
	}
	p = newPortal(t, dir, nil)
	p.permission.For("mine", nowhere{}).SetPolicy(yes{})
	p.permission.For("yours", nowhere{}).SetPolicy(yes{})
	if err := p.permission.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "the plugins mine and yours both bring a policy") {
		t.Errorf("got %v", err)
	}
}

// explanation is the answer of POST /explain, as far as tests look at it.
type explanation struct {
	User, Result, Reason string
	Source               *permission.Source
	Statements           []struct {
		Source           permission.Source
		Matched, Decided bool
		Without          string
	}
	Verdicts *struct {
		Op       string
		Holds    bool
		Children []struct {
			Rule  string
			Holds bool
		}
	}
}

func (p *portal) explain(t *testing.T, token string, body map[string]any) explanation {
	t.Helper()
	var got explanation
	p.Decode(http.MethodPost, "/api/permission/explain", token, body, http.StatusOK, &got)
	return got
}

func TestExplain_NamesTheStatementAndTheLeaves(t *testing.T) {
	t.Parallel()
	p, _ := withPolicy(t, text)
	read := func(user, ref string) map[string]any {
		m := map[string]any{"user": user, "permission": "catalog.entity.read"}
		if ref != "" {
			m["resourceRef"] = ref
		}
		return m
	}
	got := p.explain(t, "ann", read("user:default/sue", "template:default/hidden"))
	if got.User != "user:default/sue" || got.Result != "ALLOW" || got.Source == nil || got.Source.Line != 5 || got.Reason != "allowed by: everybody" {
		t.Errorf("sue: got %+v", got)
	}
	if v := got.Verdicts; v == nil || v.Op != "anyOf" || !v.Holds || len(v.Children) != 2 || v.Children[0].Holds || !v.Children[1].Holds || v.Children[1].Rule != "HAS_METADATA" {
		t.Errorf("sue's verdicts: got %+v", got.Verdicts)
	}
	if s := got.Statements; len(s) != 2 || s[0].Matched || !s[1].Decided || s[1].Without != "DENY" {
		t.Errorf("sue's statements: got %+v", got.Statements)
	}
	if got = p.explain(t, "ann", read("user:default/bob", "template:default/hidden")); got.Result != "DENY" || got.Verdicts == nil || got.Reason != "the conditions do not hold: everybody" {
		t.Errorf("bob: got %+v", got)
	}
	if got = p.explain(t, "ann", read("default/bob", "template:default/none")); got.Result != "DENY" || got.Reason != "there is no such thing as template:default/none" {
		t.Errorf("what is not there: got %+v", got)
	}
	if got = p.explain(t, "ann", read("user:default/bob", "")); got.Result != "CONDITIONAL" || got.Verdicts != nil {
		t.Errorf("over all: got %+v", got)
	}
	if got = p.explain(t, "ann", read("user:default/ann", "")); got.Result != "ALLOW" || got.Source.Statement != "admins" || !got.Statements[0].Decided || got.Statements[1].Decided {
		t.Errorf("an admin: got %+v", got)
	}
	var refused struct{ Error struct{ Message string } }
	p.Decode(http.MethodPost, "/api/permission/explain", "ann", map[string]any{"permission": "catalog.entity.raed"}, http.StatusBadRequest, &refused)
	if refused.Error.Message != `unknown permission "catalog.entity.raed"; did you mean catalog.entity.read?` {
		t.Errorf("got %q", refused.Error.Message)
	}
	p.Decode(http.MethodPost, "/api/permission/explain", "ann", map[string]any{"permission": "catalog.entity.create", "resourceRef": "api:default/a"}, http.StatusBadRequest, nil)
}

func TestExplain_TellsOneselfNothingAboutWhatIsHidden(t *testing.T) {
	t.Parallel()
	p, _ := withPolicy(t, text)
	ask := func(ref string) explanation {
		got := p.explain(t, "bob", map[string]any{"permission": "catalog.entity.read", "resourceRef": ref})
		if got.Result != "DENY" || got.Verdicts != nil {
			t.Errorf("%s: got %+v", ref, got)
		}
		return got
	}
	if diff := cmp.Diff(ask("template:default/hidden"), ask("template:default/never-was")); diff != "" {
		t.Errorf("hidden and missing differ:\n%s", diff)
	}
	if got := p.explain(t, "bob", map[string]any{"permission": "catalog.entity.create"}); len(got.Statements) != 2 || got.Statements[0].Source.Line != 2 || got.Statements[0].Source.Statement != "" {
		t.Errorf("what is said of others: got %+v", got.Statements)
	}
	if got := p.explain(t, "bob", map[string]any{"user": "USER:default/bob", "permission": "catalog.entity.read", "resourceRef": "api:default/a"}); got.Result != "ALLOW" || got.Verdicts == nil {
		t.Errorf("what is seen: got %+v", got)
	}
	p.Decode(http.MethodPost, "/api/permission/explain", "bob", map[string]any{"user": "user:default/ann", "permission": "catalog.entity.read"}, http.StatusForbidden, nil)
	for _, path := range []string{"/policy", "/explain/visible?user=user:default/ann", "/explain/viewers?resourceRef=api:default/a"} {
		p.Decode(http.MethodGet, "/api/permission"+path, "bob", nil, http.StatusForbidden, nil)
	}
	var seen struct {
		Visible, Total int
		Kinds          []struct{ Kind string }
	}
	p.Decode(http.MethodGet, "/api/permission/explain/visible", "bob", nil, http.StatusOK, &seen)
	if seen.Visible != 4 || seen.Total != 4 || len(seen.Kinds) != 2 {
		t.Errorf("hidden things are counted: got %+v", seen)
	}
}

func TestExplain_WhatOneSeesAndWhoSeesOne(t *testing.T) {
	t.Parallel()
	p, _ := withPolicy(t, text)
	var seen any
	p.Decode(http.MethodGet, "/api/permission/explain/visible?user=sue&kind=template", "ann", nil, http.StatusOK, &seen)
	want := map[string]any{
		"user": "user:default/sue", "ownership": []any{"user:default/sue", "group:default/staff"}, "result": "CONDITIONAL",
		"reason": "allowed under conditions by: everybody", "source": map[string]any{"file": "./policy.yaml", "line": 5.0, "statement": "everybody"},
		"visible": 1.0, "total": 2.0, "kinds": []any{map[string]any{"kind": "Template", "visible": 1.0, "total": 2.0}},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("what sue sees (-want +got)\n%s", diff)
	}
	type viewers struct {
		Total, Allowed int
		Items          []struct{ User, DisplayName, Result, Reason string }
	}
	var got viewers
	p.Decode(http.MethodGet, "/api/permission/explain/viewers?resourceRef=template:default/hidden", "service", nil, http.StatusOK, &got)
	if diff := cmp.Diff(viewers{3, 2, []struct{ User, DisplayName, Result, Reason string }{
		{"user:default/ann", "ANN", "ALLOW", "allowed by: admins"},
		{"user:default/sue", "SUE", "ALLOW", "allowed by: everybody"},
		{"user:default/bob", "BOB", "DENY", "the conditions do not hold: everybody"},
	}}, got); diff != "" {
		t.Errorf("who sees the template (-want +got)\n%s", diff)
	}
	got = viewers{}
	p.Decode(http.MethodGet, "/api/permission/explain/viewers?resourceRef=template:default/hidden&result=DENY&offset=0&limit=5", "service", nil, http.StatusOK, &got)
	if len(got.Items) != 1 || got.Total != 3 {
		t.Errorf("got %+v", got)
	}
	got = viewers{}
	p.Decode(http.MethodGet, "/api/permission/explain/viewers?resourceRef=template:default/none", "service", nil, http.StatusOK, &got)
	if got.Allowed != 1 {
		t.Errorf("who sees what is not there: got %+v", got)
	}
}

func TestAuthorize_AnswersAsRecorded(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"authorize", "authorize-bad", "authorize-no-auth", "authorize-no-body", "authorize-no-ref", "authorize-service", "health"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec, ok := plugintest.Golden(t, "permission/"+name)
			if !ok {
				t.Fatalf("the answer %s was not kept", name)
			}
			p := newPortal(t, "", map[string]any{"enabled": true})
			if err := p.permission.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			token := map[string]string{"user": "guest", "service": "service"}[rec.Request.Auth]
			var body any
			if len(rec.Request.Body) > 0 {
				body = rec.Request.Body
			}
			w := p.Call(rec.Request.Method, rec.Request.Path, token, body)
			var got any
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if w.Code != rec.Response.Status {
				t.Errorf("status %d, recorded %d", w.Code, rec.Response.Status)
			}
			if diff := cmp.Diff(rec.Response.Body, got); diff != "" {
				t.Errorf("(-recorded +got)\n%s", diff)
			}
		})
	}
}

// Whoever asks about a user reads the same words as who asks about a resource.
func TestExplain_AndViewersSayTheSame(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ statement, hidden, other string }{
		"allow when": {
			"{name: s, allow: true, when: {not: {rule: IS_ENTITY_KIND, params: {kinds: [Template]}}}}",
			"the conditions do not hold: s", "allowed by: s",
		},
		"deny when, otherwise allow": {
			"{name: s, allow: false, when: {rule: IS_ENTITY_KIND, params: {kinds: [Template]}}, otherwise: allow}",
			"denied, because the conditions hold: s", "allowed, because the conditions do not hold: s",
		},
		"deny when, then allow": {
			"{name: s, allow: false, when: {rule: IS_ENTITY_KIND, params: {kinds: [Template]}}, otherwise: next}\n  - {name: rest, allow: true}",
			"denied, because the conditions hold: s", "allowed by: rest",
		},
		"allow when, otherwise next": {
			"{name: s, match: {permission: catalog.entity.read}, allow: true, when: {not: {rule: IS_ENTITY_KIND, params: {kinds: [Template]}}}, otherwise: next}",
			"no statement decides about it; the default is deny", "allowed by: s",
		},
		"for others": {
			"{name: a, match: {user: user:default/ann}, allow: true}",
			"no statement allows it", "no statement allows it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := withPolicy(t, "statements:\n  - {name: admin, match: {user: user:default/ann}, allow: true}\n  - "+tc.statement+"\n")
			for ref, want := range map[string]string{
				"template:default/hidden": tc.hidden, "api:default/a": tc.other,
			} {
				var got struct {
					Items []struct{ User, Result, Reason string }
				}
				p.Decode(http.MethodGet, "/api/permission/explain/viewers?resourceRef="+ref, "ann", nil, http.StatusOK, &got)
				if len(got.Items) != 3 {
					t.Fatalf("got %+v", got)
				}
				for _, v := range got.Items {
					x := p.explain(t, "ann", map[string]any{"user": v.User, "permission": "catalog.entity.read", "resourceRef": ref})
					if x.Reason != v.Reason || x.Result != v.Result {
						t.Errorf("%s and %s: explained as %s %q, listed as %s %q", v.User, ref, x.Result, x.Reason, v.Result, v.Reason)
					}
					if v.User == "user:default/bob" && v.Reason != want {
						t.Errorf("%s: got %s %q, want %q", ref, v.Result, v.Reason, want)
					}
				}
			}
		})
	}
}
