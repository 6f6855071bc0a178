package service

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// readAtOnce bounds one look into the catalog.
const readAtOnce = 500

// resolve turns refs into users: groups into their members and those of the
// groups below them, anything else into its owner's. Refs in except are left
// out and not looked into. It returns users in the order they are met.
func (s *Service) resolve(ctx context.Context, recipients, except []string) ([]string, error) {
	todo, err := normal(recipients)
	if err != nil {
		return nil, err
	}
	excluded, err := normal(except)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{} // also what is not to be looked at
	for _, ref := range excluded {
		seen[ref] = true
	}
	// Who gets a notification does not depend on what its sender may see.
	ctx = identity.NewContext(ctx, identity.System("notifications"))
	var users []string
	for len(todo) > 0 {
		var look []catalog.Ref
		for _, ref := range todo {
			if seen[ref] {
				continue
			}
			seen[ref] = true
			parsed, err := catalog.ParseRef(ref, catalog.RefDefaults{})
			switch {
			case err != nil: // relations hold good refs
				continue
			case parsed.Kind == "user":
				users = append(users, ref)
			default:
				look = append(look, parsed)
			}
		}
		todo = nil
		for chunk := range slices.Chunk(look, readAtOnce) {
			entities, err := s.Catalog().EntitiesByRefs(ctx, chunk)
			if err != nil {
				return nil, fmt.Errorf("find recipients: %w", err)
			}
			for _, e := range entities {
				todo = append(todo, next(e)...)
			}
		}
	}
	return users, nil
}

// next returns who stands behind an entity that is no user.
func next(e catalog.Entity) []string {
	relations, _ := e["relations"].([]any)
	isGroup := strings.EqualFold(e.Kind(), "group")
	var refs []string
	for _, raw := range relations {
		relation, _ := raw.(map[string]any)
		target, _ := relation["targetRef"].(string)
		switch relation["type"] {
		case "hasMember", "parentOf":
			if isGroup {
				refs = append(refs, strings.ToLower(target))
			}
		case "ownedBy":
			if !isGroup {
				return []string{strings.ToLower(target)} // one owner is told
			}
		}
	}
	return refs
}

// normal checks refs and brings them into the form in which they are compared.
func normal(refs []string) ([]string, error) {
	out := make([]string, len(refs))
	for i, ref := range refs {
		parsed, err := catalog.ParseRef(ref, catalog.RefDefaults{})
		if err != nil {
			return nil, fault.Newf(fault.Invalid, "Failed to resolve notification receivers; caused by %w", err)
		}
		out[i] = parsed.String()
	}
	return out, nil
}
