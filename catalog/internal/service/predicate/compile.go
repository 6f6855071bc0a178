package predicate

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Compile makes a filter of a predicate that [Check] found no fault with. It
// returns an error with code invalid for what is well-formed but has no
// meaning over entities: a bare value, and $contains with an object on any
// field but relations.
func Compile(v any) (catalog.Filter, error) {
	m, ok := v.(map[string]any)
	if !ok {
		text, _ := json.Marshal(v)
		return nil, fault.Newf(fault.Invalid, "Invalid filter predicate: %s stands alone; name the field it belongs to, as in { \"kind\": %s }", text, text)
	}
	if items, ok := m["$all"].([]any); ok {
		return compileAll(items)
	}
	if items, ok := m["$any"].([]any); ok {
		all, err := compileAll(items)
		return catalog.Or(all), err
	}
	if x, ok := m["$not"]; ok {
		f, err := Compile(x)
		return catalog.Not{Filter: f}, err
	}
	var and catalog.And
	for _, key := range slices.Sorted(maps.Keys(m)) {
		f, err := compileField(key, m[key])
		if err != nil {
			return nil, err
		}
		and = append(and, f)
	}
	if len(and) == 1 {
		return and[0], nil
	}
	return and, nil
}

func compileAll(items []any) (catalog.And, error) {
	out := make(catalog.And, 0, len(items))
	for _, item := range items {
		f, err := Compile(item)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func compileField(key string, v any) (catalog.Filter, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return catalog.Match{Key: key, Values: []string{Text(v)}}, nil
	}
	if want, ok := m["$exists"].(bool); ok {
		if want {
			return catalog.Exists{Key: key}, nil
		}
		return catalog.Not{Filter: catalog.Exists{Key: key}}, nil
	}
	if items, ok := m["$in"].([]any); ok {
		values := make([]string, len(items))
		for i, x := range items {
			values[i] = Text(x)
		}
		return catalog.Match{Key: key, Values: values}, nil
	}
	if prefix, ok := m["$hasPrefix"].(string); ok {
		return catalog.HasPrefix{Key: key, Prefix: prefix}, nil
	}
	return compileContains(key, m["$contains"])
}

func compileContains(key string, v any) (catalog.Filter, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return catalog.Match{Key: key, Values: []string{Text(v)}}, nil
	}
	if !strings.EqualFold(key, "relations") {
		return nil, fault.Newf(fault.Invalid, "Invalid filter predicate for field %q: $contains with an object is known for relations only; give a string, a number or a boolean", key)
	}
	related := catalog.RelatedTo{}
	for _, field := range slices.Sorted(maps.Keys(m)) {
		values, ok := plainValues(m[field])
		switch {
		case ok && field == "type" && len(values) == 1:
			related.Type = values[0]
		case ok && field == "targetRef":
			for _, ref := range values {
				related.Targets = append(related.Targets, strings.ToLower(ref))
			}
		default:
			return nil, fault.Newf(fault.Invalid, "Invalid filter predicate for field \"relations\": $contains knows type (one value) and targetRef (one value or $in), and not %q in that form", field)
		}
	}
	return related, nil
}

// plainValues returns the values of a primitive or of {"$in": […]}.
func plainValues(v any) ([]string, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		_, isArray := v.([]any)
		return []string{Text(v)}, !isArray
	}
	items, ok := m["$in"].([]any)
	if !ok || len(m) != 1 {
		return nil, false
	}
	out := make([]string, len(items))
	for i, x := range items {
		out[i] = Text(x)
	}
	return out, true
}

// Text renders a primitive as values are compared: true, 3, 0.25, text.
func Text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case nil:
		return "null"
	}
	data, _ := json.Marshal(v)
	return string(data)
}

// Matches evaluates a checked predicate over the fields of a plain object,
// such as a registered location.
func Matches(v any, fields map[string]string) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	if items, ok := m["$all"].([]any); ok {
		return !slices.ContainsFunc(items, func(x any) bool { return !Matches(x, fields) })
	}
	if items, ok := m["$any"].([]any); ok {
		return slices.ContainsFunc(items, func(x any) bool { return Matches(x, fields) })
	}
	if x, ok := m["$not"]; ok {
		return !Matches(x, fields)
	}
	for key, want := range m {
		got, exists := fields[strings.ToLower(key)]
		if !matchesField(want, got, exists) {
			return false
		}
	}
	return true
}

func matchesField(want any, got string, exists bool) bool {
	m, ok := want.(map[string]any)
	if !ok {
		return exists && strings.EqualFold(Text(want), got)
	}
	if x, ok := m["$exists"].(bool); ok {
		return x == exists
	}
	if items, ok := m["$in"].([]any); ok {
		return exists && slices.ContainsFunc(items, func(x any) bool { return strings.EqualFold(Text(x), got) })
	}
	if prefix, ok := m["$hasPrefix"].(string); ok {
		return exists && len(got) >= len(prefix) && strings.EqualFold(got[:len(prefix)], prefix)
	}
	x, isObject := m["$contains"].(map[string]any)
	return exists && x == nil && !isObject && strings.EqualFold(Text(m["$contains"]), got)
}
