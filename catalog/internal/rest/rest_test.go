package rest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/permission"
)

type page struct {
	Items []struct {
		Kind     string
		Metadata struct{ Name, UID string }
	}
	TotalItems int
	PageInfo   struct{ NextCursor, PrevCursor string }
}

func (p page) names() []string {
	var out []string
	for _, i := range p.Items {
		out = append(out, i.Metadata.Name)
	}
	return out
}

func many(a *api, n int) {
	entities := []catalog.Entity{group("team-a")}
	for i := range n {
		entities = append(entities, component(numbered(i), nil))
	}
	a.push(entities...)
}

func TestByQuery_WalksThereAndBackByCursors(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{})
	many(a, 10)
	var first, second, third, back page
	a.get("/entities/by-query?filter=kind=component&orderField=metadata.name,asc&limit=4").into(t, &first)
	if first.TotalItems != 10 || first.PageInfo.PrevCursor != "" || first.PageInfo.NextCursor == "" {
		t.Fatalf("first page: %+v", first)
	}
	a.get("/entities/by-query?limit=4&cursor="+escape(first.PageInfo.NextCursor)).into(t, &second)
	a.get("/entities/by-query?limit=4&cursor="+escape(second.PageInfo.NextCursor)).into(t, &third)
	a.get("/entities/by-query?limit=4&cursor="+escape(second.PageInfo.PrevCursor)).into(t, &back)
	if diff := cmp.Diff([]string{"c-008", "c-009"}, third.names()); diff != "" || third.PageInfo.NextCursor != "" {
		t.Errorf("third page: %s %+v", diff, third.PageInfo)
	}
	if diff := cmp.Diff(first.names(), back.names()); diff != "" || back.PageInfo.PrevCursor != "" {
		t.Errorf("back on the first page: %s %+v", diff, back.PageInfo)
	}
	var c map[string]any
	data, _ := base64.StdEncoding.DecodeString(first.PageInfo.NextCursor)
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"orderFields": []any{map[string]any{"field": "metadata.name", "order": "asc"}}, "isPrevious": false,
		"query": map[string]any{"kind": "component"}, "fullTextFilter": map[string]any{"term": ""},
		"orderFieldValues":     []any{"c-003", first.Items[3].Metadata.UID},
		"firstSortFieldValues": []any{"c-000", first.Items[0].Metadata.UID}, "totalItems": 10.0,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("the cursor holds: %s", diff)
	}
}

