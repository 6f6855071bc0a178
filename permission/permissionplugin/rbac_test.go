package permissionplugin_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog/catalogtest"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/permissionplugin"
	"github.com/stagedoor/stagedoor/permission/permissiontest"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

const (
	rolesCSV = "g, group:default/staff, role:default/staff\np, role:default/staff, catalog.entity.create, create, allow\np, broken\n"
	rolesIf  = "result: CONDITIONAL\nroleEntityRef: role:default/staff\npluginId: catalog\nresourceType: catalog-entity\npermissionMapping: [read]\nconditions: {rule: IS_ENTITY_KIND, resourceType: catalog-entity, params: {kinds: [API]}}\n"
)

// newRoles is a portal whose user sue is a member of group:default/staff.
func newRoles(t *testing.T, d *db.DB, dir string, config map[string]any) (*portal, *catalogtest.Catalog) {
	t.Helper()
	p := permissionplugin.New(permissionplugin.Deps{Directory: func() identity.Directory { return groups }, Dir: dir, DB: d})
	p.For("catalog", nowhere{}).Define(permissiontest.NewEntities(things...).Definition())
	tokens := &plugintest.Tokens{}
	for _, name := range []string{"ann", "sue", "bob"} {
		ref := "user:default/" + name
		tokens.Set(name, identity.Principal{Kind: identity.User, Subject: ref, Ownership: []string{ref}})
	}
	sue := thing("User", "sue")
	sue["relations"] = []any{map[string]any{"type": "memberOf", "targetRef": "group:default/staff"}}
	entities := catalogtest.New(append(things[:len(things):len(things)], sue)...)
	h := plugintest.New(t, p, plugintest.Options{Config: map[string]any{"permission": config}, Tokens: tokens, Reader: entities})
	return &portal{h, p}, entities
}

func rolesConfig(more ...string) map[string]any {
	rbac := map[string]any{
		"policies-csv-file": "roles.csv", "conditionalPoliciesFile": "if.yaml", "policyFileReload": true,
		"admin": map[string]any{"users": []any{map[string]any{"name": "user:default/ann"}}},
	}
	config := map[string]any{"enabled": true, "rbac": rbac}
	for i := 0; i < len(more); i += 2 {
		config[more[i]] = more[i+1]
	}
	return config
}

func TestRoles_DecideWhenConfigured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "roles.csv"), rolesCSV)
	write(t, filepath.Join(dir, "if.yaml"), rolesIf)
	p, entities := newRoles(t, dbtest.SQLite(t), dir, rolesConfig())
	if err := p.permission.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Run()
	decide := func(name string, what permission.Permission, want permission.Result) {
		t.Helper()
		if got := p.decide(t, name, what); got != want {
			t.Errorf("%s, %s: %s, want %s", name, what.Name, got, want)
		}
	}
	decide("sue", permissiontest.Create, permission.Allow)
	decide("sue", permissiontest.Read, permission.Conditional)
	decide("bob", permissiontest.Read, permission.Deny)
	decide("ann", permissiontest.Read, permission.Allow)

	var listed []struct{ Name string }
	p.Decode("GET", "/api/permission/roles", "ann", nil, http.StatusOK, &listed)
	if diff := cmp.Diff([]struct{ Name string }{{"role:default/rbac_admin"}, {"role:default/staff"}}, listed); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	var inForce struct {
		Files      []string
		Statements []struct{ Text string }
		Skipped    []struct {
			File string
			Line int
		}
	}
	p.Decode("GET", "/api/permission/policy", "ann", nil, http.StatusOK, &inForce)
	if diff := cmp.Diff([]string{"roles.csv", "if.yaml"}, inForce.Files); diff != "" || len(inForce.Skipped) != 1 || inForce.Skipped[0].Line != 3 {
		t.Errorf("in force: %+v", inForce)
	}
	var explained struct {
		Result     string
		Source     permission.Source
		Statements []struct{ Decided bool }
	}
	p.Decode("POST", "/api/permission/explain", "ann", map[string]any{"user": "user:default/sue", "permission": "catalog.entity.create"}, http.StatusOK, &explained)
	if diff := cmp.Diff(permission.Source{File: "roles.csv", Line: 2, Statement: "p, role:default/staff, catalog.entity.create, create, allow"}, explained.Source); explained.Result != "ALLOW" || diff != "" {
		t.Errorf("explained: %+v", explained)
	}

	// The files are followed while the portal runs.
	write(t, filepath.Join(dir, "roles.csv"), strings.Replace(rolesCSV, "create, allow", "create, deny", 1))
	become := func(name string, what permission.Permission, want permission.Result) {
		t.Helper()
		for start := time.Now(); p.decide(t, name, what) != want; {
			if time.Since(start) > 20*time.Second {
				t.Fatalf("%s, %s never becomes %s", name, what.Name, want)
			}
			time.Sleep(5 * time.Millisecond) // files and actors have their own time
		}
	}
	become("sue", permissiontest.Create, permission.Deny)

	// And the groups of the catalog.
	bob := thing("User", "bob")
	bob["relations"] = []any{map[string]any{"type": "memberOf", "targetRef": "group:default/staff"}}
	entities.Put(bob)
	become("bob", permissiontest.Read, permission.Conditional)
	entities.Put(thing("User", "bob"))
	become("bob", permissiontest.Read, permission.Deny)

	// So is the configuration; what is wrong leaves the roles alone.
	p.Config.Replace(map[string]any{"permission": rolesConfig("policy", "other.yaml")})
	decide("ann", permissiontest.Read, permission.Allow)
	decide("bob", permissiontest.Read, permission.Deny)
	p.Config.Replace(map[string]any{"permission": map[string]any{"enabled": false}})
	decide("bob", permissiontest.Read, permission.Allow)
	if w := p.Call("GET", "/api/permission/roles", "ann", nil); w.Code != http.StatusNotFound {
		t.Errorf("roles that are not in force: %d", w.Code)
	}
	p.Config.Replace(map[string]any{"permission": rolesConfig()})
	decide("bob", permissiontest.Read, permission.Deny)
}

