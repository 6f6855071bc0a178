// Package store keeps the roles that come through the REST API.
//
// What not: it checks nothing and authorises nothing; package service does.
// Roles of files and of the configuration are not here.
//
// Start reading at [Store.Change].
package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
)

// channel tells all replicas that roles have changed.
const channel = "permission_role"

// Store is safe for concurrent use.
type Store struct{ db *db.DB }

// New returns a store over the migrated database.
func New(d *db.DB) *Store { return &Store{d} }

// Stored is everything that is stored.
type Stored struct {
	Roles map[string]*rbac.Role
	// Plugins are the ids of plugins, sorted.
	Plugins []string
}

// Role returns the role, or nil.
func (s *Stored) Role(ref string) *rbac.Role { return s.Roles[ref] }

// List returns the roles in the order of their refs.
func (s *Stored) List() []*rbac.Role {
	refs := slices.Sorted(maps.Keys(s.Roles))
	out := make([]*rbac.Role, len(refs))
	for i, ref := range refs {
		out[i] = s.Roles[ref]
	}
	return out
}

// Load reads everything in one state.
func (s *Store) Load(ctx context.Context) (*Stored, error) {
	var out *Stored
	err := s.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		out, err = load(ctx, tx)
		return err
	})
	return out, err
}

// Listen calls fn whenever something was changed on any replica, and when it
// begins, until ctx ends.
func (s *Store) Listen(ctx context.Context, fn func()) error {
	return s.db.Listen(ctx, channel, func(string) { fn() })
}

// Change runs fn with what is stored and the means to change it, in one
// transaction and one change at a time over all replicas. An error of fn is
// returned unchanged and nothing is changed.
func (s *Store) Change(ctx context.Context, fn func(ctx context.Context, now *Stored, tx *Tx) error) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := s.db.Lock(ctx, tx, channel); err != nil {
			return fmt.Errorf("change roles: %w", err)
		}
		now, err := load(ctx, tx)
		if err != nil {
			return err
		}
		if err := fn(ctx, now, &Tx{tx, maps.Clone(now.Roles)}); err != nil {
			return err
		}
		return s.db.Notify(ctx, tx, channel, "")
	})
}

// Tx changes what is stored.
type Tx struct {
	tx    *db.Tx
	roles map[string]*rbac.Role // as they are now
}

// PutRole stores a role with its members and policies in place of the one with
// the same ref, and writes only what is new. Conditional policies have calls
// of their own.
func (t *Tx) PutRole(ctx context.Context, r *rbac.Role) error {
	_, err := t.tx.ExecContext(ctx, `
		INSERT INTO permission_role (ref, origin, description, owner, author, modified_by, created_at, modified_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (ref) DO UPDATE SET
			origin = excluded.origin,
			description = excluded.description,
			owner = excluded.owner,
			modified_by = excluded.modified_by,
			modified_at = excluded.modified_at`,
		r.Ref, string(r.Origin), r.Description, r.Owner, r.Author, r.ModifiedBy, db.Micros(r.CreatedAt), db.Micros(r.ModifiedAt))
	if err != nil {
		return fmt.Errorf("store role %s: %w", r.Ref, err)
	}
	before := t.roles[r.Ref]
	if before == nil {
		before = &rbac.Role{}
	}
	t.roles[r.Ref] = r
	if err := t.putMembers(ctx, before, r); err != nil {
		return fmt.Errorf("store members of %s: %w", r.Ref, err)
	}
	if err := t.putPolicies(ctx, before, r); err != nil {
		return fmt.Errorf("store policies of %s: %w", r.Ref, err)
	}
	return nil
}

func (t *Tx) putMembers(ctx context.Context, before, r *rbac.Role) error {
	old := map[string]bool{}
	for _, m := range before.Members {
		old[m.Ref] = true
	}
	for _, m := range r.Members {
		if old[m.Ref] {
			delete(old, m.Ref)
			continue
		}
		if _, err := t.tx.ExecContext(ctx, `INSERT INTO permission_role_member (role, member) VALUES ($1, $2)`, r.Ref, m.Ref); err != nil {
			return err //nolint:wrapcheck // PutRole says what was stored
		}
	}
	for member := range old {
		if _, err := t.tx.ExecContext(ctx, `DELETE FROM permission_role_member WHERE role = $1 AND member = $2`, r.Ref, member); err != nil {
			return err //nolint:wrapcheck // see above
		}
	}
	return nil
}

