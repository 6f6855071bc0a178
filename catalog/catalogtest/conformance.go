package catalogtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/catalog"
)

// Sample is the catalog that [Run] asks for: a few entities with everything
// that the questions are about. The relations stand in "relations", from both
// ends.
func Sample() []catalog.Entity {
	return []catalog.Entity{
		sample("Component", "Cart", "default", map[string]any{
			"title": "Cart", "tags": []any{"go", "shop"}, "uid": "00000000-0000-4000-8000-0000000000a1",
		}, map[string]any{"type": "Service", "owner": "team-a", "lifecycle": "production", "replicas": 3.0, "extra": nil},
			"ownedBy group:default/team-a", "dependsOn resource:default/db"),
		sample("Component", "checkout", "default", map[string]any{
			"title": "Checkout", "tags": []any{"shop"}, "uid": "00000000-0000-4000-8000-0000000000a2",
		}, map[string]any{"type": "service", "owner": "team-b", "lifecycle": "experimental"},
			"ownedBy group:default/team-b", "dependsOn resource:default/db"),
		sample("Component", "cart", "other", map[string]any{"uid": "00000000-0000-4000-8000-0000000000a3"},
			map[string]any{"type": "library", "owner": "team-a", "lifecycle": "production", "experimental": true},
			"ownedBy group:other/team-a"),
		sample("Resource", "db", "default", map[string]any{
			"uid": "00000000-0000-4000-8000-0000000000a4", "annotations": map[string]any{"example.com/size": "Large"},
		}, map[string]any{"type": "database", "owner": "team-a"},
			"dependencyOf component:default/cart", "dependencyOf component:default/checkout", "ownedBy group:default/team-a"),
	}
}

func sample(kind, name, namespace string, meta, spec map[string]any, relations ...string) catalog.Entity {
	meta["name"], meta["namespace"] = name, namespace
	list := []any{}
	for _, r := range relations {
		typ, target, _ := strings.Cut(r, " ")
		list = append(list, map[string]any{"type": typ, "targetRef": target})
	}
	return catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": meta, "spec": spec, "relations": list,
	}
}

// Run proves that a reader does what the contract of [catalog.Reader] says.
// newReader returns a reader of exactly the entities of [Sample], to everything
// of which the context of the test has access.
func Run(t *testing.T, newReader func(t *testing.T, entities []catalog.Entity) catalog.Reader) {
	t.Helper()
	r := newReader(t, Sample())
	t.Run("by ref", func(t *testing.T) { runByRef(t, r) })
	t.Run("filters", func(t *testing.T) { runFilters(t, r) })
	t.Run("pages", func(t *testing.T) { runPages(t, r) })
	t.Run("facets", func(t *testing.T) { runFacets(t, r) })
}

func runByRef(t *testing.T, r catalog.Reader) {
	e, err := r.EntityByRef(t.Context(), catalog.MustRef("component:default/CART"))
	if err != nil || e.Name() != "Cart" || e.UID() == "" {
		t.Errorf("a ref in another case: got %v, %v", e, err)
	}
	_, err = r.EntityByRef(t.Context(), catalog.MustRef("component:default/nope"))
	coded, ok := err.(interface{ FaultCode() string })
	if !ok || coded.FaultCode() != "not_found" {
		t.Errorf("a missing entity: got %v, want code not_found", err)
	}
	refs := []catalog.Ref{
		catalog.MustRef("resource:default/db"), catalog.MustRef("resource:default/nope"),
		catalog.MustRef("component:other/cart"), catalog.MustRef("resource:default/db"),
	}
	list, err := r.EntitiesByRefs(t.Context(), refs)
	if err != nil || len(list) != 4 {
		t.Fatalf("by refs: got %v, %v", list, err)
	}
	if list[0].Name() != "db" || list[1] != nil || list[2].Namespace() != "other" || list[3].Name() != "db" {
		t.Errorf("by refs: got %v", list)
	}
}

