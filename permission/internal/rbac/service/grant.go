package service

import (
	"context"
	"slices"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/store"
)

// GrantInput is a policy as a client writes it.
type GrantInput struct{ Role, Permission, Action, Effect string }

// Granted is a policy of a role.
type Granted struct {
	Role *rbac.Role
	rbac.Grant
}

// Policies returns the policies that the principal in ctx may read and that
// the non-empty fields of the filter fit, in the order of their roles.
func (s *Service) Policies(ctx context.Context, filter GrantInput) ([]Granted, error) {
	sc, err := s.may(ctx, rbac.Read)
	if err != nil {
		return nil, err
	}
	fits := func(want, got string) bool { return want == "" || want == got }
	out := []Granted{}
	for _, r := range s.Policy.Model().Roles() {
		if !sc.role(r) || !fits(filter.Role, r.Ref) {
			continue
		}
		for _, g := range r.Policies {
			if fits(filter.Permission, g.Permission) && fits(filter.Action, g.Action) && fits(filter.Effect, g.Effect()) {
				out = append(out, Granted{r, g})
			}
		}
	}
	return out, nil
}

// PoliciesOf returns the policies of a role, or an error with code not_found
// when there are none that the principal in ctx may read.
func (s *Service) PoliciesOf(ctx context.Context, role string) ([]Granted, error) {
	out, err := s.Policies(ctx, GrantInput{Role: role})
	if err == nil && len(out) == 0 {
		return nil, errNotFound
	}
	return out, err
}

// parse reads policies. What says what they are, in messages.
func parse(in []GrantInput, what string) ([]rbac.Grant, error) {
	out := make([]rbac.Grant, len(in))
	for i, p := range in {
		err := rbac.CheckRole(p.Role)
		if err == nil {
			out[i], err = rbac.ParseGrant(p.Permission, p.Action, p.Effect)
		}
		if err != nil {
			return nil, fault.Newf(fault.Invalid, "Invalid %s definition. Cause: %s", what, err.Error())
		}
	}
	return out, nil
}

// wanted checks one policy of a change against the role as it is. There is
// true for policies that must be there.
func wanted(r *rbac.Role, in []GrantInput, grants []rbac.Grant, i int, verb string, there bool) error {
	role := in[i].Role
	if err := ours(r, "Unable to "+verb+" policy "+grants[i].Fields(role, ",")); err != nil {
		return err
	}
	has := r != nil && slices.ContainsFunc(r.Policies, grants[i].Same)
	switch {
	case !there && r == nil:
		return fault.Newf(fault.NotFound, "Role %s was not found", role)
	case there && !has:
		return fault.Newf(fault.NotFound, "Policy '[%s]' not found", grants[i].Fields(role, ", "))
	case !there && has:
		return fault.Newf(fault.Conflict, "Policy '[%s]' has been already stored", grants[i].Fields(role, ", "))
	}
	for j := range i {
		if in[j].Role == role && grants[j].Same(grants[i]) {
			return fault.Newf(fault.Conflict, "Duplicate polices found; %s is a duplicate", grants[i].Fields(role, ", "))
		}
	}
	return nil
}

// texts renders policies for the audit log.
func texts(in []GrantInput, grants []rbac.Grant) []string {
	out := make([]string, len(in))
	for i := range in {
		out[i] = grants[i].Fields(in[i].Role, ", ")
	}
	return out
}

