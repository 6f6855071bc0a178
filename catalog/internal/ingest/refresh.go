package ingest

import (
	"context"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// maxAncestors bounds the way up from an entity to its location.
const maxAncestors = 32

// Refresh asks that the entity, and the nearest locations that it comes from,
// are processed again as soon as a worker is free. It returns when the wish is
// stored. A second wish before the first one is fulfilled has no effect.
//
// It returns an error with code not_found if there is no such entity.
func (g *Engine) Refresh(ctx context.Context, ref string, cause catalog.Cause) error {
	if cause.Kind == "" {
		cause.Kind = "user"
	}
	return g.write(ctx, func(ctx context.Context, b *batch) error {
		_, err := b.refresh(ctx, []string{ref}, causeText(cause), true)
		return err
	})
}

// refresh makes entities that have a place in the queue and the nearest
// locations above all of them due.
func (b *batch) refresh(ctx context.Context, refs []string, cause string, must bool) (int, error) {
	due := append([]string(nil), refs...)
	seen := map[string]bool{}
	level := refs
	for range maxAncestors {
		rows, err := b.tx.Rows(ctx, level)
		if err != nil {
			return 0, err
		}
		if must && len(rows) == 0 {
			return 0, fault.Newf(fault.NotFound, "there is no entity %s", refs[0])
		}
		must = false
		var above []string
		for _, ref := range level {
			row := rows[ref]
			if row == nil {
				continue
			}
			for _, p := range row.Parents {
				if seen[p] || isRoot(p) {
					continue
				}
				seen[p] = true
				if strings.HasPrefix(p, "location:") {
					due = append(due, p)
				} else {
					above = append(above, p)
				}
			}
		}
		if level = above; len(level) == 0 {
			break
		}
	}
	n, err := b.tx.EnqueueKnown(ctx, due, cause)
	b.touched = b.touched || n > 0
	return n, err
}

// RefreshKeys asks that entities with one of the refresh keys, and the
// locations they come from, are processed again. It returns how many sources
// became due.
func (g *Engine) RefreshKeys(ctx context.Context, keys []string) (int, error) {
	refs, err := g.store.RefsOfRefreshKeys(ctx, keys)
	if err != nil {
		return 0, err
	}
	sources, err := g.store.SourcesOfKeys(ctx, keys)
	if err != nil || len(refs)+len(sources) == 0 {
		return 0, err
	}
	n := 0
	cause := causeText(catalog.Cause{Kind: "webhook"})
	err = g.write(ctx, func(ctx context.Context, b *batch) error {
		direct, err := b.tx.EnqueueKnown(ctx, sources, cause)
		if err != nil {
			return err
		}
		b.touched = b.touched || direct > 0
		if len(refs) > 0 {
			n, err = b.refresh(ctx, refs, cause, false)
		}
		n += direct
		return err
	})
	return n, err
}

// RefreshLocationTargets asks that exactly those locations are read again that
// read one of the files, given by URL. It returns how many became due.
func (g *Engine) RefreshLocationTargets(ctx context.Context, urls []string) (int, error) {
	keys := make([]string, len(urls))
	for i, u := range urls {
		keys[i] = "url:" + u
	}
	return g.RefreshKeys(ctx, keys)
}

// DeleteByUID removes an entity. If something still emits it, it comes back
// with a new uid as soon as that was read again, which happens at once. It
// returns an error with code not_found if there is no such entity.
func (g *Engine) DeleteByUID(ctx context.Context, uid string, cause catalog.Cause) error {
	ref, err := g.store.RefOfUID(ctx, uid)
	if err != nil {
		return err
	}
	return g.DeleteEntity(ctx, ref, uid, cause)
}

// DeleteEntity is [Engine.DeleteByUID] for who knows the ref. It does nothing
// when the entity has another uid by now.
func (g *Engine) DeleteEntity(ctx context.Context, ref, uid string, cause catalog.Cause) error {
	return g.write(ctx, func(ctx context.Context, b *batch) error {
		rows, err := b.tx.Rows(ctx, []string{ref})
		if err != nil {
			return err
		}
		row := rows[ref]
		if row == nil || (uid != "" && row.UID != uid) {
			return nil
		}
		claims, err := b.tx.ClaimsTo(ctx, []string{ref})
		if err != nil {
			return err
		}
		if err := b.remove(ctx, []string{ref}, causeText(cause)); err != nil {
			return err
		}
		return b.revive(ctx, row, claims, cause)
	})
}

// revive makes due what emits or claims an entity that was deleted.
func (b *batch) revive(ctx context.Context, row *store.Row, claims []store.Claim, cause catalog.Cause) error {
	var due []string
	for _, p := range row.Parents {
		if fromLocation(p) {
			due = append(due, p)
		}
	}
	for _, c := range claims {
		if fromLocation(c.Parent) {
			due = append(due, c.Parent)
		}
	}
	if err := b.enqueue(ctx, due, causeText(cause), true); err != nil {
		return err
	}
	if b.g.deps.Strict {
		// Clients of Backstage may count on not seeing it for a moment.
		if err := b.tx.Postpone(ctx, due, b.now.Add(time.Second)); err != nil {
			return err
		}
	}
	// Nobody reads the configuration and the list of registered locations
	// again, so their wish is repeated here.
	for _, p := range row.Parents {
		if p != rootConfig && p != rootRegistered {
			continue
		}
		entity, err := decode(row.Unprocessed())
		if err != nil {
			return err
		}
		return b.put(ctx, []*item{b.g.rootItem(p, entity, row.LocationKey)}, causeText(cause))
	}
	return nil
}
