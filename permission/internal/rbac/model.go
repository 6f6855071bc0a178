package rbac

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/permission"
)

// Origin says through which door a role came; only there it may be changed.
type Origin string

// The origins. The strings are those of the REST API.
const (
	FromCSV           Origin = "csv-file"
	FromConfiguration Origin = "configuration"
	FromREST          Origin = "rest"
	Legacy            Origin = "legacy"
)

// The names that have a meaning of their own.
const (
	// AdminRole is the role of permission.rbac.admin.users.
	AdminRole = "role:default/rbac_admin"
	// ConfigurationAuthor is who changes what the configuration says.
	ConfigurationAuthor = "application configuration"
	// CSVAuthor is who changes what the CSV file says.
	CSVAuthor = "csv permission policy file"
	// Use is the action of permissions that have none.
	Use = "use"
	// ConfigurationFile stands for a file name where there is none.
	ConfigurationFile = "the configuration"
	// DatabaseFile stands for a file name where there is none.
	DatabaseFile = "the database"
)

// Actions are the actions that policies may name.
var Actions = []string{"create", "read", "update", "delete", Use}

// Role is a role with its members and policies.
type Role struct {
	Ref         string
	Origin      Origin
	Description string
	Owner       string
	Author      string
	ModifiedBy  string
	CreatedAt   time.Time
	ModifiedAt  time.Time
	// Default marks the role that every user has.
	Default    bool
	Members    []Member
	Policies   []Grant
	Conditions []Conditional
}

// Clone returns a copy whose lists may be changed.
func (r *Role) Clone() *Role {
	out := *r
	out.Members = slices.Clone(r.Members)
	out.Policies = slices.Clone(r.Policies)
	out.Conditions = slices.Clone(r.Conditions)
	return &out
}

// Has reports whether the ref is a member.
func (r *Role) Has(member string) bool {
	return slices.ContainsFunc(r.Members, func(m Member) bool { return m.Ref == member })
}

// Member is a user or a group in a role.
type Member struct {
	Ref string
	At  permission.Source
}

// Grant is one basic policy: it allows or denies one action.
type Grant struct {
	// Permission is the name of a permission or a resource type.
	Permission string
	Action     string
	Deny       bool
	At         permission.Source
}

// Effect is allow or deny.
func (g Grant) Effect() string {
	if g.Deny {
		return "deny"
	}
	return "allow"
}

// Same reports whether two policies say the same.
func (g Grant) Same(o Grant) bool {
	return g.Permission == o.Permission && g.Action == o.Action && g.Deny == o.Deny
}

// Fields renders the policy of a role as its fields with a separator between
// them.
func (g Grant) Fields(role, separator string) string {
	return strings.Join([]string{role, g.Permission, g.Action, g.Effect()}, separator)
}

// Conditional is a policy that allows where its condition holds.
type Conditional struct {
	ID           int64
	Role         string
	Plugin       string
	ResourceType string
	// Mapping are the permissions that the policy is about.
	Mapping   []Mapping
	Condition permission.Condition
	At        permission.Source
}

// Mapping is one permission of a [Conditional]. An empty Name means every
// permission with the action.
type Mapping struct {
	Name   string
	Action string
}

// covers reports whether the policy is about the permission.
func (c *Conditional) covers(p permission.Permission) bool {
	action := actionOf(p)
	return p.ResourceType != "" && c.ResourceType == p.ResourceType &&
		slices.ContainsFunc(c.Mapping, func(m Mapping) bool {
			return m.Action == action && (m.Name == "" || m.Name == p.Name)
		})
}

// Text renders the policy in one line.
func (c *Conditional) Text() string {
	parts := make([]string, len(c.Mapping))
	for i, m := range c.Mapping {
		parts[i] = cmp.Or(m.Name, m.Action)
	}
	return c.Role + " may " + strings.Join(parts, ", ") + " " + c.ResourceType + " conditionally"
}

// actionOf is the action that policies name for the permission.
func actionOf(p permission.Permission) string { return cmp.Or(p.Action, Use) }

// Overlap describes the entries of two mappings that are about the same
// permission, in the words of the REST API; empty when there are none.
func Overlap(mine, theirs []Mapping) string {
	var out []string
	for _, m := range mine {
		for _, o := range theirs {
			if m.Action != o.Action {
				continue
			}
			switch {
			case m.Name == "" && o.Name == "":
				out = append(out, "action '"+m.Action+"'")
			case m.Name == o.Name:
				out = append(out, "permission '"+m.Name+"'")
			case m.Name == "":
				out = append(out, "action '"+m.Action+"' (broad) overlaps with permission '"+o.Name+"'")
			case o.Name == "":
				out = append(out, "permission '"+m.Name+"' overlaps with action '"+m.Action+"' (broad)")
			}
		}
	}
	return strings.Join(out, "; ")
}
