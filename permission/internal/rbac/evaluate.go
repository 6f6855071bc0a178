package rbac

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
)

// Resources finds what plugins have defined. It is the registry.
type Resources interface {
	Resource(resourceType string) (permission.Resource, string, bool)
}

// view is the roles of one principal.
type view struct {
	who identity.Principal
	// roles are in the order of their refs; via says who is in the role: the
	// user, one of its groups, or everybody.
	roles []*Role
	via   map[string]string
	super permission.Source // why the principal may do everything; zero if not
}

// view finds the roles of a principal.
func (m *Model) view(who identity.Principal, groups membership) *view {
	subject := strings.ToLower(who.Subject)
	v := &view{who: who, via: map[string]string{}}
	near := append([]string{subject}, groups.direct...)
	if m.settings.UseOwnership {
		for _, ref := range who.Ownership {
			near = append(near, strings.ToLower(ref))
		}
	}
	for i, super := range m.settings.superUsers() {
		if slices.Contains(near, super) {
			v.super = m.settings.superUser(i)
			break
		}
	}
	for _, ref := range append(near, groups.above...) {
		for _, r := range m.byMember[ref] {
			if _, ok := v.via[r.Ref]; !ok {
				v.via[r.Ref] = ref
				v.roles = append(v.roles, r)
			}
		}
	}
	if r := m.everybody; r != nil {
		if _, ok := v.via[r.Ref]; !ok {
			v.via[r.Ref] = "everybody"
			v.roles = append(v.roles, r)
		}
	}
	slices.SortFunc(v.roles, func(a, b *Role) int { return strings.Compare(a.Ref, b.Ref) })
	return v
}

// asked is one question to the model.
type asked struct {
	*view
	p         permission.Permission
	resources Resources
	// roles are those that are looked at: the principal's, or all of them.
	roles []*Role
}

// steps returns the statements in the order in which they decide, so that
// [policy.Combine] of them is the decision of the community plugin:
//
//  1. who is a super user may do everything;
//  2. conditional policies: where one of them holds it is allowed, elsewhere
//     denied;
//  3. basic policies that name the permission, denials first;
//  4. basic policies that name its resource type, denials first.
//
// With the precedence basic, 2 comes last.
func (m *Model) steps(a asked) []policy.Step {
	var out []policy.Step
	if len(m.settings.Admin.SuperUsers) > 0 || a.super.File != "" {
		out = append(out, m.superStep(a))
	}
	if m.settings.basic() {
		return append(append(out, a.basic()...), a.conditional()...)
	}
	return append(append(out, a.conditional()...), a.basic()...)
}

func (m *Model) superStep(a asked) policy.Step {
	s := policy.Step{Source: a.super, Result: permission.Allow, Matched: a.super.File != "", Why: "super users may do everything"}
	if !s.Matched {
		s.Source = m.settings.source("admin.superUsers", strings.Join(m.settings.superUsers(), ", "))
		s.Why = a.who.Subject + " is not among the super users"
	}
	return s
}

// conditional are the steps of conditional policies.
func (a asked) conditional() []policy.Step {
	var out, collisions []policy.Step
	last := -1
	for _, r := range a.roles {
		mine := 0 // policies of this role that are about the permission
		for i := range r.Conditions {
			s, about := a.condition(r, &r.Conditions[i])
			if about {
				mine++
			}
			if s.Matched {
				last = len(out)
			}
			out = append(out, s)
		}
		if _, in := a.via[r.Ref]; in && mine > 1 {
			// The plugin knows no way to choose, and denies; so nobody gains by
			// a second policy under the name of another plugin.
			collisions = append(collisions, policy.Step{
				Source: r.Conditions[len(r.Conditions)-1].At, Matched: true, Result: permission.Deny,
				Why: fmt.Sprintf("%s has %d conditional policies for %s, where there may be one", r.Ref, mine, a.p.Name),
			})
		}
	}
	if last >= 0 {
		out[last].Otherwise = permission.Deny
	}
	return append(collisions, out...)
}

// condition is the step of one conditional policy, and whether it is about the
// permission.
func (a asked) condition(r *Role, c *Conditional) (policy.Step, bool) {
	s := policy.Step{Source: c.At, Result: permission.Allow}
	if !c.covers(a.p) {
		s.Why = "it is about " + c.Text()
		return s, false
	}
	via, in := a.via[r.Ref]
	if !in {
		s.Why = a.who.Subject + " is not in " + r.Ref
		return s, true
	}
	s.Matched, s.Why = true, a.because(r, via)
	bound, err := a.bind(c)
	if err != nil {
		// What nobody can apply opens nothing.
		s.Why += ", but the condition cannot be applied: " + err.Error()
	}
	switch {
	case bound.Always():
	case bound.Never():
		s.Condition = &permission.Condition{AnyOf: []permission.Condition{}}
	default:
		s.Condition = bound.Condition()
	}
	return s, true
}

func (a asked) because(r *Role, via string) string {
	switch via {
	case "everybody":
		return "everybody is in " + r.Ref
	case strings.ToLower(a.who.Subject):
		return via + " is in " + r.Ref
	}
	return a.who.Subject + " is in " + r.Ref + " by " + via
}

// bind makes a condition ready for the principal.
func (a asked) bind(c *Conditional) (condition.Expr, error) {
	resource, _, known := a.resources.Resource(c.ResourceType)
	if !known {
		resource = permission.Resource{Type: c.ResourceType}
	} else if err := CheckCondition(resource, c.Condition); err != nil {
		return condition.False, err
	}
	return condition.Bind(resource, c.Condition, a.who)
}

// CheckCondition returns an error with code invalid unless all rules of the
// condition are known for the resource type and get the parameters they need.
func CheckCondition(resource permission.Resource, c permission.Condition) error {
	var problem error
	condition.Leaves(c, func(leaf permission.Condition) bool {
		i := slices.IndexFunc(resource.Rules, func(r permission.Rule) bool { return strings.EqualFold(r.Name, leaf.Rule) })
		if i < 0 {
			names := make([]string, len(resource.Rules))
			for j, r := range resource.Rules {
				names[j] = r.Name
			}
			problem = fmt.Errorf("the resource type %s has no rule %s; it has %s", resource.Type, leaf.Rule, strings.Join(names, ", "))
			return false
		}
		problem = condition.CheckParams(resource.Rules[i], leaf.Params)
		return problem == nil
	})
	return problem
}

// basic are the steps of basic policies.
func (a asked) basic() []policy.Step {
	// By name and by type, denials before the others; then what is about
	// something else.
	var classes [5][]policy.Step
	action := actionOf(a.p)
	for _, r := range a.roles {
		via, in := a.via[r.Ref]
		for _, g := range r.Policies {
			s := policy.Step{Source: g.At, Result: permission.Allow}
			class := 1
			if g.Deny {
				s.Result, class = permission.Deny, 0
			}
			switch {
			case g.Action == action && g.Permission == a.p.Name:
			case g.Action == action && a.p.ResourceType != "" && g.Permission == a.p.ResourceType:
				class += 2
			default:
				class = 4
			}
			switch {
			case class == 4:
				s.Why = "it is about " + g.Permission + ", " + g.Action
			case !in:
				s.Why = a.who.Subject + " is not in " + r.Ref
			default:
				s.Matched, s.Why = true, a.because(r, via)
			}
			classes[class] = append(classes[class], s)
		}
	}
	return slices.Concat(classes[:]...)
}
