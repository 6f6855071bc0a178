package registry_test

import (
	"slices"
	"testing"

	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

func TestRegistry_KnowsPluginsThatAreNotHereUntilTheySpeakForThemselves(t *testing.T) {
	t.Parallel()
	g := &registry.Registry{}
	r, owner, ok := g.Resource("scaffolder-template")
	if !ok || owner != "scaffolder" || r.Apply != nil || r.Rules[0].Name != "HAS_TAG" {
		t.Errorf("got %+v of %q", r, owner)
	}
	if len(g.Plugins()) != 0 {
		t.Error("plugins that are not here are listed as if they were")
	}
	own := permission.Definition{Resources: []permission.Resource{{Type: "scaffolder-template", Rules: []permission.Rule{{Name: "OF_OUR_OWN"}}}}}
	if err := g.Define("scaffolder", own); err != nil {
		t.Fatal(err)
	}
	if r, _, _ := g.Resource("scaffolder-template"); r.Rules[0].Name != "OF_OUR_OWN" {
		t.Errorf("got %+v, want what the plugin says itself", r)
	}
	known := g.Known()
	if n := slices.IndexFunc(known, func(p registry.Plugin) bool { return p.ID == "scaffolder" }); n != 0 || len(known) != 3 {
		t.Errorf("known are %d plugins, the scaffolder at %d", len(known), n)
	}
}

// What is known of the scaffolder is what a real one publishes.
func TestElsewhere_IsWhatTheScaffolderPublishes(t *testing.T) {
	t.Parallel()
	rec, ok := plugintest.Golden(t, "permission/scaffolder-metadata")
	if !ok {
		t.Skip("SKIP: the recorded metadata of the scaffolder was not kept")
	}
	body, _ := rec.Response.Body.(map[string]any)
	list := func(key string) (out []map[string]any) {
		items, _ := body[key].([]any)
		for _, x := range items {
			m, _ := x.(map[string]any)
			out = append(out, m)
		}
		return out
	}
	g := &registry.Registry{}
	for _, want := range list("permissions") {
		name, _ := want["name"].(string)
		attributes, _ := want["attributes"].(map[string]any)
		got, owner, ok := g.Permission(name)
		action, _ := attributes["action"].(string)
		resourceType, _ := want["resourceType"].(string)
		if !ok || owner != "scaffolder" || got.Action != action || got.ResourceType != resourceType {
			t.Errorf("%s is known as %+v", name, got)
		}
	}
	for _, want := range list("rules") {
		resourceType, _ := want["resourceType"].(string)
		r, _, _ := g.Resource(resourceType)
		n := slices.IndexFunc(r.Rules, func(x permission.Rule) bool { return x.Name == want["name"] })
		if n < 0 || r.Rules[n].Description != want["description"] {
			t.Errorf("the rule %v of %s is not known so: %+v", want["name"], resourceType, r.Rules)
			continue
		}
		schema, _ := want["paramsSchema"].(map[string]any)
		properties, _ := schema["properties"].(map[string]any)
		if len(properties) != len(r.Rules[n].Params) {
			t.Errorf("the rule %v has the parameters %+v", want["name"], r.Rules[n].Params)
		}
	}
}
