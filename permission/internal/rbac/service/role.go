package service

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/store"
)

// RoleInput is a role as a client writes it.
type RoleInput struct {
	Name    string
	Members []string
	// Description and Owner are nil when they are not given.
	Description, Owner *string
}

// longestDescription bounds descriptions.
const longestDescription = 4096

// check returns an error with code invalid for what is wrong with the input,
// and brings members into the form in which they are compared.
func (in *RoleInput) check(named bool) error {
	if named {
		if in.Name == "" {
			return fault.New(fault.Invalid, "'name' field must not be empty")
		}
		if err := rbac.CheckRole(in.Name); err != nil {
			return err
		}
	}
	if len(in.Members) == 0 {
		return fault.New(fault.Invalid, "'memberReferences' field must not be empty")
	}
	members := make([]string, len(in.Members))
	for i, m := range in.Members {
		members[i] = strings.ToLower(m)
		if err := rbac.CheckMember(members[i]); err != nil {
			return err
		}
	}
	in.Members = members
	if in.Owner != nil && *in.Owner != "" {
		owner := strings.ToLower(*in.Owner)
		if err := rbac.CheckMember(owner); err != nil {
			return err
		}
		in.Owner = &owner
	}
	if d := in.Description; d != nil && (utf8.RuneCountInString(*d) > longestDescription || strings.ContainsRune(*d, 0) || !utf8.ValidString(*d)) {
		return fault.Newf(fault.Invalid, "'description' is a text of at most %d characters", longestDescription)
	}
	return nil
}

// twice returns an error with code conflict when a member is there twice.
func (in *RoleInput) twice(role string) error {
	for i, m := range in.Members {
		if slices.Contains(in.Members[:i], m) {
			return fault.Newf(fault.Conflict, "Duplicate role members found; %s, %s is a duplicate", m, role)
		}
	}
	return nil
}

// describe puts what the input says about the role into it.
func (in *RoleInput) describe(r *rbac.Role) {
	if in.Description != nil {
		r.Description = *in.Description
	}
	if in.Owner != nil {
		r.Owner = *in.Owner
	}
}

// Authorized returns an error with code forbidden unless the principal in ctx
// may read some roles.
func (s *Service) Authorized(ctx context.Context) error {
	_, err := s.may(ctx, rbac.Read)
	return err
}

// Roles returns the roles that the principal in ctx may read, sorted.
func (s *Service) Roles(ctx context.Context) ([]*rbac.Role, error) {
	sc, err := s.may(ctx, rbac.Read)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(s.Policy.Model().Roles(), func(r *rbac.Role) bool { return !sc.role(r) }), nil
}

// Role returns a role, or an error with code not_found when there is none or
// the principal in ctx may not read it.
func (s *Service) Role(ctx context.Context, ref string) (*rbac.Role, error) {
	sc, err := s.may(ctx, rbac.Read)
	if err != nil {
		return nil, err
	}
	r := s.Policy.Model().Role(ref)
	if r == nil || !sc.role(r) {
		return nil, errNotFound
	}
	return r, nil
}

// AddRole stores a role, or adds members to one that is stored. It returns an
// error with code invalid for a wrong input, forbidden when the principal in
// ctx may not create roles or the role has another origin, and conflict when a
// member is in the role already.
func (s *Service) AddRole(ctx context.Context, in RoleInput) error {
	if _, err := s.mayChange(ctx, rbac.Create); err != nil {
		return err
	}
	if err := in.check(true); err != nil {
		return fault.Newf(fault.Invalid, "Invalid role definition. Cause: %s", err.Error())
	}
	tenant, err := s.tenancy(ctx)
	if err != nil {
		return err
	}
	e := audit.Event{Name: "role-write", Target: in.Name, Meta: map[string]any{"actionType": "create", "roleEntityRef": in.Name, "members": in.Members}}
	return s.change(ctx, e, func(ctx context.Context, now *store.Stored, tx *store.Tx) error {
		r := s.find(now, in.Name)
		if err := ours(r, "Unable to add role"); err != nil {
			return err
		}
		if r != nil && !tenant.role(r) {
			return errNotAllowed
		}
		if err := in.twice(in.Name); err != nil {
			return err
		}
		if r == nil {
			r = &rbac.Role{Ref: in.Name, Author: subject(ctx), CreatedAt: s.Clock()}
		}
		r = s.touched(ctx, r)
		in.describe(r)
		for _, m := range in.Members {
			if r.Has(m) {
				return errConflict
			}
			r.Members = append(r.Members, rbac.Member{Ref: m})
		}
		return tx.PutRole(ctx, r)
	})
}

