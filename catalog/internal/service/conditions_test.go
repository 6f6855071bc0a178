package service_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/permission"
)

func TestConditionFilter_TurnsRulesIntoFilters(t *testing.T) {
	t.Parallel()
	rule := func(name string, params map[string]any) permission.Condition {
		return permission.Condition{Rule: name, ResourceType: service.ResourceType, Params: params}
	}
	for name, c := range map[string]struct {
		condition permission.Condition
		want      catalog.Filter
	}{
		"an annotation":       {rule("HAS_ANNOTATION", map[string]any{"annotation": "a/b"}), catalog.Exists{Key: "metadata.annotations.a/b"}},
		"a label with value":  {rule("HAS_LABEL", map[string]any{"label": "tier", "value": "1"}), catalog.Match{Key: "metadata.labels.tier", Values: []string{"1"}}},
		"a metadata field":    {rule("HAS_METADATA", map[string]any{"key": "title"}), catalog.Exists{Key: "metadata.title"}},
		"a spec field":        {rule("HAS_SPEC", map[string]any{"key": "replicas", "value": 3}), catalog.Match{Key: "spec.replicas", Values: []string{"3"}}},
		"kinds":               {rule("IS_ENTITY_KIND", map[string]any{"kinds": []any{"API"}}), catalog.Match{Key: "kind", Values: []string{"API"}}},
		"owners":              {rule("IS_ENTITY_OWNER", map[string]any{"claims": []string{"user:default/a"}}), catalog.Match{Key: "relations.ownedBy", Values: []string{"user:default/a"}}},
		"nobody owns nothing": {rule("IS_ENTITY_OWNER", map[string]any{"claims": []any{}}), catalog.Or{}},
		"trees": {
			permission.Condition{AllOf: []permission.Condition{{Not: &permission.Condition{Rule: "HAS_METADATA", Params: map[string]any{"key": "title"}}}}},
			catalog.And{catalog.Not{Filter: catalog.Exists{Key: "metadata.title"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := service.ConditionFilter(c.condition)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, bad := range map[string]permission.Condition{
		"an unknown rule":          rule("NOPE", nil),
		"a missing parameter":      rule("HAS_LABEL", nil),
		"a parameter of bad type":  rule("IS_ENTITY_KIND", map[string]any{"kinds": "API"}),
		"an empty condition":       {},
		"another resource":         {Rule: "HAS_SPEC", ResourceType: "scaffolder-task", Params: map[string]any{"key": "x"}},
		"a bad one deep in a tree": {AnyOf: []permission.Condition{{Not: &permission.Condition{Rule: "NOPE"}}}},
	} {
		if f, err := service.ConditionFilter(bad); err == nil {
			t.Errorf("%s became %v", name, f)
		}
	}
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add("eyJhIjoxfQ==")
	f.Add("eyJvcmRlckZpZWxkcyI6W3siZmllbGQiOiJtZXRhZGF0YS5uYW1lIiwib3JkZXIiOiJhc2MifV0sImlzUHJldmlvdXMiOmZhbHNlLCJvcmRlckZpZWxkVmFsdWVzIjpbImEiLCJiIl19")
	f.Add("xxx")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := service.DecodeCursor(text)
		if err != nil {
			return
		}
		if _, err := service.DecodeCursor(c.Encode()); err != nil {
			t.Fatalf("the cursor of %q does not come back: %v", text, err)
		}
	})
}
