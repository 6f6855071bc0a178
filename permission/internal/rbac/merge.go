package rbac

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
)

// Model is all roles of a portal, whatever their origin. It is never changed
// once it is made.
type Model struct {
	roles map[string]*Role
	order []string // refs, sorted
	// Skipped are the lines of files that were left out, with the reason.
	Skipped []policy.Problem

	settings  Settings
	byMember  map[string][]*Role
	everybody *Role // the default role, or nil
}

// Parts are what a [Model] is made of.
type Parts struct {
	Settings Settings
	// Table is what the CSV file says, and ReadAt when it was read; nil when
	// there is none.
	Table  *Table
	ReadAt time.Time
	// Conditions are what the file of conditional policies says.
	Conditions []Conditional
	// Stored are the roles that came through the REST API.
	Stored []*Role
}

// FileConditionID is the id of the first conditional policy of a file. Ids
// below it are those of the database.
const FileConditionID = int64(1) << 40

// Build merges the parts. A role has one origin: what the configuration says
// comes first, then the database, then the file; lines of the file about
// roles of another origin are skipped.
func Build(p Parts) *Model {
	m := &Model{roles: map[string]*Role{}, settings: p.Settings, byMember: map[string][]*Role{}}
	everybody, _ := p.Settings.defaultRole() // Check has refused a wrong one
	for _, r := range []*Role{p.Settings.adminRole(), everybody} {
		if r != nil {
			m.roles[r.Ref] = r
		}
	}
	m.everybody = everybody
	for _, r := range p.Stored {
		if m.roles[r.Ref] == nil {
			m.roles[r.Ref] = r
		}
	}
	if p.Table != nil {
		m.Skipped = slices.Clone(p.Table.Skipped)
		for _, r := range p.Table.Roles {
			m.addFromFile(r, p.ReadAt)
		}
	}
	for i, c := range p.Conditions {
		m.addCondition(c, FileConditionID+int64(i))
	}
	slices.SortStableFunc(m.Skipped, func(a, b policy.Problem) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line - b.Line
	})
	m.order = slices.Sorted(maps.Keys(m.roles))
	for _, ref := range m.order {
		for _, member := range m.roles[ref].Members {
			m.byMember[member.Ref] = append(m.byMember[member.Ref], m.roles[ref])
		}
	}
	return m
}

// addFromFile takes in a role of the CSV file.
func (m *Model) addFromFile(r *Role, at time.Time) {
	if owner := m.roles[r.Ref]; owner != nil {
		for _, line := range r.sources() {
			m.skip(line, Mismatch(owner))
		}
		return
	}
	r = r.Clone()
	r.CreatedAt, r.ModifiedAt = at, at
	m.roles[r.Ref] = r
}

// addCondition takes in a policy of the file of conditional policies, which
// are for roles of the CSV file.
func (m *Model) addCondition(c Conditional, id int64) {
	r := m.roles[c.Role]
	switch {
	case r == nil:
		m.skip(c.At, fmt.Sprintf("the role '%s' is not in the CSV file", c.Role))
	case r.Origin != FromCSV:
		m.skip(c.At, Mismatch(r))
	default:
		c.ID = id
		r.Conditions = append(r.Conditions, c)
	}
}

func (m *Model) skip(at permission.Source, why string) {
	m.Skipped = append(m.Skipped, policy.Problem{Message: why, File: at.File, Line: at.Line})
}

// Mismatch says that a role is changed elsewhere, in the words of the
// community plugin.
func Mismatch(r *Role) string {
	return fmt.Sprintf("source does not match originating role %s, consider making changes to the '%s'", r.Ref, strings.ToUpper(string(r.Origin)))
}

// sources are where the members and policies of a role stand.
func (r *Role) sources() []permission.Source {
	out := make([]permission.Source, 0, len(r.Members)+len(r.Policies))
	for _, member := range r.Members {
		out = append(out, member.At)
	}
	for _, g := range r.Policies {
		out = append(out, g.At)
	}
	return out
}

// Role returns the role, or nil.
func (m *Model) Role(ref string) *Role { return m.roles[ref] }

// Roles returns the roles in the order of their refs.
func (m *Model) Roles() []*Role {
	out := make([]*Role, len(m.order))
	for i, ref := range m.order {
		out[i] = m.roles[ref]
	}
	return out
}

// Condition returns the conditional policy with the id, or nil.
func (m *Model) Condition(id int64) *Conditional {
	for _, r := range m.roles {
		for i := range r.Conditions {
			if r.Conditions[i].ID == id {
				return &r.Conditions[i]
			}
		}
	}
	return nil
}
