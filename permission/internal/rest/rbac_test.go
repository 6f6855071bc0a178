package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/catalog/catalogtest"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/service"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/store"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/permission/internal/rest"
	"github.com/stagedoor/stagedoor/permission/permissiontest"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

// heard is an audit log that keeps what it hears.
type heard struct {
	mu     sync.Mutex
	events []string
}

func (h *heard) add(e audit.Event, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	status := "succeeded"
	if err != nil {
		status = "failed"
	}
	h.events = append(h.events, fmt.Sprintf("%s %v %s %s %s", e.Name, e.Meta["actionType"], e.Target, e.Severity, status))
}

func (h *heard) Record(_ context.Context, e audit.Event) error { h.add(e, nil); return nil }
func (h *heard) Note(_ context.Context, e audit.Event)         { h.add(e, nil) }
func (h *heard) Begin(ctx context.Context, e audit.Event) (context.Context, func(error) error) {
	return ctx, func(err error) error { h.add(e, err); return err }
}

// roles is a portal with nothing but roles.
type roles struct {
	*plugintest.Host
	t       *testing.T
	service *service.Service
	policy  *rbac.Policy
	audit   *heard
	now     time.Time
}

// ID implements plugin.Plugin.
func (*roles) ID() string { return "permission" }

// Init implements plugin.Plugin.
func (*roles) Init(context.Context, *plugin.Host) error { return nil }

// plug is the plugin that is tested.
type plug struct {
	*roles
	db *db.DB
}

// Init implements plugin.Plugin.
func (p plug) Init(_ context.Context, h *plugin.Host) error {
	entities := permissiontest.NewEntities()
	known := &registry.Registry{}
	p.policy = &rbac.Policy{Catalog: h.Catalog.Reader, Resources: known, Clock: h.Clock}
	roles := rbac.Definition(func(ref string) (string, bool) {
		r := p.policy.Model().Role(ref)
		if r == nil {
			return "", false
		}
		return r.Owner, true
	})
	for id, d := range map[string]permission.Definition{"catalog": entities.Definition(), "permission": roles} {
		if err := known.Define(id, d); err != nil {
			return err
		}
	}
	authorizer := policy.New(known)
	authorizer.Use(p.policy)
	p.service = service.New(service.Deps{
		Store: store.New(p.db), Policy: p.policy, Registry: known, Authorizer: authorizer,
		Audit: p.audit, Clock: h.Clock, Logger: h.Logger, Dir: p.t.TempDir(),
	})
	(&rest.Roles{Service: p.service}).Register(h.HTTP)
	return nil
}

const csv = `# the file
g, user:default/lead, role:default/lead
p, role:default/lead, policy.entity.create, create, allow
g, group:default/team, role:default/filed
p, role:default/filed, catalog-entity, read, allow
g, user:default/reader, role:default/reader
p, role:default/reader, policy-entity, read, allow
g, user:default/maker, role:default/maker
p, role:default/maker, policy.entity.create, create, allow
g, user:default/blocked, role:default/blocked
p, role:default/blocked, policy.entity.create, create, allow
p, role:default/blocked, policy-entity, update, deny
`

const conditions = `result: CONDITIONAL
roleEntityRef: role:default/lead
pluginId: permission
resourceType: policy-entity
permissionMapping: [read, update, delete]
conditions:
  rule: IS_OWNER
  resourceType: policy-entity
  params: {owners: [$currentUser]}
`

// serve opens a portal of an administrator, a tenant and others. The tokens
// are their names.
func serve(t *testing.T, d *db.DB) *roles {
	t.Helper()
	p := &roles{t: t, audit: &heard{}, now: time.Date(2025, 3, 25, 17, 24, 17, 0, time.UTC)}
	tokens := &plugintest.Tokens{}
	for _, name := range []string{"admin", "lead", "reader", "nobody", "maker", "blocked"} {
		ref := "user:default/" + name
		tokens.Set(name, identity.Principal{Kind: identity.User, Subject: ref, Ownership: []string{ref}})
	}
	p.Host = plugintest.New(t, plug{p, d}, plugintest.Options{
		Tokens: tokens, Reader: catalogtest.New(), Document: rest.RolesOpenAPI(), Clock: func() time.Time { return p.now },
	})
	return p
}

