package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/plugin"
)

// routes keeps the handlers that are registered.
type routes map[string]func(http.ResponseWriter, *http.Request) error

func (r routes) Handle(pattern string, _ plugin.Access, h func(http.ResponseWriter, *http.Request) error) {
	r[pattern] = h
}

// shapes is a definition of things that have a colour, which is their ref.
func shapes() permission.Definition {
	return permission.Definition{
		Permissions: []permission.Permission{{Name: "shape.read", Action: "read", ResourceType: "shape"}, {Name: "shape.invent"}},
		Resources: []permission.Resource{{
			Type: "shape",
			Rules: []permission.Rule{
				{Name: "HAS_COLOUR", Description: "Allow shapes of a colour", Params: []permission.Param{{Name: "colour"}, {Name: "others", Type: "list", Optional: true}}},
				{Name: "IS_RED", Expand: func(map[string]any) (permission.Condition, error) {
					return permission.Condition{Rule: "HAS_COLOUR", Params: map[string]any{"colour": "red"}}, nil
				}},
			},
			Apply: func(_ context.Context, refs []string, c permission.Condition) ([]bool, error) {
				if c.Rule != "HAS_COLOUR" {
					return nil, fault.Newf(fault.Invalid, "unknown rule %q", c.Rule)
				}
				out := make([]bool, len(refs))
				for i, ref := range refs {
					out[i] = ref == c.Params["colour"]
				}
				return out, nil
			},
		}},
	}
}

func wellKnownRoutes(t *testing.T) routes {
	t.Helper()
	g := &registry.Registry{}
	if err := g.Define("shape", shapes()); err != nil {
		t.Fatal(err)
	}
	r := routes{}
	RegisterWellKnown(r, g, shapes())
	return r
}

func TestMetadata_PublishesPermissionsAndRules(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	if err := wellKnownRoutes(t)["GET /.well-known/backstage/permissions/metadata"](w, httptest.NewRequest(http.MethodGet, "/", nil)); err != nil {
		t.Fatal(err)
	}
	want := `{"permissions":[{"type":"resource","name":"shape.read","attributes":{"action":"read"},"resourceType":"shape"},{"type":"basic","name":"shape.invent","attributes":{}}],` +
		`"rules":[{"name":"HAS_COLOUR","description":"Allow shapes of a colour","resourceType":"shape","paramsSchema":{"$schema":"http://json-schema.org/draft-07/schema#","additionalProperties":false,` +
		`"properties":{"colour":{"description":"","type":"string"},"others":{"description":"","items":{"type":"string"},"type":"array"}},"required":["colour"],"type":"object"}},` +
		`{"name":"IS_RED","description":"","resourceType":"shape","paramsSchema":{"$schema":"http://json-schema.org/draft-07/schema#","additionalProperties":false,"properties":{},"required":[],"type":"object"}}]}`
	if got := strings.TrimSpace(w.Body.String()); got != want {
		t.Errorf("metadata\n%s\nwant\n%s", got, want)
	}
}

func TestApplyConditions_IsForServices(t *testing.T) {
	t.Parallel()
	apply := wellKnownRoutes(t)["POST /.well-known/backstage/permissions/apply-conditions"]
	ask := func(kind identity.Kind, body string) (string, error) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		err := apply(w, r.WithContext(identity.NewContext(r.Context(), identity.Principal{Kind: kind, Subject: "x"})))
		return strings.TrimSpace(w.Body.String()), err
	}
	body := `{"items":[
		{"id":"1","resourceRef":"red","resourceType":"shape","conditions":{"rule":"HAS_COLOUR","resourceType":"shape","params":{"colour":"red"}}},
		{"id":"2","resourceRef":["blue","red"],"resourceType":"shape","conditions":{"rule":"IS_RED","resourceType":"shape"}}]}`
	if _, err := ask(identity.User, body); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a user may not ask, got %v", err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	ci := identity.Principal{Kind: identity.Service, Subject: "external:ci", Access: []identity.Access{{Plugin: "shape", Permissions: []string{"shape.invent"}}}}
	if err := apply(httptest.NewRecorder(), r.WithContext(identity.NewContext(r.Context(), ci))); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a caller that may not read shapes may not ask what they are like, got %v", err)
	}
	got, err := ask(identity.Service, body)
	if want := `{"items":[{"id":"1","result":"ALLOW"},{"id":"2","result":["DENY","ALLOW"]}]}`; err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	deep, _ := json.Marshal(nested(permission.MaxConditionDepth + 2))
	for name, bad := range map[string]string{
		"an unknown rule":           strings.ReplaceAll(body, "HAS_COLOUR", "HAS_SMELL"),
		"another type of resource":  strings.ReplaceAll(body, `"resourceType":"shape","conditions"`, `"resourceType":"entity","conditions"`),
		"two forms in one":          strings.ReplaceAll(body, `{"rule":"IS_RED"`, `{"anyOf":[],"rule":"IS_RED"`),
		"a condition without limit": `{"items":[{"id":"1","resourceRef":"red","resourceType":"shape","conditions":` + string(deep) + `}]}`,
	} {
		if got, err := ask(identity.Service, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s gave %s, %v; want an error with code invalid", name, got, err)
		}
	}
}

func nested(levels int) permission.Condition {
	c := permission.Condition{Rule: "IS_RED"}
	for range levels {
		inner := c
		c = permission.Condition{Not: &inner}
	}
	return c
}
