package ingest

import (
	"context"
	"encoding/json"
	"runtime"
	"slices"
	"sync"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// PushRequest changes the set of entities of a push source.
type PushRequest struct {
	// Upsert are entities to add or replace.
	Upsert []catalog.Entity
	// Delete are refs to take out.
	Delete []string
	// Replace makes Upsert the whole set: what is not in it goes.
	Replace bool
	// Actor is the user or service that pushes, Commit the revision it speaks of.
	Actor, Commit string
}

// PushResult tells what became of each entity of a [PushRequest], Upsert in
// its order and then Delete in its order.
type PushResult struct {
	Items []PushItem `json:"items"`
}

// PushItem is the fate of one entity.
type PushItem struct {
	// EntityRef is empty when the entity has no usable kind or name.
	EntityRef string `json:"entityRef,omitempty"`
	// Status is ok, unchanged, deleted, missing or error.
	Status string `json:"status"`
	// Errors say why the entity was refused. What was there before stays.
	Errors []catalog.StatusItem `json:"errors,omitempty"`
}

// Failed returns the number of entities that were refused.
func (r PushResult) Failed() int {
	n := 0
	for _, it := range r.Items {
		if it.Status == "error" {
			n++
		}
	}
	return n
}

// Push validates entities and stores those that are good, as the set of the
// named source. It returns when they are readable. A bad entity spoils no
// other; its item in the result says why. Pushing the same again changes
// nothing.
//
// It returns an error with code invalid if the source has no name; errors of
// entities are in the result.
func (g *Engine) Push(ctx context.Context, source string, req PushRequest) (PushResult, error) {
	if source == "" {
		return PushResult{}, fault.New(fault.Invalid, "a push source needs a name")
	}
	root := pushPrefix + source
	result := PushResult{Items: make([]PushItem, len(req.Upsert), len(req.Upsert)+len(req.Delete))}
	m := mutation{
		full: req.Replace, removed: lowered(req.Delete),
		cause:  catalog.Cause{Kind: "push", Source: source, Commit: req.Commit, Actor: req.Actor},
		accept: func(it *item) bool { return it.same || it.stub() || it.out.ok },
	}
	index := make(map[string]int, len(req.Upsert)) // the last of equal refs counts
	for i, e := range req.Upsert {
		if e.Kind() == "" || e.Name() == "" {
			result.Items[i] = refused("", "the entity has no kind or no metadata.name")
			continue
		}
		e = e.Clone()
		e.SetAnnotation(catalog.AnnotationManagedByLocation, root)
		e.SetAnnotation(catalog.AnnotationManagedByOriginLocation, root)
		ref := e.Ref().String()
		result.Items[i].EntityRef = ref
		if first, twice := index[ref]; twice {
			result.Items[first] = refused(ref, "the entity comes again later in the same request")
		}
		index[ref] = i
		m.added = append(m.added, catalog.Deferred{Entity: e, LocationKey: root})
	}
	present, err := g.present(ctx, root, m.removed)
	if err != nil {
		return PushResult{}, err
	}
	items, err := g.mutate(ctx, root, m)
	if err != nil {
		return PushResult{}, err
	}
	if err := g.tell(ctx, root, items, index, &result); err != nil {
		return PushResult{}, err
	}
	for _, ref := range m.removed {
		status := "missing"
		if present[ref] {
			status = "deleted"
		}
		result.Items = append(result.Items, PushItem{EntityRef: ref, Status: status})
	}
	return result, nil
}

// DeletePushed removes a push source with all its entities and returns their
// number.
func (g *Engine) DeletePushed(ctx context.Context, source, actor string) (int, error) {
	root := pushPrefix + source
	children, err := g.store.Children(ctx, root)
	if err != nil {
		return 0, err
	}
	cause := causeText(catalog.Cause{Kind: "push", Source: source, Actor: actor})
	return len(children), g.write(ctx, func(ctx context.Context, b *batch) error {
		return b.reconcileRoot(ctx, root, nil, cause)
	})
}

// PushSources returns the names of the sources that have entities.
func (g *Engine) PushSources(ctx context.Context) ([]string, error) {
	parents, err := g.store.ParentsLike(ctx, pushPrefix)
	for i := range parents {
		parents[i] = parents[i][len(pushPrefix):]
	}
	return parents, err
}

// tell writes what became of the items into the result.
func (g *Engine) tell(ctx context.Context, root string, items []*item, index map[string]int, result *PushResult) error {
	refs := make([]string, 0, len(index))
	for ref := range index {
		refs = append(refs, ref)
	}
	rows, err := g.store.Entities(ctx, refs)
	if err != nil {
		return err
	}
	for _, it := range items {
		i, ok := index[it.ref]
		if !ok || it.parent != root {
			continue
		}
		row := rows[it.ref]
		switch {
		case it.out != nil && !it.out.ok:
			result.Items[i].Status = "error"
			if err := json.Unmarshal([]byte(it.out.problems), &result.Items[i].Errors); err != nil {
				result.Items[i] = refused(it.ref, "the entity could not be processed")
			}
		case it.same:
			result.Items[i].Status = "unchanged"
		case row != nil && !slices.Contains(row.Parents, root):
			result.Items[i] = refused(it.ref, "the entity belongs to "+row.LocationKey)
		default:
			result.Items[i].Status = "ok"
		}
	}
	return nil
}

func (g *Engine) present(ctx context.Context, root string, refs []string) (map[string]bool, error) {
	rows, err := g.store.Entities(ctx, refs)
	present := make(map[string]bool, len(refs))
	for ref, r := range rows {
		present[ref] = slices.Contains(r.Parents, root)
	}
	return present, err
}

func refused(ref, message string) PushItem {
	return PushItem{EntityRef: ref, Status: "error", Errors: []catalog.StatusItem{{
		Type: "backstage.io/catalog-processing", Level: "error", Message: "InputError: " + message,
		Error: &catalog.StatusError{Name: "InputError", Message: message},
	}}}
}

func lowered(refs []string) []string {
	out := make([]string, 0, len(refs))
	for _, text := range refs {
		if ref, err := catalog.ParseRef(text, catalog.RefDefaults{}); err == nil {
			text = ref.String()
		}
		out = append(out, text)
	}
	return out
}

func knownOf(children []store.Child) map[string]store.Child {
	known := make(map[string]store.Child, len(children))
	for _, c := range children {
		known[c.Ref] = c
	}
	return known
}

// prepareParallel processes entities on all processors, keeping their order.
func (g *Engine) prepareParallel(ctx context.Context, root string, list []catalog.Deferred, known map[string]store.Child) []*item {
	items := make([]*item, len(list))
	for i, d := range list {
		items[i] = &item{parent: root, key: d.LocationKey, entity: d.Entity, ref: d.Entity.Ref().String()}
	}
	size := max(8, (len(items)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var parts [][]*item
	for part := range slices.Chunk(items, size) {
		parts = append(parts, part)
	}
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { parts[i] = g.prepareItems(ctx, parts[i], known) })
	}
	wg.Wait()
	return slices.Concat(parts...)
}
