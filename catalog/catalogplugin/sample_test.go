package catalogplugin_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/catalogplugin"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/permissiontest"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

// offline is a catalog that holds a sample.
func offline(t *testing.T, permissions *plugintest.Permissions, sample []catalog.Entity) *catalogplugin.Catalog {
	t.Helper()
	h := &host{t: t, events: map[string][]func(context.Context, plugin.Event) error{}, files: map[string]string{}}
	h.mux = httpx.NewMux("catalog", "/api/catalog", httpx.Guard{})
	c := catalogplugin.New(catalogplugin.Deps{DB: dbtest.SQLite(t), Dir: t.TempDir()})
	err := c.Init(t.Context(), &plugin.Host{
		Config: settings{h}, Logger: slog.New(slog.DiscardHandler), Clock: time.Now, NewID: uuid.NewString,
		HTTP: h, Actors: h, Catalog: c.Extensions(), URLs: h, Events: h, Permissions: permissions, Audit: audit.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.LoadOffline(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.LoadSample(sample); err != nil {
		t.Fatal(err)
	}
	return c
}

func randomCondition(r *rand.Rand, depth int) permission.Condition {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	n := 8
	if depth > 3 {
		n = 5
	}
	leaf := func(rule string, params map[string]any) permission.Condition {
		return permission.Condition{Rule: rule, ResourceType: "catalog-entity", Params: params}
	}
	switch r.IntN(n) {
	case 0:
		return leaf("IS_ENTITY_KIND", map[string]any{"kinds": []any{pick("API", "system"), "Template"}[:1+r.IntN(2)]})
	case 1:
		return leaf("IS_ENTITY_OWNER", map[string]any{"claims": []any{"group:default/" + pick("a", "b"), "user:default/u"}[:r.IntN(3)]})
	case 2:
		return leaf("HAS_METADATA", map[string]any{"key": "tags", "value": pick("group:a", "Group:B", "go")})
	case 3:
		return leaf("HAS_ANNOTATION", map[string]any{"annotation": pick("x/y", "z")})
	case 4:
		return leaf("HAS_SPEC", map[string]any{"key": pick("owner", "lifecycle"), "value": pick("production", "a", "group:default/a")})
	case 5:
		inner := randomCondition(r, depth+1)
		return permission.Condition{Not: &inner}
	case 6:
		return permission.Condition{AllOf: []permission.Condition{randomCondition(r, depth+1), randomCondition(r, depth+1)}}
	default:
		return permission.Condition{AnyOf: []permission.Condition{randomCondition(r, depth+1), randomCondition(r, depth+1)}}
	}
}

func TestConditions_MeanTheSameForListsAndSingleEntities(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var sample []catalog.Entity
	for i := range 60 {
		sample = append(sample, catalog.Entity{
			"kind": pick("API", "System", "Template"),
			"metadata": map[string]any{
				"name": fmt.Sprint("e", i), "tags": []any{pick("group:a", "group:b", "go"), "java"}[:1+r.IntN(2)],
				"annotations": map[string]any{pick("x/y", "z", "w"): "1"},
			},
			"spec": map[string]any{"owner": pick("a", "group:default/b", "user:default/u"), "lifecycle": pick("production", "old")},
		})
	}
	var inForce *permission.Condition
	permissions := &plugintest.Permissions{Decide: func(_ context.Context, req permission.Request) (permission.Decision, error) {
		if req.Permission.Name != "catalog.entity.read" {
			return permission.Decision{Result: permission.Deny}, nil
		}
		return permission.Decision{Result: permission.Conditional, Condition: inForce}, nil
	}}
	c := offline(t, permissions, sample)
	refs := make([]string, len(sample))
	for i, e := range sample {
		refs[i] = e.Ref().String()
	}
	for range 300 {
		condition := randomCondition(r, 0)
		inForce = &condition
		var want []string
		for i, e := range sample {
			holds, err := permissiontest.Holds(e, condition)
			if err != nil {
				t.Fatal(err)
			}
			if holds {
				want = append(want, refs[i])
			}
		}
		applied, err := permissions.Definition.Resources[0].Apply(t.Context(), refs, condition)
		if err != nil {
			t.Fatal(err)
		}
		var alone, listed []string
		for i, ok := range applied {
			if ok {
				alone = append(alone, refs[i])
			}
		}
		page, err := c.Extensions().Reader().Query(t.Context(), catalog.Query{Limit: -1})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Items {
			listed = append(listed, e.Ref().String())
		}
		facets, err := c.Extensions().Reader().Facets(t.Context(), []string{"kind"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		counted := 0
		for _, f := range facets["kind"] {
			counted += f.Count
		}
		slices.Sort(want)
		slices.Sort(alone)
		slices.Sort(listed)
		if !slices.Equal(want, alone) || !slices.Equal(want, listed) || page.Total != len(want) || counted != len(want) {
			raw, _ := condition.MarshalJSON()
			t.Fatalf("%s\nwant   %v\nalone  %v\nlisted %v\ncounted %d, total %d", raw, want, alone, listed, counted, page.Total)
		}
	}
}

func TestLoadSample_RefusesWhatIsNoEntity(t *testing.T) {
	t.Parallel()
	c := offline(t, &plugintest.Permissions{}, nil)
	one := catalog.Entity{"kind": "API", "metadata": map[string]any{"name": "a"}}
	for name, sample := range map[string][]catalog.Entity{
		"no kind": {{"metadata": map[string]any{"name": "a"}}}, "no name": {{"kind": "API"}}, "twice": {one, one},
	} {
		if err := c.LoadSample(sample); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
