package service

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/store"
)

// ConditionFilter keeps conditional policies that its non-empty fields fit.
type ConditionFilter struct {
	Role, Plugin, ResourceType string
	Actions                    []string
}

func (f ConditionFilter) fits(c rbac.Conditional) bool {
	is := func(want, got string) bool { return want == "" || want == got }
	if !is(f.Role, c.Role) || !is(f.Plugin, c.Plugin) || !is(f.ResourceType, c.ResourceType) {
		return false
	}
	for _, action := range f.Actions {
		has := false
		for _, m := range c.Mapping {
			has = has || m.Action == action
		}
		if !has {
			return false
		}
	}
	return true
}

// Conditions returns the conditional policies that the principal in ctx may
// read and that the filter fits.
func (s *Service) Conditions(ctx context.Context, f ConditionFilter) ([]rbac.Conditional, error) {
	sc, err := s.may(ctx, rbac.Read)
	if err != nil {
		return nil, err
	}
	out := []rbac.Conditional{}
	for _, r := range s.Policy.Model().Roles() {
		for _, c := range r.Conditions {
			if sc.role(r) && f.fits(c) {
				out = append(out, c)
			}
		}
	}
	return out, nil
}

// Condition returns a conditional policy. It is nil when the principal in ctx
// may not read it, as clients of the community plugin know it; the error has
// code not_found when there is none.
func (s *Service) Condition(ctx context.Context, id int64) (*rbac.Conditional, error) {
	sc, err := s.may(ctx, rbac.Read)
	if err != nil {
		return nil, err
	}
	m := s.Policy.Model()
	c := m.Condition(id)
	if c == nil {
		return nil, errNotFound
	}
	if !sc.role(m.Role(c.Role)) {
		return nil, nil //nolint:nilnil // said above
	}
	return c, nil
}

// readCondition checks a conditional policy as a client writes it.
func (s *Service) readCondition(body any) (rbac.Conditional, error) {
	s.mu.Lock()
	limits := s.settings.Limits()
	s.mu.Unlock()
	c, err := rbac.DecodeConditional(body, limits)
	if err != nil {
		return c, err
	}
	for _, m := range c.Mapping {
		if m.Name == "" {
			return c, fault.Newf(fault.Invalid, "'permissionMapping' must name permissions here, such as {\"name\": \"catalog.entity.read\", \"action\": \"read\"}, and not only the action '%s'; actions alone are for the file of conditional policies", m.Action)
		}
	}
	if r, _, ok := s.Registry.Resource(c.ResourceType); ok {
		if err := rbac.CheckCondition(r, c.Condition); err != nil {
			return c, fault.Newf(fault.Invalid, "%w", err)
		}
	}
	return c, nil
}

// overlapping returns an error with code conflict when other conditional
// policies of the role decide the same.
func overlapping(r *rbac.Role, c rbac.Conditional, what string) error {
	var found []string
	var first int64
	for _, o := range r.Conditions {
		if o.ID == c.ID || o.ResourceType != c.ResourceType || o.Plugin != c.Plugin {
			continue
		}
		if overlap := rbac.Overlap(c.Mapping, o.Mapping); overlap != "" {
			if len(found) == 0 {
				first = o.ID
			}
			found = append(found, fmt.Sprintf("Condition %d: %s", o.ID, overlap))
		}
	}
	switch len(found) {
	case 0:
		return nil
	case 1:
		_, overlap, _ := strings.Cut(found[0], ": ")
		return fault.Newf(fault.Conflict, "%s: permission mapping overlaps with existing condition (id: %d) for resource type '%s'. Overlapping entries: %s.", what, first, c.ResourceType, overlap)
	}
	return fault.Newf(fault.Conflict, "%s: permission mapping overlaps with %d existing conditions for resource type '%s'. %s", what, len(found), c.ResourceType, strings.Join(found, ". "))
}

