package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/permission"
)

// onlyLeaf allows what concerns the leaf, and everything basic.
type onlyLeaf struct{}

func (onlyLeaf) Authorize(_ context.Context, r permission.Request) (permission.Decision, error) {
	if r.ResourceRef == "" || r.ResourceRef == "component:default/leaf" {
		return permission.Decision{Result: permission.Allow}, nil
	}
	return permission.Decision{Result: permission.Deny}, nil
}

func ask(t *testing.T, body string) (string, error) {
	t.Helper()
	w := httptest.NewRecorder()
	err := (&REST{Authorizer: onlyLeaf{}}).authorize(w, httptest.NewRequest(http.MethodPost, "/authorize", strings.NewReader(body)))
	return w.Body.String(), err
}

const readPermission = `{"type":"resource","name":"catalog.entity.read","attributes":{"action":"read"},"resourceType":"catalog-entity"}`

func TestAuthorize_AnswersEachItem(t *testing.T) {
	t.Parallel()
	got, err := ask(t, `{"items":[
		{"id":"1","permission":{"type":"basic","name":"catalog.entity.create","attributes":{"action":"create"}}},
		{"id":"2","permission":`+readPermission+`,"resourceRef":"component:default/leaf"},
		{"id":"3","permission":`+readPermission+`,"resourceRef":["component:default/leaf","component:default/leaf"]},
		{"id":"4","permission":`+readPermission+`,"resourceRef":["component:default/leaf","component:default/x"]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"items":[{"id":"1","result":"ALLOW"},{"id":"2","result":"ALLOW"},{"id":"3","result":"ALLOW"},{"id":"4","result":["ALLOW","DENY"]}]}`
	if diff := cmp.Diff(want, strings.TrimSpace(got)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestAuthorize_RefusesConditionsToUsers(t *testing.T) {
	t.Parallel()
	if _, err := ask(t, `{"items":[{"id":"1","permission":`+readPermission+`}]}`); err == nil || !strings.HasPrefix(err.Error(), "Resource permissions require a resourceRef") {
		t.Errorf("got %v", err)
	}
}

func TestAuthorize_SaysWhatIsWrongWithTheRequest(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]any{
		`{}`:                   {"items"},
		`{"items":"x"}`:        {"items"},
		`{"items":[{"id":1}]}`: {"items", 0.0},
	} {
		_, err := ask(t, body)
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
