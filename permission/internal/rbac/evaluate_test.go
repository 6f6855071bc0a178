package rbac

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/catalogtest"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
)

// known is a registry of two resource types.
type known struct{}

func (known) Resource(resourceType string) (permission.Resource, string, bool) {
	switch resourceType {
	case "catalog-entity":
		return permission.Resource{Type: resourceType, Rules: []permission.Rule{
			{Name: "IS_ENTITY_OWNER", Params: []permission.Param{{Name: "claims", Type: "list"}}},
			{Name: "IS_ENTITY_KIND", Params: []permission.Param{{Name: "kinds", Type: "list"}}},
			{Name: "HAS_ANNOTATION", Params: []permission.Param{{Name: "annotation"}, {Name: "value", Optional: true}}},
		}}, "catalog", true
	case ResourceType:
		return Definition(nil).Resources[0], "permission", true
	}
	return permission.Resource{}, "", false
}

// entity makes an entity with relations such as "memberOf group:default/a".
func entity(kind, name string, relations ...string) catalog.Entity {
	list := make([]any, len(relations))
	for i, r := range relations {
		typ, target, _ := strings.Cut(r, " ")
		list[i] = map[string]any{"type": typ, "targetRef": target}
	}
	return catalog.Entity{"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": map[string]any{"name": name}, "spec": map[string]any{}, "relations": list}
}

// portal is a policy over files and a catalog.
type portal struct {
	*Policy
	catalog *catalogtest.Catalog
	now     time.Time
}

func open(t *testing.T, settings Settings, csv, conditions string, entities ...catalog.Entity) *portal {
	t.Helper()
	if err := settings.Check(); err != nil {
		t.Fatal(err)
	}
	table, err := ReadCSV("roles.csv", []byte(csv))
	if err != nil {
		t.Fatal(err)
	}
	cs, err := ReadConditions("conditions.yaml", []byte(conditions), settings.Limits())
	if err != nil {
		t.Fatal(err)
	}
	p := &portal{catalog: catalogtest.New(entities...), now: time.Unix(1_800_000_000, 0)}
	p.Policy = &Policy{Catalog: func() catalog.Reader { return p.catalog }, Resources: known{}, Clock: func() time.Time { return p.now }}
	p.Use(Build(Parts{Settings: settings, Table: table, Conditions: cs}), policy.State{})
	return p
}

func user(ref string, ownership ...string) identity.Principal {
	return identity.Principal{Kind: identity.User, Subject: ref, Ownership: append([]string{ref}, ownership...)}
}

// The permissions that are asked for.
var (
	readEntity   = permission.Permission{Name: "catalog.entity.read", Action: "read", ResourceType: "catalog-entity"}
	deleteEntity = permission.Permission{Name: "catalog.entity.delete", Action: "delete", ResourceType: "catalog-entity"}
	createEntity = permission.Permission{Name: "catalog.entity.create", Action: "create"}
	proxy        = permission.Permission{Name: "kubernetes.proxy"}
)

func (p *portal) decide(t *testing.T, who identity.Principal, perm permission.Permission) permission.Decision {
	t.Helper()
	d, err := p.Decide(t.Context(), who, perm)
	if err != nil {
		t.Fatal(err)
	}
	if d.Reason == "" {
		t.Errorf("%s, %s: no reason", who.Subject, perm.Name)
	}
	// What is traced is what is decided.
	steps, err := p.Trace(t.Context(), who, perm)
	if err != nil {
		t.Fatal(err)
	}
	traced := policy.Combine(steps, permission.Deny)
	traced.Reason = d.Reason
	if diff := cmp.Diff(d, traced); diff != "" {
		t.Errorf("%s, %s: the trace says otherwise (-decided +traced):\n%s", who.Subject, perm.Name, diff)
	}
	return d
}

const when = `---
result: CONDITIONAL
roleEntityRef: role:default/%s
pluginId: %s
resourceType: catalog-entity
permissionMapping: [%s]
conditions: %s
`

const (
	mine       = "{rule: IS_ENTITY_OWNER, resourceType: catalog-entity, params: {claims: [$ownerRefs]}}"
	components = "{rule: IS_ENTITY_KIND, resourceType: catalog-entity, params: {kinds: [Component]}}"
)