func (t *Tx) putPolicies(ctx context.Context, before, r *rbac.Role) error {
	old := map[[3]string]bool{}
	key := func(g rbac.Grant) [3]string { return [3]string{g.Permission, g.Action, g.Effect()} }
	for _, g := range before.Policies {
		old[key(g)] = true
	}
	for _, g := range r.Policies {
		if old[key(g)] {
			delete(old, key(g))
			continue
		}
		_, err := t.tx.ExecContext(ctx, `
			INSERT INTO permission_role_policy (role, permission, action, effect)
			VALUES ($1, $2, $3, $4)`, r.Ref, g.Permission, g.Action, g.Effect())
		if err != nil {
			return err //nolint:wrapcheck // see above
		}
	}
	for k := range old {
		_, err := t.tx.ExecContext(ctx, `
			DELETE FROM permission_role_policy
			WHERE role = $1 AND permission = $2 AND action = $3 AND effect = $4`, r.Ref, k[0], k[1], k[2])
		if err != nil {
			return err //nolint:wrapcheck // see above
		}
	}
	return nil
}

// DeleteRole removes a role with everything in it.
func (t *Tx) DeleteRole(ctx context.Context, ref string) error {
	delete(t.roles, ref)
	for _, statement := range []string{
		`DELETE FROM permission_role_member WHERE role = $1`,
		`DELETE FROM permission_role_policy WHERE role = $1`,
		`DELETE FROM permission_role_condition WHERE role = $1`,
		`DELETE FROM permission_role WHERE ref = $1`,
	} {
		if _, err := t.tx.ExecContext(ctx, statement, ref); err != nil {
			return fmt.Errorf("delete role %s: %w", ref, err)
		}
	}
	return nil
}

// AddCondition stores a conditional policy and returns its id.
func (t *Tx) AddCondition(ctx context.Context, c rbac.Conditional) (int64, error) {
	var id int64
	err := t.tx.QueryRowContext(ctx, `
		UPDATE permission_role_sequence
		SET last = last + 1
		WHERE name = 'condition'
		RETURNING last`).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("number a condition: %w", err)
	}
	c.ID = id
	return id, t.PutCondition(ctx, c)
}

// PutCondition stores a conditional policy in place of the one with its id.
func (t *Tx) PutCondition(ctx context.Context, c rbac.Conditional) error {
	mapping, err := json.Marshal(rbac.WireMapping(c.Mapping))
	if err != nil {
		return fmt.Errorf("encode mapping: %w", err)
	}
	conditions, err := json.Marshal(c.Condition)
	if err != nil {
		return fmt.Errorf("encode condition: %w", err)
	}
	_, err = t.tx.ExecContext(ctx, `
		INSERT INTO permission_role_condition (id, role, plugin, resource_type, mapping, conditions)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET
			role = excluded.role,
			plugin = excluded.plugin,
			resource_type = excluded.resource_type,
			mapping = excluded.mapping,
			conditions = excluded.conditions`, c.ID, c.Role, c.Plugin, c.ResourceType, string(mapping), string(conditions))
	if err != nil {
		return fmt.Errorf("store condition %d: %w", c.ID, err)
	}
	return nil
}

// DeleteCondition removes a conditional policy.
func (t *Tx) DeleteCondition(ctx context.Context, id int64) error {
	if _, err := t.tx.ExecContext(ctx, `DELETE FROM permission_role_condition WHERE id = $1`, id); err != nil {
		return fmt.Errorf("delete condition %d: %w", id, err)
	}
	return nil
}

// AddPlugin stores the id of a plugin.
func (t *Tx) AddPlugin(ctx context.Context, id string) error {
	if _, err := t.tx.ExecContext(ctx, `INSERT INTO permission_role_plugin (id) VALUES ($1) ON CONFLICT (id) DO NOTHING`, id); err != nil {
		return fmt.Errorf("store plugin %s: %w", id, err)
	}
	return nil
}

// DeletePlugin removes the id of a plugin.
func (t *Tx) DeletePlugin(ctx context.Context, id string) error {
	if _, err := t.tx.ExecContext(ctx, `DELETE FROM permission_role_plugin WHERE id = $1`, id); err != nil {
		return fmt.Errorf("delete plugin %s: %w", id, err)
	}
	return nil
}

func load(ctx context.Context, tx *db.Tx) (*Stored, error) {
	out := &Stored{Roles: map[string]*rbac.Role{}}
	for _, read := range []func(context.Context, *db.Tx) error{out.readRoles, out.readMembers, out.readPolicies, out.readConditions, out.readPlugins} {
		if err := read(ctx, tx); err != nil {
			return nil, fmt.Errorf("read roles: %w", err)
		}
	}
	return out, nil
}
