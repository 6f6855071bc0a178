package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/permission"
)

// world is a random catalog: small sets of values, so that conditions hit.
func world(rng *rand.Rand, n int) []catalog.Entity {
	out := []catalog.Entity{group("team-0"), group("team-1"), group("team-2")}
	for i := range n {
		e := component(fmt.Sprintf("c-%03d", i), map[string]any{
			"owner": fmt.Sprintf("team-%d", rng.IntN(3)), "type": pick(rng, "service", "library"), "lifecycle": pick(rng, "production", "experimental"),
		})
		meta, _ := e["metadata"].(map[string]any)
		var tags []any
		for _, t := range []string{"group:staff", "group:ops", "go"} {
			if rng.IntN(3) == 0 {
				tags = append(tags, t)
			}
		}
		if tags != nil {
			meta["tags"] = tags
		}
		if rng.IntN(2) == 0 {
			meta["labels"] = map[string]any{"tier": pick(rng, "1", "2")}
		}
		out = append(out, e)
	}
	return out
}

func pick(rng *rand.Rand, of ...string) string { return of[rng.IntN(len(of))] }

// randomCondition builds a tree over all rules of the catalog.
func randomCondition(rng *rand.Rand, depth int) permission.Condition {
	if depth > 0 && rng.IntN(3) > 0 {
		list := make([]permission.Condition, 1+rng.IntN(3))
		for i := range list {
			list[i] = randomCondition(rng, depth-1)
		}
		switch rng.IntN(3) {
		case 0:
			return permission.Condition{AllOf: list}
		case 1:
			return permission.Condition{AnyOf: list}
		}
		return permission.Condition{Not: &list[0]}
	}
	rule := func(name string, params map[string]any) permission.Condition {
		return permission.Condition{Rule: name, ResourceType: "catalog-entity", Params: params}
	}
	switch rng.IntN(6) {
	case 0:
		return rule("HAS_ANNOTATION", map[string]any{"annotation": pick(rng, "backstage.io/managed-by-location", "none")})
	case 1:
		return rule("HAS_LABEL", map[string]any{"label": "tier", "value": pick(rng, "1", "2", "3")})
	case 2:
		return rule("HAS_METADATA", map[string]any{"key": "tags", "value": pick(rng, "group:staff", "group:ops", "rust")})
	case 3:
		return rule("HAS_SPEC", map[string]any{"key": pick(rng, "type", "lifecycle", "subcomponentOf"), "value": pick(rng, "service", "production")})
	case 4:
		return rule("IS_ENTITY_KIND", map[string]any{"kinds": []any{pick(rng, "component", "Group", "API")}})
	}
	return rule("IS_ENTITY_OWNER", map[string]any{"claims": []any{"group:default/" + pick(rng, "team-0", "team-1", "team-9")}})
}

// holds is the meaning of a condition, spelt out over one entity's JSON.
func holds(c permission.Condition, e map[string]any) bool {
	switch {
	case c.AllOf != nil:
		return !slices.ContainsFunc(c.AllOf, func(x permission.Condition) bool { return !holds(x, e) })
	case c.AnyOf != nil:
		return slices.ContainsFunc(c.AnyOf, func(x permission.Condition) bool { return holds(x, e) })
	case c.Not != nil:
		return !holds(*c.Not, e)
	}
	at := func(section, key string) any {
		m, _ := e[section].(map[string]any)
		return m[key]
	}
	is := func(v any) bool {
		want, given := c.Params["value"].(string)
		if list, ok := v.([]any); ok && given {
			return slices.Contains(list, any(want))
		}
		return v != nil && (!given || v == any(want))
	}
	inside := func(v any, key string) any {
		m, _ := v.(map[string]any)
		return m[key]
	}
	text := func(param string) string { s, _ := c.Params[param].(string); return s }
	switch c.Rule {
	case "HAS_ANNOTATION":
		return is(inside(at("metadata", "annotations"), text("annotation")))
	case "HAS_LABEL":
		return is(inside(at("metadata", "labels"), text("label")))
	case "HAS_METADATA":
		return is(at("metadata", text("key")))
	case "HAS_SPEC":
		return is(at("spec", text("key")))
	case "IS_ENTITY_KIND":
		kinds, _ := c.Params["kinds"].([]any)
		return slices.ContainsFunc(kinds, func(k any) bool { return strings.EqualFold(fmt.Sprint(k), fmt.Sprint(e["kind"])) })
	}
	claims, _ := c.Params["claims"].([]any)
	relations, _ := e["relations"].([]any)
	return slices.ContainsFunc(relations, func(r any) bool {
		return inside(r, "type") == "ownedBy" && slices.Contains(claims, inside(r, "targetRef"))
	})
}

