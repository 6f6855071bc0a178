package access

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// actions are the actions that permissions have.
var actions = []string{"create", "read", "update", "delete"}

// stringList reads one string or a list of strings; each string may hold
// several, separated by commas or blanks.
type stringList []string

// UnmarshalJSON reads either form. An empty string or list is no value.
func (s *stringList) UnmarshalJSON(data []byte) error {
	var many []string
	var one string
	if json.Unmarshal(data, &one) == nil {
		many = []string{one}
	} else if err := json.Unmarshal(data, &many); err != nil {
		return fmt.Errorf("want a string or a list of strings: %w", err)
	}
	*s = nil
	for _, x := range many {
		for _, word := range strings.FieldsFunc(x, func(r rune) bool { return r == ',' || r == ' ' }) {
			if !slices.Contains(*s, word) {
				*s = append(*s, word)
			}
		}
	}
	return nil
}

// restrictions reads the accessRestrictions of an entry. None means that the
// caller may do everything.
func restrictions(where string, list []json.RawMessage) ([]identity.Access, error) {
	var out []identity.Access
	for n, raw := range list {
		at := fmt.Sprintf("%s.accessRestrictions[%d]", where, n)
		var r struct {
			Plugin     string          `json:"plugin"`
			Permission stringList      `json:"permission"`
			Attribute  json.RawMessage `json:"permissionAttribute"`
		}
		if err := decodeStrict(at, raw, &r, "plugin", "permission", "permissionAttribute"); err != nil {
			return nil, err
		}
		var attribute struct {
			Action stringList `json:"action"`
		}
		if len(r.Attribute) > 0 {
			if err := decodeStrict(at+".permissionAttribute", r.Attribute, &attribute, "action"); err != nil {
				return nil, err
			}
		}
		if r.Plugin == "" {
			return nil, fault.Newf(fault.Invalid, "%s: the plugin is missing", at)
		}
		if slices.ContainsFunc(out, func(a identity.Access) bool { return a.Plugin == r.Plugin }) {
			return nil, fault.Newf(fault.Invalid, "%s: the plugin %s is restricted twice; put its permissions into one list", at, r.Plugin)
		}
		for _, action := range attribute.Action {
			if !slices.Contains(actions, action) {
				return nil, fault.Newf(fault.Invalid, "%s.permissionAttribute.action: %q is not an action; use %s", at, action, strings.Join(actions, ", "))
			}
		}
		out = append(out, identity.Access{Plugin: r.Plugin, Permissions: r.Permission, Actions: attribute.Action})
	}
	return out, nil
}

// decodeStrict decodes an object that may have the keys and no others: a
// misspelt one would leave something open.
func decodeStrict(where string, raw json.RawMessage, into any, keys ...string) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return fault.Newf(fault.Invalid, "%s: want an object", where)
	}
	for name := range fields {
		if !slices.Contains(keys, name) {
			return fault.Newf(fault.Invalid, "%s: the key %q is not known; there are %s", where, name, strings.Join(keys, ", "))
		}
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fault.Newf(fault.Invalid, "%s: %w", where, err)
	}
	return nil
}
