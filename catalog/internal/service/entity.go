package service

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Found is an entity of the read model.
type Found struct {
	Snapshot *index.Snapshot
	ID       index.ID
}

// AppendJSON appends the entity as clients get it.
func (f Found) AppendJSON(dst []byte) []byte { return f.Snapshot.AppendJSON(dst, f.ID) }

// ByRef finds an entity by its kind, namespace and name. It returns an error
// with code not_found when there is none that the principal in ctx may see.
func (s *Service) ByRef(ctx context.Context, ref catalog.Ref) (Found, error) {
	snap, id, ok, err := s.lookup(ctx, ref.String())
	if err != nil {
		return Found{}, err
	}
	if !ok {
		return Found{}, fault.Newf(fault.NotFound, "No entity named '%s' found, with kind '%s' in namespace '%s'", ref.Name, ref.Kind, ref.Namespace)
	}
	return Found{snap, id}, nil
}

// ByUID finds an entity by its uid, or returns an error with code not_found.
func (s *Service) ByUID(ctx context.Context, uid string) (Found, error) {
	sc, err := s.reading(ctx)
	if err != nil {
		return Found{}, err
	}
	snap := s.deps.Index.Snapshot()
	id, ok := snap.LookupUID(uid)
	if !ok || !sc.visible(snap, id) {
		return Found{}, fault.Newf(fault.NotFound, "No entity with uid %s", uid)
	}
	return Found{snap, id}, nil
}

// Batch is the answer to [Service.ByRefs]: one item for each ref, of which ok
// says whether there is such an entity.
type Batch struct {
	Snapshot *index.Snapshot
	IDs      []index.ID
	OK       []bool
}

// ByRefs finds entities by rendered or partial refs, among those that the
// filter keeps. What is no ref, or whose entity the principal in ctx may not
// see, is not found.
func (s *Service) ByRefs(ctx context.Context, refs []string, filter catalog.Filter) (Batch, error) {
	sc, err := s.reading(ctx)
	if err != nil {
		return Batch{}, err
	}
	snap := s.deps.Index.Snapshot()
	out := Batch{Snapshot: snap, IDs: make([]index.ID, len(refs)), OK: make([]bool, len(refs))}
	if sc.denied {
		return out, nil
	}
	var within *index.Bitmap
	if f := sc.and(filter); f != nil {
		within = snap.Eval(f)
	}
	for i, text := range refs {
		if s.deps.Strict {
			// Refs are compared as texts there, so partial ones find nothing.
			out.IDs[i], out.OK[i] = snap.Lookup(text)
		} else if ref, err := catalog.ParseRef(text, catalog.RefDefaults{}); err == nil {
			out.IDs[i], out.OK[i] = snap.Lookup(ref.String())
		}
		if within != nil && out.OK[i] {
			out.OK[i] = within.Contains(out.IDs[i])
		}
	}
	return out, nil
}

// Ancestor is an entity with the refs of the entities it comes from.
type Ancestor struct {
	ID      index.ID
	Parents []string
}

// Ancestry returns the entity and, nearest first, what it comes from. What the
// principal in ctx may not see is left out, with everything only reachable
// through it. It returns an error with code not_found when there is no such
// entity.
func (s *Service) Ancestry(ctx context.Context, ref catalog.Ref) (*index.Snapshot, []Ancestor, error) {
	sc, err := s.reading(ctx)
	if err != nil {
		return nil, nil, err
	}
	snap := s.deps.Index.Snapshot()
	a, ok := snap.Ancestry(ref.String())
	if !ok || !sc.visible(snap, a.Items[0].ID) {
		return nil, nil, fault.Newf(fault.NotFound, "No such entity %s", ref)
	}
	reachable := map[string]bool{a.Root: true}
	var out []Ancestor
	for _, item := range a.Items { // nearest first, so children come before parents
		if !reachable[snap.Ref(item.ID)] || !sc.visible(snap, item.ID) {
			continue
		}
		parents := []string{}
		for _, p := range item.Parents {
			// Roots such as the configuration are no entities and have no ref.
			if strings.Contains(p, "/") {
				reachable[p] = true
				parents = append(parents, p)
			}
		}
		out = append(out, Ancestor{ID: item.ID, Parents: parents})
	}
	return snap, out, nil
}

// EntityByRef implements [catalog.Reader].
func (s *Service) EntityByRef(ctx context.Context, ref catalog.Ref) (catalog.Entity, error) {
	f, err := s.ByRef(ctx, ref)
	if err != nil {
		return nil, err
	}
	return decodeEntity(f.Snapshot, f.ID)
}

// EntitiesByRefs implements [catalog.Reader].
func (s *Service) EntitiesByRefs(ctx context.Context, refs []catalog.Ref) ([]catalog.Entity, error) {
	texts := make([]string, len(refs))
	for i, r := range refs {
		texts[i] = r.String()
	}
	b, err := s.ByRefs(ctx, texts, nil)
	if err != nil {
		return nil, err
	}
	out := make([]catalog.Entity, len(refs))
	for i, ok := range b.OK {
		if ok {
			if out[i], err = decodeEntity(b.Snapshot, b.IDs[i]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// Query implements [catalog.Reader].
func (s *Service) Query(ctx context.Context, q catalog.Query) (catalog.Page, error) {
	sc, err := s.reading(ctx)
	if err != nil || sc.denied {
		return catalog.Page{}, err
	}
	snap := s.deps.Index.Snapshot()
	page := snap.Page(index.PageQuery{Filter: sc.and(q.Filter), Order: q.Order, Text: q.Text, Limit: q.Limit, Offset: q.Offset})
	out := catalog.Page{Items: make([]catalog.Entity, len(page.IDs)), Total: page.Total}
	for i, id := range page.IDs {
		if out.Items[i], err = decodeEntity(snap, id); err != nil {
			return catalog.Page{}, err
		}
	}
	return out, nil
}

// Facets implements [catalog.Reader].
func (s *Service) Facets(ctx context.Context, fields []string, filter catalog.Filter) (map[string][]catalog.Facet, error) {
	return s.Counts(ctx, fields, filter)
}

func decodeEntity(snap *index.Snapshot, id index.ID) (catalog.Entity, error) {
	var e catalog.Entity
	if err := json.Unmarshal(snap.AppendJSON(nil, id), &e); err != nil {
		return nil, fmt.Errorf("decode %s: %w", snap.Ref(id), err)
	}
	return e, nil
}