func TestRoles_MadeThroughRESTDecideAtOnce(t *testing.T) {
	t.Parallel()
	p, _ := newRoles(t, dbtest.SQLite(t), t.TempDir(), map[string]any{"enabled": true, "rbac": map[string]any{
		"admin": map[string]any{"superUsers": []any{map[string]any{"name": "user:default/ann"}}},
	}})
	if err := p.permission.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, call := range [][2]string{
		{"roles", `{"name":"role:default/x","memberReferences":["user:default/bob"]}`},
		{"policies", `[{"entityReference":"role:default/x","permission":"catalog-entity","policy":"delete","effect":"allow"}]`},
		{"roles/conditions", `{"result":"CONDITIONAL","roleEntityRef":"role:default/x","pluginId":"permission","resourceType":"policy-entity","permissionMapping":[{"name":"policy.entity.read","action":"read"}],"conditions":{"rule":"IS_OWNER","resourceType":"policy-entity","params":{"owners":["$currentUser"]}}}`},
	} {
		p.Decode("POST", "/api/permission/"+call[0], "ann", json.RawMessage(call[1]), http.StatusCreated, nil)
	}
	if got := p.decide(t, "bob", permissiontest.Delete); got != permission.Allow {
		t.Errorf("got %s", got)
	}
	// The rule on roles is applied for those who ask about one.
	var answer struct{ Items []struct{ Result any } }
	ask := func() any {
		t.Helper()
		p.Decode("POST", "/api/permission/authorize", "bob", json.RawMessage(`{"items":[{"id":"1","permission":{"type":"resource","name":"policy.entity.read","attributes":{"action":"read"},"resourceType":"policy-entity"},"resourceRef":"role:default/x"}]}`), http.StatusOK, &answer)
		return answer.Items[0].Result
	}
	if got := ask(); got != "DENY" {
		t.Errorf("somebody else's role: %v", got)
	}
	p.Decode("PUT", "/api/permission/roles/role/default/x", "ann", json.RawMessage(`{"oldRole":{"memberReferences":["user:default/bob"]},"newRole":{"name":"role:default/x","memberReferences":["user:default/bob"],"metadata":{"owner":"user:default/bob"}}}`), http.StatusOK, nil)
	if got := ask(); got != "ALLOW" {
		t.Errorf("the own role: %v", got)
	}
}

func TestStart_RefusesRolesThatCannotBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "roles.csv"), rolesCSV)
	write(t, filepath.Join(dir, "if.yaml"), "result: CONDITIONAL\n")
	d := dbtest.SQLite(t)
	for want, tc := range map[string]struct {
		db     *db.DB
		config map[string]any
	}{
		"permission.policy and permission.rbac are both configured": {d, rolesConfig("policy", "x.yaml")},
		"permission.rbac needs a database":                          {nil, rolesConfig()},
		"if.yaml:1:1: 'roleEntityRef' must be specified":            {d, rolesConfig()},
	} {
		p, _ := newRoles(t, tc.db, dir, tc.config)
		err := p.permission.Start(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
