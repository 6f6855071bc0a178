package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
)

// each calls row for every row of the query.
func each(ctx context.Context, tx *db.Tx, query string, row func(scan func(dest ...any) error) error) (err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err //nolint:wrapcheck // load says what was read
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err() //nolint:wrapcheck // see above
}

// at is the place of something that is stored.
func at(statement string) permission.Source {
	return permission.Source{File: rbac.DatabaseFile, Statement: statement}
}

func (s *Stored) readRoles(ctx context.Context, tx *db.Tx) error {
	return each(ctx, tx, `
		SELECT ref, origin, description, owner, author, modified_by, created_at, modified_at
		FROM permission_role`, func(scan func(...any) error) error {
		r := &rbac.Role{}
		var created, modified int64
		if err := scan(&r.Ref, (*string)(&r.Origin), &r.Description, &r.Owner, &r.Author, &r.ModifiedBy, &created, &modified); err != nil {
			return err
		}
		r.CreatedAt, r.ModifiedAt = time.UnixMicro(created), time.UnixMicro(modified)
		s.Roles[r.Ref] = r
		return nil
	})
}

func (s *Stored) readMembers(ctx context.Context, tx *db.Tx) error {
	return each(ctx, tx, `SELECT role, member FROM permission_role_member ORDER BY role, member`, func(scan func(...any) error) error {
		var role, member string
		if err := scan(&role, &member); err != nil {
			return err
		}
		if r := s.Roles[role]; r != nil {
			r.Members = append(r.Members, rbac.Member{Ref: member, At: at("g, " + member + ", " + role)})
		}
		return nil
	})
}

func (s *Stored) readPolicies(ctx context.Context, tx *db.Tx) error {
	return each(ctx, tx, `
		SELECT role, permission, action, effect
		FROM permission_role_policy
		ORDER BY role, permission, action, effect`, func(scan func(...any) error) error {
		var role, effect string
		var g rbac.Grant
		if err := scan(&role, &g.Permission, &g.Action, &effect); err != nil {
			return err
		}
		g.Deny = effect != "allow"
		g.At = at("p, " + g.Fields(role, ", "))
		if r := s.Roles[role]; r != nil {
			r.Policies = append(r.Policies, g)
		}
		return nil
	})
}

func (s *Stored) readConditions(ctx context.Context, tx *db.Tx) error {
	return each(ctx, tx, `
		SELECT id, role, plugin, resource_type, mapping, conditions
		FROM permission_role_condition
		ORDER BY id`, func(scan func(...any) error) error {
		var c rbac.Conditional
		var mapping, conditions string
		if err := scan(&c.ID, &c.Role, &c.Plugin, &c.ResourceType, &mapping, &conditions); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(conditions), &c.Condition); err != nil {
			return fmt.Errorf("condition %d: %w", c.ID, err)
		}
		var err error
		if c.Mapping, err = decodeMapping(mapping); err != nil {
			return fmt.Errorf("condition %d: %w", c.ID, err)
		}
		c.At = at(fmt.Sprintf("condition %d: %s", c.ID, c.Text()))
		if r := s.Roles[c.Role]; r != nil {
			r.Conditions = append(r.Conditions, c)
		}
		return nil
	})
}

// decodeMapping reads actions and {name, action}.
func decodeMapping(text string) ([]rbac.Mapping, error) {
	var items []json.RawMessage
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		return nil, fmt.Errorf("decode mapping: %w", err)
	}
	out := make([]rbac.Mapping, len(items))
	for i, item := range items {
		if json.Unmarshal(item, &out[i].Action) == nil {
			continue
		}
		var named struct{ Name, Action string }
		if err := json.Unmarshal(item, &named); err != nil {
			return nil, fmt.Errorf("decode mapping: %w", err)
		}
		out[i] = rbac.Mapping{Name: named.Name, Action: named.Action}
	}
	return out, nil
}

func (s *Stored) readPlugins(ctx context.Context, tx *db.Tx) error {
	return each(ctx, tx, `SELECT id FROM permission_role_plugin ORDER BY id`, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		s.Plugins = append(s.Plugins, id)
		return err
	})
}
