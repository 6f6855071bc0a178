package service

import (
	"context"
	"fmt"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
)

// scope is what a principal may see: nothing, or what the filter holds for. A
// nil filter is everything.
type scope struct {
	denied bool
	filter catalog.Filter
}

// and narrows a filter to the scope.
func (sc scope) and(f catalog.Filter) catalog.Filter {
	switch {
	case sc.filter == nil:
		return f
	case f == nil:
		return sc.filter
	}
	return catalog.And{sc.filter, f}
}

// scopeOf asks what the principal in ctx may do with p over all entities.
func (s *Service) scopeOf(ctx context.Context, p permission.Permission) (scope, error) {
	d, err := s.deps.Authorizer.Authorize(ctx, permission.Request{Permission: p})
	if err != nil {
		return scope{}, fmt.Errorf("authorize %s: %w", p.Name, err)
	}
	switch d.Result {
	case permission.Allow:
		return scope{}, nil
	case permission.Conditional:
		if d.Condition == nil {
			return scope{denied: true}, nil
		}
		f, err := s.conditions.filter(d.Condition)
		if err != nil {
			// A policy the catalog cannot read must not open anything.
			return scope{denied: true}, fmt.Errorf("authorize %s: %w", p.Name, fault.Wrap(fault.Internal, err, "the policy's condition is not usable"))
		}
		return scope{filter: f}, nil
	case permission.Deny:
	}
	return scope{denied: true}, nil
}

// Reading asks what the principal in ctx may read.
func (s *Service) reading(ctx context.Context) (scope, error) { return s.scopeOf(ctx, EntityRead) }

// require returns an error with code forbidden unless the principal in ctx may
// do p, which is not about a resource.
func (s *Service) require(ctx context.Context, p permission.Permission) error {
	d, err := s.deps.Authorizer.Authorize(ctx, permission.Request{Permission: p})
	if err != nil {
		return fmt.Errorf("authorize %s: %w", p.Name, err)
	}
	if d.Result != permission.Allow {
		return errNotAllowed
	}
	return nil
}

// errNotAllowed has no message, because clients know it so.
var errNotAllowed = fault.New(fault.Forbidden, "")

// errReadOnly is the answer to writes while catalog.readonly is set.
var errReadOnly = fault.New(fault.Forbidden, "This operation not allowed in readonly mode")

func (s *Service) writable() error {
	if s.deps.ReadOnly {
		return errReadOnly
	}
	return nil
}

// visible reports whether the entity is within the scope.
func (sc scope) visible(snap *index.Snapshot, id index.ID) bool {
	if sc.denied {
		return false
	}
	return sc.filter == nil || snap.Eval(sc.filter).Contains(id)
}

// lookup finds an entity that the principal in ctx may read.
func (s *Service) lookup(ctx context.Context, ref string) (*index.Snapshot, index.ID, bool, error) {
	sc, err := s.reading(ctx)
	if err != nil {
		return nil, 0, false, err
	}
	snap := s.deps.Index.Snapshot()
	id, ok := snap.Lookup(ref)
	return snap, id, ok && sc.visible(snap, id), nil
}

// mayOn returns an error with code forbidden unless the principal in ctx may
// do p on the entity. An entity that is not in the read model is refused
// where the decision depends on what it says.
func (s *Service) mayOn(ctx context.Context, p permission.Permission, find func(*index.Snapshot) (index.ID, bool)) error {
	sc, err := s.scopeOf(ctx, p)
	if err != nil {
		return err
	}
	if sc.denied {
		return errNotAllowed
	}
	if sc.filter == nil {
		return nil
	}
	snap := s.deps.Index.Snapshot()
	id, ok := find(snap)
	if !ok || !sc.visible(snap, id) {
		return errNotAllowed
	}
	return nil
}
