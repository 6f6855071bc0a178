package rbac

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
)

// Settings are the keys below permission.rbac.
type Settings struct {
	// At tells where the value at a path below permission.rbac stands; nil when
	// nobody knows.
	At func(path string) fault.Position `json:"-"`
	// CSVFile and ConditionsFile are paths; empty means that there is none.
	CSVFile        string `json:"policies-csv-file"`
	ConditionsFile string `json:"conditionalPoliciesFile"`
	// Reload follows changes of the files.
	Reload bool `json:"policyFileReload"`
	Admin  struct {
		// Users are in [AdminRole].
		Users []Named `json:"users"`
		// SuperUsers may do everything.
		SuperUsers []Named `json:"superUsers"`
	} `json:"admin"`
	// Plugins are those whose permissions are offered for policies; all when
	// there are none.
	Plugins []string `json:"pluginsWithPermission"`
	// MaxDepth bounds how far roles are inherited from the groups above a
	// user's own; nil means all the way, 0 not at all.
	MaxDepth *int `json:"maxDepth"`
	// Precedence is conditional (also when empty) or basic: which of the two
	// sorts of policies decides first.
	Precedence string `json:"policyDecisionPrecedence"`
	// UseOwnership gives roles by what the sign-in says a user owns by, too.
	UseOwnership bool `json:"useOwnershipEntityRefs"`
	// Defaults is a role that every user has.
	Defaults *struct {
		Role        string `json:"defaultRole"`
		Permissions []struct {
			Permission string `json:"permission"`
			Action     string `json:"action"`
		} `json:"basicPermissions"`
	} `json:"defaultPermissions"`
	Validation struct {
		Conditions struct {
			Depth *int `json:"maxConditionDepth"`
			Nodes *int `json:"maxConditionNodeCount"`
			Items *int `json:"maxCriteriaItems"`
		} `json:"conditionalPolicies"`
		File struct {
			Bytes *int `json:"maxBytes"`
			Docs  *int `json:"maxDocuments"`
		} `json:"conditionalPoliciesFile"`
	} `json:"validation"`
}

// Named is an item of a list of users and groups.
type Named struct {
	Name string `json:"name"`
}

// The values of policyDecisionPrecedence.
const (
	conditionalFirst = "conditional"
	basicFirst       = "basic"
)

// Check returns an error with code invalid that names every key with a wrong
// value.
func (s *Settings) Check() error {
	var errs []error
	wrongKey := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("permission.rbac.%s: "+format, append([]any{key}, args...)...))
	}
	for key, list := range map[string][]Named{"admin.users": s.Admin.Users, "admin.superUsers": s.Admin.SuperUsers} {
		for i, who := range list {
			if err := CheckMember(strings.ToLower(who.Name)); err != nil {
				wrongKey(fmt.Sprintf("%s[%d].name", key, i), "%w", err)
			}
		}
	}
	if s.MaxDepth != nil && *s.MaxDepth < 0 {
		wrongKey("maxDepth", "must be 0 or more, got %d", *s.MaxDepth)
	}
	if s.Precedence != "" && s.Precedence != conditionalFirst && s.Precedence != basicFirst {
		wrongKey("policyDecisionPrecedence", "must be conditional or basic, got %q", s.Precedence)
	}
	for i, id := range s.Plugins {
		if strings.TrimSpace(id) == "" {
			wrongKey(fmt.Sprintf("pluginsWithPermission[%d]", i), "must not be empty")
		}
	}
	if _, err := s.defaultRole(); err != nil {
		wrongKey("defaultPermissions", "%w", err)
	}
	for key, limit := range s.limits() {
		if limit.given != nil && *limit.given <= 0 {
			errs = append(errs, fmt.Errorf("%s: must be 1 or more, got %d", key, *limit.given))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return fault.Newf(fault.Invalid, "%w", errors.Join(errs...))
}

// limit is a bound that the configuration may move.
type limit struct {
	given *int
	into  func(*Limits) *int
}

func (s *Settings) limits() map[string]limit {
	v := s.Validation
	return map[string]limit{
		keyDepth: {v.Conditions.Depth, func(l *Limits) *int { return &l.Depth }},
		keyNodes: {v.Conditions.Nodes, func(l *Limits) *int { return &l.Nodes }},
		keyItems: {v.Conditions.Items, func(l *Limits) *int { return &l.Items }},
		keyBytes: {v.File.Bytes, func(l *Limits) *int { return &l.Bytes }},
		keyDocs:  {v.File.Docs, func(l *Limits) *int { return &l.Docs }},
	}
}

// Limits returns the limits of conditional policies.
func (s *Settings) Limits() Limits {
	out := DefaultLimits
	for _, limit := range s.limits() {
		if limit.given != nil {
			*limit.into(&out) = *limit.given
		}
	}
	// Conditions are read elsewhere too, where this bound holds.
	out.Depth = min(out.Depth, permission.MaxConditionDepth)
	return out
}

// basic reports whether basic policies decide before conditional ones.
func (s *Settings) basic() bool { return s.Precedence == basicFirst }

// superUsers returns the refs of those who may do everything.
func (s *Settings) superUsers() []string { return names(s.Admin.SuperUsers) }

// source is the place of a value, with what it says.
func (s *Settings) source(path, says string) permission.Source {
	out := permission.Source{File: ConfigurationFile, Statement: "permission.rbac." + path + ": " + says}
	if s.At != nil {
		if at := s.At(path); at.Line > 0 {
			out.File, out.Line = at.File, at.Line
		}
	}
	return out
}

// superUser is the place of a super user.
func (s *Settings) superUser(i int) permission.Source {
	return s.source(fmt.Sprintf("admin.superUsers[%d].name", i), strings.ToLower(s.Admin.SuperUsers[i].Name))
}

func names(list []Named) []string {
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = strings.ToLower(item.Name)
	}
	return out
}

