package service_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/catalogtest"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/service"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/store"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/permission/permissiontest"
)

// replica is one of several portals over a database.
type replica struct {
	*service.Service
	t     *testing.T
	notes *notes
	now   time.Time
}

// notes is an audit log that keeps what it hears. A failing one carries no
// event.
type notes struct {
	audit.Log
	mu     sync.Mutex
	events []audit.Event
	fail   error
}

func (n *notes) Note(_ context.Context, e audit.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, e)
}

func (n *notes) Begin(ctx context.Context, e audit.Event) (context.Context, func(error) error) {
	n.Note(ctx, e)
	return ctx, func(err error) error { return errors.Join(err, n.fail) }
}

func open(t *testing.T, d *db.DB, dir string) *replica {
	t.Helper()
	known := &registry.Registry{}
	if err := known.Define("catalog", permissiontest.NewEntities().Definition()); err != nil {
		t.Fatal(err)
	}
	r := &replica{t: t, notes: &notes{}, now: time.Now()}
	clock := func() time.Time { return r.now }
	reader := catalogtest.New()
	p := &rbac.Policy{Catalog: func() catalog.Reader { return reader }, Resources: known, Clock: clock}
	authorizer := policy.New(known)
	authorizer.Use(p)
	r.Service = service.New(service.Deps{
		Store: store.New(d), Policy: p, Registry: known, Authorizer: authorizer, Audit: r.notes,
		Clock: clock, Logger: slog.New(slog.DiscardHandler), Dir: dir,
	})
	return r
}

// as is a context of a user.
func as(t *testing.T, name string) context.Context {
	t.Helper()
	ref := "user:default/" + name
	return identity.NewContext(t.Context(), identity.Principal{Kind: identity.User, Subject: ref, Ownership: []string{ref}})
}

func (r *replica) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.Dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *replica) configure(settings rbac.Settings) {
	r.t.Helper()
	settings.Admin.SuperUsers = []rbac.Named{{Name: "user:default/super"}}
	if err := r.Configure(r.t.Context(), &settings); err != nil {
		r.t.Fatal(err)
	}
}

// may asks whether tom may read entities.
func (r *replica) may() permission.Result {
	r.t.Helper()
	d, err := r.Policy.Decide(r.t.Context(), identity.Principal{Kind: identity.User, Subject: "user:default/tom"}, permissiontest.Read)
	if err != nil {
		r.t.Fatal(err)
	}
	return d.Result
}

const (
	allows = "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, allow\n"
	denies = "g, user:default/tom, role:default/a\np, role:default/a, catalog-entity, read, deny\n"
	mine   = "result: CONDITIONAL\nroleEntityRef: role:default/a\npluginId: catalog\nresourceType: catalog-entity\npermissionMapping: [read]\nconditions: {rule: IS_ENTITY_KIND, resourceType: catalog-entity, params: {kinds: [API]}}\n"
)