// AddPolicies stores policies of roles, all or none. It returns an error with
// code invalid for a wrong input, forbidden when the principal in ctx may not
// or a role has another origin, not_found when there is no such role, and
// conflict for a policy that is there already.
func (s *Service) AddPolicies(ctx context.Context, in []GrantInput) error {
	if _, err := s.mayChange(ctx, rbac.Create); err != nil {
		return err
	}
	if len(in) == 0 {
		return fault.New(fault.Invalid, "permission policy must be present")
	}
	grants, err := parse(in, "policy")
	if err != nil {
		return err
	}
	tenant, err := s.tenancy(ctx)
	if err != nil {
		return err
	}
	e := audit.Event{Name: "policy-write", Target: in[0].Role, Meta: map[string]any{"actionType": "create", "policies": texts(in, grants)}}
	return s.change(ctx, e, func(ctx context.Context, now *store.Stored, tx *store.Tx) error {
		changed := map[string]*rbac.Role{}
		for i := range in {
			r := s.find(now, in[i].Role)
			if r != nil && !tenant.role(r) {
				return errNotAllowed
			}
			if err := wanted(r, in, grants, i, "add", false); err != nil {
				return err
			}
			if changed[r.Ref] == nil {
				changed[r.Ref] = s.touched(ctx, r)
			}
			changed[r.Ref].Policies = append(changed[r.Ref].Policies, grants[i])
		}
		for _, r := range changed {
			if err := tx.PutRole(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// UpdatePolicies replaces policies of a role by others. It reports whether
// there was anything to change. The errors are those of [Service.AddPolicies],
// and not_found for a policy that is to be replaced and is not there.
func (s *Service) UpdatePolicies(ctx context.Context, role string, before, after []GrantInput) (bool, error) {
	sc, err := s.mayChange(ctx, rbac.Update)
	if err != nil {
		return false, err
	}
	switch {
	case len(before) == 0:
		return false, fault.New(fault.Invalid, "'oldPolicy' object must be present")
	case len(after) == 0:
		return false, fault.New(fault.Invalid, "'newPolicy' object must be present")
	}
	own(role, before)
	own(role, after)
	old, err := parse(before, "old policy")
	if err != nil {
		return false, err
	}
	changed := false
	e := audit.Event{Name: "policy-write", Target: role, Meta: map[string]any{"actionType": "update", "oldPolicies": texts(before, old)}}
	err = s.change(ctx, e, func(ctx context.Context, now *store.Stored, tx *store.Tx) error {
		r := s.find(now, role)
		if !sc.role(r) {
			return errNotAllowed
		}
		for i := range before {
			if err := wanted(r, before, old, i, "edit", true); err != nil {
				return err
			}
		}
		fresh, err := replacement(r, before, after, old)
		if err != nil || fresh == nil {
			return err
		}
		changed = true
		r = s.touched(ctx, r)
		r.Policies = append(slices.DeleteFunc(r.Policies, func(g rbac.Grant) bool { return slices.ContainsFunc(old, g.Same) }), fresh...)
		return tx.PutRole(ctx, r)
	})
	return changed, err
}

// own makes the policies those of the role.
func own(role string, in []GrantInput) {
	for i := range in {
		in[i].Role = role
	}
}

// replacement returns the policies that come in place of the old ones; nil
// when they are the same.
func replacement(r *rbac.Role, before, after []GrantInput, old []rbac.Grant) ([]rbac.Grant, error) {
	if len(before) > len(after) {
		return nil, fault.New(fault.Invalid, "'oldPolicy' object has more permission policies compared to 'newPolicy' object")
	}
	fresh, err := parse(after, "new policy")
	if err != nil {
		return nil, err
	}
	if len(before) == len(after) && !slices.ContainsFunc(fresh, func(g rbac.Grant) bool { return !slices.ContainsFunc(old, g.Same) }) {
		return nil, nil
	}
	rest := r.Clone()
	rest.Policies = slices.DeleteFunc(rest.Policies, func(g rbac.Grant) bool { return slices.ContainsFunc(old, g.Same) })
	for i := range after {
		if err := wanted(rest, after, fresh, i, "edit", false); err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

// DeletePolicies removes policies of a role, all or none. The errors are those
// of [Service.UpdatePolicies].
func (s *Service) DeletePolicies(ctx context.Context, role string, in []GrantInput) error {
	sc, err := s.mayChange(ctx, rbac.Delete)
	if err != nil {
		return err
	}
	if len(in) == 0 {
		return fault.New(fault.Invalid, "permission policy must be present")
	}
	own(role, in)
	grants, err := parse(in, "policy")
	if err != nil {
		return err
	}
	e := audit.Event{Name: "policy-write", Target: role, Meta: map[string]any{"actionType": "delete", "policies": texts(in, grants)}}
	return s.change(ctx, e, func(ctx context.Context, now *store.Stored, tx *store.Tx) error {
		r := s.find(now, role)
		if !sc.role(r) {
			return errNotAllowed
		}
		for i := range in {
			if err := wanted(r, in, grants, i, "delete", true); err != nil {
				return err
			}
		}
		r = s.touched(ctx, r)
		r.Policies = slices.DeleteFunc(r.Policies, func(g rbac.Grant) bool { return slices.ContainsFunc(grants, g.Same) })
		return tx.PutRole(ctx, r)
	})
}
