package rest_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type pushed struct {
	Source string
	Failed int
	Items  []struct {
		EntityRef, Status string
		Errors            []struct{ Message string }
	}
}

const yamlTwo = `
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: one}
spec: {type: service, lifecycle: production, owner: team-a}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: bad}
spec: {type: service}
`

func TestPush_StoresWhatIsGoodAndNamesWhatIsNot(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{})
	x := a.call("PUT", "/entities?source=ci&commit=abc123", yamlTwo, "content-type", "application/yaml")
	var p pushed
	x.into(t, &p)
	if x.status != http.StatusUnprocessableEntity || p.Failed != 1 || p.Items[0].Status != "ok" || p.Items[1].Status != "error" {
		t.Fatalf("push: %d %s", x.status, x.text)
	}
	if !strings.Contains(p.Items[1].Errors[0].Message, "lifecycle") {
		t.Errorf("the refusal does not name the field: %s", x.text)
	}
	if got := a.get("/entities/by-name/component/default/one"); got.status != 200 {
		t.Errorf("the good one is not readable at once: %d", got.status)
	}
	good, _, _ := strings.Cut(yamlTwo, "---")
	x = a.call("PUT", "/entities?source=ci", good, "content-type", "application/yaml")
	x.into(t, &p)
	if x.status != 200 || p.Items[0].Status != "unchanged" {
		t.Errorf("the same again: %d %s", x.status, x.text)
	}
	x = a.call("PUT", "/entities?source=ci&mode=full", `{"entities":[]}`)
	if got := a.get("/entities/by-name/component/default/one"); x.status != 200 || got.status != 404 {
		t.Errorf("an empty full push leaves %d (%d %s)", got.status, x.status, x.text)
	}
}

func TestPush_RefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{})
	for name, c := range map[string]struct{ path, body, contentType, message string }{
		"without a source":   {"/entities", `{"entities":[]}`, "application/json", "request/query must have required property 'source'"},
		"with a bad source":  {"/entities?source=a%2Fb", `{"entities":[]}`, "application/json", `source "a/b": a source has 1 to 63 letters, digits, dots, dashes and underscores and begins with a letter or digit`},
		"without entities":   {"/entities?source=ci", `{}`, "application/json", "request/body must have required property 'entities'"},
		"with another key":   {"/entities?source=ci", `{"entities":[],"x":1}`, "application/json", "request/body must NOT have additional properties"},
		"with a list as doc": {"/entities?source=ci", "- a\n", "application/yaml", "request/body:1: document 0 is no entity but a []interface {}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := a.call("PUT", c.path, c.body, "content-type", c.contentType)
			if x.status != 400 || x.message(t) != c.message {
				t.Errorf("%d %s", x.status, x.text)
			}
		})
	}
	if x := a.call("PUT", "/entities?source=ci", "a: [1\n", "content-type", "application/yaml"); x.status != 400 || !strings.HasPrefix(x.message(t), "request/body:") {
		t.Errorf("broken YAML: %d %s", x.status, x.text)
	}
}

func TestPush_DeletesByRefAndBySource(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{})
	many(a, 3)
	var p pushed
	x := a.call("DELETE", "/entities?source=test", `{"entityRefs":["Component:default/C-001","component:default/nope"]}`)
	x.into(t, &p)
	if x.status != 200 || p.Items[0].Status != "deleted" || p.Items[1].Status != "missing" {
		t.Fatalf("by ref: %d %s", x.status, x.text)
	}
	a.call("DELETE", "/entities?source=test", "").into(t, &p)
	if len(p.Items) != 3 || a.get("/entities").text != "[]" {
		t.Errorf("by source: %+v, left %s", p, a.get("/entities").text)
	}
}

func TestHistory_ListsVersionsAndComparesThem(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{})
	a.push(component("pay", nil))
	a.push(component("pay", map[string]any{"lifecycle": "deprecated", "tier": 1.0}))
	a.call("DELETE", "/entities?source=test", `{"entityRefs":["component:default/pay"]}`)
	const path = "/entities/by-name/component/default/pay/history"

	var h struct {
		EntityRef  string
		NextBefore int
		Items      []struct {
			Version int
			Op      string
			Cause   struct{ Kind, Source, Actor string }
		}
	}
	a.get(path+"?limit=2").into(t, &h)
	if len(h.Items) != 2 || h.Items[0].Op != "delete" || h.Items[0].Cause.Actor != "user:default/jane" || h.NextBefore != h.Items[1].Version {
		t.Fatalf("history: %+v", h)
	}
	a.get(path+"?before=2").into(t, &h)
	if len(h.Items) != 1 || h.Items[0].Op != "create" || h.Items[0].Cause.Source != "test" {
		t.Errorf("older: %+v", h)
	}
	var d struct {
		Changes []map[string]any
		Text    string
	}
	a.get(path+"/diff?from=1&to=2").into(t, &d)
	want := []map[string]any{
		{"op": "replace", "path": "/spec/lifecycle", "old": "production", "new": "deprecated"},
		{"op": "add", "path": "/spec/tier", "new": 1.0},
	}
	if diff := cmp.Diff(want, d.Changes); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(d.Text, "-  lifecycle: production\n+  lifecycle: deprecated\n") {
		t.Errorf("text: %s", d.Text)
	}
	a.get(path+"/diff").into(t, &d)
	if len(d.Changes) == 0 || d.Changes[0]["op"] != "remove" {
		t.Errorf("the newest change is the removal: %+v", d.Changes)
	}
	if x := a.get(path + "/1"); !strings.Contains(x.text, `"lifecycle":"production"`) {
		t.Errorf("version 1: %s", x.text)
	}
	for bad, status := range map[string]int{path + "/9": 404, path + "/x": 400, path + "/diff?from=7": 404, "/entities/by-name/component/default/never/history": 404} {
		if x := a.get(bad); x.status != status {
			t.Errorf("%s: %d %s", bad, x.status, x.text)
		}
	}
}

