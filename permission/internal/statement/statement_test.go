package statement_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/permission/internal/statement"
	"github.com/stagedoor/stagedoor/permission/permissiontest"
)

func registryOf(t testing.TB, e *permissiontest.Entities) *registry.Registry {
	t.Helper()
	g := &registry.Registry{}
	for _, s := range statement.Shipped() {
		if err := g.AddRule(s.ResourceType, s.Rule); err != nil {
			t.Fatal(err)
		}
	}
	scaffolder := permission.Definition{
		Permissions: []permission.Permission{{Name: "scaffolder.task.read", Action: "read", ResourceType: "scaffolder-task"}},
		Resources: []permission.Resource{{Type: "scaffolder-task", Rules: []permission.Rule{
			{Name: "IS_TASK_OWNER", Params: []permission.Param{{Name: "createdBy", Type: "list"}}},
		}}},
	}
	for id, d := range map[string]permission.Definition{"catalog": e.Definition(), "scaffolder": scaffolder} {
		if err := g.Define(id, d); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func parse(t testing.TB, text string) *statement.Policy {
	t.Helper()
	p, _, err := statement.Parse([]byte(text), statement.Options{File: "policy.yaml", Registry: registryOf(t, permissiontest.NewEntities()), Now: time.Unix(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func user(name string, groups ...string) identity.Principal {
	ref := "user:backstage/" + name
	return identity.Principal{Kind: identity.User, Subject: ref, Ownership: append([]string{ref}, groups...)}
}

// scenario is the policy of the example that ships.
const scenario = `
statements:
  - name: admins do everything
    match: { group: group:backstage/admin }
    allow: true
  - name: what everybody reads
    match: { permission: catalog.entity.read }
    when:
      anyOf:
        - rule: IS_ENTITY_KIND
          params: { kinds: [Domain, Component, System, API, Group, User, Resource, Location] }
        - allOf:
            - { rule: IS_ENTITY_KIND, params: { kinds: [Template] } }
            - { rule: IS_GROUP_IN_TAG, params: { namespace: backstage } }
  - match: { permission: [catalog.entity.create, catalog.entity.delete] }
    allow: false
  - match: { action: [read, use] }
    effect: allow
`

func TestPolicy_DecidesAsTheScenarioSays(t *testing.T) {
	t.Parallel()
	p := parse(t, scenario)
	everybody := "group:backstage/default"
	for name, tc := range map[string]struct {
		who    identity.Principal
		what   permission.Permission
		want   permission.Result
		source int
	}{
		"an admin deletes":                 {user("ann", everybody, "group:backstage/admin"), permissiontest.Delete, permission.Allow, 3},
		"an admin reads":                   {user("ann", "Group:Backstage/Admin"), permissiontest.Read, permission.Allow, 3},
		"somebody deletes":                 {user("bob", everybody), permissiontest.Delete, permission.Deny, 15},
		"somebody reads":                   {user("bob", everybody), permissiontest.Read, permission.Conditional, 6},
		"somebody uses what has no action": {user("bob", everybody), permissiontest.Validate, permission.Allow, 17},
		"somebody refreshes":               {user("bob", everybody), permissiontest.Refresh, permission.Deny, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // the second time it is remembered
				d, err := p.Decide(t.Context(), tc.who, tc.what)
				if err != nil {
					t.Fatal(err)
				}
				if d.Result != tc.want || d.Source.Line != tc.source || d.Reason == "" {
					t.Errorf("got %s by line %d (%s), want %s by line %d", d.Result, d.Source.Line, d.Reason, tc.want, tc.source)
				}
				if (d.Condition != nil) != (d.Result == permission.Conditional) {
					t.Errorf("condition %v with result %s", d.Condition, d.Result)
				}
			}
		})
	}
}

func TestPolicy_OpensTemplatesToTheGroupOfTheirTag(t *testing.T) {
	t.Parallel()
	p := parse(t, scenario)
	template := func(tags ...any) catalog.Entity {
		return catalog.Entity{"kind": "Template", "metadata": map[string]any{"name": "x", "tags": tags}}
	}
	staff, other := user("sue", "group:backstage/staff"), user("bob", "group:default/staff", "group:backstage/other")
	for name, tc := range map[string]struct {
		who    identity.Principal
		entity catalog.Entity
		want   bool
	}{
		"a member":                 {staff, template("go", "group:staff"), true},
		"a member, whatever case":  {staff, template("Group:STAFF"), true},
		"a stranger":               {other, template("group:staff"), false},
		"a template without a tag": {staff, template(), false},
		"another kind":             {other, catalog.Entity{"kind": "API", "metadata": map[string]any{"name": "x"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := p.Decide(t.Context(), tc.who, permissiontest.Read)
			if err != nil || d.Condition == nil {
				t.Fatalf("got %+v, %v", d, err)
			}
			got, err := permissiontest.Holds(tc.entity, *d.Condition)
			if err != nil || got != tc.want {
				t.Errorf("got %t, %v, want %t under %s", got, err, tc.want, condition.Text(*d.Condition))
			}
		})
	}
}

func TestPolicy_CombinesStatements(t *testing.T) {
	t.Parallel()
	kind := func(effect, kind, otherwise string) string {
		s := "  - {match: {permission: catalog.entity.read}, effect: " + effect + ", when: {rule: IS_ENTITY_KIND, params: {kinds: [" + kind + "]}}"
		if otherwise != "" {
			s += ", otherwise: " + otherwise
		}
		return s + "}\n"
	}
	allow := "  - {match: {permission: catalog.entity.read}, allow: true}\n"
	for name, tc := range map[string]struct{ statements, want string }{
		"an allowing condition is final":         {kind("allow", "A", "") + allow, `IS_ENTITY_KIND(kinds: [A])`},
		"it falls through when told":             {kind("allow", "A", "next") + kind("allow", "B", ""), `IS_ENTITY_KIND(kinds: [A]) or IS_ENTITY_KIND(kinds: [B])`},
		"then what follows may allow everything": {kind("allow", "A", "next") + allow, `ALLOW`},
		"a denying condition falls through":      {kind("deny", "A", "") + allow, `not IS_ENTITY_KIND(kinds: [A])`},
		"nothing behind it allows":               {kind("deny", "A", ""), `DENY`},
		"a denying condition may be final":       {kind("deny", "A", "allow"), `not IS_ENTITY_KIND(kinds: [A])`},
		"denied before allowed":                  {kind("deny", "A", "") + kind("allow", "B", ""), `not IS_ENTITY_KIND(kinds: [A]) and IS_ENTITY_KIND(kinds: [B])`},
		"allowed before denied":                  {kind("allow", "B", "next") + kind("deny", "A", "") + allow, `IS_ENTITY_KIND(kinds: [B]) or not IS_ENTITY_KIND(kinds: [A])`},
		"the same again changes nothing":         {kind("allow", "A", "next") + kind("allow", "A", "next"), `IS_ENTITY_KIND(kinds: [A])`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := parse(t, "statements:\n"+tc.statements).Decide(t.Context(), user("bob"), permissiontest.Read)
			if err != nil {
				t.Fatal(err)
			}
			got := string(d.Result)
			if d.Condition != nil {
				got = condition.Text(*d.Condition)
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestPolicy_ReplacesAliases(t *testing.T) {
	t.Parallel()
	p := parse(t, `
statements:
  - match: { permission: catalog.entity.read }
    when:
      anyOf:
        - { rule: IS_ENTITY_OWNER, params: { claims: $ownerRefs } }
        - { rule: IS_ENTITY_OWNER, params: { claims: [group:default/all, $ownerRefs] } }
        - { rule: HAS_ANNOTATION, params: { annotation: who, value: $currentUser } }
`)
	d, err := p.Decide(t.Context(), user("Bob", "group:default/A"), permissiontest.Read)
	if err != nil {
		t.Fatal(err)
	}
	want := permission.Condition{AnyOf: []permission.Condition{
		{Rule: "IS_ENTITY_OWNER", ResourceType: "catalog-entity", Params: map[string]any{"claims": []any{"user:backstage/bob", "group:default/a"}}},
		{Rule: "IS_ENTITY_OWNER", ResourceType: "catalog-entity", Params: map[string]any{"claims": []any{"group:default/all", "user:backstage/bob", "group:default/a"}}},
		{Rule: "HAS_ANNOTATION", ResourceType: "catalog-entity", Params: map[string]any{"annotation": "who", "value": "user:backstage/Bob"}},
	}}
	if d.Condition == nil {
		t.Fatalf("got %+v", d)
	}
	if diff := cmp.Diff(want, *d.Condition); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if d, err = p.Decide(t.Context(), identity.Principal{Kind: identity.User, Subject: "user:default/x"}, permissiontest.Read); err != nil || d.Condition == nil || d.Condition.Rule == "" && len(d.Condition.AnyOf) != 2 {
		t.Errorf("who owns nothing gets %+v, %v: what needs an owner is left out", d, err)
	}
}

func TestParse_SaysWhereAndWhat(t *testing.T) {
	t.Parallel()
	one := func(s string) string { return "statements:\n  - " + strings.ReplaceAll(s, "\n", "\n    ") }
	cases := map[string]struct{ text, want string }{
		"an empty file":             {"# nothing\n", "policy.yaml:1: the policy is empty; it needs statements"},
		"no statements":             {"default: deny", "policy.yaml:1:1: a policy needs statements"},
		"a list":                    {"- allow: true", "policy.yaml:1:1: a policy must be an object with the keys default, description, rules, statements, got a list"},
		"an unknown key":            {one("alow: true"), `policy.yaml:2:5: a statement has no key "alow"; did you mean allow?`},
		"an unknown key of a match": {one("allow: true\nmatch: {resource: x}"), `policy.yaml:3:13: match has no key "resource"; did you mean resourceType?`},
		"no effect":                 {one("name: x"), "policy.yaml:2:5: a statement needs one of allow, effect and when"},
		"both effects":              {one("allow: true\neffect: deny"), "policy.yaml:3:5: a statement has either allow or effect"},
		"allow of a text":           {one(`allow: "yes"`), `policy.yaml:2:5: allow must be true or false, got "yes"`},
		"an action":                 {one("allow: true\nmatch: {action: [read, write]}"), `policy.yaml:3:28: action must be one of create, read, update, delete, use, got "write"`},
		"a resource type":           {one("allow: true\nmatch: {resourceType: catalog-entty}"), `policy.yaml:3:13: unknown resource type "catalog-entty"; did you mean catalog-entity?`},
		"a user as a group":         {one("allow: true\nmatch: {group: user:default/x}"), `policy.yaml:3:13: group must be the ref of a group, got "user:default/x"`},
		"an empty group":            {one("allow: true\nmatch: {group: []}"), "policy.yaml:3:13: group must be a text or a list of at least one text, got a list"},
		"a bad ref":                 {one("allow: true\nmatch: {group: 'group:/x'}"), "policy.yaml:3:13: group: "},
		"an unknown rule":           {one("when: {rule: IS_ENTITY_KND, params: {kinds: [A]}}"), `policy.yaml:2:12: unknown rule "IS_ENTITY_KND"; did you mean IS_ENTITY_KIND?`},
		"a rule of another type":    {one("match: {permission: catalog.entity.read}\nwhen: {rule: IS_TASK_OWNER, params: {createdBy: []}}"), `policy.yaml:3:12: catalog-entity has no rule "IS_TASK_OWNER"; it has`},
		"an unknown parameter":      {one("when:\n  rule: IS_ENTITY_KIND\n  params:\n    kind: [A]"), `policy.yaml:5:9: the rule IS_ENTITY_KIND has no parameter "kind"; did you mean kinds?`},
		"a missing parameter":       {one("when: {rule: IS_ENTITY_KIND}"), "policy.yaml:2:12: the rule IS_ENTITY_KIND needs the parameter kinds (a list of texts)"},
		"a parameter of a type":     {one("when:\n  rule: IS_ENTITY_KIND\n  params:\n    kinds: A"), `policy.yaml:5:9: the parameter kinds of the rule IS_ENTITY_KIND must be a list of texts, got the text "A"`},
		"a parameter without value": {one("when:\n  rule: HAS_METADATA\n  params:\n    key: tags\n    value:"), "policy.yaml:6:9: the parameter value of the rule HAS_METADATA has no value; give it one (a text) or leave it out"},
		"one in a rule":             {"rules: [{name: A, condition: {rule: HAS_METADATA, params: {key: x, value: }}}]\nstatements: []", "the parameter value of the rule HAS_METADATA has no value"},
		"a list alias as a text":    {one("when: {rule: HAS_SPEC, params: {key: owner, value: $ownerRefs}}"), "the parameter value of the rule HAS_SPEC must be a text, got $ownerRefs, which is a list"},
		"two forms":                 {one("when: {rule: X, not: {rule: Y}}"), "policy.yaml:2:5: a condition has exactly one of allOf, anyOf, not and rule"},
		"a bare list":               {one("when: [{rule: X}]"), "policy.yaml:2:5: a condition must be an object; write anyOf: or allOf: before the list"},
		"an empty anyOf":            {one("when: {anyOf: []}"), "policy.yaml:2:12: anyOf needs at least one condition"},
		"a basic permission":        {one("match: {permission: [catalog.entity.read, catalog.entity.create]}\nwhen: {rule: IS_ENTITY_KIND, params: {kinds: [A]}}"), "policy.yaml:2:47: catalog.entity.create is not about a resource, so it cannot have conditions; allow or deny it"},
		"another resource":          {one("match: {permission: [catalog.entity.read, scaffolder.task.read]}\nwhen: {rule: IS_ENTITY_KIND, params: {kinds: [A]}}"), "policy.yaml:2:47: scaffolder.task.read is about scaffolder-task, but the conditions are about catalog-entity"},
		"otherwise alone":           {one("allow: true\notherwise: next"), "policy.yaml:3:5: otherwise needs a when"},
		"otherwise allow":           {one("when: {rule: IS_ENTITY_KIND, params: {kinds: [A]}}\notherwise: allow"), `policy.yaml:3:5: otherwise of a statement that allows must be deny or next, got "allow"`},
		"a cycle of anchors":        {"statements: &a\n  - *a\n", "policy.yaml:2:5: the alias *a refers to a collection that contains it"},
		"an alias bomb":             {bomb(), "aliases expand to more than 20000 values"},
		"a depth bomb":              {"statements:\n - when: " + strings.Repeat("{not: ", 40) + "{rule: X}" + strings.Repeat("}", 40), "policy.yaml:2:"},
		"a deeper bomb":             {strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "policy.yaml:1:"},
		"a huge file":               {strings.Repeat("# x\n", 300_000), "more than the limit of 1048576"},
		"two documents":             {one("allow: true") + "\n---\nx: 1", "policy.yaml:4: a second document begins here"},
		"broken YAML":               {"statements: [", "policy.yaml:"},
		"a rule made of itself":     {"rules:\n  - name: A\n    condition: {rule: B}\n  - name: B\n    condition: {not: {rule: a}}\nstatements: []", "policy.yaml:5:23: the rule A is made of itself: A → B → A"},
		"a rule that grows":         {growing(), "is made of too many others"},
		"a rule that is there":      {"rules: [{name: IS_ENTITY_KIND, condition: {rule: HAS_SPEC, params: {key: x}}}]\nstatements: []", "policy.yaml:1:10: catalog-entity has a rule IS_ENTITY_KIND already"},
		"a placeholder":             {"rules: [{name: A, condition: {rule: HAS_SPEC, params: {key: '{x}'}}}]\nstatements: []", "nothing is called {x} here"},
		"a list in a text":          {"rules: [{name: A, params: [{name: x, type: list}], condition: {rule: HAS_SPEC, params: {key: 'a{x}'}}}]\nstatements: []", "the list {x} cannot be part of a text"},
		"a loop over a text":        {"rules: [{name: A, params: [{name: x}], condition: {anyOf: {forEach: x, condition: {rule: HAS_SPEC, params: {key: '{item}'}}}}}]\nstatements: []", `forEach needs the name of a list parameter, got "x"`},
		"a rule in a rule":          {"rules: [{name: A, condition: {rule: NOPE}}]\nstatements: []", `unknown rule "NOPE"`},
		"a list that is not passed": {"rules: [{name: A, condition: {rule: IS_GROUP_IN_TAG, params: {claims: $ownerRefs}}}]\nstatements: []", "pass it on as {claims}"},
		"a loop in a statement":     {one("when: {anyOf: {forEach: x, condition: {rule: Y}}}"), "anyOf must be a list, got an object"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := statement.Parse([]byte(tc.text), statement.Options{File: "policy.yaml", Registry: registryOf(t, permissiontest.NewEntities())})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for _, i := range []string{"1", "2", "3", "4", "5", "6"} {
		prev := string(rune(i[0] - 1))
		b.WriteString("a" + i + ": &a" + i + " [" + strings.Repeat("*a"+prev+", ", 9) + "*a" + prev + "]\n")
	}
	return b.String()
}

func growing() string {
	var b strings.Builder
	b.WriteString("rules:\n  - {name: R0, condition: {rule: HAS_SPEC, params: {key: x}}}\n")
	for i := 1; i <= 7; i++ {
		leaf := "{rule: R" + string(rune('0'+i-1)) + "}"
		b.WriteString("  - {name: R" + string(rune('0'+i)) + ", condition: {anyOf: [" + strings.Repeat(leaf+", ", 9) + leaf + "]}}\n")
	}
	return b.String() + "statements: []\n"
}

func TestParse_NotesUnknownPermissions(t *testing.T) {
	t.Parallel()
	_, findings, err := statement.Parse([]byte("statements:\n  - match: {permission: [catalog.entity.raed, remote.*, catalog.*, argocd.view.read]}\n    allow: true\n"),
		statement.Options{File: "policy.yaml", Registry: registryOf(t, permissiontest.NewEntities())})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range findings {
		got = append(got, f.String())
	}
	want := []string{
		"policy.yaml:2:26: unknown permission catalog.entity.raed; did you mean catalog.entity.read?",
		"policy.yaml:2:47: no permission that is known here matches remote.*",
		"policy.yaml:2:68: unknown permission argocd.view.read",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRules_AreMadeOfOthers(t *testing.T) {
	t.Parallel()
	p := parse(t, `
rules:
  - name: IS_OURS
    description: owned by us, or marked as ours
    params:
      - { name: mark, default: ours }
      - { name: claims, type: list, default: $ownerRefs }
    condition:
      anyOf:
        - { rule: IS_ENTITY_OWNER, params: { claims: '{claims}' } }
        - { rule: HAS_LABEL, params: { label: 'mark-{mark}', value: $currentUser } }
        - anyOf:
            forEach: claims
            matching: 'group:{ns}/{name}'
            condition: { rule: IS_TEAM, params: { team: '{ns}.{name}' } }
  - name: IS_TEAM
    params: [{ name: team }]
    condition: { rule: HAS_LABEL, params: { label: team, value: '{team}' } }
statements:
  - match: { permission: catalog.entity.* }
    when: { rule: is_ours, params: { mark: x } }
`)
	d, err := p.Decide(t.Context(), user("bob", "group:default/a"), permissiontest.Read)
	if err != nil || d.Condition == nil {
		t.Fatalf("got %+v, %v", d, err)
	}
	want := `IS_ENTITY_OWNER(claims: [user:backstage/bob group:default/a]) or HAS_LABEL(label: mark-x, value: user:backstage/bob) or HAS_LABEL(label: team, value: default.a)`
	if got := condition.Text(*d.Condition); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if d, err := p.Decide(t.Context(), user("bob"), permissiontest.Create); err != nil || d.Result != permission.Deny {
		t.Errorf("a basic permission that the pattern matches: got %+v, %v; conditions are not about it", d, err)
	}
}