func TestCheckFiles_FollowsChangesAndKeepsTheLastGoodOnes(t *testing.T) {
	t.Parallel()
	r := open(t, dbtest.SQLite(t), t.TempDir())
	r.write("roles.csv", allows)
	r.write("conditions.yaml", "")
	r.configure(rbac.Settings{CSVFile: "roles.csv", ConditionsFile: "conditions.yaml", Reload: true})
	check := func(what string, want permission.Result, problem string) {
		t.Helper()
		r.CheckFiles(t.Context())
		if got := r.may(); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
		p := r.Policy.State().Problem
		switch {
		case problem == "" && p != nil:
			t.Errorf("%s: a problem: %+v", what, p)
		case problem != "" && (p == nil || !strings.Contains(p.Message, problem)):
			t.Errorf("%s: the problem is %+v, want %q", what, p, problem)
		}
	}
	check("at first", permission.Allow, "")
	r.write("roles.csv", denies) // of the same length and perhaps the same time
	check("a changed line", permission.Deny, "")
	r.write("conditions.yaml", mine)
	check("a condition", permission.Conditional, "")
	r.write("conditions.yaml", mine+"---\nresult: [")
	check("a broken document", permission.Conditional, "conditions.yaml:9")
	if p := r.Policy.State().Problem; p == nil || p.File != "conditions.yaml" || p.Line != 9 {
		t.Errorf("the place of the problem: %+v", p)
	}
	r.write("conditions.yaml", strings.Replace(mine, "IS_ENTITY_KIND", "IS_ENTITY_MAGIC", 1))
	check("an unknown rule", permission.Conditional, "conditions.yaml:1: the resource type catalog-entity has no rule IS_ENTITY_MAGIC")
	if err := os.Remove(filepath.Join(r.Dir, "conditions.yaml")); err != nil {
		t.Fatal(err)
	}
	check("no file", permission.Conditional, "permission.rbac.conditionalPoliciesFile: read conditions.yaml: no such file or directory")
	check("still no file", permission.Conditional, "no such file")
	r.write("conditions.yaml", "---\n")
	r.write("roles.csv", allows+"p, broken\n")
	check("a skipped line", permission.Allow, "")
	want := []policy.Problem{{File: "roles.csv", Line: 3, Message: "a policy has 5 fields: p, role, permission or resource type, action, allow or deny; this line has 2"}}
	if diff := cmp.Diff(want, r.Policy.State().Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	r.write("roles.csv", "\x00")
	check("no text", permission.Allow, "the file is no text")
	var got []string
	for _, e := range r.notes.events {
		got = append(got, string(e.Status)+" "+e.Name)
	}
	if diff := cmp.Diff("succeeded policy-file-change, succeeded policy-file-change, failed policy-file-change, failed policy-file-change, failed policy-file-change, succeeded policy-file-change, failed policy-file-change", strings.Join(got, ", ")); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestCheckFiles_LeavesFilesAloneUnlessToldTo(t *testing.T) {
	t.Parallel()
	r := open(t, dbtest.SQLite(t), t.TempDir())
	r.write("roles.csv", allows)
	r.configure(rbac.Settings{CSVFile: "roles.csv"})
	r.write("roles.csv", denies)
	r.CheckFiles(t.Context())
	if got := r.may(); got != permission.Allow {
		t.Errorf("got %s", got)
	}
	r.configure(rbac.Settings{CSVFile: "roles.csv"})
	if got := r.may(); got != permission.Deny {
		t.Errorf("configured anew: %s", got)
	}
}

func TestConfigure_RefusesAndKeepsWhatIsInForce(t *testing.T) {
	t.Parallel()
	r := open(t, dbtest.SQLite(t), t.TempDir())
	r.write("roles.csv", allows)
	r.write("broken.yaml", "x: [")
	r.write("magic.yaml", strings.Replace(mine, "IS_ENTITY_KIND", "IS_ENTITY_MAGIC", 1))
	r.write("param.yaml", strings.Replace(mine, "kinds", "kind", 1))
	r.configure(rbac.Settings{CSVFile: "roles.csv"})
	zero, below := 0, -1
	broken := func(change func(*rbac.Settings)) rbac.Settings {
		s := rbac.Settings{CSVFile: "roles.csv"}
		change(&s)
		return s
	}
	for want, s := range map[string]rbac.Settings{
		"permission.rbac.policies-csv-file: read none.csv: no such file or directory": {CSVFile: "none.csv"},
		"permission.rbac.policies-csv-file: read .: it is a folder":                   {CSVFile: "."},
		"broken.yaml:2": {ConditionsFile: "broken.yaml"},
		"magic.yaml:1: the resource type catalog-entity has no rule IS_ENTITY_MAGIC":                                   {ConditionsFile: "magic.yaml"},
		`param.yaml:1: the rule IS_ENTITY_KIND has no parameter "kind"; did you mean kinds?`:                           {ConditionsFile: "param.yaml"},
		"permission.rbac.maxDepth: must be 0 or more, got -1":                                                          {MaxDepth: &below},
		`permission.rbac.policyDecisionPrecedence: must be conditional or basic, got "first"`:                          {Precedence: "first"},
		"permission.rbac.pluginsWithPermission[1]: must not be empty":                                                  {Plugins: []string{"catalog", " "}},
		"permission.rbac.admin.users[0].name: Entity reference \"bob\" had missing or empty kind":                      broken(func(s *rbac.Settings) { s.Admin.Users = []rbac.Named{{Name: "bob"}} }),
		"permission.rbac.admin.superUsers[0].name: Unsupported kind role. List supported values [\"user\", \"group\"]": broken(func(s *rbac.Settings) { s.Admin.SuperUsers = []rbac.Named{{Name: "role:default/a"}} }),
		"permission.rbac.validation.conditionalPolicies.maxConditionDepth: must be 1 or more, got 0":                   broken(func(s *rbac.Settings) { s.Validation.Conditions.Depth = &zero }),
	} {
		err := r.Configure(t.Context(), &s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
			continue
		}
		if strings.Contains(err.Error(), r.Dir) {
			t.Errorf("the message names a folder of the machine: %v", err)
		}
		if got := r.may(); got != permission.Allow || !r.Active() {
			t.Errorf("%s: afterwards %s", want, got)
		}
	}
	if err := r.Configure(t.Context(), nil); err != nil || r.Active() {
		t.Errorf("ended: %v", err)
	}
}

func TestReplicas_FollowEachOther(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		one, other := open(t, d, t.TempDir()), open(t, d, t.TempDir())
		one.configure(rbac.Settings{})
		other.configure(rbac.Settings{})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := other.Run(ctx, catalogtest.New()); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		defer running.Wait()
		defer cancel()
		super := as(t, "super")
		if err := one.AddRole(super, service.RoleInput{Name: "role:default/a", Members: []string{"user:default/tom"}}); err != nil {
			t.Fatal(err)
		}
		if err := one.AddPolicies(super, []service.GrantInput{{Role: "role:default/a", Permission: "catalog-entity", Action: "read", Effect: "allow"}}); err != nil {
			t.Fatal(err)
		}
		if got := one.may(); got != permission.Allow {
			t.Errorf("the replica that was asked: %s", got)
		}
		for other.may() != permission.Allow {
			select {
			case <-t.Context().Done():
				t.Fatal("another replica never hears of it")
			case <-time.After(time.Millisecond):
			}
		}
		// One that starts later reads what there is.
		late := open(t, d, t.TempDir())
		late.configure(rbac.Settings{})
		if got := late.may(); got != permission.Allow {
			t.Errorf("a replica that starts later: %s", got)
		}
		decision, err := late.Policy.Decide(t.Context(), identity.Principal{Kind: identity.User, Subject: "user:default/tom"}, permissiontest.Read)
		if diff := cmp.Diff(permission.Source{File: "the database", Statement: "p, role:default/a, catalog-entity, read, allow"}, decision.Source); err != nil || diff != "" {
			t.Errorf("source (%v, -want +got):\n%s", err, diff)
		}
	})
}

