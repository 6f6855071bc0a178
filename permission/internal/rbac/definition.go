package rbac

import (
	"context"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
)

// ResourceType is the resource type of roles in permission requests.
const ResourceType = "policy-entity"

// The permissions on roles and policies.
var (
	Read   = permission.Permission{Name: "policy.entity.read", Action: "read", ResourceType: ResourceType}
	Create = permission.Permission{Name: "policy.entity.create", Action: "create"}
	Update = permission.Permission{Name: "policy.entity.update", Action: "update", ResourceType: ResourceType}
	Delete = permission.Permission{Name: "policy.entity.delete", Action: "delete", ResourceType: ResourceType}
)

// IsOwner is the rule on roles.
const IsOwner = "IS_OWNER"

// Definition is what roles bring to the permission framework. The function
// tells the owner of a role, and whether there is such a role.
func Definition(owner func(role string) (string, bool)) permission.Definition {
	return permission.Definition{
		Permissions: []permission.Permission{Read, Create, Delete, Update},
		Resources:   []permission.Resource{resource(owner)},
	}
}

// OwnerHolds reports whether a condition on roles holds for a role with the
// owner. The error has code invalid when the condition is about something
// else.
func OwnerHolds(c permission.Condition, owner string) (bool, error) {
	switch {
	case c.AllOf != nil:
		failing, err := count(c.AllOf, owner, false)
		return failing == 0 && err == nil, err
	case c.AnyOf != nil:
		holding, err := count(c.AnyOf, owner, true)
		return holding > 0, err
	case c.Not != nil:
		holds, err := OwnerHolds(*c.Not, owner)
		return !holds && err == nil, err
	case c.Rule != IsOwner:
		return false, fault.Newf(fault.Invalid, "unknown rule %q; roles have %s", c.Rule, IsOwner)
	}
	owners, ok := permission.Texts(c.Params["owners"])
	if !ok {
		return false, fault.Newf(fault.Invalid, "rule %s needs the parameter \"owners\" as a list of texts", IsOwner)
	}
	return owner != "" && slices.ContainsFunc(owners, func(o string) bool { return strings.EqualFold(o, owner) }), nil
}

// count counts the conditions that hold, or those that do not. It looks at all
// of them, so that a mistake is found whatever the others say.
func count(cs []permission.Condition, owner string, holding bool) (n int, err error) {
	for _, c := range cs {
		holds, err := OwnerHolds(c, owner)
		if err != nil {
			return 0, err
		}
		if holds == holding {
			n++
		}
	}
	return n, nil
}

func resource(owner func(role string) (string, bool)) permission.Resource {
	return permission.Resource{
		Type: ResourceType,
		Rules: []permission.Rule{{
			Name: IsOwner, Description: "Should allow access to RBAC roles and Permissions through ownership",
			Params: []permission.Param{{Name: "owners", Description: "List of entity refs to match against", Type: "list"}},
		}},
		Check: func(c permission.Condition) error {
			_, err := OwnerHolds(c, "user:default/nobody")
			return err
		},
		Apply: func(_ context.Context, refs []string, c permission.Condition) ([]bool, error) {
			out := make([]bool, len(refs))
			for i, ref := range refs {
				of, ok := owner(ref)
				holds, err := OwnerHolds(c, of)
				if err != nil {
					return nil, err
				}
				out[i] = ok && holds
			}
			return out, nil
		},
	}
}
