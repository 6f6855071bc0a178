// Package resolve finds out which user of the catalog an account is, and what
// that user owns things by.
//
// What not: it authenticates nobody; providers do.
//
// Start reading at [Resolver].
package resolve

import (
	"context"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Resolver implements signin.Resolver over the catalog. It is safe for
// concurrent use.
type Resolver struct {
	Catalog func() catalog.Reader
}

// Resolve knows no rule yet that would recognise an account.
func (*Resolver) Resolve(_ context.Context, a signin.Account) (signin.User, error) {
	return signin.User{}, fault.Newf(fault.Forbidden, "no sign-in resolver is configured for the provider %s", a.Provider)
}

// OwnershipOf is the user and the groups it is a direct member of. A user that
// the catalog does not have owns by itself alone.
func (r *Resolver) OwnershipOf(ctx context.Context, userRef string) ([]string, error) {
	refs := []string{userRef}
	ref, err := catalog.ParseRef(userRef, catalog.RefDefaults{Kind: "user"})
	if err != nil {
		return refs, nil //nolint:nilerr // what is no ref is in no group
	}
	e, err := r.Catalog().EntityByRef(identity.NewContext(ctx, identity.System("auth")), ref)
	if fault.Is(err, fault.NotFound) {
		return refs, nil
	}
	if err != nil {
		return nil, err
	}
	relations, _ := e["relations"].([]any)
	for _, x := range relations {
		m, _ := x.(map[string]any)
		target, _ := m["targetRef"].(string)
		if m["type"] == "memberOf" && strings.HasPrefix(target, "group:") && !slices.Contains(refs, target) {
			refs = append(refs, target)
		}
	}
	return refs, nil
}
