package process_test

import (
	"encoding/json"
	"testing"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/internal/fault"
)

func parseRules(t *testing.T, text string) []process.Rule {
	t.Helper()
	var rules []process.Rule
	if err := json.Unmarshal([]byte(text), &rules); err != nil {
		t.Fatal(err)
	}
	return rules
}

func entityOf(kind, specType string) catalog.Entity {
	spec := map[string]any{}
	if specType != "" {
		spec["type"] = specType
	}
	return catalog.Entity{"kind": kind, "metadata": map[string]any{"name": "x"}, "spec": spec}
}

func TestRules_AllowByKindTypeAndOrigin(t *testing.T) {
	t.Parallel()
	special := map[catalog.Location][]process.Rule{
		fileAt("/org.yaml"): parseRules(t, `[{"allow":["User"]}]`),
	}
	rules, err := process.NewRules(parseRules(t, `[
		{"allow": ["Component", {"kind": "Resource", "spec.type": "Database"}]},
		{"allow": ["Group"], "locations": [{"type": "url", "pattern": "https://github.com/Org/**"}, {"type": "file", "exact": "/exact.yaml"}]},
		{"allow": ["Domain"], "locations": [{"type": "url", "pattern": "!https://evil.example/**"}]},
		{"allow": ["System"], "locations": []},
		{"allow": ["Template"], "locations": [{"type": "file"}]}
	]`), special)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		kind, specType string
		at             catalog.Location
		want           bool
	}{
		"a kind that is allowed everywhere":          {"component", "", urlAt("https://x"), true},
		"a kind that is allowed nowhere":             {"API", "", urlAt("https://x"), false},
		"a type that is allowed":                     {"Resource", "database", urlAt("https://x"), true},
		"a type that is not":                         {"Resource", "bucket", urlAt("https://x"), false},
		"no type where one is asked for":             {"Resource", "", urlAt("https://x"), false},
		"a pattern that fits":                        {"Group", "", urlAt("https://GITHUB.com/org/.hidden/a.yaml"), true},
		"a pattern that does not fit":                {"Group", "", urlAt("https://github.com/other/a.yaml"), false},
		"a pattern for another type":                 {"Group", "", fileAt("https://github.com/Org/a.yaml"), false},
		"an exact target":                            {"Group", "", fileAt("/exact.yaml"), true},
		"an exact target is exact":                   {"Group", "", fileAt("/EXACT.yaml"), false},
		"a negated pattern":                          {"Domain", "", urlAt("https://fine.example/x"), true},
		"a negated pattern that fits":                {"Domain", "", urlAt("https://evil.example/x"), false},
		"a rule with no locations in its list":       {"System", "", urlAt("https://x"), false},
		"a rule for a type of locations":             {"Template", "", fileAt("/x"), true},
		"the rule of the location itself":            {"User", "", fileAt("/org.yaml"), true},
		"the rule of a location counts nowhere else": {"User", "", fileAt("/other.yaml"), false},
	} {
		if got := rules.Allows(entityOf(tc.kind, tc.specType), tc.at); got != tc.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestRules_DefaultAndMistakes(t *testing.T) {
	t.Parallel()
	rules, err := process.NewRules(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]bool{"Component": true, "api": true, "LOCATION": true, "Group": false, "System": false} {
		if got := rules.Allows(entityOf(kind, ""), urlAt("https://x")); got != want {
			t.Errorf("%s: got %v", kind, got)
		}
	}
	for _, text := range []string{
		`[{"allow": [{}]}]`,
		`[{"allow": ["A"], "locations": [{"exact": "x"}]}]`,
		`[{"allow": ["A"], "locations": [{"type": "url", "exact": "x", "pattern": "y"}]}]`,
		`[{"allow": ["A"], "locations": [{"type": "url", "pattern": "[x"}]}]`,
	} {
		if _, err := process.NewRules(parseRules(t, text), nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := json.Unmarshal([]byte(`[{"allow": [5]}]`), &[]process.Rule{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a number as a kind: %v", err)
	}
}
