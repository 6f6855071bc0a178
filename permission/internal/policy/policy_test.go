package policy_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/permission/permissiontest"
)

// policyFunc is a policy in Go.
type policyFunc func(who identity.Principal, p permission.Permission) (permission.Decision, error)

func (f policyFunc) Decide(_ context.Context, who identity.Principal, p permission.Permission) (permission.Decision, error) {
	return f(who, p)
}

// notes collects audit events.
type notes struct {
	audit.Log
	mu   sync.Mutex
	list []audit.Event
}

func (n *notes) Note(_ context.Context, e audit.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, e)
}

func entity(kind, name string) catalog.Entity {
	return catalog.Entity{"kind": kind, "metadata": map[string]any{"name": name}, "spec": map[string]any{"owner": "user:default/bob"}}
}

func setup(t testing.TB) (*policy.Authorizer, *registry.Registry, *permissiontest.Entities, *notes, *time.Time) {
	t.Helper()
	g, n, now := &registry.Registry{}, &notes{}, time.Unix(1000, 0)
	e := permissiontest.NewEntities(entity("API", "a"), entity("System", "s"))
	if err := g.Define("catalog", e.Definition()); err != nil {
		t.Fatal(err)
	}
	return policy.New(g), g, e, n, &now
}

func as(t testing.TB, who identity.Principal) context.Context {
	t.Helper()
	return identity.NewContext(t.Context(), who)
}

var bob = identity.Principal{Kind: identity.User, Subject: "user:default/bob", Ownership: []string{"user:default/bob"}}

func TestAuthorize_ByKindOfPrincipal(t *testing.T) {
	t.Parallel()
	read, remove := permissiontest.Read, permissiontest.Delete
	restricted := func(a ...identity.Access) identity.Principal {
		return identity.Principal{Kind: identity.Service, Subject: "ci", Access: a}
	}
	for name, tc := range map[string]struct {
		who  identity.Principal
		what permission.Permission
		want permission.Result
	}{
		"anonymous":                    {identity.Principal{}, read, permission.Deny},
		"a user without policy":        {identity.Principal{Kind: identity.User}, remove, permission.Allow},
		"a service":                    {identity.Principal{Kind: identity.Service}, remove, permission.Allow},
		"a service for its action":     {restricted(identity.Access{Plugin: "catalog", Actions: []string{"read"}}), read, permission.Allow},
		"a service for another action": {restricted(identity.Access{Plugin: "catalog", Actions: []string{"read"}}), remove, permission.Deny},
		"a service by permission name": {restricted(identity.Access{Plugin: "catalog", Permissions: []string{"catalog.entity.delete"}}), remove, permission.Allow},
		"a service for another plugin": {restricted(identity.Access{Plugin: "search"}), read, permission.Deny},
		"a user by a caller that may":  {identity.Principal{Kind: identity.User, Via: "ci", Access: []identity.Access{{Plugin: "catalog", Actions: []string{"read"}}}}, read, permission.Allow},
		"a user by one that may not":   {identity.Principal{Kind: identity.User, Via: "ci", Access: []identity.Access{{Plugin: "catalog", Actions: []string{"read"}}}}, remove, permission.Deny},
		"a service with an empty list": {identity.Principal{Kind: identity.Service, Access: []identity.Access{}}, read, permission.Deny},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _, _, _, _ := setup(t)
			a.Use(policy.AllowAll("no policy"))
			got, err := a.Authorize(as(t, tc.who), permission.Request{Permission: tc.what})
			if err != nil || got.Result != tc.want || got.Reason == "" {
				t.Errorf("got %+v, %v, want %s with a reason", got, err, tc.want)
			}
		})
	}
}

