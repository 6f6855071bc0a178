package rbac

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
)

// Limits bound conditional policies.
type Limits struct {
	Depth int // levels of a condition
	Nodes int // parts of a condition
	Items int // parts of one allOf or anyOf
	Bytes int // of the file
	Docs  int // in the file
}

// DefaultLimits are those of the community plugin.
var DefaultLimits = Limits{Depth: 12, Nodes: 256, Items: 64, Bytes: 1 << 20, Docs: 256}

// The configuration keys of the limits, for messages.
const (
	keyLimits = "permission.rbac.validation.conditionalPolicies."
	keyDepth  = keyLimits + "maxConditionDepth"
	keyNodes  = keyLimits + "maxConditionNodeCount"
	keyItems  = keyLimits + "maxCriteriaItems"
	keyBytes  = "permission.rbac.validation.conditionalPoliciesFile.maxBytes"
	keyDocs   = "permission.rbac.validation.conditionalPoliciesFile.maxDocuments"
)

// PathError is a mistake in a conditional policy, with the path to it.
type PathError struct {
	Path    []string
	Message string
}

// Error returns the message.
func (e *PathError) Error() string { return e.Message }

// FaultCode is "invalid".
func (*PathError) FaultCode() string { return string(fault.Invalid) }

func wrong(path []string, format string, args ...any) *PathError {
	return &PathError{slices.Clone(path), fmt.Sprintf(format, args...)}
}

// DecodeConditional reads a conditional policy from its JSON value. The error
// is a *[PathError].
func DecodeConditional(v any, limits Limits) (Conditional, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return Conditional{}, wrong(nil, "a conditional policy is an object, not %s", kindOf(v))
	}
	var c Conditional
	for _, field := range []struct {
		name string
		into *string
	}{{"roleEntityRef", &c.Role}, {"result", new(string)}, {"pluginId", &c.Plugin}, {"resourceType", &c.ResourceType}} {
		value := object[field.name]
		if value == nil || value == "" {
			return c, wrong([]string{field.name}, "'%s' must be specified in the role condition", field.name)
		}
		if *field.into, ok = value.(string); !ok {
			return c, wrong([]string{field.name}, "'%s' must be a text, not %s", field.name, kindOf(value))
		}
	}
	if object["result"] != string(permission.Conditional) {
		return c, wrong([]string{"result"}, "'result' must be CONDITIONAL in the role condition")
	}
	if err := CheckRole(c.Role); err != nil {
		return c, wrong([]string{"roleEntityRef"}, "'roleEntityRef': %v", err)
	}
	if err := c.mapping(object["permissionMapping"]); err != nil {
		return c, err
	}
	if object["conditions"] == nil {
		return c, wrong([]string{"conditions"}, "'conditions' must be specified in the role condition")
	}
	r := conditionReader{limits: limits, resourceType: c.ResourceType}
	var perr *PathError
	if c.Condition, perr = r.read(object["conditions"], []string{"conditions"}, "roleCondition.conditions", 1); perr != nil {
		return c, perr
	}
	return c, nil
}

// mapping reads permissionMapping.
func (c *Conditional) mapping(v any) error {
	path := []string{"permissionMapping"}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return wrong(path, "'permissionMapping' must be non empty array in the role condition")
	}
	for i, item := range list {
		at := append(slices.Clone(path), strconv.Itoa(i))
		var m Mapping
		switch item := item.(type) {
		case string:
			m.Action = item
		case map[string]any:
			name, _ := item["name"].(string)
			action, _ := item["action"].(string)
			if name == "" {
				return wrong(at, "'permissionMapping' has an entry without the name of a permission")
			}
			m = Mapping{name, action}
		default:
			return wrong(at, "'permissionMapping' holds actions or {name, action}, not %s", kindOf(item))
		}
		if !slices.Contains(Actions, m.Action) {
			return wrong(at, "'permissionMapping' array contains non action value: '%s'", m.Action)
		}
		if c.ResourceType == ResourceType && m.Action == "create" {
			return wrong(at, "Conditional policy can not be created for resource type '%s' with the permission action 'create'", ResourceType)
		}
		if overlap := Overlap([]Mapping{m}, c.Mapping); overlap != "" {
			return wrong(at, "'permissionMapping' names the same twice: %s", overlap)
		}
		c.Mapping = append(c.Mapping, m)
	}
	return nil
}