// UpdateRole replaces the members in before by those in after, and what after
// says besides. It reports whether there was anything to change. It returns an
// error with code invalid for a wrong input, forbidden when the principal in
// ctx may not change the role or it has another origin, not_found when there
// is no such role or member, and conflict for a member or a name that is taken.
func (s *Service) UpdateRole(ctx context.Context, ref string, before, after *RoleInput) (bool, error) {
	sc, err := s.mayChange(ctx, rbac.Update)
	if err != nil {
		return false, err
	}
	if err := rbac.CheckRole(ref); err != nil {
		return false, err
	}
	switch {
	case before == nil:
		return false, fault.New(fault.Invalid, "'oldRole' object must be present")
	case after == nil:
		return false, fault.New(fault.Invalid, "'newRole' object must be present")
	}
	if err := before.check(false); err != nil {
		return false, fault.Newf(fault.Invalid, "Invalid old role object. Cause: %s", err.Error())
	}
	if err := after.check(true); err != nil {
		return false, fault.Newf(fault.Invalid, "Invalid new role object. Cause: %s", err.Error())
	}
	u := roleUpdate{ref: ref, before: before, after: after}
	if nothing, err := u.nothing(s.Policy.Model().Role(ref), sc); nothing || err != nil {
		return false, err
	}
	e := audit.Event{Name: "role-write", Target: ref, Meta: map[string]any{"actionType": "update", "roleEntityRef": ref, "name": after.Name, "members": after.Members}}
	return true, s.change(ctx, e, func(ctx context.Context, now *store.Stored, tx *store.Tx) error {
		r := s.find(now, ref)
		if err := u.check(r, s.find(now, after.Name), sc); err != nil {
			return err
		}
		r = s.touched(ctx, r)
		after.describe(r)
		r.Members = slices.DeleteFunc(r.Members, func(m rbac.Member) bool { return slices.Contains(before.Members, m.Ref) })
		for _, m := range after.Members {
			r.Members = append(r.Members, rbac.Member{Ref: m})
		}
		if after.Name != ref {
			return rename(ctx, tx, r, after.Name)
		}
		return tx.PutRole(ctx, r)
	})
}

// rename stores a role under another name, with all it has.
func rename(ctx context.Context, tx *store.Tx, r *rbac.Role, name string) error {
	if err := tx.DeleteRole(ctx, r.Ref); err != nil {
		return err
	}
	r.Ref = name
	if err := tx.PutRole(ctx, r); err != nil {
		return err
	}
	for _, c := range r.Conditions {
		c.Role = name
		if err := tx.PutCondition(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// roleUpdate is a wish to change a role.
type roleUpdate struct {
	ref           string
	before, after *RoleInput
}

// nothing reports whether the wish is how the role is.
func (u roleUpdate) nothing(r *rbac.Role, sc scope) (bool, error) {
	if !sc.role(r) {
		return false, errNotAllowed
	}
	if r == nil {
		return false, fault.Newf(fault.NotFound, "Unable to find metadata for %s", u.ref)
	}
	if err := ours(r, "Unable to edit role"); err != nil {
		return false, err
	}
	same := u.after.Name == u.ref && len(u.before.Members) == len(u.after.Members) &&
		(u.after.Description == nil || *u.after.Description == r.Description) && (u.after.Owner == nil || *u.after.Owner == r.Owner)
	for _, m := range u.before.Members {
		same = same && slices.Contains(u.after.Members, m) && r.Has(m)
	}
	return same, nil
}

// check returns why the role cannot be changed so. There is a target when
// there is a role of the new name.
func (u roleUpdate) check(r, target *rbac.Role, sc scope) error {
	if _, err := u.nothing(r, sc); err != nil {
		return err
	}
	if u.after.Name != u.ref && target != nil {
		if err := ours(target, "Unable to edit role"); err != nil {
			return err
		}
		return fault.Newf(fault.Conflict, "Role %s already exists", u.after.Name)
	}
	if err := u.after.twice(u.after.Name); err != nil {
		return err
	}
	for _, m := range u.after.Members {
		if r.Has(m) && !slices.Contains(u.before.Members, m) {
			return errConflict
		}
	}
	if err := u.before.twice(u.ref); err != nil {
		return err
	}
	for _, m := range u.before.Members {
		if !r.Has(m) {
			return fault.Newf(fault.NotFound, "Member reference: %s was not found for role %s", m, u.ref)
		}
	}
	return nil
}

// DeleteRole removes a member from a role, or with an empty member the role
// with everything in it; a role without members is none. It returns an error
// with code forbidden when the principal in ctx may not or the role has
// another origin, and not_found when there is no such role or member.
func (s *Service) DeleteRole(ctx context.Context, ref, member string) error {
	sc, err := s.mayChange(ctx, rbac.Delete)
	if err != nil {
		return err
	}
	if err := rbac.CheckRole(ref); err != nil {
		return err
	}
	member = strings.ToLower(member)
	e := audit.Event{Name: "role-write", Target: ref, Meta: map[string]any{"actionType": "delete", "roleEntityRef": ref}}
	if member != "" {
		e.Meta["members"] = []string{member}
	}
	return s.change(ctx, e, func(ctx context.Context, now *store.Stored, tx *store.Tx) error {
		r := s.find(now, ref)
		switch {
		case !sc.role(r):
			return errNotAllowed
		case member != "" && (r == nil || !r.Has(member)):
			return fault.Newf(fault.NotFound, "role member '%s' was not found", member)
		case r == nil:
			return fault.Newf(fault.NotFound, "Role %s was not found", ref)
		}
		if err := ours(r, "Unable to delete role"); err != nil {
			return err
		}
		if member == "" || len(r.Members) == 1 {
			return tx.DeleteRole(ctx, ref)
		}
		r = s.touched(ctx, r)
		r.Members = slices.DeleteFunc(r.Members, func(m rbac.Member) bool { return m.Ref == member })
		return tx.PutRole(ctx, r)
	})
}