func TestChanges_AreMadeOnceWhoeverElseChanges(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		replicas := []*replica{open(t, d, t.TempDir()), open(t, d, t.TempDir())}
		for _, r := range replicas {
			r.configure(rbac.Settings{})
		}
		super := as(t, "super")
		var wg sync.WaitGroup
		results := make(chan error, 20)
		for i := range 20 {
			wg.Go(func() {
				results <- replicas[i%2].AddRole(super, service.RoleInput{Name: "role:default/a", Members: []string{"user:default/tom"}})
			})
		}
		wg.Wait()
		close(results)
		made := 0
		for err := range results {
			switch {
			case err == nil:
				made++
			case !fault.Is(err, fault.Conflict):
				t.Errorf("got %v, want a conflict", err)
			}
		}
		if made != 1 {
			t.Errorf("made %d times", made)
		}
	})
}

func TestConditions_HaveIdsThatAreNeverUsedAgain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		r := open(t, d, t.TempDir())
		r.configure(rbac.Settings{})
		super := as(t, "super")
		if err := r.AddRole(super, service.RoleInput{Name: "role:default/a", Members: []string{"user:default/tom"}}); err != nil {
			t.Fatal(err)
		}
		body := map[string]any{
			"result": "CONDITIONAL", "roleEntityRef": "role:default/a", "pluginId": "catalog", "resourceType": "catalog-entity",
			"permissionMapping": []any{map[string]any{"name": "catalog.entity.read", "action": "read"}},
			"conditions":        map[string]any{"not": map[string]any{"rule": "HAS_LABEL", "resourceType": "catalog-entity", "params": map[string]any{"label": "a\x00<&>\u2028"}}},
		}
		for want := int64(1); want <= 2; want++ {
			id, err := r.AddCondition(super, body)
			if err != nil || id != want {
				t.Fatalf("id %d, %v, want %d", id, err, want)
			}
			c, err := r.Condition(super, id)
			if err != nil || c == nil || c.Condition.Not == nil || c.Condition.Not.Params["label"] != "a\x00<&>\u2028" {
				t.Errorf("read back: %+v, %v", c, err)
			}
			if got := r.may(); got != permission.Conditional {
				t.Errorf("with the condition: %s", got)
			}
			if err := r.DeleteCondition(super, id); err != nil {
				t.Fatal(err)
			}
			if got := r.may(); got != permission.Deny {
				t.Errorf("without: %s", got)
			}
		}
	})
}

