package ingest

import (
	"context"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Connection returns the way in for the provider of that name.
func (g *Engine) Connection(name string) catalog.Connection {
	return connection{g: g, name: name}
}

type connection struct {
	g    *Engine
	name string
}

// Apply implements [catalog.Connection].
func (c connection) Apply(ctx context.Context, m catalog.Mutation) error {
	for _, list := range [][]catalog.Deferred{m.Added, m.Removed} {
		for i, d := range list {
			if d.Entity.Kind() == "" || d.Entity.Name() == "" {
				return fault.Newf(fault.Invalid, "entity %d of provider %s has no kind or no metadata.name", i, c.name)
			}
		}
	}
	cause := m.Cause
	if cause.Kind == "" {
		cause.Kind = "provider"
	}
	if cause.Source == "" {
		cause.Source = c.name
	}
	var removed []string
	for _, d := range m.Removed {
		removed = append(removed, d.Entity.Ref().String())
	}
	_, err := c.g.mutate(ctx, providerPrefix+c.name, mutation{added: m.Added, removed: removed, full: m.Full, cause: cause})
	return err
}

// Refresh implements [catalog.Connection].
func (c connection) Refresh(ctx context.Context, keys []string) error {
	_, err := c.g.RefreshKeys(ctx, keys)
	return err
}

// mutation changes the set of a root.
type mutation struct {
	added   []catalog.Deferred
	removed []string
	full    bool
	cause   catalog.Cause
	// accept, when not nil, decides which processed items are stored.
	accept func(*item) bool
}

// mutate processes and stores a mutation and returns the items in the order of
// added, followed by what they emitted.
func (g *Engine) mutate(ctx context.Context, root string, m mutation) ([]*item, error) {
	children, err := g.store.Children(ctx, root)
	if err != nil {
		return nil, err
	}
	known := knownOf(children)
	cause := causeText(m.cause)
	seen := make(map[emission]struct{}, len(m.added))
	var all []*item
	for part := range slices.Chunk(m.added, 2*chunkSize) {
		items := g.prepareParallel(ctx, root, part, known)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all = append(all, items...)
		stored := items
		if m.accept != nil {
			stored = slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return !m.accept(it) })
		}
		for _, it := range items {
			if it.parent == root {
				seen[emission{it.ref, it.key}] = struct{}{}
			}
		}
		if err := g.commit(ctx, func(ctx context.Context, b *batch) error { return b.put(ctx, stored, cause) }); err != nil {
			return nil, err
		}
	}
	err = g.write(ctx, func(ctx context.Context, b *batch) error {
		if m.full {
			return b.reconcileRoot(ctx, root, seen, cause)
		}
		for _, ref := range m.removed {
			if err := b.tx.DropClaim(ctx, ref, root); err != nil {
				return err
			}
		}
		return b.loseOwn(ctx, root, m.removed, cause)
	})
	return all, err
}

// loseOwn is [batch.lose] for those of the refs that the root emits.
func (b *batch) loseOwn(ctx context.Context, root string, refs []string, cause string) error {
	if len(refs) == 0 {
		return nil
	}
	rows, err := b.tx.Rows(ctx, refs)
	if err != nil {
		return err
	}
	var own []string
	for _, ref := range refs {
		if r := rows[ref]; r != nil && slices.Contains(r.Parents, root) {
			own = append(own, ref)
		}
	}
	return b.lose(ctx, root, own, false, cause)
}

// RemoveMissingProviders removes the entities of providers that are not among
// the names: catalog.orphanProviderStrategy delete.
func (g *Engine) RemoveMissingProviders(ctx context.Context, names []string) error {
	parents, err := g.store.ParentsLike(ctx, providerPrefix)
	if err != nil {
		return err
	}
	for _, parent := range parents {
		name := strings.TrimPrefix(parent, providerPrefix)
		if slices.Contains(names, name) {
			continue
		}
		g.log.InfoContext(ctx, "removing the entities of a provider that no longer exists", "provider", name)
		err := g.write(ctx, func(ctx context.Context, b *batch) error {
			return b.reconcileRoot(ctx, parent, nil, causeText(catalog.Cause{Kind: "provider", Source: name}))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func canonical(e catalog.Entity) []byte { return model.AppendCanonical(nil, map[string]any(e)) }
