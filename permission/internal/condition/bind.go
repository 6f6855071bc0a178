package condition

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
)

// The aliases in parameters of conditions.
const (
	CurrentUser = "$currentUser" // the ref of the asking user
	OwnerRefs   = "$ownerRefs"   // what the asking user owns things by
)

// Bind makes a condition on things of the resource type ready for one
// principal: parameters that are left out get their defaults, aliases are
// replaced, rules that are made of others are expanded, and the whole is
// simplified. It returns an error with code invalid for parameters that a rule
// refuses.
func Bind(resource permission.Resource, c permission.Condition, who identity.Principal) (Expr, error) {
	bound, err := bind(resource, c, who)
	if err != nil {
		return False, err
	}
	return Of(bound), nil
}

func bind(resource permission.Resource, c permission.Condition, who identity.Principal) (permission.Condition, error) {
	return c.Replace(func(rule permission.Condition) (permission.Condition, error) { return bindRule(resource, rule, who) })
}

func bindRule(resource permission.Resource, c permission.Condition, who identity.Principal) (permission.Condition, error) {
	if c.ResourceType == "" {
		c.ResourceType = resource.Type
	}
	i := slices.IndexFunc(resource.Rules, func(r permission.Rule) bool { return strings.EqualFold(r.Name, c.Rule) })
	if i < 0 {
		c.Params = replaceAll(c.Params, who)
		return c, nil
	}
	rule := resource.Rules[i]
	c.Rule, c.Params = rule.Name, replaceAll(withDefaults(rule, c.Params), who)
	if rule.Expand == nil {
		return c, nil
	}
	expanded, err := rule.Expand(c.Params)
	if err != nil {
		return c, fmt.Errorf("rule %s: %w", rule.Name, err)
	}
	// What a rule expands to is not expanded again, so that rules cannot go in
	// circles.
	resource.Rules = nil
	return bind(resource, expanded, who)
}

func withDefaults(rule permission.Rule, params map[string]any) map[string]any {
	for _, p := range rule.Params {
		if p.Default == nil || params[p.Name] != nil {
			continue
		}
		completed := map[string]any{p.Name: p.Default}
		maps.Copy(completed, params)
		params = completed
	}
	return params
}

// replaceAll returns the parameters with aliases replaced.
func replaceAll(params map[string]any, who identity.Principal) map[string]any {
	if params == nil {
		return nil
	}
	out := make(map[string]any, len(params))
	for k, v := range params {
		out[k] = replace(v, who)
	}
	return out
}

func replace(v any, who identity.Principal) any {
	switch v := v.(type) {
	case string:
		switch v {
		case CurrentUser:
			return who.Subject
		case OwnerRefs:
			return refs(who)
		}
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			if item == OwnerRefs {
				out = append(out, refs(who)...)
				continue
			}
			out = append(out, replace(item, who))
		}
		return out
	case []string:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = item
		}
		return replace(out, who)
	case map[string]any:
		return replaceAll(v, who)
	}
	return v
}

// refs are the ownership refs of a user, in lower case.
func refs(who identity.Principal) []any {
	out := make([]any, len(who.Ownership))
	for i, ref := range who.Ownership {
		out[i] = strings.ToLower(ref)
	}
	return out
}

// CheckParams returns an error with code invalid unless the parameters fit the
// rule. Aliases are fine where what they stand for is.
func CheckParams(rule permission.Rule, params map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if !slices.ContainsFunc(rule.Params, func(p permission.Param) bool { return p.Name == name }) {
			return fault.Newf(fault.Invalid, "the rule %s has no parameter %q%s", rule.Name, name, suggestParam(rule, name))
		}
	}
	for _, p := range rule.Params {
		v, given := params[p.Name]
		switch {
		case given && v == nil:
			// A value that was forgotten would widen the condition.
			return fault.Newf(fault.Invalid, "the parameter %s of the rule %s has no value; give it one (%s) or leave it out", p.Name, rule.Name, typeName(p.Type))
		case given:
			if !Fits(p.Type, v) {
				return fault.Newf(fault.Invalid, "the parameter %s of the rule %s must be %s, got %s", p.Name, rule.Name, typeName(p.Type), describe(v))
			}
		case !p.Optional && p.Default == nil:
			return fault.Newf(fault.Invalid, "the rule %s needs the parameter %s (%s)", rule.Name, p.Name, typeName(p.Type))
		}
	}
	return nil
}

func suggestParam(rule permission.Rule, name string) string {
	var names []string
	for _, p := range rule.Params {
		names = append(names, p.Name)
	}
	if near := Nearest(name, names); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; it has " + strings.Join(names, ", ")
}

// Fits reports whether a value fits the type of a parameter.
func Fits(typ string, v any) bool {
	switch typ {
	case "number":
		_, ok := v.(float64)
		return ok
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "list":
		if v == OwnerRefs {
			return true
		}
		switch list := v.(type) {
		case []string:
			return true
		case []any:
			return !slices.ContainsFunc(list, func(item any) bool { _, ok := item.(string); return !ok })
		}
		return false
	}
	_, ok := v.(string)
	return ok && v != OwnerRefs
}

func typeName(typ string) string {
	switch typ {
	case "number", "boolean":
		return "a " + typ
	case "list":
		return "a list of texts"
	}
	return "a text"
}

func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		if v == OwnerRefs {
			return OwnerRefs + ", which is a list"
		}
		return fmt.Sprintf("the text %q", v)
	case float64:
		return fmt.Sprintf("the number %v (write it in quotes to make it a text)", v)
	case bool:
		return fmt.Sprintf("%t (write it in quotes to make it a text)", v)
	case []any, []string:
		return "a list"
	}
	return "an object"
}