// conditionReader reads one condition within the limits.
type conditionReader struct {
	limits       Limits
	resourceType string
	nodes        int
}

// read reads one node. The name is the path in the words of messages.
func (r *conditionReader) read(v any, path []string, name string, depth int) (permission.Condition, *PathError) {
	if depth > r.limits.Depth {
		return permission.Condition{}, wrong(path, "the condition nests deeper than %s (%d)", keyDepth, r.limits.Depth)
	}
	if r.nodes++; r.nodes > r.limits.Nodes {
		return permission.Condition{}, wrong(path, "the condition has more parts than %s (%d)", keyNodes, r.limits.Nodes)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return permission.Condition{}, wrong(path, "%s must be an object, not %s", name, kindOf(v))
	}
	var forms []string
	for _, form := range []string{"allOf", "anyOf", "not", "rule"} {
		if object[form] != nil {
			forms = append(forms, form)
		}
	}
	if len(forms) > 1 {
		return permission.Condition{}, wrong(path, "%s has %v side by side; a condition has one of them, nest the others", name, forms)
	}
	if len(forms) == 0 || forms[0] == "rule" {
		return r.leaf(object, path, name)
	}
	form := forms[0]
	path, name = append(slices.Clone(path), form), name+"."+form
	if form == "not" {
		inner, err := r.read(object[form], path, name, depth+1)
		return permission.Condition{Not: &inner}, err
	}
	list, err := r.list(object[form], path, name, depth)
	if form == "allOf" {
		return permission.Condition{AllOf: list}, err
	}
	return permission.Condition{AnyOf: list}, err
}

func (r *conditionReader) list(v any, path []string, name string, depth int) ([]permission.Condition, *PathError) {
	items, ok := v.([]any)
	if !ok || len(items) == 0 {
		return nil, wrong(path, "%s criteria must be non empty array", name)
	}
	if len(items) > r.limits.Items {
		return nil, wrong(path, "%s has %d items, more than %s (%d)", name, len(items), keyItems, r.limits.Items)
	}
	out := make([]permission.Condition, len(items))
	for i, item := range items {
		n := strconv.Itoa(i)
		var err *PathError
		if out[i], err = r.read(item, append(slices.Clone(path), n), name+"["+n+"]", depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *conditionReader) leaf(object map[string]any, path []string, name string) (permission.Condition, *PathError) {
	at := func(field string) []string { return append(slices.Clone(path), field) }
	rule, _ := object["rule"].(string)
	resourceType, _ := object["resourceType"].(string)
	switch {
	case resourceType == "":
		return permission.Condition{}, wrong(at("resourceType"), "'resourceType' must be specified in the %s.condition", name)
	case rule == "":
		return permission.Condition{}, wrong(at("rule"), "'rule' must be specified in the %s.condition", name)
	case resourceType != r.resourceType:
		return permission.Condition{}, wrong(at("resourceType"), "'resourceType' in the %s.condition is '%s', but the policy is about '%s'", name, resourceType, r.resourceType)
	}
	c := permission.Condition{Rule: rule, ResourceType: resourceType}
	if params := object["params"]; params != nil {
		var ok bool
		if c.Params, ok = params.(map[string]any); !ok {
			return c, wrong(at("params"), "'params' in the %s.condition must be an object, not %s", name, kindOf(params))
		}
	}
	return c, nil
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case string:
		return "a text"
	case float64:
		return "a number"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	}
	return "an object"
}
