package permissiontest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/permission"
)

// ResourceType is the resource type of entities.
const ResourceType = "catalog-entity"

// The permissions that [Entities] defines.
var (
	Read     = permission.Permission{Name: "catalog.entity.read", Action: "read", ResourceType: ResourceType}
	Create   = permission.Permission{Name: "catalog.entity.create", Action: "create"}
	Delete   = permission.Permission{Name: "catalog.entity.delete", Action: "delete", ResourceType: ResourceType}
	Refresh  = permission.Permission{Name: "catalog.entity.refresh", Action: "update", ResourceType: ResourceType}
	Validate = permission.Permission{Name: "catalog.entity.validate"}
	Location = permission.Permission{Name: "catalog.location.read", Action: "read"}
)

// Entities is a plugin with entities, as the permission framework sees the
// catalog. It evaluates conditions entity by entity. Safe for concurrent use.
type Entities struct {
	byRef map[string]catalog.Entity
	calls atomic.Int64
}

// NewEntities returns a plugin with the entities.
func NewEntities(list ...catalog.Entity) *Entities {
	e := &Entities{byRef: map[string]catalog.Entity{}}
	for _, x := range list {
		e.byRef[x.Ref().String()] = x
	}
	return e
}

// Calls is how often conditions were applied.
func (e *Entities) Calls() int { return int(e.calls.Load()) }

// Definition is what the plugin brings.
func (e *Entities) Definition() permission.Definition {
	value := func(name, param string) permission.Rule {
		return permission.Rule{Name: name, Params: []permission.Param{{Name: param}, {Name: "value", Optional: true}}}
	}
	list := func(name, param string) permission.Rule {
		return permission.Rule{Name: name, Params: []permission.Param{{Name: param, Type: "list"}}}
	}
	return permission.Definition{
		Permissions: []permission.Permission{Read, Create, Delete, Refresh, Validate, Location},
		Resources: []permission.Resource{{
			Type: ResourceType,
			Rules: []permission.Rule{
				value("HAS_ANNOTATION", "annotation"), value("HAS_LABEL", "label"), value("HAS_METADATA", "key"), value("HAS_SPEC", "key"),
				list("IS_ENTITY_KIND", "kinds"), list("IS_ENTITY_OWNER", "claims"),
			},
			Check: func(c permission.Condition) error { _, err := Holds(catalog.Entity{}, c); return err },
			Apply: e.apply,
		}},
	}
}

func (e *Entities) apply(_ context.Context, refs []string, c permission.Condition) ([]bool, error) {
	e.calls.Add(1)
	out := make([]bool, len(refs))
	for i, ref := range refs {
		if x, ok := e.byRef[strings.ToLower(ref)]; ok {
			holds, err := Holds(x, c)
			if err != nil {
				return nil, err
			}
			out[i] = holds
		}
	}
	return out, nil
}

// Holds evaluates a condition on an entity. It returns an error for rules that
// the catalog does not have.
func Holds(e catalog.Entity, c permission.Condition) (bool, error) {
	switch {
	case c.AllOf != nil:
		for _, x := range c.AllOf {
			if ok, err := Holds(e, x); !ok {
				return false, err
			}
		}
		return true, nil
	case c.AnyOf != nil:
		for _, x := range c.AnyOf {
			if ok, err := Holds(e, x); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case c.Not != nil:
		ok, err := Holds(e, *c.Not)
		return !ok, err
	}
	switch c.Rule {
	case "HAS_ANNOTATION":
		m, _ := e.Metadata()["annotations"].(map[string]any)
		return has(m, c.Params, "annotation"), nil
	case "HAS_LABEL":
		m, _ := e.Metadata()["labels"].(map[string]any)
		return has(m, c.Params, "label"), nil
	case "HAS_METADATA":
		return has(e.Metadata(), c.Params, "key"), nil
	case "HAS_SPEC":
		return has(e.Spec(), c.Params, "key"), nil
	case "IS_ENTITY_KIND":
		return slices.ContainsFunc(items(c.Params["kinds"]), func(k string) bool { return strings.EqualFold(k, e.Kind()) }), nil
	case "IS_ENTITY_OWNER":
		owner, err := catalog.ParseRef(e.SpecString("owner"), catalog.RefDefaults{Kind: "group"})
		return err == nil && slices.ContainsFunc(items(c.Params["claims"]), func(r string) bool { return strings.EqualFold(r, owner.String()) }), nil
	}
	return false, ruleError(c.Rule)
}

// ruleError names a rule that the catalog does not have.
type ruleError string

func (e ruleError) Error() string     { return fmt.Sprintf("unknown rule %q", string(e)) }
func (e ruleError) FaultCode() string { return "invalid" }

func has(m, params map[string]any, key string) bool {
	name, _ := params[key].(string)
	v, ok := m[name]
	want, given := params["value"]
	if !ok || !given {
		return ok
	}
	return slices.ContainsFunc(append(items(v), fmt.Sprint(v)), func(s string) bool { return strings.EqualFold(s, fmt.Sprint(want)) })
}

func items(v any) []string {
	switch v := v.(type) {
	case []string:
		return slices.Clone(v)
	case []any:
		out := make([]string, len(v))
		for i, x := range v {
			out[i] = fmt.Sprint(x)
		}
		return out
	}
	return nil
}