func TestErrors_AreWordedAsClientsKnowThem(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{strict: true})
	many(a, 1)
	cursor := func(s string) string { return escape(base64.StdEncoding.EncodeToString([]byte(s))) }
	for request, want := range map[string]struct {
		status  int
		message string
	}{
		"GET /entities?limit=abc":                                                           {400, "request/query/limit must be integer"},
		"GET /entities?limit=0":                                                             {400, "Invalid limit, must be greater than zero"},
		"GET /entities?offset=-1":                                                           {400, "request/query/offset must be >= 0"},
		"GET /entities?after=xxx":                                                           {400, "Malformed after cursor, could not be parsed"},
		"GET /entities?nope=1":                                                              {400, "Unknown query parameter 'nope'"},
		"GET /entities?filter=":                                                             {400, "Empty value found for query parameter 'filter'"},
		"GET /entities?fields=metadata.tags[0]":                                             {400, "invalid fields, array type fields are not supported"},
		"GET /entities?order=metadata.name":                                                 {400, `Invalid order parameter "metadata.name", expected "<asc or desc>:<field name>"`},
		"GET /entities/by-query?orderField=a,up":                                            {400, "Invalid order field order, must be asc or desc"},
		"GET /entities/by-query?totalItems=maybe":                                           {400, "request/query/totalItems must be equal to one of the allowed values: include, exclude"},
		"GET /entities/by-query?cursor=xxx":                                                 {400, "Malformed cursor: SyntaxError: Unexpected token '\ufffd', \"\ufffd\x1c\" is not valid JSON"},
		"GET /entities/by-query?cursor=" + cursor(`1`):                                      {400, "Malformed cursor: InputError: Malformed cursor: [\n  {\n    \"code\": \"invalid_type\",\n    \"expected\": \"object\",\n    \"received\": \"number\",\n    \"path\": [],\n    \"message\": \"Expected object, received number\"\n  }\n]"},
		"GET /entity-facets":                                                                {400, "request/query must have required property 'facet'"},
		"GET /entities/by-uid/nope":                                                         {404, "No entity with uid nope"},
		"GET /entities/by-name/Component/default/Nope":                                      {404, "No entity named 'Nope' found, with kind 'Component' in namespace 'default'"},
		"GET /entities/by-name/component/default/nope/ancestry":                             {404, "No such entity component:default/nope"},
		"POST /refresh {\"entityRef\":\"component:default/x\"}":                             {404, "Entity component:default/x not found"},
		"POST /refresh {}":                                                                  {400, "request/body must have required property 'entityRef'"},
		"POST /entities/by-refs {}":                                                         {400, "request/body must have required property 'entityRefs'"},
		"POST /entities/by-refs {\"entityRefs\":\"x\"}":                                     {400, "request/body/entityRefs must be array"},
		"POST /entities/by-query {\"query\":[]}":                                            {400, "request/body/query must be object"},
		"POST /entities/by-query {\"limit\":-1}":                                            {500, "Invalid array length"},
		"POST /entities/by-query {\"cursor\":\"\"}":                                         {400, "Cursor cannot be empty"},
		"POST /entity-facets {}":                                                            {400, "request/body must have required property 'facets'"},
		"POST /entity-facets {\"facets\":[]}":                                               {400, "Missing or empty facets parameter"},
		"POST /locations {}":                                                                {400, "request/body must have required property 'target'"},
		"POST /locations {\"type\":\"file\",\"target\":\"/etc/passwd\"}":                    {400, `Registered locations must be of an allowed type ["url"]`},
		"POST /locations {\"type\":\"url\",\"target\":\"x\",\"nope\":1}":                    {400, "Malformed request: [\n  {\n    \"code\": \"unrecognized_keys\",\n    \"keys\": [\n      \"nope\"\n    ],\n    \"path\": [],\n    \"message\": \"Unrecognized key(s) in object: 'nope'\"\n  }\n]"},
		"POST /locations?onConflict=x {\"type\":\"url\",\"target\":\"x\"}":                  {400, "request/query/onConflict must be equal to one of the allowed values: refresh, reject"},
		"POST /locations/by-query {\"limit\":0}":                                            {400, "Limit must be a positive integer >= 1"},
		"POST /locations/by-query {\"cursor\":\"x\"}":                                       {400, "Malformed cursor, unknown encoding"},
		"GET /locations/nope":                                                               {404, "Found no location with ID nope"},
		"DELETE /locations/nope":                                                            {404, "Found no location with ID nope"},
		"PUT /locations/nope {\"type\":\"url\",\"target\":\"x\"}":                           {404, "Found no location with ID nope"},
		"GET /locations/by-entity/component/default/nope":                                   {404, "found no entity for ref component:default/nope"},
		"POST /analyze-location {\"location\":{\"type\":\"url\",\"target\":\"not a url\"}}": {400, "The given location.target is not a URL"},
		"POST /validate-entity {\"entity\":\"x\",\"location\":\"url:x\"}":                   {400, "request/body/entity must be object"},
	} {
		t.Run(request, func(t *testing.T) {
			method, rest, _ := strings.Cut(request, " ")
			path, body, _ := strings.Cut(rest, " ")
			got := a.call(method, path, body)
			if got.status != want.status || got.message(t) != want.message {
				t.Errorf("%d %q\nwant %d %q", got.status, got.message(t), want.status, want.message)
			}
		})
	}
}

