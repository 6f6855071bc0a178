package rest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/audittest"
	"github.com/stagedoor/stagedoor/permission"
)

// Every change leaves an event, also one that is refused; nothing else does.
func TestChanges_AreAudited(t *testing.T) {
	t.Parallel()
	log := &audittest.Fake{}
	forbidding := policy{
		"catalog.entity.delete": {Result: permission.Deny}, "catalog.location.create": {Result: permission.Deny},
	}
	allowing := newAPI(t, options{audit: log, files: map[string]string{}})
	denying := newAPI(t, options{audit: log, policy: forbidding})
	frozen := newAPI(t, options{audit: log, readOnly: true})
	const pushed = `{"entities":[{"apiVersion":"backstage.io/v1alpha1","kind":"Component","metadata":{"name":"a"},"spec":{"type":"service","lifecycle":"x","owner":"o"}}]}`
	do := func(a *api, method, path, body string) (int, string) {
		r := httptest.NewRequest(method, "/api/catalog"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		a.mux.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	_, made := do(allowing, "POST", "/locations", `{"type":"url","target":"https://h/a.yaml"}`)
	_, rest, _ := strings.Cut(made, `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	log.Reset()
	for _, step := range []struct {
		name         string
		on           *api
		method, path string
		body         string
		status       int
		want         string // the event, without the plugin
		action       string
	}{
		{"push", allowing, "PUT", "/entities?source=ci", pushed, 200, "entity-mutate succeeded push:ci", "push"},
		{"push by nobody", allowing, "PUT", "/entities?source=-", pushed, 400, "entity-mutate failed push:- source \"-\"", "push"},
		{"push of nonsense", allowing, "PUT", "/entities?source=ci", `{"entities":1}`, 400, "entity-mutate failed request/body", "push"},
		{"delete pushed", allowing, "DELETE", "/entities?source=ci", `{"entityRefs":["component:default/none"]}`, 200, "entity-mutate succeeded push:ci", "delete-pushed"},
		{"delete pushed, forbidden", denying, "DELETE", "/entities?source=ci", `{}`, 403, "entity-mutate failed push:ci", "delete-pushed"},
		{"delete", allowing, "DELETE", "/entities/by-uid/none", ``, 204, "entity-mutate succeeded none", "delete"},
		{"delete, forbidden", denying, "DELETE", "/entities/by-uid/none", ``, 403, "entity-mutate failed none", "delete"},
		{"refresh", allowing, "POST", "/refresh", `{"entityRef":"component:default/a"}`, 200, "entity-mutate succeeded component:default/a", "refresh"},
		{"refresh of nothing", allowing, "POST", "/refresh", `{"entityRef":"component:default/b"}`, 404, "entity-mutate failed component:default/b Entity", "refresh"},
		{"refresh of nonsense", allowing, "POST", "/refresh", `[]`, 400, "entity-mutate failed request/body", "refresh"},
		{"create", allowing, "POST", "/locations", `{"type":"url","target":"https://h/b.yaml"}`, 201, "location-mutate succeeded url:https://h/b.yaml", "create"},
		{"create twice", allowing, "POST", "/locations", `{"type":"url","target":"https://h/b.yaml"}`, 409, "location-mutate failed url:https://h/b.yaml", "create"},
		{"create, wrong", allowing, "POST", "/locations", `{"type":"file","target":"/etc/passwd"}`, 400, "location-mutate failed file:/etc/passwd Registered", "create"},
		{"create, forbidden", denying, "POST", "/locations", `{"type":"url","target":"https://h/b.yaml"}`, 403, "location-mutate failed url:https://h/b.yaml", "create"},
		{"create, read only", frozen, "POST", "/locations", `{"type":"url","target":"https://h/b.yaml"}`, 403, "location-mutate failed url:https://h/b.yaml This operation", "create"},
		{"try", allowing, "POST", "/locations?dryRun=true", `{"type":"url","target":"https://h/none.yaml"}`, 400, "", ""},
		{"update", allowing, "PUT", "/locations/" + id, `{"type":"url","target":"https://h/c.yaml"}`, 200, "location-mutate succeeded " + id, "update"},
		{"update of nothing", allowing, "PUT", "/locations/none", `{"type":"url","target":"https://h/c.yaml"}`, 404, "location-mutate failed none Found no", "update"},
		{"remove", allowing, "DELETE", "/locations/" + id, ``, 204, "location-mutate succeeded " + id, "delete"},
		{"remove again", allowing, "DELETE", "/locations/" + id, ``, 404, "location-mutate failed " + id + " Found no", "delete"},
		{"unprocessed", allowing, "DELETE", "/entities/unprocessed/delete/x", ``, 204, "entity-mutate succeeded x", "delete-unprocessed"},
		{"register by action", allowing, "POST", "/.backstage/actions/v1/actions/register-entity/invoke", `{"locationUrl":"https://h/d.yaml"}`, 200, "location-mutate succeeded url:https://h/d.yaml", "create"},
		{"validate", allowing, "POST", "/validate-entity", `{"location":"url:https://h/x","entity":{}}`, 400, "", ""},
		{"a query", allowing, "POST", "/entities/by-refs", `{"entityRefs":[]}`, 200, "", ""},
	} {
		log.Reset()
		status, body := do(step.on, step.method, step.path, step.body)
		if status != step.status {
			t.Errorf("%s: %d, want %d: %s", step.name, status, step.status, body)
		}
		got, action, severity := "", "", audit.Medium
		for i, e := range log.Events() {
			got += strings.TrimPrefix(log.Lines()[i], "catalog.")
			action, _ = e.Meta["actionType"].(string)
			severity = e.Severity
		}
		if step.want != "" && strings.HasPrefix(got, step.want) {
			got = step.want // what follows is the rest of the reason
		}
		if diff := cmp.Diff([]string{step.want, step.action, "medium"}, []string{got, action, string(severity)}); diff != "" {
			t.Errorf("%s (-want +got)\n%s", step.name, diff)
		}
		if status == http.StatusForbidden && log.Events()[0].Status != audit.Failed {
			t.Errorf("%s: %+v", step.name, log.Events())
		}
	}
}
