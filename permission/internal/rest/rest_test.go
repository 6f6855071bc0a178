package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/permission/internal/statement"
	"github.com/stagedoor/stagedoor/permission/permissiontest"
)

// policyOf parses a policy for a plugin with some entities.
func policyOf(t testing.TB, text string) (*REST, *permissiontest.Entities) {
	t.Helper()
	var list []catalog.Entity
	for i := range 1000 {
		list = append(list, catalog.Entity{"kind": "Component", "metadata": map[string]any{"name": fmt.Sprint("c", i)}})
	}
	list = append(list, catalog.Entity{"kind": "API", "metadata": map[string]any{"name": "leaf"}})
	e, g := permissiontest.NewEntities(list...), &registry.Registry{}
	if err := g.Define("catalog", e.Definition()); err != nil {
		t.Fatal(err)
	}
	p, _, err := statement.Parse([]byte(text), statement.Options{File: "policy.yaml", Registry: g})
	if err != nil {
		t.Fatal(err)
	}
	a := policy.New(g)
	a.Use(p)
	return &REST{Authorizer: a, Registry: g}, e
}

const onlyAPIs = `
statements:
  - match: {permission: catalog.entity.create}
    allow: true
  - match: {permission: catalog.entity.read}
    when: {rule: IS_ENTITY_KIND, params: {kinds: [API]}}
`

var guest = identity.Principal{Kind: identity.User, Subject: "user:default/guest", Ownership: []string{"user:default/guest"}}

func ask(t testing.TB, h *REST, who identity.Principal, body string) (string, error) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/authorize", strings.NewReader(body))
	err := h.authorize(w, r.WithContext(identity.NewContext(r.Context(), who)))
	return strings.TrimSpace(w.Body.String()), err
}

const readPermission = `{"type":"resource","name":"catalog.entity.read","attributes":{"action":"read"},"resourceType":"catalog-entity"}`

func TestAuthorize_AnswersEachItem(t *testing.T) {
	t.Parallel()
	h, e := policyOf(t, onlyAPIs)
	got, err := ask(t, h, guest, `{"items":[
		{"id":"1","permission":{"type":"basic","name":"catalog.entity.create","attributes":{"action":"create"}}},
		{"id":"2","permission":`+readPermission+`,"resourceRef":"api:default/leaf"},
		{"id":"3","permission":`+readPermission+`,"resourceRef":["api:default/leaf","api:default/leaf"]},
		{"id":"4","permission":`+readPermission+`,"resourceRef":["api:default/leaf","component:default/c1","api:default/none"]},
		{"id":"5","permission":{"type":"resource","name":"catalog.entity.delete","attributes":{"action":"delete"},"resourceType":"catalog-entity"},"resourceRef":["api:default/leaf","component:default/x"]},
		{"id":"6","permission":`+readPermission+`,"resourceRef":[]},
		{"id":"7","permission":`+readPermission+`,"resourceRef":"component:default/c1"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"items":[{"id":"1","result":"ALLOW"},{"id":"2","result":"ALLOW"},{"id":"3","result":["ALLOW","ALLOW"]},` +
		`{"id":"4","result":["ALLOW","DENY","DENY"]},{"id":"5","result":"DENY"},{"id":"6","result":[]},{"id":"7","result":"DENY"}]}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if e.Calls() != 1 {
		t.Errorf("the condition was applied %d times, want once for all", e.Calls())
	}
}

func TestAuthorize_GivesConditionsToPluginsOnly(t *testing.T) {
	t.Parallel()
	h, _ := policyOf(t, onlyAPIs)
	body := `{"items":[{"id":"1","permission":` + readPermission + `}]}`
	if _, err := ask(t, h, guest, body); err == nil || !strings.HasPrefix(err.Error(), "Resource permissions require a resourceRef") {
		t.Errorf("got %v", err)
	}
	// What a permission is about is not for the caller to say.
	if _, err := ask(t, h, guest, `{"items":[{"id":"1","permission":{"type":"basic","name":"catalog.entity.read","attributes":{}}}]}`); err == nil {
		t.Error("a resource permission that calls itself basic was answered")
	}
	through := guest
	through.Via = "search"
	got, err := ask(t, h, through, body)
	want := `{"items":[{"id":"1","result":"CONDITIONAL","pluginId":"catalog","resourceType":"catalog-entity",` +
		`"conditions":{"rule":"IS_ENTITY_KIND","resourceType":"catalog-entity","params":{"kinds":["API"]}}}]}`
	if err != nil || got != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func BenchmarkAuthorize100(b *testing.B) {
	h, _ := policyOf(b, onlyAPIs)
	var items []string
	for i := range 100 {
		items = append(items, fmt.Sprintf(`{"id":"%d","permission":%s,"resourceRef":"component:default/c%d"}`, i, readPermission, i))
	}
	body := `{"items":[` + strings.Join(items, ",") + `]}`
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ask(b, h, guest, body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/batch")
}

func TestAuthorize_SaysWhatIsWrongWithTheRequest(t *testing.T) {
	t.Parallel()
	h, _ := policyOf(t, onlyAPIs)
	for body, want := range map[string][]any{
		`{}`:                   {"items"},
		`{"items":"x"}`:        {"items"},
		`{"items":[{"id":1}]}`: {"items", 0.0},
	} {
		_, err := ask(t, h, guest, body)
		if err == nil {
			t.Errorf("%s was accepted", body)
			continue
		}
		var issues []issue
		if jerr := json.Unmarshal([]byte(err.Error()), &issues); jerr != nil || len(issues) != 1 {
			t.Errorf("%s gave %v, want one issue as JSON", body, err)
			continue
		}
		if diff := cmp.Diff(want, issues[0].Path); diff != "" {
			t.Errorf("%s: path (-want +got):\n%s", body, diff)
		}
	}
}
