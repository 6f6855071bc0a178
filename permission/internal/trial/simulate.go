package trial

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
)

// entityType is the resource type of which all things are known.
const entityType = "catalog-entity"

// Change is one decision that another policy makes differently.
type Change struct {
	User       string            `json:"user"`
	Permission string            `json:"permission"`
	From       permission.Result `json:"from"`
	To         permission.Result `json:"to"`
	// FromSource and ToSource are the lines that decide.
	FromSource permission.Source `json:"fromSource"`
	ToSource   permission.Source `json:"toSource"`
	// Kinds counts, for permissions on entities, what the user gains and loses.
	Kinds []KindChange `json:"kinds,omitempty"`
}

// KindChange counts the entities of a kind that a user gains and loses.
type KindChange struct {
	Kind   string `json:"kind"`
	Gained int    `json:"gained"`
	Lost   int    `json:"lost"`
	// Examples are some of them.
	Examples []string `json:"examples"`
}

// Simulation is what another policy would change.
type Simulation struct {
	Users       int      `json:"users"`
	Permissions int      `json:"permissions"`
	Entities    int      `json:"entities"`
	Changes     []Change `json:"changes"`
}

// simulator compares two policies.
type simulator struct {
	Deps
	from, to policy.Source
	refs     []string
	kinds    []string // of the refs
	seen     map[string][]bool
}

// Simulate compares the decisions of two policies for all users of the
// catalog, all permissions, and all entities. Conditions on things that are no
// entities count as changed when they read differently.
func (d Deps) Simulate(ctx context.Context, from, to policy.Source) (Simulation, error) {
	s := &simulator{Deps: d, from: from, to: to, seen: map[string][]bool{}}
	system := identity.NewContext(ctx, identity.System("permission"))
	page, err := d.Reader.Query(system, catalog.Query{Limit: -1})
	if err != nil {
		return Simulation{}, fmt.Errorf("list entities: %w", err)
	}
	var users []string
	for _, e := range page.Items {
		ref := e.Ref()
		s.refs, s.kinds = append(s.refs, ref.String()), append(s.kinds, ref.Kind)
		if strings.EqualFold(ref.Kind, "user") {
			users = append(users, ref.String())
		}
	}
	slices.Sort(users)
	out := Simulation{Users: len(users), Entities: len(s.refs), Changes: []Change{}}
	var permissions []permission.Permission
	for _, pl := range d.Registry.Plugins() {
		permissions = append(permissions, pl.Permissions...)
	}
	out.Permissions = len(permissions)
	for _, user := range users {
		owns, err := d.Directory.OwnershipOf(system, user)
		if err != nil {
			return out, fmt.Errorf("find what %s owns things by: %w", user, err)
		}
		who := identity.Principal{Kind: identity.User, Subject: user, Ownership: owns}
		for _, p := range permissions {
			change, changed, err := s.compare(ctx, who, p)
			if err != nil {
				return out, err
			}
			if changed {
				out.Changes = append(out.Changes, change)
			}
		}
	}
	return out, nil
}

func (s *simulator) compare(ctx context.Context, who identity.Principal, p permission.Permission) (Change, bool, error) {
	before, err := s.from.Decide(ctx, who, p)
	if err != nil {
		return Change{}, false, err
	}
	after, err := s.to.Decide(ctx, who, p)
	if err != nil {
		return Change{}, false, err
	}
	c := Change{
		User: who.Subject, Permission: p.Name, From: before.Result, To: after.Result,
		FromSource: before.Source, ToSource: after.Source,
	}
	if before.Result == after.Result && (before.Condition == nil || condition.Key(*before.Condition) == condition.Key(*after.Condition)) {
		return c, false, nil
	}
	if p.ResourceType != entityType {
		return c, true, nil
	}
	old, err := s.holds(ctx, before)
	if err != nil {
		return c, false, err
	}
	now, err := s.holds(ctx, after)
	if err != nil {
		return c, false, err
	}
	c.Kinds = s.difference(old, now)
	return c, len(c.Kinds) > 0, nil
}

// maxKnown bounds the conditions of which the things are remembered.
const maxKnown = 512

// holds says for which of the entities the decision is to allow.
func (s *simulator) holds(ctx context.Context, d permission.Decision) ([]bool, error) {
	key := string(d.Result)
	if d.Condition != nil {
		key = condition.Key(*d.Condition)
	}
	if known, ok := s.seen[key]; ok {
		return known, nil
	}
	var out []bool
	if d.Condition == nil {
		out = slices.Repeat([]bool{d.Result == permission.Allow}, len(s.refs))
	} else {
		var err error
		if out, err = s.Registry.Apply(ctx, entityType, s.refs, *d.Condition); err != nil {
			return nil, fmt.Errorf("apply a condition: %w", err)
		}
	}
	if len(s.seen) >= maxKnown {
		clear(s.seen)
	}
	s.seen[key] = out
	return out, nil
}

// maxExamples bounds the refs that are named for a kind.
const maxExamples = 5

func (s *simulator) difference(before, after []bool) []KindChange {
	byKind := map[string]*KindChange{}
	for i := range s.refs {
		if before[i] == after[i] {
			continue
		}
		c := byKind[s.kinds[i]]
		if c == nil {
			c = &KindChange{Kind: s.kinds[i]}
			byKind[s.kinds[i]] = c
		}
		if after[i] {
			c.Gained++
		} else {
			c.Lost++
		}
		if len(c.Examples) < maxExamples {
			c.Examples = append(c.Examples, s.refs[i])
		}
	}
	var out []KindChange
	for _, c := range byKind {
		slices.Sort(c.Examples)
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b KindChange) int { return cmp.Compare(a.Kind, b.Kind) })
	return out
}