// configure puts the files and the administrator into force.
func (p *roles) configure() {
	p.t.Helper()
	for name, text := range map[string]string{"roles.csv": csv, "conditions.yaml": conditions} {
		if err := os.WriteFile(filepath.Join(p.service.Dir, name), []byte(text), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	settings := &rbac.Settings{CSVFile: "roles.csv", ConditionsFile: "conditions.yaml", Reload: true, Plugins: []string{"catalog", "permission"}}
	settings.Admin.Users = []rbac.Named{{Name: "user:default/admin"}}
	if err := p.service.Configure(p.t.Context(), settings); err != nil {
		p.t.Fatal(err)
	}
}

// call sends a request and returns status and body; JSON is compacted, an
// error is its name and message.
func (p *roles) call(token, method, path, body string) (int, string) {
	p.t.Helper()
	var raw any
	if body != "" {
		raw = json.RawMessage(body)
	}
	w := p.Call(method, "/api/permission"+path, token, raw)
	var envelope struct {
		Error struct{ Name, Message string }
	}
	if json.Unmarshal(w.Body.Bytes(), &envelope) == nil && envelope.Error.Name != "" {
		return w.Code, envelope.Error.Name + ": " + envelope.Error.Message
	}
	return w.Code, strings.TrimSpace(w.Body.String())
}

// step is a request and its answer.
type step struct {
	token, method, path, body string
	status                    int
	want                      string
}

func (p *roles) steps(steps ...step) {
	p.t.Helper()
	for i, s := range steps {
		status, got := p.call(s.token, s.method, s.path, s.body)
		if status != s.status || got != s.want {
			p.t.Errorf("%d: %s %s %s %s\ngot  %d %s\nwant %d %s", i, s.token, s.method, s.path, s.body, status, got, s.status, s.want)
		}
	}
}

const (
	teamRole = `{"memberReferences":["user:default/Bob","group:default/team"],"name":"role:default/team","metadata":{"description":"The team","owner":"user:default/lead"}}`
	ofTeam   = "/roles/role/default/team"
	polTeam  = "/policies/role/default/team"
	when     = "Tue, 25 Mar 2025 17:24:17 GMT"
)

func teamJSON(members, description string) string {
	return `{"memberReferences":[` + members + `],"name":"role:default/team","metadata":{"source":"rest"` + description + `,"owner":"user:default/lead","author":"user:default/admin","modifiedBy":"user:default/admin","createdAt":"` + when + `","lastModified":"` + when + `"}}`
}

func TestRoles_AreMadeChangedAndRemoved(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		p := serve(t, d)
		p.configure()
		p.steps(
			step{"admin", "GET", "/", "", 200, `{"status":"Authorized"}`},
			step{"admin", "POST", "/roles", teamRole, 201, ""},
			step{"admin", "GET", ofTeam, "", 200, "[" + teamJSON(`"group:default/team","user:default/bob"`, `,"description":"The team"`) + "]"},
			step{"admin", "POST", "/roles", teamRole, 409, "ConflictError: "},
			step{"admin", "POST", "/roles", `{"memberReferences":["user:default/ann"],"name":"role:default/team"}`, 201, ""},
			step{"admin", "PUT", ofTeam, `{"oldRole":{"memberReferences":["user:default/ann"]},"newRole":{"memberReferences":["user:default/ann"],"name":"role:default/team"}}`, 204, ""},
			step{"admin", "PUT", ofTeam, `{"oldRole":{"memberReferences":["user:default/ANN"]},"newRole":{"memberReferences":["user:default/zoe"],"name":"role:default/team","metadata":{"description":""}}}`, 200, ""},
			step{"admin", "GET", ofTeam, "", 200, "[" + teamJSON(`"group:default/team","user:default/bob","user:default/zoe"`, "") + "]"},
			step{"admin", "DELETE", ofTeam + "?memberReferences=group:default/Team", "", 204, ""},
			step{"admin", "DELETE", ofTeam + "?memberReferences=group:default/team", "", 404, "NotFoundError: role member 'group:default/team' was not found"},

			step{"admin", "POST", "/policies", `[{"entityReference":"role:default/team","permission":"catalog-entity","policy":"read","effect":"allow"},{"entityReference":"role:default/team","permission":"policy-entity","policy":"create","effect":"deny"}]`, 201, ""},
			step{"admin", "GET", polTeam, "", 200, `[{"entityReference":"role:default/team","permission":"catalog-entity","policy":"read","effect":"allow","metadata":{"source":"rest"}},{"entityReference":"role:default/team","permission":"policy.entity.create","policy":"create","effect":"deny","metadata":{"source":"rest"}}]`},
			step{"admin", "GET", "/policies?entityRef=role:default/team&permission=catalog-entity&policy=read&effect=allow", "", 200, `[{"entityReference":"role:default/team","permission":"catalog-entity","policy":"read","effect":"allow","metadata":{"source":"rest"}}]`},
			step{"admin", "GET", "/policies?entityReference=role:default/team&effect=none", "", 200, `[]`},
			step{"admin", "PUT", polTeam, `{"oldPolicy":[{"permission":"catalog-entity","policy":"read","effect":"allow"}],"newPolicy":[{"permission":"catalog-entity","policy":"read","effect":"allow"}]}`, 204, ""},
			step{"admin", "PUT", polTeam, `{"oldPolicy":[{"permission":"catalog-entity","policy":"read","effect":"allow"}],"newPolicy":[{"permission":"catalog-entity","policy":"read","effect":"deny"},{"permission":"catalog-entity","policy":"delete","effect":"allow"}]}`, 200, ""},
			step{"admin", "DELETE", polTeam, `[{"permission":"policy-entity","policy":"create","effect":"deny"},{"permission":"catalog-entity","policy":"read","effect":"deny"}]`, 204, ""},
			step{"admin", "GET", polTeam, "", 200, `[{"entityReference":"role:default/team","permission":"catalog-entity","policy":"delete","effect":"allow","metadata":{"source":"rest"}}]`},
			step{"admin", "DELETE", polTeam + "?permission=catalog-entity&policy=delete&effect=allow", "", 204, ""},
			step{"admin", "GET", polTeam, "", 404, "NotFoundError: "},

			step{"admin", "POST", "/roles/conditions", conditionOf("role:default/team", `{"name":"catalog.entity.read","action":"read"}`), 201, `{"id":1}`},
			step{"admin", "GET", "/roles/conditions/1", "", 200, storedCondition(1, "role:default/team", `{"action":"read","name":"catalog.entity.read"}`)},
			step{"admin", "PUT", "/roles/conditions/1", conditionOf("role:default/team", `{"name":"catalog.entity.delete","action":"delete"}`), 200, ""},
			step{"admin", "GET", "/roles/conditions?pluginId=catalog", "", 200, "[" + storedCondition(1, "role:default/team", `{"action":"delete","name":"catalog.entity.delete"}`) + "]"},
			step{"admin", "GET", "/roles/conditions?resourceType=policy-entity&roleEntityRef=role:default/lead&actions=read,update", "", 200, filedCondition},
			step{"admin", "GET", "/roles/conditions?actions=create", "", 200, "[]"},

			// Under another name it keeps what it has.
			step{"admin", "PUT", ofTeam, `{"oldRole":{"memberReferences":["user:default/zoe"]},"newRole":{"memberReferences":["user:default/zoe"],"name":"role:default/crew"}}`, 200, ""},
			step{"admin", "GET", ofTeam, "", 404, "NotFoundError: "},
			step{"admin", "GET", "/roles/conditions/1", "", 200, storedCondition(1, "role:default/crew", `{"action":"delete","name":"catalog.entity.delete"}`)},
			step{"admin", "DELETE", "/roles/role/default/crew", "", 204, ""},
			step{"admin", "GET", "/roles/conditions/1", "", 404, "NotFoundError: "},
			step{"admin", "DELETE", "/roles/role/default/crew", "", 404, "NotFoundError: Role role:default/crew was not found"},
		)
		want := []string{
			"role-write create role:default/team high succeeded", "role-write create role:default/team high failed", "role-write create role:default/team high succeeded",
			"role-write update role:default/team high succeeded", "role-write delete role:default/team high succeeded", "role-write delete role:default/team high failed",
			"policy-write create role:default/team high succeeded", "policy-write update role:default/team high succeeded", "policy-write update role:default/team high succeeded",
			"policy-write delete role:default/team high succeeded", "policy-write delete role:default/team high succeeded",
			"condition-write create role:default/team high succeeded", "condition-write update role:default/team high succeeded",
			"role-write update role:default/team high succeeded", "role-write delete role:default/crew high succeeded", "role-write delete role:default/crew high failed",
		}
		if diff := cmp.Diff(want, p.audit.events); diff != "" {
			t.Errorf("audit (-want +got):\n%s", diff)
		}
	})
}

