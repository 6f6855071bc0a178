package rest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/service"
	"github.com/stagedoor/stagedoor/plugin"
)

// Roles speaks the protocol of the community plugin for roles below
// /api/permission. While no roles are in force its routes answer not_found.
type Roles struct{ Service *service.Service }

// Register adds the routes. rbac.openapi.yaml describes them.
func (h *Roles) Register(r plugin.Router) {
	handlers := map[string]httpx.Handler{
		"GET /": h.authorized,

		"GET /roles":                              h.listRoles,
		"POST /roles":                             h.addRole,
		"GET /roles/{kind}/{namespace}/{name}":    h.getRole,
		"PUT /roles/{kind}/{namespace}/{name}":    h.updateRole,
		"DELETE /roles/{kind}/{namespace}/{name}": h.deleteRole,

		"GET /policies":  h.listPolicies,
		"POST /policies": h.addPolicies,
		"GET /policies/{kind}/{namespace}/{name}":    h.policiesOf,
		"PUT /policies/{kind}/{namespace}/{name}":    h.updatePolicies,
		"DELETE /policies/{kind}/{namespace}/{name}": h.deletePolicies,

		"GET /roles/conditions":         h.listConditions,
		"POST /roles/conditions":        h.addCondition,
		"GET /roles/conditions/{id}":    h.getCondition,
		"PUT /roles/conditions/{id}":    h.updateCondition,
		"DELETE /roles/conditions/{id}": h.deleteCondition,

		"GET /plugins/policies":        h.pluginPolicies,
		"GET /plugins/condition-rules": h.pluginRules,
		"GET /plugins/id":              h.pluginIDs,
		"POST /plugins/id":             h.addPluginIDs,
		"DELETE /plugins/id":           h.deletePluginIDs,

		"POST /refresh/{id}": h.refresh,
	}
	for _, pattern := range slices.Sorted(maps.Keys(handlers)) {
		r.Handle(pattern, plugin.UsersAndServices, h.inForce(handlers[pattern]))
	}
}

// inForce lets a handler answer only while roles are in force.
func (h *Roles) inForce(next httpx.Handler) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !h.Service.Active() {
			return fault.New(fault.NotFound, "no roles are in force: permission.rbac is not configured, or permission.enabled is false")
		}
		return next(w, r)
	}
}

// done answers without a body.
func done(w http.ResponseWriter, status int) error {
	w.WriteHeader(status)
	return nil
}

// changedStatus is the status of an update.
func changedStatus(changed bool) int {
	if changed {
		return http.StatusOK
	}
	return http.StatusNoContent
}

func (h *Roles) authorized(w http.ResponseWriter, r *http.Request) error {
	if err := h.Service.Authorized(r.Context()); err != nil {
		return err
	}
	return httpx.JSON(w, r, map[string]string{"status": "Authorized"})
}

// refOf is the reference in the path.
func refOf(r *http.Request) string {
	return r.PathValue("kind") + ":" + r.PathValue("namespace") + "/" + r.PathValue("name")
}

// roleRefOf is [refOf] for roles.
func roleRefOf(r *http.Request) (string, error) {
	ref := refOf(r)
	return ref, rbac.CheckRole(ref)
}

// roleJSON is a role as clients see it.
type roleJSON struct {
	Members  []string     `json:"memberReferences"`
	Name     string       `json:"name"`
	Metadata metadataJSON `json:"metadata"`
}

type metadataJSON struct {
	Source      rbac.Origin `json:"source"`
	Description string      `json:"description,omitempty"`
	Owner       string      `json:"owner,omitempty"`
	Author      string      `json:"author,omitempty"`
	ModifiedBy  string      `json:"modifiedBy,omitempty"`
	CreatedAt   string      `json:"createdAt,omitempty"`
	ModifiedAt  string      `json:"lastModified,omitempty"`
	Default     bool        `json:"isDefault,omitempty"`
}

func wireRole(r *rbac.Role) roleJSON {
	out := roleJSON{Members: make([]string, len(r.Members)), Name: r.Ref, Metadata: metadataJSON{
		Source: r.Origin, Description: r.Description, Owner: r.Owner, Author: r.Author, ModifiedBy: r.ModifiedBy,
		CreatedAt: wireTime(r.CreatedAt), ModifiedAt: wireTime(r.ModifiedAt), Default: r.Default,
	}}
	for i, m := range r.Members {
		out.Members[i] = m.Ref
	}
	return out
}

// wireTime renders a time as the community plugin does.
func wireTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(http.TimeFormat)
}

func (h *Roles) listRoles(w http.ResponseWriter, r *http.Request) error {
	roles, err := h.Service.Roles(r.Context())
	if err != nil {
		return err
	}
	out := make([]roleJSON, len(roles))
	for i, role := range roles {
		out[i] = wireRole(role)
	}
	return httpx.JSON(w, r, out)
}

