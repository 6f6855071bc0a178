package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/store"
)

// says is what is stored, in lines.
func says(t *testing.T, s *store.Store) []string {
	t.Helper()
	now, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range now.List() {
		out = append(out, fmt.Sprintf("%s %s %q owner %s by %s, %s at %d, %d", r.Ref, r.Origin, r.Description, r.Owner, r.Author, r.ModifiedBy, r.CreatedAt.Unix(), r.ModifiedAt.Unix()))
		for _, m := range r.Members {
			out = append(out, m.At.String()+" "+m.At.Statement)
		}
		for _, g := range r.Policies {
			out = append(out, g.At.Statement)
		}
		for _, c := range r.Conditions {
			out = append(out, fmt.Sprintf("%s %v %v", c.At.Statement, c.Mapping, c.Condition))
		}
	}
	return append(out, now.Plugins...)
}

func TestStore_KeepsRoles(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		s := store.New(d)
		change := func(fn func(ctx context.Context, now *store.Stored, tx *store.Tx) error) {
			t.Helper()
			if err := s.Change(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
		}
		want := func(what string, lines ...string) {
			t.Helper()
			if diff := cmp.Diff(lines, says(t, s)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		role := func(members []string, policies ...rbac.Grant) *rbac.Role {
			r := &rbac.Role{
				Ref: "role:default/A", Origin: rbac.Legacy, Description: "ü'\"", Owner: "user:default/o", Author: "user:default/a",
				ModifiedBy: "user:default/m", CreatedAt: time.Unix(5, 0), ModifiedAt: time.Unix(7, 0), Policies: policies,
			}
			for _, m := range members {
				r.Members = append(r.Members, rbac.Member{Ref: m})
			}
			return r
		}
		read, none := rbac.Grant{Permission: "catalog-entity", Action: "read"}, rbac.Grant{Permission: "catalog-entity", Action: "read", Deny: true}
		c := rbac.Conditional{
			Role: "role:default/A", Plugin: "catalog", ResourceType: "catalog-entity", Mapping: []rbac.Mapping{{Action: "read"}, {Name: "x.y", Action: "use"}},
			Condition: permission.Condition{Rule: "R", ResourceType: "catalog-entity", Params: map[string]any{"n": 1.5, "list": []any{"a", true, nil}}},
		}
		const head = `role:default/A legacy "ü'\"" owner user:default/o by user:default/a, user:default/m at 5, 7`
		const condition = "condition 1: role:default/A may read, x.y catalog-entity conditionally [{ read} {x.y use}] {[] [] <nil> catalog-entity R map[list:[a true <nil>] n:1.5]}"
		change(func(ctx context.Context, _ *store.Stored, tx *store.Tx) error {
			if err := tx.PutRole(ctx, role([]string{"user:default/x", "group:default/y"}, read, none)); err != nil {
				return err
			}
			if id, err := tx.AddCondition(ctx, c); err != nil || id != 1 {
				return fmt.Errorf("id %d: %w", id, err)
			}
			return errors.Join(tx.AddPlugin(ctx, "jenkins"), tx.AddPlugin(ctx, "jenkins"))
		})
		want("stored", head, "the database g, group:default/y, role:default/A", "the database g, user:default/x, role:default/A",
			"p, role:default/A, catalog-entity, read, allow", "p, role:default/A, catalog-entity, read, deny", condition, "jenkins")

		broken := errors.New("broken")
		err := s.Change(t.Context(), func(ctx context.Context, _ *store.Stored, tx *store.Tx) error {
			return errors.Join(tx.DeleteRole(ctx, "role:default/A"), broken)
		})
		if !errors.Is(err, broken) || len(says(t, s)) != 7 {
			t.Errorf("a change that fails: %v, %v", err, says(t, s))
		}

		change(func(ctx context.Context, now *store.Stored, tx *store.Tx) error {
			if now.Role("role:default/A") == nil || now.Role("role:default/a") != nil {
				return errors.New("roles differ by case")
			}
			return errors.Join(tx.PutRole(ctx, role([]string{"user:default/z", "user:default/x"}, none)), tx.DeletePlugin(ctx, "jenkins"))
		})
		want("changed", head, "the database g, user:default/x, role:default/A", "the database g, user:default/z, role:default/A",
			"p, role:default/A, catalog-entity, read, deny", condition)

		change(func(ctx context.Context, _ *store.Stored, tx *store.Tx) error { return tx.DeleteCondition(ctx, 1) })
		change(func(ctx context.Context, _ *store.Stored, tx *store.Tx) error {
			if id, err := tx.AddCondition(ctx, c); err != nil || id != 2 {
				return fmt.Errorf("id %d: %w", id, err)
			}
			return tx.DeleteRole(ctx, "role:default/A")
		})
		want("removed")
	})
}

func TestListen_HearsOfEveryChange(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		s := store.New(d)
		ctx, cancel := context.WithCancel(t.Context())
		heard, done := make(chan struct{}, 10), make(chan error)
		go func() { done <- s.Listen(ctx, func() { heard <- struct{}{} }) }()
		<-heard // it has begun
		if err := s.Change(t.Context(), func(ctx context.Context, _ *store.Stored, tx *store.Tx) error { return tx.AddPlugin(ctx, "x") }); err != nil {
			t.Fatal(err)
		}
		<-heard
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the end: %v", err)
		}
	})
}
