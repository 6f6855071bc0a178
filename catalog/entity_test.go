package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
)

func TestEntity_AccessorsReadWhatIsThere(t *testing.T) {
	t.Parallel()
	e := catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1",
		"kind":       "Component",
		"metadata": map[string]any{
			"name": "Cart", "namespace": "Shop", "uid": "u1",
			"annotations": map[string]any{"a": "b", "n": 5.0},
		},
		"spec": map[string]any{"owner": "team-a", "n": 1.0},
	}
	for name, pair := range map[string][2]string{
		"apiVersion":                {e.APIVersion(), "backstage.io/v1alpha1"},
		"kind":                      {e.Kind(), "Component"},
		"name":                      {e.Name(), "Cart"},
		"namespace":                 {e.Namespace(), "Shop"},
		"uid":                       {e.UID(), "u1"},
		"ref":                       {e.Ref().String(), "component:shop/cart"},
		"annotation":                {e.Annotation("a"), "b"},
		"an annotation of a number": {e.Annotation("n"), ""},
		"spec string":               {e.SpecString("owner"), "team-a"},
		"a spec number as a string": {e.SpecString("n"), ""},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %q, want %q", name, pair[0], pair[1])
		}
	}
}

func TestEntity_AccessorsDoNotPanicOnAnyShape(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]catalog.Entity{
		"nil":                        nil,
		"empty":                      {},
		"metadata is a text":         {"metadata": "x", "spec": []any{}},
		"annotations is a list":      {"metadata": map[string]any{"annotations": []any{}}},
		"everything is of no use":    {"kind": 5.0, "apiVersion": nil, "metadata": map[string]any{"name": true}},
		"metadata is a typed entity": {"metadata": catalog.Entity{}},
	} {
		_ = e.Ref().String() + e.UID() + e.Annotation("x") + e.SpecString("x") + e.APIVersion()
		if e.Namespace() != catalog.DefaultNamespace {
			t.Errorf("%s: namespace %q", name, e.Namespace())
		}
		before := e.Clone()
		e.SetAnnotation("x", "y")
		if e.Metadata() == nil {
			if diff := cmp.Diff(before, e); diff != "" {
				t.Errorf("%s: changed\n%s", name, diff)
			}
		}
	}
}

func TestEntity_SetAnnotationMakesTheMap(t *testing.T) {
	t.Parallel()
	e := catalog.Entity{"metadata": map[string]any{}}
	e.SetAnnotation("a", "b")
	if e.Annotation("a") != "b" {
		t.Errorf("got %v", e)
	}
}

func TestEntity_CloneSharesNothing(t *testing.T) {
	t.Parallel()
	e := catalog.Entity{"metadata": map[string]any{"tags": []any{"a", map[string]any{"b": 1.0}}}}
	c := e.Clone()
	if diff := cmp.Diff(e, c); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	tags := c.Metadata()["tags"].([]any)
	tags[0] = "changed"
	tags[1].(map[string]any)["b"] = 2.0
	c.SetAnnotation("x", "y")
	want := catalog.Entity{"metadata": map[string]any{"tags": []any{"a", map[string]any{"b": 1.0}}}}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("the original changed (-want +got)\n%s", diff)
	}
}

func TestLocation_RendersTypeAndTarget(t *testing.T) {
	t.Parallel()
	if got := (catalog.Location{Type: "url", Target: "https://example.com/x.yaml"}).String(); got != "url:https://example.com/x.yaml" {
		t.Errorf("got %q", got)
	}
}