func TestDecide_AsTheCommunityPlugin(t *testing.T) {
	t.Parallel()
	const tom = "user:default/tom"
	for name, tc := range map[string]struct {
		settings   Settings
		csv, yaml  string
		ask        permission.Permission
		want       permission.Result
		line       int // of the CSV file
		everywhere string
	}{
		"nothing is said":               {ask: readEntity, want: permission.Deny},
		"allowed by resource type":      {csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, allow", ask: readEntity, want: permission.Allow, line: 2},
		"allowed by name":               {csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog.entity.read, read, allow", ask: readEntity, want: permission.Allow, line: 2},
		"another action":                {csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, update, allow", ask: readEntity, want: permission.Deny},
		"no action is use":              {csv: "g, user:default/tom, role:default/a\np, role:default/a, kubernetes.proxy, use, allow", ask: proxy, want: permission.Allow, line: 2},
		"no resource type, no match":    {csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, create, allow", ask: createEntity, want: permission.Deny},
		"somebody else's role":          {csv: "g, user:default/ann, role:default/a\np, role:default/a, catalog-entity, read, allow", ask: readEntity, want: permission.Deny},
		"denied by one role of two":     {csv: "g, user:default/tom, role:default/a\ng, user:default/tom, role:default/b\np, role:default/a, catalog-entity, read, allow\np, role:default/b, catalog-entity, read, deny", ask: readEntity, want: permission.Deny, line: 4},
		"the name before the type":      {csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, deny\np, role:default/a, catalog.entity.read, read, allow", ask: readEntity, want: permission.Allow, line: 3},
		"the denial by name":            {csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, allow\np, role:default/a, catalog.entity.read, read, deny", ask: readEntity, want: permission.Deny, line: 3},
		"both, on the same":             {csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog.entity.read, read, allow\np, role:default/a, catalog.entity.read, read, deny", ask: readEntity, want: permission.Deny, line: 3},
		"a condition before a policy":   {csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, allow", yaml: fmt.Sprintf(when, "a", "catalog", "read", mine), ask: readEntity, want: permission.Conditional},
		"a condition before a denial":   {csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, deny", yaml: fmt.Sprintf(when, "a", "catalog", "read", mine), ask: readEntity, want: permission.Conditional},
		"a condition on another action": {csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, allow", yaml: fmt.Sprintf(when, "a", "catalog", "delete", mine), ask: readEntity, want: permission.Allow, line: 2},
		"a condition on another name": {
			csv:  "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, allow",
			yaml: fmt.Sprintf(when, "a", "catalog", "{name: catalog.entity.other, action: read}", mine), ask: readEntity, want: permission.Allow, line: 2,
		},
		"basic first, allowed": {
			settings: Settings{Precedence: "basic"}, csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, allow",
			yaml: fmt.Sprintf(when, "a", "catalog", "read", mine), ask: readEntity, want: permission.Allow, line: 2,
		},
		"basic first, denied": {
			settings: Settings{Precedence: "basic"}, csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, deny",
			yaml: fmt.Sprintf(when, "a", "catalog", "read", mine), ask: readEntity, want: permission.Deny, line: 2,
		},
		"basic first, says nothing": {
			settings: Settings{Precedence: "basic"}, csv: "g, user:default/tom, role:default/a\np, role:default/a, catalog.entity.create, create, allow",
			yaml: fmt.Sprintf(when, "a", "catalog", "read", mine), ask: readEntity, want: permission.Conditional,
		},
		"two conditions of one role": {
			csv:  "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, allow",
			yaml: fmt.Sprintf(when, "a", "catalog", "read", mine) + fmt.Sprintf(when, "a", "catalog-fork", "read", mine), ask: readEntity, want: permission.Deny,
		},
		"a condition with a rule that there is not": {
			csv:  "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, allow",
			yaml: fmt.Sprintf(when, "a", "catalog", "read", "{not: {rule: IS_MAGIC, resourceType: catalog-entity}}"), ask: readEntity, want: permission.Deny,
		},
		"a condition for a role that nobody knows": {
			csv:  "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, allow",
			yaml: fmt.Sprintf(when, "other", "catalog", "read", mine), ask: readEntity, want: permission.Allow, line: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, tc.settings, tc.csv, tc.yaml)
			d := p.decide(t, user(tom), tc.ask)
			if d.Result != tc.want {
				t.Fatalf("got %s (%s), want %s", d.Result, d.Reason, tc.want)
			}
			if (d.Condition != nil) != (d.Result == permission.Conditional) {
				t.Errorf("the condition is %v", d.Condition)
			}
			if tc.line > 0 && (d.Source.File != "roles.csv" || d.Source.Line != tc.line) {
				t.Errorf("decided at %s, want line %d", d.Source, tc.line)
			}
		})
	}
}

func TestDecide_JoinsConditionsOfRolesByOr(t *testing.T) {
	t.Parallel()
	p := open(t, Settings{}, "g, user:default/tom, role:default/a\ng, user:default/tom, role:default/b",
		fmt.Sprintf(when, "a", "catalog", "read", mine)+fmt.Sprintf(when, "b", "catalog", "read", components))
	d := p.decide(t, user("user:default/tom", "group:default/team"), readEntity)
	want := &permission.Condition{AnyOf: []permission.Condition{
		{ResourceType: "catalog-entity", Rule: "IS_ENTITY_OWNER", Params: map[string]any{"claims": []any{"user:default/tom", "group:default/team"}}},
		{ResourceType: "catalog-entity", Rule: "IS_ENTITY_KIND", Params: map[string]any{"kinds": []any{"Component"}}},
	}}
	if diff := cmp.Diff(want, d.Condition); diff != "" {
		t.Errorf("condition (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(permission.Source{File: "conditions.yaml", Line: 2, Statement: "role:default/a may read catalog-entity conditionally"}, d.Source); diff != "" {
		t.Errorf("source (-want +got):\n%s", diff)
	}
	again := p.decide(t, user("user:default/tom", "group:default/team"), readEntity)
	if again.Condition != d.Condition {
		t.Error("the condition of the second decision is another one, which costs those who keep what they made of it")
	}
	other := p.decide(t, user("user:default/tom", "group:default/other"), readEntity)
	if cmp.Equal(other.Condition, d.Condition) {
		t.Error("another ownership gives the same condition")
	}
}

func TestDecide_InheritsRolesFromGroups(t *testing.T) {
	t.Parallel()
	entities := []catalog.Entity{
		entity("User", "sam", "memberOf group:default/d"),
		entity("Group", "d", "childOf group:default/c", "hasMember user:default/sam"),
		// b is no entity: c says who is its parent, a who is its child.
		entity("Group", "c", "childOf group:default/b", "parentOf group:default/d"),
		entity("Group", "a", "parentOf group:default/b", "childOf group:default/root"),
		entity("Group", "root", "parentOf group:default/a", "childOf group:default/d"), // in a circle
		entity("Group", "guests", "hasMember user:default/nobody"),
	}
	var csv strings.Builder
	for _, g := range []string{"d", "c", "b", "a", "root", "guests"} {
		fmt.Fprintf(&csv, "g, group:default/%s, role:default/%s\np, role:default/%s, plugin.%s, use, allow\n", g, g, g, g)
	}
	depth := func(n int) *int { return &n }
	for name, tc := range map[string]struct {
		depth *int
		who   string
		want  string
	}{
		"all the way":                {nil, "user:default/sam", "a b c d root"},
		"no inheritance":             {depth(0), "user:default/sam", "d"},
		"one level":                  {depth(1), "user:default/sam", "c d"},
		"two levels":                 {depth(2), "user:default/sam", "b c d"},
		"a user that is no entity":   {nil, "user:default/nobody", "guests"},
		"written in another case":    {depth(0), "User:Default/Sam", "d"},
		"somebody without any group": {nil, "user:default/ann", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, Settings{MaxDepth: tc.depth}, csv.String(), "", entities...)
			var got []string
			for _, g := range []string{"a", "b", "c", "d", "guests", "root"} {
				if p.decide(t, user(tc.who), permission.Permission{Name: "plugin." + g}).Result == permission.Allow {
					got = append(got, g)
				}
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("roles (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecide_FollowsTheGroupsOfTheCatalog(t *testing.T) {
	t.Parallel()
	p := open(t, Settings{}, "g, group:default/team, role:default/a\np, role:default/a, kubernetes.proxy, use, allow", "")
	tom := user("user:default/tom")
	want := func(when string, result permission.Result) {
		t.Helper()
		if d := p.decide(t, tom, proxy); d.Result != result {
			t.Errorf("%s: %s (%s)", when, d.Result, d.Reason)
		}
	}
	want("without a group", permission.Deny)
	p.catalog.Put(entity("User", "tom", "memberOf group:default/team"))
	d, err := p.Decide(t.Context(), tom, proxy)
	if err != nil || d.Result != permission.Deny {
		t.Errorf("what was decided is not remembered: %v, %v", d, err)
	}
	p.Forget([]catalog.Change{{Ref: "component:default/x"}, {Ref: "user:default/tom"}})
	want("when the catalog has told", permission.Allow)
	p.catalog.Put(entity("User", "tom"))
	p.now = p.now.Add(rememberFor)
	want("when nobody has told, later", permission.Deny)
}

func TestDecide_ByWhatTheConfigurationSays(t *testing.T) {
	t.Parallel()
	settings := Settings{}
	settings.Admin.Users = []Named{{"user:default/admin"}, {"Group:default/Admins"}}
	settings.Admin.SuperUsers = []Named{{"user:default/super"}, {"group:default/supers"}}
	settings.Defaults = &struct {
		Role        string `json:"defaultRole"`
		Permissions []struct {
			Permission string `json:"permission"`
			Action     string `json:"action"`
		} `json:"basicPermissions"`
	}{Role: "role:default/everybody"}
	settings.Defaults.Permissions = append(settings.Defaults.Permissions, struct {
		Permission string `json:"permission"`
		Action     string `json:"action"`
	}{Permission: "kubernetes.proxy"})
	p := open(t, settings, "", "",
		entity("User", "member", "memberOf group:default/admins"),
		entity("User", "near", "memberOf group:default/supers"),
		entity("User", "far", "memberOf group:default/below"),
		entity("Group", "below", "childOf group:default/supers"),
	)
	all := []permission.Permission{Read, Create, Update, Delete, readEntity, deleteEntity, createEntity, proxy}
	const roles, everything = "policy.entity.read policy.entity.create policy.entity.update policy.entity.delete catalog.entity.read kubernetes.proxy", "policy.entity.read policy.entity.create policy.entity.update policy.entity.delete catalog.entity.read catalog.entity.delete catalog.entity.create kubernetes.proxy"
	for who, want := range map[string]string{
		"user:default/admin":  roles,
		"user:default/member": roles,
		"user:default/super":  everything,
		"user:default/near":   everything,
		"user:default/far":    "kubernetes.proxy", // only direct members are super users
		"user:default/other":  "kubernetes.proxy",
	} {
		var got []string
		for _, perm := range all {
			if d := p.decide(t, user(who), perm); d.Result == permission.Allow {
				got = append(got, perm.Name)
				if d.Source.File != ConfigurationFile {
					t.Errorf("%s, %s: decided at %s", who, perm.Name, d.Source)
				}
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", who, diff)
		}
	}
}

func TestDecide_UsesOwnershipWhenToldTo(t *testing.T) {
	t.Parallel()
	const csv = "g, group:default/oncall, role:default/a\np, role:default/a, kubernetes.proxy, use, allow"
	who := user("user:default/john.doe", "group:default/Oncall")
	if d := open(t, Settings{}, csv, "").decide(t, who, proxy); d.Result != permission.Deny {
		t.Errorf("without: %s", d.Result)
	}
	if d := open(t, Settings{UseOwnership: true}, csv, "").decide(t, who, proxy); d.Result != permission.Allow {
		t.Errorf("with: %s (%s)", d.Result, d.Reason)
	}
}

func TestBuild_GivesARoleOneOrigin(t *testing.T) {
	t.Parallel()
	table, err := ReadCSV("roles.csv", []byte("g, user:default/a, role:default/rbac_admin\np, role:default/stored, catalog-entity, read, allow\ng, user:default/a, role:default/own\n"))
	if err != nil {
		t.Fatal(err)
	}
	settings := Settings{}
	settings.Admin.Users = []Named{{"user:default/admin"}}
	m := Build(Parts{
		Settings: settings, Table: table,
		Conditions: []Conditional{{Role: "role:default/stored", At: permission.Source{File: "c.yaml", Line: 7}}, {Role: "role:default/none", At: permission.Source{File: "c.yaml", Line: 1}}},
		Stored:     []*Role{{Ref: "role:default/stored", Origin: FromREST}, {Ref: AdminRole, Origin: FromREST}},
	})
	var got []string
	for _, r := range m.Roles() {
		got = append(got, r.Ref+" "+string(r.Origin))
	}
	if diff := cmp.Diff([]string{"role:default/own csv-file", "role:default/rbac_admin configuration", "role:default/stored rest"}, got); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	want := []policy.Problem{
		{File: "c.yaml", Line: 1, Message: "the role 'role:default/none' is not in the CSV file"},
		{File: "c.yaml", Line: 7, Message: "source does not match originating role role:default/stored, consider making changes to the 'REST'"},
		{File: "roles.csv", Line: 1, Message: "source does not match originating role role:default/rbac_admin, consider making changes to the 'CONFIGURATION'"},
		{File: "roles.csv", Line: 2, Message: "source does not match originating role role:default/stored, consider making changes to the 'REST'"},
	}
	if diff := cmp.Diff(want, m.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

// brute decides by the rules of the community plugin, written down anew and
// one resource at a time: holds tells which conditions hold for it.
func brute(m *Model, roles []*Role, p permission.Permission, basicFirst bool, holds func(*Conditional) bool) permission.Result {
	conditional := func() permission.Result {
		found, held := false, false
		for _, r := range roles {
			n := 0
			for i := range r.Conditions {
				if c := &r.Conditions[i]; c.covers(p) {
					n, found, held = n+1, true, held || holds(c)
				}
			}
			if n > 1 {
				return permission.Deny
			}
		}
		switch {
		case !found:
			return ""
		case held:
			return permission.Allow
		}
		return permission.Deny
	}
	basic := func() permission.Result {
		for _, subject := range []string{p.Name, p.ResourceType} {
			allowed, denied := false, false
			for _, r := range roles {
				for _, g := range r.Policies {
					if subject != "" && g.Permission == subject && g.Action == actionOf(p) {
						allowed, denied = allowed || !g.Deny, denied || g.Deny
					}
				}
			}
			switch {
			case denied:
				return permission.Deny
			case allowed:
				return permission.Allow
			}
		}
		return ""
	}
	first, second := conditional, basic
	if basicFirst {
		first, second = basic, conditional
	}
	for _, f := range []func() permission.Result{first, second} {
		if result := f(); result != "" {
			return result
		}
	}
	return permission.Deny
}

func TestDecide_IsWhatBruteForceFinds(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func(list []string) string { return list[rng.IntN(len(list))] }
	users := []string{"user:default/u0", "user:default/u1", "user:default/u2"}
	groups := []string{"group:default/g0", "group:default/g1", "group:default/g2"}
	perms := []permission.Permission{readEntity, deleteEntity, createEntity, proxy, {Name: "catalog.entity.other", Action: "read", ResourceType: "catalog-entity"}}
	kinds := []string{"K0", "K1", "K2"}
	for round := range 400 {
		m := &Parts{Table: &Table{byRef: map[string]*Role{}, lines: map[[4]string]int{}}}
		if rng.IntN(2) == 0 {
			m.Settings.Precedence = "basic"
		}
		for i := range 12 {
			role := fmt.Sprint("role:default/r", rng.IntN(4))
			at := permission.Source{File: "f", Line: i + 1}
			switch rng.IntN(3) {
			case 0:
				_ = m.Table.member([]string{pick(append(users, groups...)), role}, at)
			case 1:
				_ = m.Table.grant([]string{role, pick([]string{"catalog.entity.read", "catalog-entity", "catalog.entity.create", "kubernetes.proxy", "catalog.entity.other"}), pick([]string{"read", "delete", "create", "use"}), pick([]string{"allow", "deny"})}, at)
			default:
				m.Table.role(role)
				mapping := Mapping{Action: pick([]string{"read", "delete"})}
				if rng.IntN(2) == 0 {
					mapping.Name = pick([]string{"catalog.entity.read", "catalog.entity.other"})
				}
				m.Conditions = append(m.Conditions, Conditional{
					Role: role, Plugin: "catalog", ResourceType: "catalog-entity", Mapping: []Mapping{mapping}, At: at,
					Condition: permission.Condition{ResourceType: "catalog-entity", Rule: "IS_ENTITY_KIND", Params: map[string]any{"kinds": []any{pick(kinds)}}},
				})
			}
		}
		model := Build(*m)
		memberOf := map[string][]string{}
		var entities []catalog.Entity
		for _, u := range users {
			g := pick(groups)
			memberOf[u] = []string{u, g}
			entities = append(entities, entity("User", strings.TrimPrefix(u, "user:default/"), "memberOf "+g))
		}
		p := &Policy{Catalog: func() catalog.Reader { return catalogtest.New(entities...) }, Resources: known{}, Clock: func() time.Time { return time.Unix(0, 0) }}
		p.Use(model, policy.State{})
		for _, u := range users {
			var roles []*Role
			for _, r := range model.Roles() {
				if slices.ContainsFunc(memberOf[u], r.Has) {
					roles = append(roles, r)
				}
			}
			for _, perm := range perms {
				d, err := p.Decide(context.Background(), user(u), perm)
				if err != nil {
					t.Fatal(err)
				}
				for _, kind := range append(kinds, "none") {
					is := func(c permission.Condition) bool { return fmt.Sprint(c.Params["kinds"]) == "["+kind+"]" }
					want := brute(model, roles, perm, m.Settings.basic(), func(c *Conditional) bool { return is(c.Condition) })
					if got := settle(d, is); got != want {
						t.Fatalf("round %d, %s, %s, a resource of kind %s: %s by %+v, brute force says %s", round, u, perm.Name, kind, got, d, want)
					}
				}
			}
		}
	}
}

// settle applies a decision to one resource.
func settle(d permission.Decision, is func(permission.Condition) bool) permission.Result {
	if d.Result != permission.Conditional {
		return d.Result
	}
	var holds func(c permission.Condition) bool
	holds = func(c permission.Condition) bool {
		switch {
		case c.AllOf != nil:
			return !slices.ContainsFunc(c.AllOf, func(c permission.Condition) bool { return !holds(c) })
		case c.AnyOf != nil:
			return slices.ContainsFunc(c.AnyOf, holds)
		case c.Not != nil:
			return !holds(*c.Not)
		}
		return is(c)
	}
	if holds(*d.Condition) {
		return permission.Allow
	}
	return permission.Deny
}

// A stranger who makes up permissions must not fill the memory with them.
func TestDecide_RemembersNothingLong(t *testing.T) {
	t.Parallel()
	p := open(t, Settings{}, "", "")
	who := user("user:default/u")
	for _, what := range []permission.Permission{
		readEntity, {Name: strings.Repeat("x", 1000)}, {Name: "x", Action: strings.Repeat("x", 1000)}, {Name: "x", ResourceType: strings.Repeat("x", 1000)},
	} {
		if d, err := p.Decide(t.Context(), who, what); err != nil || d.Result != permission.Deny {
			t.Fatalf("%.20s: got %+v, %v", what.Name, d, err)
		}
	}
	for _, a := range p.current().answers {
		if _, ok := a.decisions[readEntity]; len(a.decisions) != 1 || !ok {
			t.Errorf("%d decisions are remembered, want that about entities alone", len(a.decisions))
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	var csv strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&csv, "g, group:default/g%d, role:default/r%d\np, role:default/r%d, catalog-entity, read, allow\n", i, i, i)
	}
	table, err := ReadCSV("f", []byte(csv.String()))
	if err != nil {
		b.Fatal(err)
	}
	reader := catalogtest.New(entity("User", "u", "memberOf group:default/g5"))
	p := &Policy{Catalog: func() catalog.Reader { return reader }, Resources: known{}, Clock: time.Now}
	p.Use(Build(Parts{Table: table}), policy.State{})
	who := user("user:default/u", "group:default/g5", "group:default/g6")
	b.ReportAllocs()
	for b.Loop() {
		if d, err := p.Decide(b.Context(), who, readEntity); err != nil || d.Result != permission.Allow {
			b.Fatal(d, err)
		}
	}
}