// conditionOf is a conditional policy as a client writes it.
func conditionOf(role, mapping string) string {
	return `{"result":"CONDITIONAL","roleEntityRef":"` + role + `","pluginId":"catalog","resourceType":"catalog-entity","permissionMapping":[` + mapping + `],"conditions":{"rule":"IS_ENTITY_OWNER","resourceType":"catalog-entity","params":{"claims":["$ownerRefs"]}}}`
}

func storedCondition(id int, role, mapping string) string {
	return fmt.Sprintf(`{"id":%d,%s`, id, strings.TrimPrefix(conditionOf(role, mapping), "{"))
}

const filedCondition = `[{"id":1099511627776,"result":"CONDITIONAL","roleEntityRef":"role:default/lead","pluginId":"permission","resourceType":"policy-entity","permissionMapping":["read","update","delete"],"conditions":{"rule":"IS_OWNER","resourceType":"policy-entity","params":{"owners":["$currentUser"]}}}]`

func TestRoles_RefuseInTheWordsOfTheCommunityPlugin(t *testing.T) {
	t.Parallel()
	p := serve(t, dbtest.SQLite(t))
	p.configure()
	p.steps(
		step{"admin", "POST", "/roles", teamRole, 201, ""},
		step{"admin", "POST", "/policies", `[{"entityReference":"role:default/team","permission":"catalog-entity","policy":"read","effect":"allow"},{"entityReference":"role:default/team","permission":"catalog-entity","policy":"update","effect":"allow"}]`, 201, ""},
		step{"admin", "POST", "/roles/conditions", conditionOf("role:default/team", `{"name":"catalog.entity.read","action":"read"}`), 201, `{"id":1}`},
		step{"admin", "POST", "/roles/conditions", conditionOf("role:default/team", `{"name":"catalog.entity.delete","action":"delete"}`), 201, `{"id":2}`},
	)
	invalid := func(message string) string { return "InputError: " + message }
	const old = `{"permission":"catalog-entity","policy":"read","effect":"allow"}`
	filed := "source does not match originating role role:default/filed, consider making changes to the 'CSV-FILE'"
	configured := "source does not match originating role role:default/rbac_admin, consider making changes to the 'CONFIGURATION'"
	p.steps(
		// roles
		step{"admin", "POST", "/roles", `{}`, 400, invalid("Invalid role definition. Cause: 'name' field must not be empty")},
		step{"admin", "POST", "/roles", `{"name":"role:default/test"}`, 400, invalid("Invalid role definition. Cause: 'memberReferences' field must not be empty")},
		step{"admin", "POST", "/roles", `{"name":"role:default/test","memberReferences":["user"]}`, 400, invalid(`Invalid role definition. Cause: Entity reference "user" had missing or empty kind (e.g. did not start with "component:" or similar)`)},
		step{"admin", "POST", "/roles", `{"name":"x:default/test","memberReferences":["user:default/a"]}`, 400, invalid(`Invalid role definition. Cause: Unsupported kind x. Supported value should be "role"`)},
		step{"admin", "POST", "/roles", `{"name":"role:default/test","memberReferences":["user:default/a"],"metadata":{"owner":"test:default/x"}}`, 400, invalid(`Invalid role definition. Cause: Unsupported kind test. List supported values ["user", "group"]`)},
		step{"admin", "POST", "/roles", `{"name":"role:default/test","memberReferences":["user:default/a","user:default/A"]}`, 409, "ConflictError: Duplicate role members found; user:default/a, role:default/test is a duplicate"},
		step{"admin", "POST", "/roles", `{"name":"role:default/filed","memberReferences":["user:default/a"]}`, 403, "NotAllowedError: Unable to add role: " + filed},
		step{"admin", "POST", "/roles", `{"name":"role:default/rbac_admin","memberReferences":["user:default/a"]}`, 403, "NotAllowedError: Unable to add role: " + configured},
		step{"admin", "GET", "/roles/test/default/rbac_admin", "", 400, invalid(`Unsupported kind test. Supported value should be "role"`)},
		step{"admin", "GET", "/roles/role/default/none", "", 404, "NotFoundError: "},
		step{"admin", "PUT", ofTeam, `{}`, 400, invalid("'oldRole' object must be present")},
		step{"admin", "PUT", ofTeam, `{"oldRole":{}}`, 400, invalid("'newRole' object must be present")},
		step{"admin", "PUT", ofTeam, `{"oldRole":{},"newRole":{}}`, 400, invalid("Invalid old role object. Cause: 'memberReferences' field must not be empty")},
		step{"admin", "PUT", ofTeam, `{"oldRole":{"memberReferences":["user:default/bob"]},"newRole":{}}`, 400, invalid("Invalid new role object. Cause: 'name' field must not be empty")},
		step{"admin", "PUT", ofTeam, update("user:default/bob", `"user:default/a"`, "role:default/"), 400, invalid(`Invalid new role object. Cause: Entity reference "role:default/" was not on the form [<kind>:][<namespace>/]<name>`)},
		step{"admin", "PUT", "/roles/x/default/team", update("user:default/bob", `"user:default/a"`, "role:default/team"), 400, invalid(`Unsupported kind x. Supported value should be "role"`)},
		step{"admin", "PUT", ofTeam, update("user:default/none", `"user:default/a"`, "role:default/team"), 404, "NotFoundError: Member reference: user:default/none was not found for role role:default/team"},
		step{"admin", "PUT", ofTeam, update("user:default/bob", `"group:default/team"`, "role:default/team"), 409, "ConflictError: "},
		step{"admin", "PUT", ofTeam, update("user:default/bob", `"user:default/a","user:default/a"`, "role:default/team"), 409, "ConflictError: Duplicate role members found; user:default/a, role:default/team is a duplicate"},
		step{"admin", "PUT", "/roles/role/default/none", update("user:default/bob", `"user:default/a"`, "role:default/none"), 404, "NotFoundError: Unable to find metadata for role:default/none"},
		step{"admin", "PUT", "/roles/role/default/filed", update("group:default/team", `"user:default/a"`, "role:default/filed"), 403, "NotAllowedError: Unable to edit role: " + filed},
		step{"admin", "PUT", ofTeam, update("user:default/bob", `"user:default/a"`, "role:default/filed"), 403, "NotAllowedError: Unable to edit role: " + filed},
		step{"admin", "DELETE", "/roles/role/default/filed", "", 403, "NotAllowedError: Unable to delete role: " + filed},
		step{"admin", "DELETE", "/roles/role/default/rbac_admin", "", 403, "NotAllowedError: Unable to delete role: " + configured},

		// policies
		step{"admin", "POST", "/policies", "", 400, invalid("permission policy must be present")},
		step{"admin", "POST", "/policies", `{"x":1}`, 400, invalid("permission policies must be an array of objects with texts")},
		step{"admin", "POST", "/policies", `[{}]`, 400, invalid("Invalid policy definition. Cause: 'entityReference' must not be empty")},
		step{"admin", "POST", "/policies", `[{"entityReference":"user"}]`, 400, invalid(`Invalid policy definition. Cause: Entity reference "user" had missing or empty kind (e.g. did not start with "component:" or similar)`)},
		step{"admin", "POST", "/policies", `[{"entityReference":"role:default/team"}]`, 400, invalid("Invalid policy definition. Cause: 'permission' field must not be empty")},
		step{"admin", "POST", "/policies", `[{"entityReference":"role:default/team","permission":"p"}]`, 400, invalid("Invalid policy definition. Cause: 'policy' field must not be empty")},
		step{"admin", "POST", "/policies", `[{"entityReference":"role:default/team","permission":"p","policy":"read"}]`, 400, invalid("Invalid policy definition. Cause: 'effect' field must not be empty")},
		step{"admin", "POST", "/policies", `[{"entityReference":"role:default/team","permission":"catalog-entity","policy":"read","effect":"allow"}]`, 409, "ConflictError: Policy '[role:default/team, catalog-entity, read, allow]' has been already stored"},
		step{"admin", "POST", "/policies", `[{"entityReference":"role:default/team","permission":"p","policy":"use","effect":"deny"},{"entityReference":"role:default/team","permission":"p","policy":"use","effect":"deny"}]`, 409, "ConflictError: Duplicate polices found; role:default/team, p, use, deny is a duplicate"},
		step{"admin", "POST", "/policies", `[{"entityReference":"role:default/filed","permission":"p","policy":"use","effect":"deny"}]`, 403, "NotAllowedError: Unable to add policy role:default/filed,p,use,deny: " + filed},
		step{"admin", "POST", "/policies", `[{"entityReference":"role:default/none","permission":"p","policy":"use","effect":"deny"}]`, 404, "NotFoundError: Role role:default/none was not found"},
		step{"admin", "PUT", polTeam, `[{}]`, 400, invalid("'oldPolicy' object must be present")},
		step{"admin", "PUT", polTeam, `{"oldPolicy":[{}]}`, 400, invalid("'newPolicy' object must be present")},
		step{"admin", "PUT", polTeam, `{"oldPolicy":[{}],"newPolicy":[{}]}`, 400, invalid("Invalid old policy definition. Cause: 'permission' field must not be empty")},
		step{"admin", "PUT", polTeam, `{"oldPolicy":[{"permission":"p","policy":"read","effect":"unknown"}],"newPolicy":[{}]}`, 400, invalid("Invalid old policy definition. Cause: 'effect' has invalid value: 'unknown'. It should be: 'allow' or 'deny'")},
		step{"admin", "PUT", polTeam, `{"oldPolicy":[` + old + `],"newPolicy":[{}]}`, 400, invalid("Invalid new policy definition. Cause: 'permission' field must not be empty")},
		step{"admin", "PUT", polTeam, `{"oldPolicy":[{"permission":"p","policy":"read","effect":"allow"}],"newPolicy":[` + old + `]}`, 404, "NotFoundError: Policy '[role:default/team, p, read, allow]' not found"},
		step{"admin", "PUT", polTeam, `{"oldPolicy":[` + old + `],"newPolicy":[{"permission":"catalog-entity","policy":"update","effect":"allow"}]}`, 409, "ConflictError: Policy '[role:default/team, catalog-entity, update, allow]' has been already stored"},
		step{"admin", "PUT", polTeam, `{"oldPolicy":[` + old + `,` + old + `],"newPolicy":[{},{}]}`, 409, "ConflictError: Duplicate polices found; role:default/team, catalog-entity, read, allow is a duplicate"},
		step{"admin", "PUT", polTeam, `{"oldPolicy":[` + old + `,{"permission":"catalog-entity","policy":"update","effect":"allow"}],"newPolicy":[{"permission":"q","policy":"use","effect":"allow"}]}`, 400, invalid("'oldPolicy' object has more permission policies compared to 'newPolicy' object")},
		step{"admin", "PUT", "/policies/role/default/filed", `{"oldPolicy":[` + old + `],"newPolicy":[{}]}`, 403, "NotAllowedError: Unable to edit policy role:default/filed,catalog-entity,read,allow: " + filed},
		step{"admin", "DELETE", polTeam, "", 400, invalid("permission policy must be present")},
		step{"admin", "DELETE", polTeam, `[{"permission":"p","policy":"read","effect":"allow"}]`, 404, "NotFoundError: Policy '[role:default/team, p, read, allow]' not found"},
		step{"admin", "DELETE", "/policies/role/default/filed", `[` + old + `]`, 403, "NotAllowedError: Unable to delete policy role:default/filed,catalog-entity,read,allow: " + filed},

		// conditional policies
		step{"admin", "GET", "/roles/conditions/non-number", "", 400, invalid("Id is not a valid number.")},
		step{"admin", "GET", "/roles/conditions/7", "", 404, "NotFoundError: "},
		step{"admin", "DELETE", "/roles/conditions/7", "", 404, "NotFoundError: Condition with id 7 was not found"},
		step{"admin", "PUT", "/roles/conditions/7", `{}`, 404, "NotFoundError: Condition with id 7 was not found"},
		step{"admin", "POST", "/roles/conditions", `{}`, 400, invalid("'roleEntityRef' must be specified in the role condition")},
		step{"admin", "POST", "/roles/conditions", conditionOf("role:default/team", `"read"`), 400, invalid(`'permissionMapping' must name permissions here, such as {"name": "catalog.entity.read", "action": "read"}, and not only the action 'read'; actions alone are for the file of conditional policies`)},
		step{"admin", "POST", "/roles/conditions", strings.Replace(conditionOf("role:default/team", `{"name":"a","action":"use"}`), "IS_ENTITY_OWNER", "IS_MAGIC", 1), 400, invalid("the resource type catalog-entity has no rule IS_MAGIC; it has HAS_ANNOTATION, HAS_LABEL, HAS_METADATA, HAS_SPEC, IS_ENTITY_KIND, IS_ENTITY_OWNER")},
		step{"admin", "POST", "/roles/conditions", conditionOf("role:default/team", `{"name":"catalog.entity.read","action":"read"}`), 409, "ConflictError: Cannot create condition: permission mapping overlaps with existing condition (id: 1) for resource type 'catalog-entity'. Overlapping entries: permission 'catalog.entity.read'."},
		step{"admin", "PUT", "/roles/conditions/1", conditionOf("role:default/team", `{"name":"catalog.entity.delete","action":"delete"}`), 409, "ConflictError: Cannot update condition 1: permission mapping overlaps with existing condition (id: 2) for resource type 'catalog-entity'. Overlapping entries: permission 'catalog.entity.delete'."},
		step{"admin", "POST", "/roles/conditions", conditionOf("role:default/filed", `{"name":"a","action":"use"}`), 403, "NotAllowedError: Unable to add condition: " + filed},
		step{"admin", "POST", "/roles/conditions", conditionOf("role:default/none", `{"name":"a","action":"use"}`), 404, "NotFoundError: Role role:default/none was not found"},
		step{"admin", "DELETE", "/roles/conditions/1099511627776", "", 403, "NotAllowedError: Unable to delete condition: source does not match originating role role:default/lead, consider making changes to the 'CSV-FILE'"},

		// plugins and providers
		step{"admin", "POST", "/plugins/id", `{}`, 400, invalid("'ids' must be specified in the permission dependent plugin")},
		step{"admin", "POST", "/plugins/id", `{"ids":"x"}`, 400, invalid("'ids' must be an array of string plugin ID values")},
		step{"admin", "POST", "/plugins/id", `{"ids":["jenkins"]}`, 201, `{"ids":["catalog","jenkins","permission"]}`},
		step{"admin", "POST", "/plugins/id", `{"ids":["jenkins"]}`, 409, `ConflictError: Plugin IDs ["jenkins"] already exist in the system. Please use a different set of plugin ids.`},
		step{"admin", "DELETE", "/plugins/id", `{"ids":["catalog"]}`, 403, `NotAllowedError: Plugin IDs ["catalog"] can be removed only with help of configuration.`},
		step{"admin", "DELETE", "/plugins/id", `{"ids":["none"]}`, 404, `NotFoundError: Plugin IDs ["none"] were not found.`},
		step{"admin", "GET", "/plugins/id", "", 200, `{"ids":["catalog","jenkins","permission"]}`},
		step{"admin", "DELETE", "/plugins/id", `{"ids":["jenkins"]}`, 200, `{"ids":["catalog","permission"]}`},
		step{"admin", "POST", "/refresh/x", "", 404, "NotFoundError: No RBAC providers were found"},
	)
}

