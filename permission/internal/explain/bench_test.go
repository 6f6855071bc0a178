package explain_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/explain"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/permission/internal/statement"
	"github.com/stagedoor/stagedoor/permission/permissiontest"
)

// crowd is a catalog of users.
type crowd struct {
	catalog.Reader
	users []catalog.Entity
}

func (c crowd) Query(context.Context, catalog.Query) (catalog.Page, error) {
	return catalog.Page{Items: c.users, Total: len(c.users)}, nil
}

func (c crowd) OwnershipOf(_ context.Context, ref string) ([]string, error) {
	return []string{ref, fmt.Sprintf("group:default/team-%d", len(ref)*7%50), "group:default/everybody"}, nil
}

func setup(tb testing.TB, users int) *explain.Explainer {
	tb.Helper()
	c := crowd{}
	for i := range users {
		c.users = append(c.users, catalog.Entity{"kind": "User", "metadata": map[string]any{"name": fmt.Sprint("u", i)}})
	}
	g := &registry.Registry{}
	for _, s := range statement.Shipped() {
		if err := g.AddRule(s.ResourceType, s.Rule); err != nil {
			tb.Fatal(err)
		}
	}
	template := catalog.Entity{"kind": "Template", "metadata": map[string]any{"name": "x"}, "spec": map[string]any{"owner": "user:default/u7"}}
	if err := g.Define("catalog", permissiontest.NewEntities(template).Definition()); err != nil {
		tb.Fatal(err)
	}
	p, _, err := statement.Parse([]byte(`
statements:
  - match: {permission: catalog.entity.read}
    when:
      anyOf:
        - {rule: IS_ENTITY_KIND, params: {kinds: [API, Component]}}
        - {rule: IS_ENTITY_OWNER, params: {claims: $ownerRefs}}
        - {rule: IS_GROUP_IN_TAG}
`), statement.Options{File: "policy.yaml", Registry: g})
	if err != nil {
		tb.Fatal(err)
	}
	return explain.New(explain.Deps{
		Registry: g, Source: func() policy.Source { return p }, Directory: func() identity.Directory { return c }, Reader: c,
	})
}

func TestViewers_ArePagedWithThoseThatMayFirst(t *testing.T) {
	t.Parallel()
	x := setup(t, 20)
	got, err := x.Viewers(t.Context(), "catalog.entity.read", "template:default/x", explain.Page{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	if got.Total != 20 || got.Allowed != 1 || len(got.Items) != 3 || got.Items[0].User != "user:default/u7" || got.Items[0].Result != permission.Allow || got.Items[1].User != "user:default/u0" {
		t.Errorf("got %+v", got)
	}
	if got, err = x.Viewers(t.Context(), "catalog.entity.read", "template:default/x", explain.Page{Limit: 3, Offset: 18}); err != nil || len(got.Items) != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err = x.Viewers(t.Context(), "catalog.entity.read", "template:default/x", explain.Page{Offset: 99}); err != nil || len(got.Items) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err = x.Viewers(t.Context(), "catalog.entity.read", "", explain.Page{}); err == nil {
		t.Error("a resource permission without a resource was answered")
	}
}

func BenchmarkViewers10000(b *testing.B) {
	x := setup(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Viewers(b.Context(), "catalog.entity.read", "template:default/x", explain.Page{Limit: 50}); err != nil {
			b.Fatal(err)
		}
	}
}