// What a list, a count, a walk through pages and a question for one entity
// show under a random policy is always the same set: the one that the
// conditions mean.
func TestConditionalDecisions_ShowTheSameEverywhere(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	p := policy{}
	a := newAPI(t, options{policy: p})
	a.push(world(rng, 60)...)
	var all []map[string]any
	a.get("/entities").into(t, &all)
	for round := range 60 {
		c := randomCondition(rng, 3)
		p["catalog.entity.read"] = permission.Decision{Result: permission.Conditional, Condition: &c}
		text, _ := json.Marshal(c)
		fail := func(format string, args ...any) {
			t.Fatalf("seed %d, round %d, condition %s: %s", seed, round, text, fmt.Sprintf(format, args...))
		}
		var want []string
		for _, e := range all {
			if holds(c, e) {
				want = append(want, refOf(e))
			}
		}
		slices.Sort(want)
		var listed []map[string]any
		a.get("/entities").into(t, &listed)
		if got := refsOf(listed); !slices.Equal(got, want) {
			fail("GET /entities shows %v, want %v", got, want)
		}
		if got, total := a.walk(t); !slices.Equal(got, want) || total != len(want) {
			fail("the pages show %v and a total of %d, want %v", got, total, want)
		}
		var facets struct {
			Facets map[string][]struct{ Count int }
		}
		a.get("/entity-facets?facet=kind").into(t, &facets)
		counted := 0
		for _, f := range facets.Facets["kind"] {
			counted += f.Count
		}
		if counted != len(want) {
			fail("the facets count %d, want %d", counted, len(want))
		}
		for _, e := range all {
			kind, _ := e["kind"].(string)
			meta, _ := e["metadata"].(map[string]any)
			x := a.get(fmt.Sprintf("/entities/by-name/%s/default/%v", kind, meta["name"]))
			if seen := x.status == http.StatusOK; seen != slices.Contains(want, refOf(e)) {
				fail("by-name of %s answers %d", refOf(e), x.status)
			}
		}
	}
}

// walk pages through everything that is visible.
func (a *api) walk(t *testing.T) (refs []string, total int) {
	t.Helper()
	query := "orderField=metadata.name,asc&limit=7"
	for {
		var p struct {
			Items      []map[string]any
			TotalItems int
			PageInfo   struct{ NextCursor string }
		}
		a.get("/entities/by-query?"+query).into(t, &p)
		refs = append(refs, refsOf(p.Items)...)
		if total = p.TotalItems; p.PageInfo.NextCursor == "" {
			slices.Sort(refs)
			return refs, total
		}
		query = "limit=7&cursor=" + url.QueryEscape(p.PageInfo.NextCursor)
	}
}

func refOf(e map[string]any) string { return catalog.Entity(e).Ref().String() }

func refsOf(entities []map[string]any) []string {
	var out []string
	for _, e := range entities {
		out = append(out, refOf(e))
	}
	slices.Sort(out)
	return out
}

// ownedByB is the decision that users may do something with what team-b owns.
var ownedByB = permission.Decision{Result: permission.Conditional, Condition: &permission.Condition{
	Rule: "IS_ENTITY_OWNER", ResourceType: "catalog-entity", Params: map[string]any{"claims": []any{"group:default/team-b"}},
}}