// update is the body of an update of a role.
func update(before, after, name string) string {
	return `{"oldRole":{"memberReferences":["` + before + `"]},"newRole":{"memberReferences":[` + after + `],"name":"` + name + `"}}`
}

func TestRoles_AreForThoseWhoMay(t *testing.T) {
	t.Parallel()
	p := serve(t, dbtest.SQLite(t))
	if status, body := p.call("admin", "GET", "/roles", ""); status != 404 || !strings.Contains(body, "no roles are in force") {
		t.Errorf("roles that are not in force: %d %s", status, body)
	}
	p.configure()
	p.steps(step{"admin", "POST", "/roles", `{"name":"role:default/other","memberReferences":["user:default/x"]}`, 201, ""})
	changes := [][3]string{
		{"POST", "/roles", teamRole},
		{"PUT", "/roles/role/default/other", update("user:default/x", `"user:default/y"`, "role:default/other")},
		{"DELETE", "/roles/role/default/other", ""},
		{"POST", "/policies", `[{}]`},
		{"PUT", "/policies/role/default/other", `{}`},
		{"DELETE", "/policies/role/default/other", `[{}]`},
		{"POST", "/roles/conditions", `{}`},
		{"PUT", "/roles/conditions/1", `{}`},
		{"DELETE", "/roles/conditions/1", ""},
		{"POST", "/plugins/id", `{"ids":["x"]}`},
		{"DELETE", "/plugins/id", `{"ids":["x"]}`},
		{"POST", "/refresh/x", ""},
	}
	reads := []string{"/", "/roles", "/roles/role/default/other", "/policies", "/policies/role/default/other", "/roles/conditions", "/roles/conditions/1", "/plugins/policies", "/plugins/condition-rules", "/plugins/id"}
	for _, c := range changes {
		for _, who := range []string{"nobody", "reader"} {
			p.steps(step{who, c[0], c[1], c[2], 403, "NotAllowedError: "})
		}
		p.steps(step{"service", c[0], c[1], c[2], 403, "NotAllowedError: Only creadential principal with type 'user' permitted to modify permissions"})
		if status, _ := p.call("", c[0], c[1], c[2]); status != 401 {
			t.Errorf("%s %s without credentials: %d", c[0], c[1], status)
		}
	}
	for _, path := range reads {
		p.steps(step{"nobody", "GET", path, "", 403, "NotAllowedError: "})
		if status, _ := p.call("", "GET", path, ""); status != 401 {
			t.Errorf("GET %s without credentials: %d", path, status)
		}
	}
	for _, path := range []string{"/roles", "/policies", "/roles/conditions", "/plugins/id"} {
		for _, who := range []string{"reader", "service"} {
			if status, body := p.call(who, "GET", path, ""); status != 200 {
				t.Errorf("%s: GET %s: %d %s", who, path, status, body)
			}
		}
	}
}