func TestGraph_IsLaidOut(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{})
	a.push(group("team-a"), component("web", map[string]any{"dependsOn": []any{"component:api", "component:missing"}}), component("api", nil))
	var g struct {
		Truncated bool
		Nodes     []struct {
			Ref         string
			X, Y        float64
			Rank, Depth int
			Found, Root bool
			More        int
		}
		Edges []struct {
			From, To, Label string
			Relations       []string
			Points          []struct{ X, Y float64 }
		}
	}
	x := a.get("/graph?rootRefs=component:default/web&maxDepth=1")
	x.into(t, &g)
	found := map[string]bool{}
	for _, n := range g.Nodes {
		found[n.Ref] = n.Found
	}
	want := map[string]bool{"component:default/web": true, "component:default/api": true, "component:default/missing": false, "group:default/team-a": true}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("nodes: %s", diff)
	}
	edges := map[string][]string{}
	for _, e := range g.Edges {
		edges[e.From+" > "+e.To] = e.Relations
		if len(e.Points) < 2 {
			t.Errorf("the edge from %s to %s has no line", e.From, e.To)
		}
	}
	wantEdges := map[string][]string{
		"component:default/web > component:default/api":     {"dependsOn"},
		"component:default/web > component:default/missing": {"dependsOn"},
		"group:default/team-a > component:default/web":      {"ownerOf"},
		"group:default/team-a > component:default/api":      {"ownerOf"},
	}
	if diff := cmp.Diff(wantEdges, edges); diff != "" {
		t.Errorf("edges: %s", diff)
	}
	if again := a.get("/graph?rootRefs=component:default/web&maxDepth=1"); again.text != x.text {
		t.Error("the same graph gives another picture")
	}
	a.get("/graph?rootRefs=component:default/web&limit=2").into(t, &g)
	if !g.Truncated || len(g.Nodes) != 2 || g.Nodes[0].More == 0 {
		t.Errorf("limited: %+v", g)
	}
	if x := a.get("/graph?rootRefs=nope"); x.status != 400 {
		t.Errorf("a bad root: %d %s", x.status, x.text)
	}
}

func TestEvents_TellWhatChanged(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{})
	server := httptest.NewServer(a.mux)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/catalog/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	next := func(prefix string) string {
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
				return rest
			}
		}
		t.Fatalf("the stream ended before %q: %v", prefix, lines.Err())
		return ""
	}
	if got := next("event: "); got != "ready" {
		t.Fatalf("the first event is %q", got)
	}
	a.push(component("new", nil))
	if got := next("event: "); got != "change" {
		t.Fatalf("the second event is %q", got)
	}
	if got := next("data: "); !strings.Contains(got, `"ref":"component:default/new"`) {
		t.Errorf("changes: %s", got)
	}
}

func TestKindsAndActions_DescribeTheCatalog(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{})
	many(a, 2)
	var kinds struct {
		Kinds     []struct{ Kind string }
		Relations []struct{ Type, Label, Reverse string }
	}
	a.get("/kinds").into(t, &kinds)
	reverse := map[string]string{}
	for _, r := range kinds.Relations {
		reverse[r.Type] = r.Reverse
	}
	if len(kinds.Kinds) < 8 || reverse["ownedBy"] != "ownerOf" || reverse["hasPart"] != "partOf" {
		t.Errorf("kinds: %+v", kinds)
	}
	var list struct{ Actions []struct{ ID string } }
	a.get("/.backstage/actions/v1/actions").into(t, &list)
	if len(list.Actions) != 7 {
		t.Errorf("%d actions", len(list.Actions))
	}
	for id, c := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"catalog:get-catalog-entity":            {`{"name":"c-001"}`, 200, `"name":"c-001"`},
		"catalog:query-catalog-entities":        {`{"query":{"kind":"component"},"limit":1,"fields":["kind"]}`, 200, `"totalItems":2`},
		"catalog:validate-entity":               {`{"entity":"kind: x"}`, 200, `"isValid":false`},
		"catalog:refresh-catalog-entity":        {`{"name":"c-000"}`, 200, `"entityRef":"component:default/c-000"`},
		"catalog:get-catalog-model-description": {`{}`, 200, `## Component`},
		"catalog:unregister-entity":             {`{"type":{"locationUrl":"https://example.com"}}`, 404, `not found`},
		"catalog:nope":                          {`{}`, 404, `not found`},
		"get-catalog-entity":                    {`{}`, 400, `must have required property 'name'`},
	} {
		if x := a.call("POST", "/.backstage/actions/v1/actions/"+id+"/invoke", c.body); x.status != c.status || !strings.Contains(x.text, c.want) {
			t.Errorf("%s: %d %s", id, x.status, x.text)
		}
	}
}

func TestUnprocessed_ListsFailures(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{})
	many(a, 1)
	if x := a.get("/entities/unprocessed/failed"); x.text != `{"type":"failed","entities":[]}` {
		t.Errorf("failed: %s", x.text)
	}
	if x := a.get("/entities/unprocessed/pending?owner=x"); x.text != `{"type":"pending","entities":[]}` {
		t.Errorf("pending: %s", x.text)
	}
	if x := a.call("DELETE", "/entities/unprocessed/delete/nope", ""); x.status != 204 {
		t.Errorf("delete: %d", x.status)
	}
}