// Who may read where things come from learns nothing of entities that the
// policy hides.
func TestExplain_TellsNothingOfHiddenEntities(t *testing.T) {
	t.Parallel()
	const target = "https://example.com/all.yaml"
	doc := func(name, owner string) string {
		return "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: " + name + "}\nspec: {type: service, lifecycle: x, owner: " + owner + "}\n---\n"
	}
	p := policy{}
	a := newAPI(t, options{policy: p, run: true, files: map[string]string{target: doc("mine", "team-b") + doc("theirs", "team-a") + doc("held", "team-b")}})
	a.push(component("held", nil)) // of team-a
	if x := a.call("POST", "/locations", `{"type":"url","target":"`+target+`"}`); x.status != http.StatusCreated {
		t.Fatalf("register: %d %s", x.status, x.text)
	}
	a.idle()
	paths := map[string]string{
		"the target":      "/explain?target=" + url.QueryEscape(target),
		"what is visible": "/explain?entityRef=component:default/mine",
		"what is hidden":  "/explain?entityRef=component:default/theirs",
		"what collides":   "/explain?entityRef=component:default/held",
	}
	tells := func(text string) bool {
		return strings.Contains(text, `"component:default/theirs"`) && strings.Contains(text, "uid") ||
			strings.Contains(text, `"component:default/held","locationKey"`) || strings.Contains(text, `"parents":["location:`) || strings.Contains(text, `"sources":`)
	}
	for name, path := range paths {
		if x := a.get(path); !tells(x.text) && name != "what is hidden" || !strings.Contains(x.text, `"verdict":`) {
			t.Errorf("%s without a policy: %s", name, x.text)
		}
	}
	p["catalog.entity.read"] = ownedByB
	for name, path := range paths {
		if x := a.get(path); x.status != http.StatusOK || tells(x.text) {
			t.Errorf("%s: %d %s", name, x.status, x.text)
		}
	}
	var got struct{ Children int }
	if a.get(paths["the target"]).into(t, &got); got.Children != 1 {
		t.Errorf("the target brings %d entities that may be seen, want 1", got.Children)
	}
}

// Whether a hidden entity is there cannot be found out by trying to remove it.
func TestDeletePushed_DoesNotTellWhatIsThere(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{policy: policy{"catalog.entity.read": ownedByB, "catalog.entity.delete": ownedByB}})
	a.push(component("mine", map[string]any{"owner": "team-b"}), component("theirs", nil))
	for _, name := range []string{"theirs", "none"} {
		if x := a.call("DELETE", "/entities?source=test", `{"entityRefs":["component:default/`+name+`"]}`); x.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, x.status, x.text)
		}
	}
	if x := a.call("DELETE", "/entities?source=test", `{"entityRefs":["component:default/mine"]}`); x.status != http.StatusOK {
		t.Errorf("mine: %d %s", x.status, x.text)
	}
}

// Who may refresh everything does not learn by it what there is.
func TestRefresh_DoesNotTellWhatIsThere(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{policy: policy{"catalog.entity.read": ownedByB}})
	a.push(component("mine", map[string]any{"owner": "team-b"}), component("theirs", nil))
	for name, want := range map[string]int{"mine": 200, "theirs": 404, "none": 404} {
		body := `{"entityRef":"component:default/` + name + `"}`
		if x := a.call("POST", "/refresh", body); x.status != want {
			t.Errorf("%s: %d %s", name, x.status, x.text)
		}
		if x := a.call("POST", "/refresh", body, "x-test-service", "1"); (x.status == 200) != (name != "none") {
			t.Errorf("%s by a service: %d %s", name, x.status, x.text)
		}
	}
}

// A push of the whole set removes, so it needs what removing needs.
func TestPush_OfTheWholeSetNeedsThePermissionToDelete(t *testing.T) {
	t.Parallel()
	p := policy{"catalog.entity.delete": {Result: permission.Deny}}
	a := newAPI(t, options{policy: p})
	a.push(component("kept", nil))
	full := func(names ...string) int {
		var list []catalog.Entity
		for _, name := range names {
			list = append(list, component(name, nil))
		}
		body, err := json.Marshal(map[string]any{"entities": append([]catalog.Entity{}, list...)})
		if err != nil {
			t.Fatal(err)
		}
		return a.call("PUT", "/entities?source=test&mode=full", string(body)).status
	}
	if status := full(); status != http.StatusForbidden {
		t.Errorf("removing without the permission: %d", status)
	}
	if status := full("new"); status != http.StatusForbidden || a.get("/entities/by-name/component/default/kept").status != http.StatusOK {
		t.Errorf("replacing without the permission: %d", status)
	}
	invalid := `{"entities":[{"apiVersion":"backstage.io/v1alpha1","kind":"Component","metadata":{"name":"kept"},"spec":{}}]}`
	if x := a.call("PUT", "/entities?source=test&mode=full", invalid); a.get("/entities/by-name/component/default/kept").status != http.StatusOK {
		t.Errorf("an invalid entity removes the one that is there: %d %s", x.status, x.text)
	}
	if status := full("kept", "new"); status != http.StatusOK {
		t.Errorf("adding: %d", status)
	}
	p["catalog.entity.delete"] = permission.Decision{Result: permission.Allow}
	if status := full("new"); status != http.StatusOK || a.get("/entities/by-name/component/default/kept").status != http.StatusNotFound {
		t.Errorf("replacing with the permission: %d", status)
	}
}

