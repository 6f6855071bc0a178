package service

import (
	"context"
	"fmt"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/store"
)

// errNotAllowed and errNotFound have no message, because clients know them so.
var (
	errNotAllowed = fault.New(fault.Forbidden, "")
	errNotFound   = fault.New(fault.NotFound, "")
	errConflict   = fault.New(fault.Conflict, "")
)

// scope is the roles that the principal may do something with.
type scope struct{ condition *permission.Condition }

// covers reports whether a role of the owner is within the scope.
func (sc scope) covers(owner string) bool {
	if sc.condition == nil {
		return true
	}
	holds, err := rbac.OwnerHolds(*sc.condition, owner)
	return err == nil && holds // what cannot be applied opens nothing
}

// role reports whether the role is within the scope. A role that there is not
// is within the scope of those who may do everything.
func (sc scope) role(r *rbac.Role) bool {
	if r == nil {
		return sc.condition == nil
	}
	return sc.covers(r.Owner)
}

// may returns the roles that the principal in ctx may do p with, or an error
// with code forbidden when there can be none.
func (s *Service) may(ctx context.Context, p permission.Permission) (scope, error) {
	d, err := s.Authorizer.Authorize(ctx, permission.Request{Permission: p})
	switch {
	case err != nil:
		return scope{}, fmt.Errorf("authorize %s: %w", p.Name, err)
	case d.Result == permission.Allow:
		return scope{}, nil
	case d.Result == permission.Conditional && d.Condition != nil:
		return scope{d.Condition}, nil
	}
	return scope{}, errNotAllowed
}

// mayChange is [Service.may] for changes, which only users make.
func (s *Service) mayChange(ctx context.Context, p permission.Permission) (scope, error) {
	if identity.FromContext(ctx).Kind != identity.User {
		return scope{}, fault.New(fault.Forbidden, "Only creadential principal with type 'user' permitted to modify permissions")
	}
	return s.may(ctx, p)
}

// tenancy returns the roles that a principal whose updates are limited to some
// roles may add to; everything for who has no such limit, also for those who
// may create while nothing is said of updates, as ever. Without it a tenant
// could add members and policies to the roles of others. It is no attempt to
// update, so the policy is asked and not the authorizer, which would note a
// denial.
func (s *Service) tenancy(ctx context.Context) (scope, error) {
	d, err := s.Policy.Decide(ctx, identity.FromContext(ctx), rbac.Update)
	if err != nil {
		return scope{}, fmt.Errorf("authorize %s: %w", rbac.Update.Name, err)
	}
	if d.Result == permission.Deny && d.Source.File != "" { // somebody said no
		return nothing, nil
	}
	return scope{d.Condition}, nil
}

// nothing is the scope of no role.
var nothing = scope{&permission.Condition{AnyOf: []permission.Condition{}}}

// change runs fn in a transaction together with the audit event, and puts the
// result into force.
func (s *Service) change(ctx context.Context, e audit.Event, fn func(ctx context.Context, now *store.Stored, tx *store.Tx) error) error {
	e.Plugin, e.Severity = "permission", audit.High
	e.Meta["source"] = string(rbac.FromREST)
	changing, end := s.Audit.Begin(ctx, e)
	if err := end(s.Store.Change(changing, fn)); err != nil {
		return err
	}
	return s.Reload(ctx)
}

// subject is who is asking.
func subject(ctx context.Context) string { return identity.FromContext(ctx).Subject }

// find returns the role as it is in force: the stored one unless another
// origin has it. It is nil when there is none.
func (s *Service) find(now *store.Stored, ref string) *rbac.Role {
	if r := s.Policy.Model().Role(ref); r != nil && r.Origin != rbac.FromREST && r.Origin != rbac.Legacy {
		return r
	}
	return now.Role(ref)
}

// ours returns an error with code forbidden unless the role may be changed
// through the REST API. What is said before the reason.
func ours(r *rbac.Role, what string) error {
	if r == nil || r.Origin == rbac.FromREST || r.Origin == rbac.Legacy {
		return nil
	}
	return fault.New(fault.Forbidden, what+": "+rbac.Mismatch(r))
}

// touched marks a role as changed by the principal.
func (s *Service) touched(ctx context.Context, r *rbac.Role) *rbac.Role {
	r = r.Clone()
	r.Origin, r.ModifiedBy, r.ModifiedAt = rbac.FromREST, subject(ctx), s.Clock()
	return r
}