// riding is an audit log whose events ride in the transaction of the change.
type riding struct {
	notes
	db   *db.DB
	rode func() bool
}

func (r *riding) Begin(ctx context.Context, _ audit.Event) (context.Context, func(error) error) {
	ctx, r.rode = r.db.Along(ctx, func(context.Context, *db.Tx) error { return r.fail })
	return ctx, func(err error) error { return err }
}

func TestChanges_CommitWithTheAuditEventOrNotAtAll(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		r := open(t, d, t.TempDir())
		log := &riding{db: d, notes: notes{fail: errors.New("the log is full")}}
		r.Audit = log
		r.configure(rbac.Settings{})
		add := func() error {
			return r.AddRole(as(t, "super"), service.RoleInput{Name: "role:default/a", Members: []string{"user:default/tom"}})
		}
		if err := add(); !errors.Is(err, log.fail) || r.Policy.Model().Role("role:default/a") != nil {
			t.Errorf("with an event that cannot be kept: %v", err)
		}
		if err := r.Reload(t.Context()); err != nil || r.Policy.Model().Role("role:default/a") != nil {
			t.Errorf("it was stored: %v", err)
		}
		log.fail = nil
		if err := add(); err != nil || !log.rode() || r.Policy.Model().Role("role:default/a") == nil {
			t.Errorf("with an event: %v", err)
		}
	})
}

func TestChanges_CarryTheAuditEvent(t *testing.T) {
	t.Parallel()
	r := open(t, dbtest.SQLite(t), t.TempDir())
	r.configure(rbac.Settings{})
	r.notes.fail = errors.New("the log is full")
	err := r.AddRole(as(t, "super"), service.RoleInput{Name: "role:default/a", Members: []string{"user:default/tom"}})
	if !errors.Is(err, r.notes.fail) {
		t.Errorf("a change whose event cannot be kept: %v", err)
	}
	e := r.notes.events[0]
	if e.Plugin != "permission" || e.Name != "role-write" || e.Target != "role:default/a" || e.Severity != audit.High {
		t.Errorf("event: %+v", e)
	}
	if diff := cmp.Diff(map[string]any{"actionType": "create", "source": "rest", "roleEntityRef": "role:default/a", "members": []string{"user:default/tom"}}, e.Meta); diff != "" {
		t.Errorf("meta (-want +got):\n%s", diff)
	}
}