// adminRole is the role of those who administer roles, or nil.
func (s *Settings) adminRole() *Role {
	if len(s.Admin.Users) == 0 {
		return nil
	}
	r := configured(AdminRole, "May read, create, change and delete roles and policies.")
	for i, name := range names(s.Admin.Users) {
		if !r.Has(name) {
			r.Members = append(r.Members, Member{Ref: name, At: s.source(fmt.Sprintf("admin.users[%d].name", i), name)})
		}
	}
	for _, g := range []Grant{
		{Permission: ResourceType, Action: "read"},
		{Permission: Create.Name, Action: "create"},
		{Permission: ResourceType, Action: "delete"},
		{Permission: ResourceType, Action: "update"},
		{Permission: "catalog-entity", Action: "read"},
	} {
		g.At = s.source("admin.users", g.Fields(AdminRole, ", "))
		r.Policies = append(r.Policies, g)
	}
	return r
}

func configured(ref, description string) *Role {
	return &Role{
		Ref: ref, Origin: FromConfiguration, Description: description,
		Author: ConfigurationAuthor, ModifiedBy: ConfigurationAuthor,
	}
}

// defaultRole is the role that everybody has, or nil.
func (s *Settings) defaultRole() (*Role, error) {
	if s.Defaults == nil {
		return nil, nil //nolint:nilnil // most configurations have none
	}
	d := s.Defaults
	if d.Role == "" {
		return nil, errors.New("needs defaultRole, the role that every user has")
	}
	if err := CheckRole(d.Role); err != nil {
		return nil, fmt.Errorf("defaultRole: %w", err)
	}
	if d.Role == AdminRole {
		return nil, fmt.Errorf("defaultRole: %s is the role of administrators", AdminRole)
	}
	if len(d.Permissions) == 0 {
		return nil, fmt.Errorf("basicPermissions: the default role '%s' requires at least one entry", d.Role)
	}
	r := configured(d.Role, "Role with default permissions for all users and groups.")
	r.Default = true
	for i, p := range d.Permissions {
		action := p.Action
		if action == "" {
			action = Use
		}
		g, err := ParseGrant(p.Permission, action, "allow")
		if err != nil {
			return nil, fmt.Errorf("basicPermissions[%d]: %w", i, err)
		}
		g.At = s.source(fmt.Sprintf("defaultPermissions.basicPermissions[%d].permission", i), g.Fields(d.Role, ", "))
		r.Policies = append(r.Policies, g)
	}
	return r, nil
}