func TestRoles_OfOthersAreOutOfReachOfATenant(t *testing.T) {
	t.Parallel()
	p := serve(t, dbtest.SQLite(t))
	p.configure()
	const others = `{"name":"role:default/others","memberReferences":["user:default/x"]}`
	const policyOf = `[{"entityReference":"role:default/others","permission":"p","policy":"use","effect":"allow"}]`
	condition := conditionOf("role:default/others", `{"name":"catalog.entity.read","action":"read"}`)
	denied := "NotAllowedError: "
	p.steps(
		step{"admin", "POST", "/roles", others, 201, ""},
		step{"admin", "POST", "/policies", policyOf, 201, ""},
		step{"admin", "POST", "/roles/conditions", condition, 201, `{"id":1}`},
		step{"lead", "GET", "/roles", "", 200, "[]"},
		step{"lead", "GET", "/policies", "", 200, "[]"},
		step{"lead", "GET", "/roles/conditions", "", 200, "[]"},
		step{"lead", "GET", "/roles/role/default/others", "", 404, "NotFoundError: "},
		step{"lead", "GET", "/policies/role/default/others", "", 404, "NotFoundError: "},
		step{"lead", "GET", "/roles/conditions/1", "", 200, "[]"},
		step{"lead", "PUT", "/roles/role/default/others", update("user:default/x", `"user:default/lead"`, "role:default/others"), 403, denied},
		step{"lead", "DELETE", "/roles/role/default/others", "", 403, denied},
		step{"lead", "PUT", "/policies/role/default/others", `{"oldPolicy":[{"permission":"p","policy":"use","effect":"allow"}],"newPolicy":[{"permission":"q","policy":"use","effect":"allow"}]}`, 403, denied},
		step{"lead", "DELETE", "/policies/role/default/others", `[{"permission":"p","policy":"use","effect":"allow"}]`, 403, denied},
		step{"lead", "PUT", "/roles/conditions/1", condition, 403, denied},
		step{"lead", "DELETE", "/roles/conditions/1", "", 403, denied},
		// Nor may it add to them by creating.
		step{"lead", "POST", "/roles", `{"name":"role:default/others","memberReferences":["user:default/lead"]}`, 403, denied},
		step{"lead", "POST", "/policies", strings.ReplaceAll(policyOf, `"p"`, `"q"`), 403, denied},
		step{"lead", "POST", "/roles/conditions", conditionOf("role:default/others", `{"name":"q","action":"use"}`), 403, denied},
		// The permission to create is enough where nothing is said of updates.
		step{"blocked", "POST", "/roles", `{"name":"role:default/others","memberReferences":["user:default/blocked"]}`, 403, denied},
		step{"maker", "POST", "/roles", `{"name":"role:default/others","memberReferences":["user:default/maker"]}`, 201, ""},
		// Its own roles are within reach.
		step{"lead", "POST", "/roles", teamRole, 201, ""},
		step{"lead", "POST", "/policies", strings.ReplaceAll(policyOf, "others", "team"), 201, ""},
		step{"lead", "GET", polTeam, "", 200, `[{"entityReference":"role:default/team","permission":"p","policy":"use","effect":"allow","metadata":{"source":"rest"}}]`},
		step{"lead", "PUT", ofTeam, update("user:default/bob", `"user:default/a"`, "role:default/others"), 409, "ConflictError: Role role:default/others already exists"},
		step{"lead", "POST", "/roles/conditions", conditionOf("role:default/team", `{"name":"catalog.entity.read","action":"read"}`), 201, `{"id":2}`},
		step{"lead", "PUT", "/roles/conditions/2", condition, 403, denied},
		step{"lead", "DELETE", "/roles/conditions/2", "", 204, ""},
		step{"lead", "DELETE", ofTeam, "", 204, ""},
	)
}