// AddCondition stores a conditional policy and returns its id. It returns an
// error with code invalid for a wrong input, forbidden when the principal in
// ctx may not or the role has another origin, not_found when there is no such
// role, and conflict when another one decides the same.
func (s *Service) AddCondition(ctx context.Context, body any) (id int64, err error) {
	if _, err := s.mayChange(ctx, rbac.Create); err != nil {
		return 0, err
	}
	c, err := s.readCondition(body)
	if err != nil {
		return 0, err
	}
	tenant, err := s.tenancy(ctx)
	if err != nil {
		return 0, err
	}
	err = s.change(ctx, conditionEvent("create", c), func(ctx context.Context, now *store.Stored, tx *store.Tx) error {
		r, err := s.roleOf(now, c, tenant, "Unable to add condition")
		if err != nil {
			return err
		}
		if err := overlapping(r, c, "Cannot create condition"); err != nil {
			return err
		}
		id, err = tx.AddCondition(ctx, c)
		if err != nil {
			return err
		}
		return tx.PutRole(ctx, s.touched(ctx, r))
	})
	return id, err
}

func conditionEvent(action string, c rbac.Conditional) audit.Event {
	return audit.Event{Name: "condition-write", Target: c.Role, Meta: map[string]any{
		"actionType": action, "condition": map[string]any{
			"id": c.ID, "roleEntityRef": c.Role, "pluginId": c.Plugin, "resourceType": c.ResourceType,
			"permissionMapping": rbac.WireMapping(c.Mapping), "conditions": c.Condition,
		},
	}}
}

// roleOf finds the role of a conditional policy, which must be one that may be
// changed here.
func (s *Service) roleOf(now *store.Stored, c rbac.Conditional, sc scope, what string) (*rbac.Role, error) {
	r := s.find(now, c.Role)
	switch {
	case r != nil && !sc.role(r):
		return nil, errNotAllowed
	case r == nil:
		return nil, fault.Newf(fault.NotFound, "Role %s was not found", c.Role)
	}
	return r, ours(r, what)
}

// existing finds a conditional policy that is to be changed.
func (s *Service) existing(now *store.Stored, id int64, sc scope, what string) (rbac.Conditional, error) {
	if c := s.Policy.Model().Condition(id); c != nil && id >= rbac.FileConditionID {
		_, err := s.roleOf(now, *c, sc, what)
		return *c, err
	}
	for _, r := range now.Roles {
		for _, c := range r.Conditions {
			if c.ID == id {
				_, err := s.roleOf(now, c, sc, what)
				return c, err
			}
		}
	}
	return rbac.Conditional{}, fault.Newf(fault.NotFound, "Condition with id %d was not found", id)
}

// UpdateCondition replaces a conditional policy. The errors are those of
// [Service.AddCondition], and not_found when there is none with the id.
func (s *Service) UpdateCondition(ctx context.Context, id int64, body any) error {
	sc, err := s.mayChange(ctx, rbac.Update)
	if err != nil {
		return err
	}
	if m := s.Policy.Model(); m.Condition(id) == nil {
		return fault.Newf(fault.NotFound, "Condition with id %d was not found", id)
	}
	c, err := s.readCondition(body)
	if err != nil {
		return err
	}
	c.ID = id
	return s.change(ctx, conditionEvent("update", c), func(ctx context.Context, now *store.Stored, tx *store.Tx) error {
		if _, err := s.existing(now, id, sc, "Unable to edit condition"); err != nil {
			return err
		}
		r, err := s.roleOf(now, c, sc, "Unable to edit condition")
		if err != nil {
			return err
		}
		if err := overlapping(r, c, fmt.Sprintf("Cannot update condition %d", id)); err != nil {
			return err
		}
		if err := tx.PutCondition(ctx, c); err != nil {
			return err
		}
		return tx.PutRole(ctx, s.touched(ctx, r))
	})
}

// DeleteCondition removes a conditional policy. The errors are those of
// [Service.UpdateCondition].
func (s *Service) DeleteCondition(ctx context.Context, id int64) error {
	sc, err := s.mayChange(ctx, rbac.Delete)
	if err != nil {
		return err
	}
	e := conditionEvent("delete", rbac.Conditional{ID: id})
	if c := s.Policy.Model().Condition(id); c != nil {
		e = conditionEvent("delete", *c)
	}
	return s.change(ctx, e, func(ctx context.Context, now *store.Stored, tx *store.Tx) error {
		c, err := s.existing(now, id, sc, "Unable to delete condition")
		if err != nil {
			return err
		}
		if err := tx.DeleteCondition(ctx, id); err != nil {
			return err
		}
		return tx.PutRole(ctx, s.touched(ctx, now.Role(c.Role)))
	})
}
