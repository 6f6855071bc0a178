package condition

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/permission"
)

// Verdict is a condition with its truth for one resource, all the way down.
// Op is allOf, anyOf or not for the inner nodes; leaves have a rule.
type Verdict struct {
	Op           string         `json:"op,omitempty"`
	Rule         string         `json:"rule,omitempty"`
	ResourceType string         `json:"resourceType,omitempty"`
	Params       map[string]any `json:"params,omitempty"`
	Holds        bool           `json:"holds"`
	Children     []Verdict      `json:"children,omitempty"`
}

// Judge evaluates every leaf, also those that the result does not depend on.
func Judge(c permission.Condition, leaf func(permission.Condition) (bool, error)) (Verdict, error) {
	var (
		v    Verdict
		list []permission.Condition
	)
	switch {
	case c.AllOf != nil:
		v, list = Verdict{Op: "allOf", Holds: true}, c.AllOf
	case c.AnyOf != nil:
		v, list = Verdict{Op: "anyOf"}, c.AnyOf
	case c.Not != nil:
		v, list = Verdict{Op: "not"}, []permission.Condition{*c.Not}
	default:
		holds, err := leaf(c)
		return Verdict{Rule: c.Rule, ResourceType: c.ResourceType, Params: c.Params, Holds: holds}, err
	}
	for _, inner := range list {
		child, err := Judge(inner, leaf)
		if err != nil {
			return v, err
		}
		v.Children = append(v.Children, child)
		switch v.Op {
		case "allOf":
			v.Holds = v.Holds && child.Holds
		case "anyOf":
			v.Holds = v.Holds || child.Holds
		default:
			v.Holds = !child.Holds
		}
	}
	return v, nil
}

// Text renders a condition in one line, for people.
func Text(c permission.Condition) string { return text(c, false) }

func text(c permission.Condition, inner bool) string {
	join := func(cs []permission.Condition, word, none string) string {
		switch len(cs) {
		case 0:
			return none
		case 1:
			return text(cs[0], inner)
		}
		parts := make([]string, len(cs))
		for i, c := range cs {
			parts[i] = text(c, true)
		}
		if joined := strings.Join(parts, word); !inner {
			return joined
		}
		return "(" + strings.Join(parts, word) + ")"
	}
	switch {
	case c.AllOf != nil:
		return join(c.AllOf, " and ", "always")
	case c.AnyOf != nil:
		return join(c.AnyOf, " or ", "never")
	case c.Not != nil:
		return "not " + text(*c.Not, true)
	}
	params := make([]string, 0, len(c.Params))
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		params = append(params, name+": "+valueText(c.Params[name]))
	}
	return c.Rule + "(" + strings.Join(params, ", ") + ")"
}

func valueText(v any) string {
	var items []string
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			items = append(items, fmt.Sprint(item))
		}
	case []string:
		items = v
	default:
		return fmt.Sprint(v)
	}
	const most = 8
	if n := len(items); n > most {
		items = append(slices.Clone(items[:most]), fmt.Sprintf("and %d more", n-most))
	}
	return "[" + strings.Join(items, " ") + "]"
}
