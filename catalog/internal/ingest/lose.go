package ingest

import (
	"context"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog/internal/store"
)

// The parents that are no entities: what the configuration and what people
// registered, and one per provider and push source.
const (
	rootConfig     = "config"
	rootRegistered = "registered"
	providerPrefix = "provider:"
	pushPrefix     = "push:"
)

func isRoot(parent string) bool {
	return parent == rootConfig || parent == rootRegistered ||
		strings.HasPrefix(parent, providerPrefix) || strings.HasPrefix(parent, pushPrefix)
}

// reconcile takes away from a parent what it did not emit this time. seen has
// what it did emit; children with a kept location key stay anyway.
func (b *batch) reconcile(ctx context.Context, parent string, seen map[emission]struct{}, kept map[string]bool, cause string) error {
	return b.reconcileWith(ctx, parent, seen, kept, b.g.deps.OrphanStrategy == OrphansKeep, cause)
}

// reconcileTraced is [batch.reconcile] for who knows the traces of the parent,
// which spares the look at what there is not.
func (b *batch) reconcileTraced(ctx context.Context, parent string, seen map[emission]struct{}, kept map[string]bool, traces store.Traces, cause string) error {
	keep := b.g.deps.OrphanStrategy == OrphansKeep
	if traces.Claims || traces.Further {
		return b.reconcileWith(ctx, parent, seen, kept, keep, cause)
	}
	children, err := b.tx.FirstChildren(ctx, parent)
	if err != nil {
		return err
	}
	return b.lose(ctx, parent, lost(children, seen, kept), keep, cause)
}

func (b *batch) reconcileWith(ctx context.Context, parent string, seen map[emission]struct{}, kept map[string]bool, keep bool, cause string) error {
	claims, err := b.tx.ClaimsBy(ctx, parent)
	if err != nil {
		return err
	}
	for _, c := range claims {
		if _, ok := seen[emission{c.Ref, c.LocationKey}]; ok || kept[c.LocationKey] {
			continue
		}
		if err := b.tx.DropClaimOf(ctx, c); err != nil {
			return err
		}
	}
	children, err := b.tx.Children(ctx, []string{parent})
	if err != nil {
		return err
	}
	return b.lose(ctx, parent, lost(children[parent], seen, kept), keep, cause)
}

// lost returns the children that were not emitted. A child that is only listed
// under another key now has moved to another file: its claim takes over.
func lost(children []store.Child, seen map[emission]struct{}, kept map[string]bool) []string {
	var refs []string
	for _, c := range children {
		if _, ok := seen[emission{c.Ref, c.LocationKey}]; !ok && !kept[c.LocationKey] {
			refs = append(refs, c.Ref)
		}
	}
	return refs
}