func TestRoles_TellWhatPluginsOffer(t *testing.T) {
	t.Parallel()
	p := serve(t, dbtest.SQLite(t))
	p.configure()
	var policies []struct {
		PluginID string
		Policies []map[string]string
	}
	p.Decode("GET", "/api/permission/plugins/policies", "admin", nil, http.StatusOK, &policies)
	got := map[string][]map[string]string{}
	for _, item := range policies {
		got[item.PluginID] = item.Policies
	}
	want := []map[string]string{
		{"name": "policy.entity.read", "policy": "read", "resourceType": "policy-entity"},
		{"name": "policy.entity.create", "policy": "create"},
		{"name": "policy.entity.delete", "policy": "delete", "resourceType": "policy-entity"},
		{"name": "policy.entity.update", "policy": "update", "resourceType": "policy-entity"},
	}
	if diff := cmp.Diff(want, got["permission"]); diff != "" {
		t.Errorf("permissions on roles (-want +got):\n%s", diff)
	}
	if !strings.Contains(fmt.Sprint(got["catalog"]), "map[name:catalog.entity.validate policy:use]") {
		t.Errorf("a permission without action: %v", got["catalog"])
	}
	var rules []struct {
		PluginID string
		Rules    []map[string]any
	}
	p.Decode("GET", "/api/permission/plugins/condition-rules", "admin", nil, http.StatusOK, &rules)
	for _, item := range rules {
		if item.PluginID == "permission" {
			if diff := cmp.Diff("IS_OWNER", item.Rules[0]["name"]); diff != "" || item.Rules[0]["paramsSchema"] == nil {
				t.Errorf("rules: %v", item.Rules)
			}
			return
		}
	}
	t.Errorf("no rules on roles: %v", rules)
}