func TestEntities_PagesByLinkHeader(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{})
	many(a, 5)
	x := a.get("/entities?filter=kind=component&order=asc:metadata.name&limit=2&offset=1&fields=metadata.name")
	link := x.header.Get("Link")
	if want := `</entities?filter=kind%3Dcomponent&order=asc%3Ametadata.name&limit=2&fields=metadata.name&after=eyJsaW1pdCI6Miwib2Zmc2V0IjozfQ%3D%3D>; rel="next"`; link != want {
		t.Fatalf("link %s\nwant %s", link, want)
	}
	u, err := url.Parse(strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`))
	if err != nil {
		t.Fatal(err)
	}
	last := a.get(u.String())
	if last.text != `[{"metadata":{"name":"c-003"}},{"metadata":{"name":"c-004"}}]` || last.header.Get("Link") != "" {
		t.Errorf("last page %s, link %q", last.text, last.header.Get("Link"))
	}
}

func TestReading_StaysWithinAConditionalDecision(t *testing.T) {
	t.Parallel()
	owned := permission.Decision{Result: permission.Conditional, Condition: &permission.Condition{
		AnyOf: []permission.Condition{
			{Rule: "IS_ENTITY_OWNER", Params: map[string]any{"claims": []any{"group:default/team-b"}}},
			{Rule: "IS_ENTITY_KIND", Params: map[string]any{"kinds": []any{"group"}}},
		},
	}}
	a := newAPI(t, options{policy: policy{"catalog.entity.read": owned, "catalog.entity.delete": owned, "catalog.entity.refresh": owned}})
	a.push(group("team-a"), group("team-b"), component("mine", map[string]any{"owner": "team-b"}), component("theirs", nil))
	var p page
	a.get("/entities/by-query?orderField=metadata.name").into(t, &p)
	if diff := cmp.Diff([]string{"mine", "team-a", "team-b"}, p.names()); diff != "" || p.TotalItems != 3 {
		t.Errorf("page: %s, total %d", diff, p.TotalItems)
	}
	if x := a.get("/entity-facets?facet=kind"); x.text != `{"facets":{"kind":[{"value":"Component","count":1},{"value":"Group","count":2}]}}` {
		t.Errorf("facets: %s", x.text)
	}
	for _, path := range []string{"", "/ancestry", "/history"} {
		if x := a.get("/entities/by-name/component/default/theirs" + path); x.status != 404 {
			t.Errorf("%q of what may not be read: %d", path, x.status)
		}
	}
	x := a.call("POST", "/entities/by-refs", `{"entityRefs":["component:default/theirs","component:default/mine"],"fields":["metadata.name"]}`)
	if x.text != `{"items":[null,{"metadata":{"name":"mine"}}]}` {
		t.Errorf("by-refs: %s", x.text)
	}
	if x := a.call("POST", "/refresh", `{"entityRef":"component:default/theirs"}`); x.status != 403 {
		t.Errorf("refresh of what may not be refreshed: %d", x.status)
	}
	id, _ := a.index.Snapshot().Lookup("component:default/theirs")
	if x := a.call("DELETE", "/entities/by-uid/"+a.index.Snapshot().UID(id), ""); x.status != 403 || x.message(t) != "" {
		t.Errorf("delete of what may not be deleted: %d %s", x.status, x.text)
	}
	if x := a.call("DELETE", "/entities?source=test", ""); x.status != 403 {
		t.Errorf("removing a source of which one entity may not be deleted: %d", x.status)
	}
	var g struct {
		Nodes []struct {
			Ref   string
			Found bool
		}
	}
	a.get("/graph?rootRefs=group:default/team-a").into(t, &g)
	if len(g.Nodes) == 0 || g.Nodes[0].Ref != "group:default/team-a" {
		t.Fatalf("graph: %+v", g)
	}
	for _, n := range g.Nodes {
		if n.Ref == "component:default/theirs" && n.Found {
			t.Error("the graph shows what may not be read")
		}
	}
}

func TestReading_DeniedIsEmptyAndNotAnError(t *testing.T) {
	t.Parallel()
	deny := permission.Decision{Result: permission.Deny}
	a := newAPI(t, options{policy: policy{"catalog.entity.read": deny, "catalog.location.read": deny, "catalog.location.create": deny}})
	many(a, 2)
	for path, want := range map[string]string{
		"/entities":                 "[]",
		"/entities/by-query":        `{"items":[],"totalItems":0,"pageInfo":{}}`,
		"/entity-facets?facet=kind": `{"facets":{"kind":[]}}`,
		"/locations":                "[]",
	} {
		if x := a.get(path); x.status != 200 || x.text != want {
			t.Errorf("%s: %d %s", path, x.status, x.text)
		}
	}
	if x := a.call("POST", "/locations", `{"type":"url","target":"https://example.com/x.yaml"}`); x.status != 403 || x.message(t) != "" {
		t.Errorf("register: %d %s", x.status, x.text)
	}
}

func TestLocations_AreRegisteredReadAndRemoved(t *testing.T) {
	t.Parallel()
	const target = "https://example.com/all.yaml"
	a := newAPI(t, options{run: true, files: map[string]string{target: "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: read}\nspec: {type: service, lifecycle: x, owner: team-a}\n---\napiVersion: backstage.io/v1alpha1\nkind: Template\nmetadata: {name: refused}\nspec: {}\n"}})
	body := `{"type":"url","target":"` + target + `"}`

	var dry struct {
		Exists   bool
		Location map[string]string
		Entities []map[string]any
	}
	a.call("POST", "/locations?dryRun=true", body).into(t, &dry)
	if dry.Exists || len(dry.Entities) != 2 || dry.Location["id"] != "url:"+target {
		t.Errorf("dry run: %+v", dry)
	}
	var added struct{ Location map[string]string }
	if x := a.call("POST", "/locations", body); x.status != http.StatusCreated {
		t.Fatalf("register: %d %s", x.status, x.text)
	} else {
		x.into(t, &added)
	}
	a.idle()
	if x := a.get("/entities/by-name/component/default/read"); x.status != 200 {
		t.Fatalf("the registered component: %d %s", x.status, x.text)
	}
	if x := a.call("POST", "/locations", body); x.status != http.StatusConflict {
		t.Errorf("a second time: %d %s", x.status, x.text)
	}
	if x := a.call("POST", "/locations?onConflict=refresh", body); x.status != http.StatusCreated {
		t.Errorf("a second time with refresh: %d %s", x.status, x.text)
	}
	id := added.Location["id"]
	if x := a.get("/locations/by-entity/component/default/read"); !strings.Contains(x.text, id) {
		t.Errorf("by entity: %s", x.text)
	}
	if x := a.call("POST", "/locations/by-query", `{"query":{"target":{"$hasPrefix":"https://example"}},"limit":1}`); !strings.Contains(x.text, id) {
		t.Errorf("by query: %s", x.text)
	}
	var why struct{ Verdict, Message string }
	a.get("/explain?entityRef=template:default/refused").into(t, &why)
	if why.Verdict != "refused" || !strings.Contains(why.Message, target) {
		t.Errorf("explain: %+v", why)
	}
	a.get("/explain?target="+escape(target)).into(t, &why)
	if why.Verdict != "location" {
		t.Errorf("explain the target: %+v", why)
	}
	if x := a.get("/explain"); !strings.Contains(x.text, "template:default/refused") {
		t.Errorf("explain all: %s", x.text)
	}
	a.idle()
	if x := a.call("DELETE", "/locations/"+id, ""); x.status != http.StatusNoContent {
		t.Fatalf("unregister: %d %s", x.status, x.text)
	}
	a.idle()
	if x := a.get("/entities/by-name/component/default/read"); x.status != 404 {
		t.Errorf("the component of the removed location: %d", x.status)
	}
}

func TestReadOnly_RefusesToWriteLocations(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{readOnly: true})
	for _, request := range []string{"POST /locations", "PUT /locations/x", "DELETE /locations/x", "PUT /entities?source=ci"} {
		method, path, _ := strings.Cut(request, " ")
		body := `{"type":"url","target":"https://example.com"}`
		if strings.HasPrefix(path, "/entities") {
			body = `{"entities":[]}`
		}
		if x := a.call(method, path, body); x.status != 403 || x.message(t) != "This operation not allowed in readonly mode" {
			t.Errorf("%s: %d %s", request, x.status, x.text)
		}
	}
}

func TestValidate_AnswersOutsideTheEnvelope(t *testing.T) {
	t.Parallel()
	a := newAPI(t, options{strict: true})
	entity := `{"apiVersion":"backstage.io/v1alpha1","kind":"Component","metadata":{"name":"v"},"spec":{"type":"service","lifecycle":"p","owner":"o"}}`
	for location, want := range map[string]string{
		"url:https://example.com/x": "",
		"nope":                      `{"errors":[{"name":"TypeError","message":"Unable to parse location ref 'nope', expected '<type>:<target>', e.g. 'url:https://host/path'"}]}`,
		"file:/x.yaml":              `{"errors":[{"name":"TypeError","message":"Invalid location ref file:/x.yaml, only 'url:<target>' is supported, e.g. url:https://host/path"}]}`,
		"https://example.com":       `{"errors":[{"name":"TypeError","message":"Invalid location ref 'https://example.com', please prefix it with 'url:', e.g. 'url:https://example.com'"}]}`,
	} {
		if x := a.call("POST", "/validate-entity", `{"entity":`+entity+`,"location":"`+location+`"}`); x.text != want {
			t.Errorf("%s: %d %s", location, x.status, x.text)
		}
	}
}