// lose takes the parent away from entities. Another parent inherits the say,
// then the oldest claim; what nobody wants any more is removed with what hangs
// on it alone, or kept as an orphan.
func (b *batch) lose(ctx context.Context, parent string, refs []string, keep bool, cause string) error {
	for part := range slices.Chunk(refs, 512) {
		if err := b.losePart(ctx, parent, part, keep, cause); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) losePart(ctx context.Context, parent string, refs []string, keep bool, cause string) error {
	heads, err := b.tx.Heads(ctx, refs)
	if err != nil {
		return err
	}
	waiting, err := b.waiting(ctx, refs)
	if err != nil {
		return err
	}
	var gone []string
	for _, ref := range refs {
		h := heads[ref]
		if h == nil {
			continue
		}
		if h.Parent != parent {
			if err := b.loseFurther(ctx, h, parent); err != nil {
				return err
			}
			continue
		}
		done, err := b.inherit(ctx, h, parent, waiting[ref])
		switch {
		case err != nil:
			return err
		case done:
		case keep:
			h.Parent = ""
			h.Flags |= store.Orphan
			if err := b.tx.SetInput(ctx, h); err != nil {
				return err
			}
			b.touch(h)
		default:
			gone = append(gone, ref)
		}
	}
	return b.remove(ctx, gone, cause)
}

func (b *batch) waiting(ctx context.Context, refs []string) (map[string][]store.Claim, error) {
	claims, err := b.tx.ClaimsTo(ctx, refs)
	if err != nil {
		return nil, err
	}
	byRef := make(map[string][]store.Claim, len(claims))
	for _, c := range claims {
		byRef[c.Ref] = append(byRef[c.Ref], c)
	}
	return byRef, nil
}

// loseFurther takes a further parent away.
func (b *batch) loseFurther(ctx context.Context, h *store.Head, parent string) error {
	more, err := b.tx.MoreParents(ctx, h.Ref)
	if err != nil {
		return err
	}
	if len(more) == 1 && more[0] == parent {
		h.Flags &^= store.More
	}
	b.touch(h)
	return b.tx.RemoveParent(ctx, h, parent)
}

// inherit finds somebody else for an entity whose first parent is gone.
func (b *batch) inherit(ctx context.Context, h *store.Head, parent string, claims []store.Claim) (bool, error) {
	if h.Flags.Has(store.More) {
		more, err := b.tx.MoreParents(ctx, h.Ref)
		if err != nil {
			return false, err
		}
		for _, heir := range more {
			ok, err := b.rooted(ctx, heir, h.Ref)
			if err != nil {
				return false, err
			}
			if !ok {
				continue
			}
			h.Parent, h.InputHash = heir, ""
			if len(more) == 1 {
				h.Flags &^= store.More
			}
			if err := b.tx.RemoveParent(ctx, h, heir); err != nil {
				return false, err
			}
			if err := b.tx.SetInput(ctx, h); err != nil {
				return false, err
			}
			b.touch(h)
			if fromLocation(heir) { // it must say again what the entity is
				return true, b.enqueue(ctx, []string{heir}, "", true)
			}
			return true, b.enqueue(ctx, []string{h.Ref}, "", true)
		}
	}
	for _, c := range claims {
		if c.Parent != parent {
			ok, err := b.rooted(ctx, c.Parent, h.Ref)
			if err != nil {
				return false, err
			}
			if !ok {
				continue
			}
		}
		return true, b.handOver(ctx, h, c)
	}
	return false, nil
}

// handOver gives an entity to who claimed it. It keeps uid and last good
// version until the new word was processed.
func (b *batch) handOver(ctx context.Context, h *store.Head, c store.Claim) error {
	rows, err := b.tx.Rows(ctx, []string{h.Ref})
	if err != nil {
		return err
	}
	row := rows[h.Ref]
	row.Head = *h
	row.Parent, row.LocationKey = c.Parent, c.LocationKey
	row.Source = c.Source
	row.InputHash = digest(b.g.fingerprint, c.Source)
	if err := b.tx.Put(ctx, []*store.Row{row}); err != nil {
		return err
	}
	if err := b.tx.DropClaimOf(ctx, c); err != nil {
		return err
	}
	b.touch(&row.Head)
	return b.enqueue(ctx, []string{h.Ref}, "", true)
}

// rooted reports whether some root reaches the parent without passing the
// entity that is in question: two locations that list each other keep nobody.
func (b *batch) rooted(ctx context.Context, parent, without string) (bool, error) {
	seen := map[string]bool{without: true}
	level := []string{parent}
	for len(level) > 0 {
		var refs []string
		for _, p := range level {
			if isRoot(p) {
				return true, nil
			}
			if p != "" && !seen[p] {
				seen[p] = true
				refs = append(refs, p)
			}
		}
		if len(refs) == 0 {
			return false, nil
		}
		rows, err := b.tx.Rows(ctx, refs)
		if err != nil {
			return false, err
		}
		level = level[:0:0]
		for _, r := range rows {
			if r.Flags.Has(store.Orphan) {
				return true, nil // kept on purpose, and what hangs on it too
			}
			level = append(level, r.Parents...)
		}
	}
	return false, nil
}

// remove deletes entities and takes them away from their children.
func (b *batch) remove(ctx context.Context, refs []string, cause string) error {
	if len(refs) == 0 {
		return nil
	}
	rows, err := b.tx.Rows(ctx, refs)
	if err != nil {
		return err
	}
	children, err := b.tx.Children(ctx, refs)
	if err != nil {
		return err
	}
	if err := b.tx.Delete(ctx, refs); err != nil {
		return err
	}
	for _, ref := range refs {
		row := rows[ref]
		if row == nil || !row.Valid() {
			continue
		}
		gone := *row
		gone.Version++ // the removal is a version too
		b.log(store.OpDelete, &gone, cause, row.Body)
	}
	for _, ref := range refs {
		var lost []string
		for _, c := range children[ref] {
			lost = append(lost, c.Ref)
		}
		if err := b.lose(ctx, ref, lost, false, cause); err != nil {
			return err
		}
	}
	return nil
}
