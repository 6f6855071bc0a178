package rbac

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
)

// mostLevels bounds how far groups are followed when the configuration does
// not.
const mostLevels = 100

// membership is what the catalog says of one user.
type membership struct {
	direct []string
	// above are the groups above the direct ones, nearest first.
	above []string
}

// groupsOf asks the catalog for the groups of a user: those it is a member
// of, and up to depth levels of groups above them; a negative depth means all.
// A group that is no entity counts when an entity relates to it.
func groupsOf(ctx context.Context, reader catalog.Reader, user string, depth int) (membership, error) {
	var out membership
	if reader == nil {
		return out, nil
	}
	// Who has which role does not depend on what the user may see.
	ctx = identity.NewContext(ctx, identity.System("permission"))
	direct, err := related(ctx, reader, []string{user}, "memberOf", "hasMember")
	if err != nil {
		return out, fmt.Errorf("find the groups of %s: %w", user, err)
	}
	out.direct = direct
	if depth < 0 {
		depth = mostLevels
	}
	seen := map[string]bool{}
	for _, g := range direct {
		seen[g] = true
	}
	for next := direct; depth > 0 && len(next) > 0; depth-- {
		parents, err := related(ctx, reader, next, "childOf", "parentOf")
		if err != nil {
			return out, fmt.Errorf("find the groups above those of %s: %w", user, err)
		}
		next = nil
		for _, p := range parents {
			if !seen[p] {
				seen[p] = true
				next = append(next, p)
			}
		}
		out.above = append(out.above, next...)
	}
	return out, nil
}

// related returns the groups that the refs have the relation up to, or that
// have the relation down to one of them, sorted.
func related(ctx context.Context, reader catalog.Reader, refs []string, up, down string) ([]string, error) {
	found := map[string]bool{}
	parsed := make([]catalog.Ref, 0, len(refs))
	for _, ref := range refs {
		if p, err := catalog.ParseRef(ref, catalog.RefDefaults{}); err == nil {
			parsed = append(parsed, p)
		}
	}
	entities, err := reader.EntitiesByRefs(ctx, parsed)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was looked for
	}
	for _, e := range entities {
		for _, target := range relationsOf(e, up) {
			found[target] = true
		}
	}
	page, err := reader.Query(ctx, catalog.Query{Limit: -1, Filter: catalog.And{
		catalog.Match{Key: "kind", Values: []string{"Group"}}, catalog.RelatedTo{Type: down, Targets: refs},
	}})
	if err != nil {
		return nil, err //nolint:wrapcheck // see above
	}
	for _, e := range page.Items {
		found[e.Ref().String()] = true
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// relationsOf returns the groups that an entity has the relation to.
func relationsOf(e catalog.Entity, relation string) []string {
	var out []string
	list, _ := e["relations"].([]any)
	for _, item := range list {
		r, _ := item.(map[string]any)
		target, _ := r["targetRef"].(string)
		if target = strings.ToLower(target); r["type"] == relation && strings.HasPrefix(target, "group:") {
			out = append(out, target)
		}
	}
	return out
}