func (h *Roles) getRole(w http.ResponseWriter, r *http.Request) error {
	ref, err := roleRefOf(r)
	if err != nil {
		return err
	}
	role, err := h.Service.Role(r.Context(), ref)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, []roleJSON{wireRole(role)})
}

// roleBody is a role as clients write it.
type roleBody struct {
	Members  []string `json:"memberReferences"`
	Name     string   `json:"name"`
	Metadata *struct {
		Description *string `json:"description"`
		Owner       *string `json:"owner"`
	} `json:"metadata"`
}

func (b *roleBody) input() *service.RoleInput {
	if b == nil {
		return nil
	}
	in := &service.RoleInput{Name: b.Name, Members: b.Members}
	if b.Metadata != nil {
		in.Description, in.Owner = b.Metadata.Description, b.Metadata.Owner
	}
	return in
}

func (h *Roles) addRole(w http.ResponseWriter, r *http.Request) error {
	var body roleBody
	if err := httpx.DecodeJSON(r, nil, &body); err != nil {
		return err
	}
	if err := h.Service.AddRole(r.Context(), *body.input()); err != nil {
		return err
	}
	return done(w, http.StatusCreated)
}

func (h *Roles) updateRole(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Old *roleBody `json:"oldRole"`
		New *roleBody `json:"newRole"`
	}
	if err := httpx.DecodeJSON(r, nil, &body); err != nil {
		return err
	}
	changed, err := h.Service.UpdateRole(r.Context(), refOf(r), body.Old.input(), body.New.input())
	if err != nil {
		return err
	}
	return done(w, changedStatus(changed))
}

func (h *Roles) deleteRole(w http.ResponseWriter, r *http.Request) error {
	if err := h.Service.DeleteRole(r.Context(), refOf(r), r.URL.Query().Get("memberReferences")); err != nil {
		return err
	}
	return done(w, http.StatusNoContent)
}

// conditionJSON is a conditional policy as clients see it.
type conditionJSON struct {
	ID           int64  `json:"id"`
	Result       string `json:"result"`
	Role         string `json:"roleEntityRef"`
	Plugin       string `json:"pluginId"`
	ResourceType string `json:"resourceType"`
	Mapping      []any  `json:"permissionMapping"`
	Conditions   any    `json:"conditions"`
}

func wireCondition(c rbac.Conditional) conditionJSON {
	return conditionJSON{c.ID, "CONDITIONAL", c.Role, c.Plugin, c.ResourceType, rbac.WireMapping(c.Mapping), c.Condition}
}

func (h *Roles) listConditions(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := service.ConditionFilter{Role: q.Get("roleEntityRef"), Plugin: q.Get("pluginId"), ResourceType: q.Get("resourceType")}
	for _, actions := range q["actions"] {
		for action := range strings.SplitSeq(actions, ",") {
			if action = strings.TrimSpace(action); action != "" {
				f.Actions = append(f.Actions, action)
			}
		}
	}
	found, err := h.Service.Conditions(r.Context(), f)
	if err != nil {
		return err
	}
	out := make([]conditionJSON, len(found))
	for i, c := range found {
		out[i] = wireCondition(c)
	}
	return httpx.JSON(w, r, out)
}

// idOf is the id in the path.
func idOf(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, fault.New(fault.Invalid, "Id is not a valid number.")
	}
	return id, nil
}

func (h *Roles) getCondition(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	c, err := h.Service.Condition(r.Context(), id)
	switch {
	case err != nil:
		return err
	case c == nil: // that of somebody else, as the community plugin has it
		return httpx.JSON(w, r, []conditionJSON{})
	}
	return httpx.JSON(w, r, wireCondition(*c))
}

func (h *Roles) addCondition(w http.ResponseWriter, r *http.Request) error {
	var body any
	if err := httpx.DecodeJSON(r, nil, &body); err != nil {
		return err
	}
	id, err := h.Service.AddCondition(r.Context(), body)
	if err != nil {
		return err
	}
	return httpx.JSONStatus(w, r, http.StatusCreated, map[string]int64{"id": id})
}

func (h *Roles) updateCondition(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	var body any
	if err := httpx.DecodeJSON(r, nil, &body); err != nil {
		return err
	}
	if err := h.Service.UpdateCondition(r.Context(), id, body); err != nil {
		return err
	}
	return done(w, http.StatusOK)
}

func (h *Roles) deleteCondition(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	if err := h.Service.DeleteCondition(r.Context(), id); err != nil {
		return err
	}
	return done(w, http.StatusNoContent)
}
