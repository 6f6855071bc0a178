package ingest

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// ConfigLocation is one entry of catalog.locations. File targets are absolute.
type ConfigLocation struct {
	Type     string
	Target   string
	Presence string
}

// Location is a registered location.
type Location = store.Location

// LocationRef returns the ref of the entity that stands for a registered or
// configured location.
func LocationRef(loc catalog.Location) string {
	return process.LocationEntity(loc, "").Ref().String()
}

// SetConfigLocations makes the list the set of configured locations: new ones
// are read, those that are gone are removed with everything that came only
// through them. Calling it again with the same list does nothing.
func (g *Engine) SetConfigLocations(ctx context.Context, list []ConfigLocation) error {
	items := make([]*item, 0, len(list))
	seen := make(map[emission]struct{}, len(list))
	for _, l := range list {
		loc := catalog.Location{Type: l.Type, Target: l.Target}
		it := g.rootItem(rootConfig, process.LocationEntity(loc, l.Presence), loc.String())
		items = append(items, it)
		seen[emission{it.ref, it.key}] = struct{}{}
	}
	cause := causeText(catalog.Cause{Kind: "config"})
	return g.write(ctx, func(ctx context.Context, b *batch) error {
		if err := b.put(ctx, items, cause); err != nil {
			return err
		}
		return b.reconcileRoot(ctx, rootConfig, seen, cause)
	})
}

// rootItem is an item that is processed as a source of its own.
func (g *Engine) rootItem(parent string, e catalog.Entity, key string) *item {
	it := &item{parent: parent, key: key, entity: e, ref: e.Ref().String()}
	it.source = string(canonical(e))
	it.hash = digest(g.fingerprint, it.source)
	return it
}

// AddLocation registers a location and returns when its entity is readable;
// what it lists follows as soon as it was read. The target need not be
// readable. cause.Actor names who asked.
//
// It returns an error with code conflict if the location is registered already.
func (g *Engine) AddLocation(ctx context.Context, loc catalog.Location, presence string, cause catalog.Cause) (Location, error) {
	entity := process.LocationEntity(loc, presence)
	row := Location{
		ID: g.deps.NewID(), Type: loc.Type, Target: loc.Target, EntityRef: entity.Ref().String(),
		CreatedBy: cause.Actor, CreatedAt: g.deps.Clock(),
	}
	err := g.write(ctx, func(ctx context.Context, b *batch) error {
		if err := b.tx.AddLocation(ctx, row); err != nil {
			return err
		}
		return b.register(ctx, g.rootItem(rootRegistered, entity, loc.String()), cause)
	})
	return row, err
}

// register puts the entity of a registered location, readable at once unless
// in strict mode.
func (b *batch) register(ctx context.Context, it *item, cause catalog.Cause) error {
	text := causeText(cause)
	if err := b.put(ctx, []*item{it}, text); err != nil {
		return err
	}
	if b.g.deps.Strict {
		return nil
	}
	rows, err := b.tx.Rows(ctx, []string{it.ref})
	if err != nil {
		return err
	}
	row := rows[it.ref]
	if row == nil || row.Valid() || row.Flags.Has(store.Failed) || row.Parent != it.parent {
		return nil
	}
	versions, err := b.lastVersions(ctx, []string{it.ref})
	if err != nil {
		return err
	}
	body := string(entityJSON(it.entity))
	row.Version, row.Body, row.OutputHash = versions[it.ref]+1, body, digest(body, "")
	row.Flags |= store.Provisional
	b.log(store.OpCreate, row, text, "")
	return b.tx.Put(ctx, []*store.Row{row})
}

// UpdateLocation gives a registered location another type and target. Its id
// and the ref of its entity stay.
//
// It returns an error with code not_found if there is no such location and
// conflict if the new type and target are registered already.
func (g *Engine) UpdateLocation(ctx context.Context, id string, loc catalog.Location, cause catalog.Cause) (Location, error) {
	var row Location
	err := g.write(ctx, func(ctx context.Context, b *batch) error {
		var err error
		if row, err = b.tx.Location(ctx, id); err != nil {
			return err
		}
		row.Type, row.Target = loc.Type, loc.Target
		if err := b.tx.SetLocation(ctx, row); err != nil {
			return err
		}
		entity := process.LocationEntity(loc, "")
		ref, err := catalog.ParseRef(row.EntityRef, catalog.RefDefaults{})
		if err != nil {
			return fmt.Errorf("entity of location %s: %w", id, err)
		}
		entity.Metadata()["name"] = ref.Name
		it := g.rootItem(rootRegistered, entity, loc.String())
		heads, err := b.tx.Heads(ctx, []string{it.ref})
		if err != nil {
			return err
		}
		// The key changes with the target: it is the same owner's wish.
		if h := heads[it.ref]; h != nil && h.Parent == rootRegistered {
			h.LocationKey, h.InputHash = it.key, ""
			if err := b.tx.SetInput(ctx, h); err != nil {
				return err
			}
		}
		if err := b.register(ctx, it, cause); err != nil {
			return err
		}
		return b.enqueue(ctx, []string{it.ref}, causeText(cause), true)
	})
	return row, err
}

// DeleteLocation removes a registered location with everything that came only
// through it. It returns an error with code not_found if there is none.
func (g *Engine) DeleteLocation(ctx context.Context, id string, cause catalog.Cause) error {
	return g.write(ctx, func(ctx context.Context, b *batch) error {
		row, err := b.tx.Location(ctx, id)
		if err != nil {
			return err
		}
		if err := b.tx.DeleteLocation(ctx, id); err != nil {
			return err
		}
		if err := b.tx.DropClaim(ctx, row.EntityRef, rootRegistered); err != nil {
			return err
		}
		return b.lose(ctx, rootRegistered, []string{row.EntityRef}, false, causeText(cause))
	})
}

// Location returns a registered location by id, or an error with code
// not_found.
func (g *Engine) Location(ctx context.Context, id string) (Location, error) {
	return g.store.Location(ctx, id)
}

// LocationAt returns the registered location of the type and target, or an
// error with code not_found.
func (g *Engine) LocationAt(ctx context.Context, loc catalog.Location) (Location, error) {
	l, ok, err := g.store.LocationAt(ctx, loc.Type, loc.Target)
	if err == nil && !ok {
		err = fault.Newf(fault.NotFound, "no location %s is registered", loc)
	}
	return l, err
}

// Locations returns the registered locations in the order of registration.
func (g *Engine) Locations(ctx context.Context) ([]Location, error) { return g.store.Locations(ctx) }

// reconcileRoot is [batch.reconcile] for roots: what is gone goes with
// everything that came only through it, whatever the orphan strategy says.
func (b *batch) reconcileRoot(ctx context.Context, root string, seen map[emission]struct{}, cause string) error {
	return b.reconcileWith(ctx, root, seen, nil, false, cause)
}

// parseKey splits a location key into type and target.
func parseKey(key string) catalog.Location {
	kind, target, _ := strings.Cut(key, ":")
	return catalog.Location{Type: kind, Target: target}
}