func runFilters(t *testing.T, r catalog.Reader) {
	match := func(key string, values ...string) catalog.Filter { return catalog.Match{Key: key, Values: values} }
	const all = "component:default/cart component:default/checkout component:other/cart resource:default/db"
	for name, tc := range map[string]struct {
		filter catalog.Filter
		want   string
	}{
		"no filter keeps everything":           {nil, all},
		"the empty and keeps everything":       {catalog.And{}, all},
		"the empty or keeps nothing":           {catalog.Or{}, ""},
		"a kind in any case":                   {match("KIND", "resource"), "resource:default/db"},
		"a value in any case":                  {match("spec.type", "SERVICE"), "component:default/cart component:default/checkout"},
		"one of several values":                {match("spec.type", "library", "database"), "component:other/cart resource:default/db"},
		"no values match nothing":              {match("spec.type"), ""},
		"an item of a list":                    {match("metadata.tags", "go"), "component:default/cart"},
		"an item of a list as a key":           {match("metadata.tags.shop", "true"), "component:default/cart component:default/checkout"},
		"a number":                             {match("spec.replicas", "3"), "component:default/cart"},
		"a boolean":                            {match("spec.experimental", "true"), "component:other/cart"},
		"a namespace":                          {match("metadata.namespace", "other"), "component:other/cart"},
		"an annotation with dots":              {match("metadata.annotations.example.com/size", "large"), "resource:default/db"},
		"a relation as a value":                {match("relations.ownedBy", "group:default/team-b"), "component:default/checkout"},
		"something that is there":              {catalog.Exists{Key: "metadata.title"}, "component:default/cart component:default/checkout"},
		"null is there":                        {catalog.Exists{Key: "spec.extra"}, "component:default/cart"},
		"null matches nothing":                 {match("spec.extra", "null"), ""},
		"a prefix":                             {catalog.HasPrefix{Key: "metadata.name", Prefix: "C"}, "component:default/cart component:default/checkout component:other/cart"},
		"not":                                  {catalog.Not{Filter: match("kind", "component")}, "resource:default/db"},
		"and":                                  {catalog.And{match("kind", "component"), match("spec.owner", "team-a")}, "component:default/cart component:other/cart"},
		"or":                                   {catalog.Or{match("spec.owner", "team-b"), match("kind", "resource")}, "component:default/checkout resource:default/db"},
		"related by a type to a target":        {catalog.RelatedTo{Type: "dependsOn", Targets: []string{"resource:default/db"}}, "component:default/cart component:default/checkout"},
		"related by any type":                  {catalog.RelatedTo{Targets: []string{"component:default/cart"}}, "resource:default/db"},
		"related to anything":                  {catalog.RelatedTo{Type: "dependencyOf"}, "resource:default/db"},
		"relations are no values of their own": {catalog.Exists{Key: "relations"}, ""},
	} {
		page, err := r.Query(t.Context(), catalog.Query{Filter: tc.filter, Limit: -1})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := refs(page.Items)
		slices.Sort(got)
		if strings.Join(got, " ") != tc.want || page.Total != len(got) {
			t.Errorf("%s: got %v of %d, want %s", name, got, page.Total, tc.want)
		}
	}
}

func runPages(t *testing.T, r catalog.Reader) {
	byName := []catalog.Order{{Field: "metadata.name"}}
	for name, tc := range map[string]struct {
		query catalog.Query
		want  string
		total int
	}{
		"without an order by uid":    {catalog.Query{Limit: -1}, "component:default/cart component:default/checkout component:other/cart resource:default/db", 4},
		"by name, ties by uid":       {catalog.Query{Order: byName, Limit: -1}, "component:default/cart component:other/cart component:default/checkout resource:default/db", 4},
		"a limit":                    {catalog.Query{Order: byName, Limit: 2}, "component:default/cart component:other/cart", 4},
		"a limit of nothing":         {catalog.Query{Order: byName, Limit: 0}, "", 4},
		"an offset":                  {catalog.Query{Order: byName, Limit: 2, Offset: 3}, "resource:default/db", 4},
		"an offset past the end":     {catalog.Query{Order: byName, Limit: 2, Offset: 9}, "", 4},
		"text in a field":            {catalog.Query{Text: catalog.TextFilter{Term: "OUT", Fields: []string{"metadata.title"}}, Limit: -1}, "component:default/checkout", 1},
		"text in one of two fields":  {catalog.Query{Text: catalog.TextFilter{Term: "a", Fields: []string{"metadata.title", "spec.type"}}, Limit: -1}, "component:default/cart component:other/cart resource:default/db", 3},
		"text in the sort field":     {catalog.Query{Text: catalog.TextFilter{Term: "art"}, Order: byName, Limit: -1}, "component:default/cart component:other/cart", 2},
		"text with a filter besides": {catalog.Query{Filter: catalog.Match{Key: "metadata.namespace", Values: []string{"other"}}, Text: catalog.TextFilter{Term: "art"}, Order: byName, Limit: -1}, "component:other/cart", 1},
	} {
		page, err := r.Query(t.Context(), tc.query)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(refs(page.Items), " "); got != tc.want || page.Total != tc.total {
			t.Errorf("%s: got %q of %d, want %q of %d", name, got, page.Total, tc.want, tc.total)
		}
	}
}

func runFacets(t *testing.T, r catalog.Reader) {
	got, err := r.Facets(t.Context(), []string{"spec.type", "metadata.tags", "nope"}, catalog.Match{Key: "kind", Values: []string{"component"}})
	if err != nil {
		t.Fatal(err)
	}
	want := "map[metadata.tags:[{go 1} {shop 2}] nope:[] spec.type:[{Service 1} {library 1} {service 1}]]"
	if text := fmt.Sprint(got); text != want {
		t.Errorf("got %s, want %s", text, want)
	}
}

func refs(entities []catalog.Entity) []string {
	out := []string{}
	for _, e := range entities {
		out = append(out, e.Ref().String())
	}
	return out
}
