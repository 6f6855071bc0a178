package rest

import (
	"encoding/json"
	"net/http"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/service"
)

// grantJSON is a policy as clients see and write it.
type grantJSON struct {
	Role       string         `json:"entityReference"`
	Permission string         `json:"permission"`
	Action     string         `json:"policy"`
	Effect     string         `json:"effect"`
	Metadata   *grantMetadata `json:"metadata,omitempty"`
}

type grantMetadata struct {
	Source rbac.Origin `json:"source"`
}

func wireGrants(granted []service.Granted) []grantJSON {
	out := make([]grantJSON, len(granted))
	for i, g := range granted {
		out[i] = grantJSON{g.Role.Ref, g.Permission, g.Action, g.Effect(), &grantMetadata{g.Role.Origin}}
	}
	return out
}

// grants reads a list of policies. An object without anything in it, which is
// what an empty body is, is an empty list.
func grants(raw json.RawMessage) ([]service.GrantInput, error) {
	var empty map[string]json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &empty) == nil && len(empty) == 0 {
		return nil, nil
	}
	var items []grantJSON
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, fault.New(fault.Invalid, "permission policies must be an array of objects with texts")
	}
	out := make([]service.GrantInput, len(items))
	for i, item := range items {
		out[i] = service.GrantInput{Role: item.Role, Permission: item.Permission, Action: item.Action, Effect: item.Effect}
	}
	return out, nil
}

func bodyGrants(r *http.Request) ([]service.GrantInput, error) {
	var body json.RawMessage
	if err := httpx.DecodeJSON(r, nil, &body); err != nil {
		return nil, err
	}
	return grants(body)
}

// queryGrant is the policy in the query.
func queryGrant(r *http.Request) service.GrantInput {
	q := r.URL.Query()
	return service.GrantInput{Permission: q.Get("permission"), Action: q.Get("policy"), Effect: q.Get("effect")}
}

func (h *Roles) listPolicies(w http.ResponseWriter, r *http.Request) error {
	filter := queryGrant(r)
	if filter.Role = r.URL.Query().Get("entityRef"); filter.Role == "" {
		filter.Role = r.URL.Query().Get("entityReference")
	}
	granted, err := h.Service.Policies(r.Context(), filter)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, wireGrants(granted))
}

func (h *Roles) policiesOf(w http.ResponseWriter, r *http.Request) error {
	granted, err := h.Service.PoliciesOf(r.Context(), refOf(r))
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, wireGrants(granted))
}

func (h *Roles) addPolicies(w http.ResponseWriter, r *http.Request) error {
	in, err := bodyGrants(r)
	if err != nil {
		return err
	}
	if err := h.Service.AddPolicies(r.Context(), in); err != nil {
		return err
	}
	return done(w, http.StatusCreated)
}

func (h *Roles) updatePolicies(w http.ResponseWriter, r *http.Request) error {
	var raw json.RawMessage
	if err := httpx.DecodeJSON(r, nil, &raw); err != nil {
		return err
	}
	var body struct {
		Old json.RawMessage `json:"oldPolicy"`
		New json.RawMessage `json:"newPolicy"`
	}
	_ = json.Unmarshal(raw, &body) // a list has neither
	before, err := grants(body.Old)
	if err != nil {
		return err
	}
	after, err := grants(body.New)
	if err != nil {
		return err
	}
	changed, err := h.Service.UpdatePolicies(r.Context(), refOf(r), before, after)
	if err != nil {
		return err
	}
	return done(w, changedStatus(changed))
}

func (h *Roles) deletePolicies(w http.ResponseWriter, r *http.Request) error {
	in, err := bodyGrants(r)
	if err != nil {
		return err
	}
	if one := queryGrant(r); len(in) == 0 && one != (service.GrantInput{}) {
		in = []service.GrantInput{one}
	}
	if err := h.Service.DeletePolicies(r.Context(), refOf(r), in); err != nil {
		return err
	}
	return done(w, http.StatusNoContent)
}

// pluginPolicyJSON is a permission that policies can name.
type pluginPolicyJSON struct {
	Name         string `json:"name"`
	Action       string `json:"policy"`
	ResourceType string `json:"resourceType,omitempty"`
}

func (h *Roles) pluginPolicies(w http.ResponseWriter, r *http.Request) error {
	plugins, err := h.Service.Plugins(r.Context())
	if err != nil {
		return err
	}
	type pluginJSON struct {
		ID       string             `json:"pluginId"`
		Policies []pluginPolicyJSON `json:"policies"`
	}
	out := []pluginJSON{}
	for _, p := range plugins {
		item := pluginJSON{p.ID, []pluginPolicyJSON{}}
		for _, perm := range p.Permissions {
			action := perm.Action
			if action == "" {
				action = rbac.Use
			}
			item.Policies = append(item.Policies, pluginPolicyJSON{perm.Name, action, perm.ResourceType})
		}
		out = append(out, item)
	}
	return httpx.JSON(w, r, out)
}

func (h *Roles) pluginRules(w http.ResponseWriter, r *http.Request) error {
	plugins, err := h.Service.Plugins(r.Context())
	if err != nil {
		return err
	}
	type pluginJSON struct {
		ID    string     `json:"pluginId"`
		Rules []RuleJSON `json:"rules"`
	}
	out := []pluginJSON{}
	for _, p := range plugins {
		item := pluginJSON{ID: p.ID}
		for _, resource := range p.Resources {
			// With the rules that other plugins and the policy have added.
			if full, _, ok := h.Service.Registry.Resource(resource.Type); ok {
				resource = full
			}
			for _, rule := range resource.Rules {
				item.Rules = append(item.Rules, WireRule(resource.Type, rule))
			}
		}
		if len(item.Rules) > 0 {
			out = append(out, item)
		}
	}
	return httpx.JSON(w, r, out)
}

// idsJSON is a list of plugin ids.
type idsJSON struct {
	IDs []string `json:"ids"`
}

func (h *Roles) pluginIDs(w http.ResponseWriter, r *http.Request) error {
	ids, err := h.Service.PluginIDs(r.Context())
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, idsJSON{ids})
}

// bodyIDs reads plugin ids.
func bodyIDs(r *http.Request) ([]string, error) {
	var body map[string]json.RawMessage
	if err := httpx.DecodeJSON(r, nil, &body); err != nil {
		return nil, err
	}
	raw, ok := body["ids"]
	if !ok {
		return nil, fault.New(fault.Invalid, "'ids' must be specified in the permission dependent plugin")
	}
	var ids []string
	if err := json.Unmarshal(raw, &ids); err != nil {
		return nil, fault.New(fault.Invalid, "'ids' must be an array of string plugin ID values")
	}
	return ids, nil
}

func (h *Roles) addPluginIDs(w http.ResponseWriter, r *http.Request) error {
	ids, err := bodyIDs(r)
	if err != nil {
		return err
	}
	if ids, err = h.Service.AddPluginIDs(r.Context(), ids); err != nil {
		return err
	}
	return httpx.JSONStatus(w, r, http.StatusCreated, idsJSON{ids})
}

func (h *Roles) deletePluginIDs(w http.ResponseWriter, r *http.Request) error {
	ids, err := bodyIDs(r)
	if err != nil {
		return err
	}
	if ids, err = h.Service.DeletePluginIDs(r.Context(), ids); err != nil {
		return err
	}
	return httpx.JSON(w, r, idsJSON{ids})
}

func (h *Roles) refresh(_ http.ResponseWriter, r *http.Request) error {
	return h.Service.Refresh(r.Context())
}