// Who makes an entity where a hidden one was does not read what that one said.
func TestHistory_IsThatOfTheVisibleEntityAlone(t *testing.T) {
	t.Parallel()
	p := policy{}
	a := newAPI(t, options{policy: p})
	a.push(component("ref", map[string]any{"secret": "before"}))
	a.call("DELETE", "/entities?source=test", `{"entityRefs":["component:default/ref"]}`)
	a.push(component("ref", map[string]any{"owner": "team-b"}))
	a.push(component("ref", map[string]any{"owner": "team-b", "lifecycle": "old"}))
	const path = "/entities/by-name/component/default/ref/history"
	type history struct{ Items []struct{ Version int } }
	var all, seen history
	a.get(path).into(t, &all)
	if len(all.Items) != 4 || !strings.Contains(a.get(path+"/1").text, "before") {
		t.Fatalf("without a policy: %+v", all)
	}
	p["catalog.entity.read"] = ownedByB
	a.get(path).into(t, &seen)
	if len(seen.Items) != 2 || seen.Items[0] != all.Items[0] {
		t.Errorf("listed: %+v", seen)
	}
	first := seen.Items[len(seen.Items)-1].Version
	for _, hidden := range []string{"/1", "/diff?from=1", "/diff?to=1", fmt.Sprintf("/diff?to=%d&from=1", first)} {
		if x := a.get(path + hidden); x.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", hidden, x.status, x.text)
		}
	}
	if x := a.get(fmt.Sprintf("%s/diff?to=%d", path, first)); x.status != http.StatusOK || strings.Contains(x.text, "before") {
		t.Errorf("the first version that may be seen: %d %s", x.status, x.text)
	}
	if x := a.get(path + "/diff"); x.status != http.StatusOK || !strings.Contains(x.text, `"old"`) {
		t.Errorf("the newest change: %d %s", x.status, x.text)
	}
}

// A stream ends, so that its client shows anew who it is.
func TestEvents_EndAfterAWhile(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{lifetime: time.Millisecond})
	if x := a.get("/events"); x.status != http.StatusOK || !strings.Contains(x.text, "event: ready") {
		t.Errorf("%d %s", x.status, x.text)
	}
}

// A conditional policy may cost half as much again as none, over 100,000
// entities.
func BenchmarkConditionalPolicy(b *testing.B) {
	claims := make([]any, 20)
	for i := range claims {
		claims[i] = fmt.Sprintf("group:default/team-%d", i*7)
	}
	condition := &permission.Condition{AnyOf: []permission.Condition{
		{Rule: "IS_ENTITY_KIND", Params: map[string]any{"kinds": []any{"Component", "System", "API", "Group"}}},
		{AllOf: []permission.Condition{
			{Rule: "IS_ENTITY_KIND", Params: map[string]any{"kinds": []any{"Resource"}}},
			{Rule: "IS_ENTITY_OWNER", Params: map[string]any{"claims": claims}},
		}},
	}}
	for name, p := range map[string]policy{
		"no policy":   {},
		"conditional": {"catalog.entity.read": {Result: permission.Conditional, Condition: condition}},
	} {
		mux := largeUnder(b, 100_000, p)
		for _, fresh := range []bool{false, true} {
			label := name + ", the same query again"
			if fresh {
				label = name + ", every query new"
			}
			b.Run(label, func(b *testing.B) {
				n := 0
				for b.Loop() {
					path := "/entities/by-query?filter=kind=component,spec.type=service&orderField=metadata.name,asc&limit=20"
					if fresh {
						n++
						path += fmt.Sprintf("&filter=spec.owner=team-%d", n)
					}
					rec := httptest.NewRecorder()
					mux.ServeHTTP(rec, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/api/catalog"+path, nil))
					if rec.Code != http.StatusOK {
						b.Fatal(rec.Body)
					}
				}
			})
		}
	}
}