func TestAuthorize_DeniesUsersBeforeThereIsAPolicy(t *testing.T) {
	t.Parallel()
	a, _, _, _, _ := setup(t)
	got, err := a.Authorize(as(t, bob), permission.Request{Permission: permissiontest.Create})
	if err != nil || got.Result != permission.Deny {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAuthorize_AppliesConditionsToTheResource(t *testing.T) {
	t.Parallel()
	a, g, _, _, _ := setup(t)
	a.Use(policy.Plain(policyFunc(func(identity.Principal, permission.Permission) (permission.Decision, error) {
		return permission.Decision{Result: permission.Conditional, Reason: "own APIs", Condition: &permission.Condition{AllOf: []permission.Condition{
			{Rule: "IS_ENTITY_KIND", Params: map[string]any{"kinds": []any{"api"}}},
			{Rule: "IS_ENTITY_OWNER", Params: map[string]any{"claims": "$ownerRefs"}},
		}}}, nil
	}), g))
	for ref, want := range map[string]permission.Result{
		"": permission.Conditional, "api:default/a": permission.Allow, "system:default/s": permission.Deny, "api:default/none": permission.Deny,
	} {
		d, err := a.Authorize(as(t, bob), permission.Request{Permission: permissiontest.Read, ResourceRef: ref})
		if err != nil || d.Result != want || (d.Condition != nil) != (ref == "") || d.Reason != "own APIs" {
			t.Errorf("%q: got %+v, %v, want %s", ref, d, err, want)
		}
	}
	for name, p := range map[string]permission.Permission{
		"what is not about a resource": permissiontest.Create,
		"things of an unknown type":    {Name: "x.read", ResourceType: "x"},
	} {
		d, err := a.Authorize(as(t, bob), permission.Request{Permission: p, ResourceRef: "api:default/a"})
		if err != nil || d.Result != permission.Deny {
			t.Errorf("%s: got %+v, %v, want a denial", name, d, err)
		}
	}
}

func TestAuthorizeAll_AppliesTheConditionOnce(t *testing.T) {
	t.Parallel()
	a, g, e, _, _ := setup(t)
	a.Use(policy.Plain(policyFunc(func(identity.Principal, permission.Permission) (permission.Decision, error) {
		return permission.Decision{Result: permission.Conditional, Condition: &permission.Condition{Rule: "IS_ENTITY_KIND", Params: map[string]any{"kinds": []any{"API"}}}}, nil
	}), g))
	refs := slices.Repeat([]string{"api:default/a", "system:default/s"}, 50)
	_, got, err := a.AuthorizeAll(as(t, bob), permissiontest.Read, refs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Repeat([]permission.Result{permission.Allow, permission.Deny}, 50), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if e.Calls() != 1 {
		t.Errorf("the condition was applied %d times", e.Calls())
	}
}

func TestDenials_AreNotedOncePerBurst(t *testing.T) {
	t.Parallel()
	a, g, _, n, now := setup(t)
	denials := policy.NewDenials(n, func() time.Time { return *now })
	a.Note(denials)
	a.Use(policy.Plain(policyFunc(func(identity.Principal, permission.Permission) (permission.Decision, error) {
		return permission.Decision{Result: permission.Deny, Reason: "because", Source: permission.Source{File: "p.yaml", Line: 3}}, nil
	}), g))
	ask := func(who identity.Principal, p permission.Permission, ref string) {
		t.Helper()
		if d, err := a.Authorize(as(t, who), permission.Request{Permission: p, ResourceRef: ref}); err != nil || d.Result != permission.Deny {
			t.Fatalf("got %+v, %v", d, err)
		}
	}
	for range 5 {
		ask(bob, permissiontest.Delete, "api:default/a")
	}
	ask(bob, permissiontest.Read, "")
	ask(identity.Principal{Kind: identity.Service, Subject: "ci", Access: []identity.Access{}}, permissiontest.Validate, "")
	ask(identity.Principal{}, permissiontest.Read, "") // nobody is nobody to note
	if _, _, err := a.AuthorizeAll(as(t, bob), permissiontest.Create, nil); err != nil {
		t.Fatal(err)
	}
	denials.Flush(t.Context(), false)
	*now = now.Add(11 * time.Second)
	denials.Flush(t.Context(), false)
	ask(bob, permissiontest.Delete, "api:default/a")

	type line struct {
		severity     audit.Severity
		subject      string
		target, what string
		count        any
	}
	var got []line
	for _, e := range n.list {
		if e.Plugin != "permission" || e.Name != "permission-denied" || e.Status != audit.Failed {
			t.Errorf("got %+v", e)
		}
		got = append(got, line{e.Severity, e.Actor.Subject, e.Target, e.Meta["permission"].(string), e.Meta["count"]})
	}
	want := []line{
		{audit.High, "", "api:default/a", "catalog.entity.delete", nil},
		{audit.Low, "", "", "catalog.entity.read", nil},
		{audit.Medium, "", "", "catalog.entity.validate", nil},
		{audit.Low, "", "", "catalog.entity.create", nil}, // only a question
		{audit.High, "user:default/bob", "api:default/a", "catalog.entity.delete", 4},
		{audit.High, "", "api:default/a", "catalog.entity.delete", nil},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n.list[0].Reason != "because" || n.list[0].Meta["statement"] != "p.yaml:3" {
		t.Errorf("the reason is missing: %+v", n.list[0])
	}
}

func TestDenials_OfMadeUpPermissionsDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	a, g, _, n, now := setup(t)
	denials := policy.NewDenials(n, func() time.Time { return *now })
	a.Note(denials)
	a.Use(policy.Plain(policyFunc(func(identity.Principal, permission.Permission) (permission.Decision, error) {
		return permission.Decision{Result: permission.Deny}, nil
	}), g))
	for i := range 50 {
		p := permission.Permission{Name: "made.up." + strings.Repeat("x", i*100)}
		if _, _, err := a.AuthorizeAll(as(t, bob), p, []string{"api:default/" + strings.Repeat("x", i*100)}); err != nil {
			t.Fatal(err)
		}
	}
	*now = now.Add(11 * time.Second)
	denials.Flush(t.Context(), false)
	if len(n.list) != 2 || n.list[1].Meta["count"] != 49 {
		t.Fatalf("%d events, the last one %+v; want the first and one for the others", len(n.list), n.list[len(n.list)-1])
	}
}
