package rest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/permission"
)

type permissionJSON struct {
	Type         string            `json:"type"`
	Name         string            `json:"name"`
	Attributes   map[string]string `json:"attributes"`
	ResourceType string            `json:"resourceType,omitempty"`
}

type ruleJSON struct {
	Name         string         `json:"name"`
	Description  string         `json:"description"`
	ResourceType string         `json:"resourceType"`
	ParamsSchema map[string]any `json:"paramsSchema"`
}

func (h *rest) permissionMetadata(w http.ResponseWriter, r *http.Request) error {
	answer := struct {
		Permissions []permissionJSON `json:"permissions"`
		Rules       []ruleJSON       `json:"rules"`
	}{}
	for _, p := range service.Permissions() {
		item := permissionJSON{Type: "basic", Name: p.Name, Attributes: map[string]string{}, ResourceType: p.ResourceType}
		if p.ResourceType != "" {
			item.Type = "resource"
		}
		if p.Action != "" {
			item.Attributes["action"] = p.Action
		}
		answer.Permissions = append(answer.Permissions, item)
	}
	for _, rule := range service.Rules() {
		answer.Rules = append(answer.Rules, ruleJSON{
			Name: rule.Name, Description: rule.Description, ResourceType: service.ResourceType, ParamsSchema: paramsSchema(rule.Params),
		})
	}
	return httpx.JSON(w, r, answer)
}

func paramsSchema(params []service.RuleParam) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, p := range params {
		property := map[string]any{"type": "string", "description": p.Description}
		if p.List {
			property = map[string]any{"type": "array", "items": map[string]any{"type": "string"}, "description": p.Description}
		}
		properties[p.Name] = property
		if !p.Optional {
			required = append(required, p.Name)
		}
	}
	return map[string]any{
		"type": "object", "properties": properties, "required": required, "additionalProperties": false,
		"$schema": "http://json-schema.org/draft-07/schema#",
	}
}

var applySchema = httpx.Schema{Type: httpx.Object, Required: []string{"items"}, Properties: []httpx.Property{
	{Name: "items", Schema: httpx.Schema{Type: httpx.Array, Items: &httpx.Schema{
		Type: httpx.Object, Required: []string{"id", "resourceRef", "resourceType", "conditions"}, Properties: []httpx.Property{
			{Name: "id", Schema: schemaText},
			{Name: "resourceRef", Schema: httpx.Schema{Types: []httpx.Type{httpx.String, httpx.Array}}},
			{Name: "resourceType", Schema: schemaText},
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

// applyConditions evaluates conditions for other services: whoever may ask can
// learn what an entity says.
func (h *rest) applyConditions(w http.ResponseWriter, r *http.Request) error {
	if identity.FromContext(r.Context()).Kind != identity.Service {
		return fault.New(fault.Forbidden, "")
	}
	var body struct {
		Items []applyItem `json:"items"`
	}
	if err := httpx.DecodeJSON(r, &applySchema, &body); err != nil {
		return err
	}
	type result struct {
		ID     string `json:"id"`
		Result any    `json:"result"`
	}
	results := make([]result, len(body.Items))
	for i, item := range body.Items {
		value, err := h.applyOne(r, item)
		if err != nil {
			return err
		}
		results[i] = result{item.ID, value}
	}
	return httpx.JSON(w, r, map[string]any{"items": results})
}

func (h *rest) applyOne(r *http.Request, item applyItem) (any, error) {
	if item.ResourceType != service.ResourceType {
		return nil, fault.Newf(fault.Invalid, "Unexpected resource types: %s.", item.ResourceType)
	}
	condition, err := parseCondition(item.Conditions, 0)
	if err != nil {
		return nil, err
	}
	var one string
	var many []string
	if json.Unmarshal(item.ResourceRef, &one) == nil {
		many = []string{one}
	} else if err := json.Unmarshal(item.ResourceRef, &many); err != nil {
		return nil, fault.New(fault.Invalid, "resourceRef must be a string or a list of strings")
	}
	holds, err := h.service.Apply(r.Context(), many, condition)
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
	if one != "" || len(item.ResourceRef) > 0 && item.ResourceRef[0] == '"' {
		return results[0], nil
	}
	return results, nil
}

// maxConditionDepth bounds how deep conditions nest.
const maxConditionDepth = 40

func parseCondition(data json.RawMessage, depth int) (permission.Condition, error) {
	var c struct {
		AllOf        []json.RawMessage `json:"allOf"`
		AnyOf        []json.RawMessage `json:"anyOf"`
		Not          json.RawMessage   `json:"not"`
		Rule         string            `json:"rule"`
		ResourceType string            `json:"resourceType"`
		Params       map[string]any    `json:"params"`
	}
	if depth > maxConditionDepth {
		return permission.Condition{}, fault.New(fault.Invalid, "the condition nests too deeply")
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return permission.Condition{}, fault.Newf(fault.Invalid, "read condition: %w", err)
	}
	list := func(items []json.RawMessage) ([]permission.Condition, error) {
		out := make([]permission.Condition, len(items))
		for i, item := range items {
			x, err := parseCondition(item, depth+1)
			if err != nil {
				return nil, fmt.Errorf("condition %d: %w", i, err)
			}
			out[i] = x
		}
		return out, nil
	}
	var err error
	out := permission.Condition{ResourceType: c.ResourceType, Rule: c.Rule, Params: c.Params}
	switch {
	case c.AllOf != nil:
		out.AllOf, err = list(c.AllOf)
	case c.AnyOf != nil:
		out.AnyOf, err = list(c.AnyOf)
	case c.Not != nil:
		var inner permission.Condition
		inner, err = parseCondition(c.Not, depth+1)
		out.Not = &inner
	}
	return out, err
}
