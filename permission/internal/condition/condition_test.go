package condition_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
)

func rule(name string) permission.Condition { return permission.Condition{Rule: name} }

func all(cs ...permission.Condition) permission.Condition {
	return permission.Condition{AllOf: append([]permission.Condition{}, cs...)}
}

func anyOf(cs ...permission.Condition) permission.Condition {
	return permission.Condition{AnyOf: append([]permission.Condition{}, cs...)}
}

func not(c permission.Condition) permission.Condition { return permission.Condition{Not: &c} }

func TestOf_Simplifies(t *testing.T) {
	t.Parallel()
	a, b, c := rule("A"), rule("B"), rule("C")
	nobody := permission.Condition{Rule: "IS_ENTITY_OWNER", Params: map[string]any{"claims": []any{}}}
	for name, tc := range map[string]struct {
		in   permission.Condition
		want string
	}{
		"a rule":                       {a, "A()"},
		"one of one":                   {anyOf(a), "A()"},
		"nested conjunctions":          {all(a, all(b, all(c))), "A() and B() and C()"},
		"nested disjunctions":          {anyOf(anyOf(a, b), c), "A() or B() or C()"},
		"mixed":                        {all(anyOf(a, b), c), "(A() or B()) and C()"},
		"repetitions":                  {all(a, b, a), "A() and B()"},
		"the opposite of the opposite": {not(not(a)), "A()"},
		"all of nothing":               {all(), "always"},
		"any of nothing":               {anyOf(), "never"},
		"the opposite of nothing":      {not(anyOf()), "always"},
		"nobody owns it":               {nobody, "never"},
		"nobody or a":                  {anyOf(nobody, a), "A()"},
		"nobody and a":                 {all(nobody, a), "never"},
		"not nobody":                   {not(nobody), "always"},
		"a and its opposite":           {all(a, b, not(a)), "never"},
		"a or its opposite":            {anyOf(a, not(a)), "always"},
		"the opposite of a whole":      {not(all(a, b)), "not (A() and B())"},
	} {
		e := condition.Of(tc.in)
		got := "never"
		switch {
		case e.Condition() != nil:
			got = condition.Text(*e.Condition())
		case e.Always():
			got = "always"
		}
		if got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

func TestKey_TellsConditionsApart(t *testing.T) {
	t.Parallel()
	with := func(v any) permission.Condition {
		return permission.Condition{Rule: "A", Params: map[string]any{"p": v}}
	}
	list := []permission.Condition{
		rule("A"), rule("B"), all(rule("A"), rule("B")), anyOf(rule("A"), rule("B")), all(rule("A")), all(all(rule("A"))), not(rule("A")), all(), anyOf(),
		{Rule: "A", ResourceType: "x"},
		{Rule: "Ax"},
		with("1"), with(1.0), with(true), with("true"), with(nil),
		with([]any{"a", "b"}), with([]any{"a,b"}), with([]any{"ab"}), with([]any{[]any{"a"}, "b"}), with(map[string]any{"a": "b"}), with("a"),
	}
	seen := map[string]int{}
	for i, c := range list {
		key := condition.Key(c)
		if j, taken := seen[key]; taken {
			t.Errorf("%d and %d share the key %s", i, j, key)
		}
		seen[key] = i
	}
	if condition.Key(with([]string{"a", "b"})) != condition.Key(with([]any{"a", "b"})) {
		t.Error("lists of another Go type have another key")
	}
}

func TestJudge_LooksAtEveryLeaf(t *testing.T) {
	t.Parallel()
	got, err := condition.Judge(all(anyOf(rule("YES"), rule("NO")), not(rule("NO"))), func(c permission.Condition) (bool, error) { return c.Rule == "YES", nil })
	if err != nil {
		t.Fatal(err)
	}
	want := condition.Verdict{Op: "allOf", Holds: true, Children: []condition.Verdict{
		{Op: "anyOf", Holds: true, Children: []condition.Verdict{{Rule: "YES", Holds: true}, {Rule: "NO"}}},
		{Op: "not", Holds: true, Children: []condition.Verdict{{Rule: "NO"}}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	broken := errors.New("broken")
	if _, err := condition.Judge(not(all(rule("A"))), func(permission.Condition) (bool, error) { return true, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestBind_FillsInReplacesAndExpands(t *testing.T) {
	t.Parallel()
	who := identity.Principal{Kind: identity.User, Subject: "user:default/bob", Ownership: []string{"user:default/bob", "Group:default/A"}}
	res := permission.Resource{Type: "thing", Rules: []permission.Rule{
		{Name: "PLAIN", Params: []permission.Param{{Name: "x", Optional: true}}},
		{
			Name: "MADE", Params: []permission.Param{{Name: "claims", Type: "list", Default: condition.OwnerRefs}},
			Expand: func(params map[string]any) (permission.Condition, error) {
				if params["claims"] == "bad" {
					return permission.Condition{}, errors.New("bad claims")
				}
				return all(permission.Condition{Rule: "PLAIN", Params: map[string]any{"x": params["claims"], "who": condition.CurrentUser}}, rule("MADE")), nil
			},
		},
	}}
	got, err := condition.Bind(res, rule("made"), who)
	if err != nil || got.Condition() == nil {
		t.Fatalf("got %+v, %v", got, err)
	}
	// The rule in its own expansion is left alone: rules do not go in circles.
	want := all(
		permission.Condition{Rule: "PLAIN", ResourceType: "thing", Params: map[string]any{"x": []any{"user:default/bob", "group:default/a"}, "who": "user:default/bob"}},
		permission.Condition{Rule: "MADE", ResourceType: "thing"},
	)
	if diff := cmp.Diff(want, *got.Condition()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := condition.Bind(res, not(permission.Condition{Rule: "MADE", Params: map[string]any{"claims": "bad"}}), who); err == nil || !strings.Contains(err.Error(), "rule MADE: bad claims") {
		t.Errorf("got %v", err)
	}
}

func TestNearest_FindsWhatWasMeant(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"alow": "allow", "resource": "resourceType", "RESOURCETYPE": "resourceType", "catalog.entity.raed": "catalog.entity.read", "zzz": "", "": "",
	} {
		if got := condition.Nearest(word, []string{"allow", "resourceType", "catalog.entity.read"}); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}
