package trial_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/catalogtest"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/permission/internal/statement"
	"github.com/stagedoor/stagedoor/permission/internal/trial"
	"github.com/stagedoor/stagedoor/permission/permissiontest"
)

type directory map[string][]string

func (d directory) OwnershipOf(_ context.Context, ref string) ([]string, error) {
	return append([]string{ref}, d[ref]...), nil
}

func deps(t *testing.T) trial.Deps {
	t.Helper()
	var list []catalog.Entity
	for _, name := range []string{"User/ann", "User/bob", "API/a", "API/b", "Template/t"} {
		kind, name, _ := strings.Cut(name, "/")
		list = append(list, catalog.Entity{"kind": kind, "metadata": map[string]any{"name": name, "namespace": "default"}, "spec": map[string]any{"owner": "group:default/team"}})
	}
	g := &registry.Registry{}
	d := permissiontest.NewEntities(list...).Definition()
	if err := g.Define("catalog", d); err != nil {
		t.Fatal(err)
	}
	thing := permission.Definition{
		Permissions: []permission.Permission{{Name: "thing.read", Action: "read", ResourceType: "thing"}},
		Resources:   []permission.Resource{{Type: "thing", Rules: []permission.Rule{{Name: "IS_MINE", Params: []permission.Param{{Name: "who"}}}}}},
	}
	if err := g.Define("thing", thing); err != nil {
		t.Fatal(err)
	}
	return trial.Deps{Registry: g, Reader: catalogtest.New(list...), Directory: directory{"user:default/ann": {"group:default/team"}}}
}

func policyOf(t *testing.T, d trial.Deps, file, text string) *statement.Policy {
	t.Helper()
	p, _, err := statement.Parse([]byte(text), statement.Options{File: file, Registry: d.Registry})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const onlyAPIs = "statements:\n  - match: {permission: catalog.entity.read}\n    when: {rule: IS_ENTITY_KIND, params: {kinds: [API, User]}}\n"

func TestTest_SaysWhatFailedAndWhichLineDecided(t *testing.T) {
	t.Parallel()
	d := deps(t)
	e, err := trial.ParseExpectations("tests.yaml", []byte(`
users: {user:default/zoe: [team]}
tests:
  - {name: right, user: ann, permission: catalog.entity.create, expect: deny}
  - {name: over all, user: ann, permission: catalog.entity.read, expect: conditional}
  - {name: wrong, user: zoe, permission: catalog.entity.read, resource: [api:default/a, template:default/t], expect: allow}
  - {name: lists, user: bob, kinds: API, visible: api:default/a}
  - {name: hides, user: bob, hidden: [api:default/a, template:default/t]}
`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Test(t.Context(), policyOf(t, d, "p.yaml", onlyAPIs), e)
	if err != nil {
		t.Fatal(err)
	}
	line := "allow catalog.entity.read when IS_ENTITY_KIND(kinds: [API User]) (p.yaml:2)"
	want := []trial.Outcome{
		{Place: "tests.yaml:4", Name: "right"},
		{Place: "tests.yaml:5", Name: "over all"},
		{Place: "tests.yaml:6", Name: "wrong", Failure: "expected allow on template:default/t, got deny: the conditions do not hold: " + line},
		{Place: "tests.yaml:7", Name: "lists", Failure: "expected api:default/b to be hidden, because it is not among the visible, got allow: allowed by: " + line},
		{Place: "tests.yaml:8", Name: "hides", Failure: "expected api:default/a to be hidden, got allow: allowed by: " + line},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var out strings.Builder
	if trial.Report(&out, []trial.Suite{{Name: "x", Outcomes: got}}) || !strings.HasSuffix(out.String(), "5 tests, 3 failed\n") {
		t.Errorf("got %s", out.String())
	}
}

func TestParseExpectations_SaysWhereAndWhat(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":         {"", "t.yaml:1: the file has no tests"},
		"an unknown key":  {"tests: [{usr: a, expect: deny, permission: x}]", `a test has no key "usr"; did you mean user?`},
		"no user":         {"tests: [{expect: deny, permission: x}]", "t.yaml:1:9: a test needs a user"},
		"no permission":   {"tests: [{user: a, expect: deny}]", "a test with expect needs a permission"},
		"no expectation":  {"tests: [{user: a}]", "a test needs expect, or visible and hidden"},
		"both":            {"tests: [{user: a, permission: x, expect: deny, hidden: []}]", "a test has either expect, or visible and hidden"},
		"another word":    {"tests: [{user: a, permission: x, expect: no}]", "expect must be allow, deny or conditional"},
		"a bad ref":       {"tests: [{user: 'user:/x', permission: x, expect: deny}]", "t.yaml:1:10:"},
		"no entity":       {"entities: [{kind: API}]\ntests: [{user: a, permission: x, expect: deny}]", "t.yaml:1:12: an entity needs kind and metadata.name"},
		"a list of users": {"users: [a]\ntests: [{user: a, permission: x, expect: deny}]", "users must be an object of refs"},
		"broken":          {"tests: [", "t.yaml:"},
	} {
		if _, err := trial.ParseExpectations("t.yaml", []byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}

func TestSimulate_FindsWhatChanges(t *testing.T) {
	t.Parallel()
	d := deps(t)
	from := policyOf(t, d, "from.yaml", onlyAPIs+"  - match: {permission: thing.read}\n    when: {rule: IS_MINE, params: {who: $currentUser}}\n")
	to := policyOf(t, d, "to.yaml", `
statements:
  - match: {permission: catalog.entity.read}
    when: {anyOf: [{rule: IS_ENTITY_OWNER, params: {claims: $ownerRefs}}, {rule: IS_ENTITY_KIND, params: {kinds: [User]}}]}
  - match: {permission: thing.read}
    when: {not: {rule: IS_MINE, params: {who: $currentUser}}}
  - match: {permission: catalog.entity.create, user: bob}
    allow: true
`)
	got, err := d.Simulate(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		user, permission string
		from, to         permission.Result
		kinds            []trial.KindChange
	}
	var lines []line
	for _, c := range got.Changes {
		lines = append(lines, line{c.User, c.Permission, c.From, c.To, c.Kinds})
	}
	cond := permission.Conditional
	want := []line{
		{"user:default/ann", "catalog.entity.read", cond, cond, []trial.KindChange{{Kind: "Template", Gained: 1, Examples: []string{"template:default/t"}}}},
		{"user:default/ann", "thing.read", cond, cond, nil},
		{"user:default/bob", "catalog.entity.read", cond, cond, []trial.KindChange{{Kind: "API", Lost: 2, Examples: []string{"api:default/a", "api:default/b"}}}},
		{"user:default/bob", "catalog.entity.create", permission.Deny, permission.Allow, nil},
		{"user:default/bob", "thing.read", cond, cond, nil},
	}
	if diff := cmp.Diff(want, lines, cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got.Users != 2 || got.Entities != 5 {
		t.Errorf("got %d users and %d entities", got.Users, got.Entities)
	}
	if same, err := d.Simulate(t.Context(), from, from); err != nil || len(same.Changes) != 0 {
		t.Errorf("the same policy: got %+v, %v", same.Changes, err)
	}
}
