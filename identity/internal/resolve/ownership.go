package resolve

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
)

// The bounds of an ancestry. Organisations are far from them; a catalog that
// is not gives people what lies within.
const (
	maxAncestors = 1000
	maxDepth     = 32
)

// OwnershipOf is what a sign-in of the user would find with the settings below
// stagedoor.auth: the user, its groups, what everybody gets. A user that the
// catalog does not have owns by itself and by what everybody gets.
func (r *Resolver) OwnershipOf(ctx context.Context, userRef string) ([]string, error) {
	settings := r.current().Settings
	ref, err := catalog.ParseRef(userRef, catalog.RefDefaults{Kind: "user"})
	if err != nil {
		return []string{userRef}, nil //nolint:nilerr // what is no ref is in no group
	}
	ctx = identity.NewContext(ctx, identity.System("auth"))
	user, err := r.entity(ctx, ref)
	if err != nil {
		return nil, err
	}
	if user == nil {
		return withDefaults([]string{userRef}, settings), nil
	}
	return r.owned(ctx, user, settings)
}

// owned is what the user owns things by.
func (r *Resolver) owned(ctx context.Context, user catalog.Entity, s Settings) ([]string, error) {
	refs := append([]string{user.Ref().String()}, groups(user, "memberOf")...)
	refs = unique(refs)
	if s.Ownership == Ancestry {
		var err error
		if refs, err = r.ancestors(ctx, refs); err != nil {
			return nil, err
		}
	}
	return withDefaults(refs, s), nil
}

// ancestors adds the groups above the groups among refs, level by level.
func (r *Resolver) ancestors(ctx context.Context, refs []string) ([]string, error) {
	level := refs[1:] // the first is the user
	seen := map[string]bool{}
	for _, ref := range refs {
		seen[ref] = true
	}
	for range maxDepth {
		if len(level) == 0 {
			return refs, nil
		}
		entities, err := r.Catalog().EntitiesByRefs(ctx, parsed(level))
		if err != nil {
			return nil, fmt.Errorf("read the groups of a user: %w", err)
		}
		level = nil
		for _, group := range entities {
			for _, parent := range groups(group, "childOf") {
				if !seen[parent] && len(refs) < maxAncestors {
					seen[parent] = true
					refs, level = append(refs, parent), append(level, parent)
				}
			}
		}
	}
	return refs, nil
}

func parsed(refs []string) []catalog.Ref {
	out := make([]catalog.Ref, 0, len(refs))
	for _, s := range refs {
		if ref, err := catalog.ParseRef(s, catalog.RefDefaults{}); err == nil {
			out = append(out, ref)
		}
	}
	return out
}

// groups are the groups that the entity has the relation to.
func groups(e catalog.Entity, relation string) []string {
	var out []string
	relations, _ := e["relations"].([]any)
	for _, x := range relations {
		m, _ := x.(map[string]any)
		target, _ := m["targetRef"].(string)
		if m["type"] == relation && strings.HasPrefix(target, "group:") {
			out = append(out, target)
		}
	}
	return out
}

// withDefaults adds what everybody gets.
func withDefaults(refs []string, s Settings) []string {
	for _, ref := range s.DefaultOwnership {
		refs = append(refs, string(ref))
	}
	return unique(refs)
}

func unique(refs []string) []string {
	seen := make(map[string]bool, len(refs))
	return slices.DeleteFunc(refs, func(ref string) bool {
		again := seen[ref]
		seen[ref] = true
		return again
	})
}
