package rest_test

import (
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/catalog/internal/rest"
)

func TestOpenAPI_IsValidAndHasEveryRoute(t *testing.T) {
	t.Parallel()
	doc := document(t)
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	routes := map[string]bool{}
	for _, r := range rest.New(rest.Deps{}) {
		method, path, _ := strings.Cut(r.Pattern, " ")
		routes[method+" "+path] = true
		item := doc.Paths.Value(path)
		if item == nil || item.GetOperation(method) == nil {
			t.Errorf("%s is not in the OpenAPI document", r.Pattern)
			continue
		}
		for part := range strings.SplitSeq(path, "/") {
			name, isParam := strings.CutPrefix(strings.TrimSuffix(part, "}"), "{")
			if isParam && item.Parameters.GetByInAndName("path", name) == nil {
				t.Errorf("%s: the path parameter %s is not described", r.Pattern, name)
			}
		}
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if !routes[method+" "+path] {
				t.Errorf("%s %s is described but not served", method, path)
			}
		}
	}
}
