package rest

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/plugin"
)

// RegisterWellKnown adds the routes with which other services learn a plugin's
// permissions and have its conditions applied.
func RegisterWellKnown(r plugin.Router, g *registry.Registry, d permission.Definition) {
	h := wellKnown{g, d}
	r.Handle("GET /.well-known/backstage/permissions/metadata", plugin.UsersAndServices, h.metadata)
	r.Handle("POST /.well-known/backstage/permissions/apply-conditions", plugin.UsersAndServices, h.apply)
}

type wellKnown struct {
	registry   *registry.Registry
	definition permission.Definition
}

// PermissionJSON is a permission as the protocol writes it.
type PermissionJSON struct {
	Type         string            `json:"type"`
	Name         string            `json:"name"`
	Attributes   map[string]string `json:"attributes"`
	ResourceType string            `json:"resourceType,omitempty"`
}

// RuleJSON is a rule as the protocol writes it.
type RuleJSON struct {
	Name         string         `json:"name"`
	Description  string         `json:"description"`
	ResourceType string         `json:"resourceType"`
	ParamsSchema map[string]any `json:"paramsSchema"`
}

// WirePermission renders a permission.
func WirePermission(p permission.Permission) PermissionJSON {
	item := PermissionJSON{Type: "basic", Name: p.Name, Attributes: map[string]string{}, ResourceType: p.ResourceType}
	if p.ResourceType != "" {
		item.Type = "resource"
	}
	if p.Action != "" {
		item.Attributes["action"] = p.Action
	}
	return item
}

// WireRule renders a rule.
func WireRule(resourceType string, r permission.Rule) RuleJSON {
	properties, required := map[string]any{}, []string{}
	for _, p := range r.Params {
		property := map[string]any{"type": p.Type, "description": p.Description}
		switch p.Type {
		case "":
			property["type"] = "string"
		case "list":
			property = map[string]any{"type": "array", "items": map[string]any{"type": "string"}, "description": p.Description}
		}
		properties[p.Name] = property
		if !p.Optional {
			required = append(required, p.Name)
		}
	}
	return RuleJSON{Name: r.Name, Description: r.Description, ResourceType: resourceType, ParamsSchema: map[string]any{
		"type": "object", "properties": properties, "required": required, "additionalProperties": false,
		"$schema": "http://json-schema.org/draft-07/schema#",
	}}
}

func (h wellKnown) metadata(w http.ResponseWriter, r *http.Request) error {
	answer := struct {
		Permissions []PermissionJSON `json:"permissions"`
		Rules       []RuleJSON       `json:"rules"`
	}{[]PermissionJSON{}, []RuleJSON{}}
	for _, p := range h.definition.Permissions {
		answer.Permissions = append(answer.Permissions, WirePermission(p))
	}
	for _, resource := range h.definition.Resources {
		for _, rule := range resource.Rules {
			answer.Rules = append(answer.Rules, WireRule(resource.Type, rule))
		}
	}
	return httpx.JSON(w, r, answer)
}

var applySchema = httpx.Schema{Type: httpx.Object, Required: []string{"items"}, Properties: []httpx.Property{
	{Name: "items", Schema: httpx.Schema{Type: httpx.Array, Items: &httpx.Schema{
		Type: httpx.Object, Required: []string{"id", "resourceRef", "resourceType", "conditions"}, Properties: []httpx.Property{
			{Name: "id", Schema: httpx.Schema{Type: httpx.String}},
			{Name: "resourceRef", Schema: httpx.Schema{Types: []httpx.Type{httpx.String, httpx.Array}}},
			{Name: "resourceType", Schema: httpx.Schema{Type: httpx.String}},
			{Name: "conditions", Schema: httpx.Schema{Type: httpx.Object}},
		},
	}}},
}}

type applyItem struct {
	ID           string          `json:"id"`
	ResourceRef  json.RawMessage `json:"resourceRef"`
	ResourceType string          `json:"resourceType"`
	Conditions   json.RawMessage `json:"conditions"`
}

// apply evaluates conditions for other services: whoever may ask can learn
// what a thing says.
func (h wellKnown) apply(w http.ResponseWriter, r *http.Request) error {
	who := identity.FromContext(r.Context())
	if who.Kind != identity.Service || limited(who) {
		return fault.New(fault.Forbidden, "")
	}
	var body struct {
		Items []applyItem `json:"items"`
	}
	if err := httpx.DecodeJSON(r, &applySchema, &body); err != nil {
		return err
	}
	answers := make([]answer, len(body.Items))
	for i, item := range body.Items {
		result, err := h.applyOne(r, item)
		if err != nil {
			return err
		}
		answers[i] = answer{ID: item.ID, Result: result}
	}
	return httpx.JSON(w, r, map[string]any{"items": answers})
}

// limited reports whether the principal is an external caller that may not use
// all permissions of a plugin: it could learn here what it may not read.
func limited(who identity.Principal) bool {
	return slices.ContainsFunc(who.Access, func(a identity.Access) bool { return len(a.Permissions) > 0 || len(a.Actions) > 0 })
}

func (h wellKnown) applyOne(r *http.Request, item applyItem) (any, error) {
	own := false
	for _, resource := range h.definition.Resources {
		own = own || resource.Type == item.ResourceType
	}
	if !own {
		return nil, fault.Newf(fault.Invalid, "Unexpected resource types: %s.", item.ResourceType)
	}
	var condition permission.Condition
	if err := json.Unmarshal(item.Conditions, &condition); err != nil {
		return nil, fault.Newf(fault.Invalid, "%w", err)
	}
	var one string
	var many []string
	single := json.Unmarshal(item.ResourceRef, &one) == nil
	if single {
		many = []string{one}
	} else if err := json.Unmarshal(item.ResourceRef, &many); err != nil {
		return nil, fault.New(fault.Invalid, "resourceRef must be a string or a list of strings")
	}
	holds, err := h.registry.Apply(r.Context(), item.ResourceType, many, condition)
	if err != nil {
		return nil, err
	}
	results := make([]permission.Result, len(holds))
	for i, ok := range holds {
		results[i] = permission.Deny
		if ok {
			results[i] = permission.Allow
		}
	}
	if single {
		return results[0], nil
	}
	return results, nil
}
