package ingest

import (
	"context"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/catalog/internal/store"
)

// put stores items: claims their refs, writes what changed, and remembers who
// lost a conflict. The items of one source come in the order in which it emits
// them; of two with the same ref and location key the later one counts.
func (b *batch) put(ctx context.Context, items []*item, cause string) error {
	items, rest := unique(items)
	refs := make([]string, 0, len(items))
	for _, it := range items {
		if !it.same {
			refs = append(refs, it.ref)
		}
	}
	if len(refs) == 0 {
		return nil
	}
	heads, err := b.tx.Heads(ctx, refs)
	if err != nil {
		return err
	}
	var created, changed []*item
	for _, it := range items {
		if it.same {
			continue
		}
		h := heads[it.ref]
		if h == nil {
			created = append(created, it)
			continue
		}
		counts, err := b.claim(ctx, it, h)
		if err != nil {
			return err
		}
		if counts {
			changed = append(changed, it)
		}
	}
	if err := b.create(ctx, created, cause); err != nil {
		return err
	}
	if err := b.change(ctx, changed, heads, cause); err != nil {
		return err
	}
	if len(rest) > 0 {
		return b.put(ctx, rest, cause)
	}
	return nil
}

// unique takes out the first of two items with the same ref and location key,
// and puts later ones of the same ref but another key into rest.
func unique(items []*item) (list, rest []*item) {
	at := make(map[string]int, len(items))
	list = make([]*item, 0, len(items))
	for _, it := range items {
		i, ok := at[it.ref]
		switch {
		case !ok:
			at[it.ref] = len(list)
			list = append(list, it)
		case list[i].key == it.key && list[i].parent == it.parent:
			list[i] = it
		default:
			rest = append(rest, it)
		}
	}
	return list, rest
}

// claim decides whether the item's word about the entity counts.
//
// The first location key keeps the ref. A free one, left by an orphan or with
// no key at all, is taken over. The same key from another parent, such as a
// file that two locations list, makes a further parent whose word counts when
// the first one is gone.
func (b *batch) claim(ctx context.Context, it *item, h *store.Head) (counts bool, err error) {
	free := h.Parent == "" || (h.LocationKey == "" && it.key != "")
	switch {
	case h.LocationKey != it.key && !free:
		isNew, err := b.tx.PutClaim(ctx, store.Claim{Ref: it.ref, Parent: it.parent, LocationKey: it.key, Since: b.now, Source: it.source})
		if isNew {
			log, holder := b.g.log, *h
			b.warn = append(b.warn, func() {
				log.WarnContext(ctx, "conflicting entity ref: another location has it already",
					"entity", it.ref, "location", it.key, "held_by", holder.LocationKey)
			})
		}
		return false, err
	case h.Parent == it.parent:
		if it.hash == h.InputHash && h.LocationKey == it.key {
			return false, nil
		}
		h.LocationKey = it.key
		return true, b.tx.DropClaim(ctx, it.ref, it.parent)
	case free:
		if h.Parent != "" {
			if _, err := b.tx.AddParent(ctx, it.ref, h.Parent); err != nil {
				return false, err
			}
			h.Flags |= store.More
		}
		if h.Flags.Has(store.More) {
			if err := b.tx.RemoveParent(ctx, h, it.parent); err != nil {
				return false, err
			}
		}
		h.Parent, h.LocationKey = it.parent, it.key
		h.Flags &^= store.Orphan
		h.InputHash = ""
		b.touch(h)
		return true, b.tx.DropClaim(ctx, it.ref, it.parent)
	}
	isNew, err := b.tx.AddParent(ctx, it.ref, it.parent)
	if err == nil && isNew {
		h.Flags |= store.More
		b.touch(h)
		err = b.tx.SetInput(ctx, h)
	}
	return false, err
}

// create stores entities that nobody claimed before.
func (b *batch) create(ctx context.Context, items []*item, cause string) error {
	if len(items) == 0 {
		return nil
	}
	refs := make([]string, len(items))
	for i, it := range items {
		refs[i] = it.ref
	}
	versions, err := b.lastVersions(ctx, refs)
	if err != nil {
		return err
	}
	rows := make([]*store.Row, len(items))
	var due []string
	for i, it := range items {
		row := &store.Row{Head: store.Head{
			Ref: it.ref, UID: b.g.deps.NewID(), Parent: it.parent, LocationKey: it.key, InputHash: it.hash, UpdatedAt: b.now,
		}, Source: it.source}
		rows[i] = row
		if it.stub() {
			due = append(due, it.ref)
			continue
		}
		b.fill(row, it.out)
		if it.out.ok {
			row.Version = versions[it.ref] + 1
			b.log(store.OpCreate, row, cause, "")
		}
		if err := b.own(ctx, row, it.out, store.Flags(0)); err != nil {
			return err
		}
	}
	if err := b.tx.Put(ctx, rows); err != nil {
		return err
	}
	return b.enqueue(ctx, due, cause2due(cause), false)
}

// fill writes an output into a row: everything but version and history.
func (b *batch) fill(row *store.Row, out *output) {
	row.Problems = out.problems
	switch {
	case out.problems == "":
		row.ProblemSince = time.Time{}
	case row.ProblemSince.IsZero():
		row.ProblemSince = b.now
	}
	row.Flags &^= store.Failed | store.Volatile
	if out.volatile {
		row.Flags |= store.Volatile
	}
	if !out.ok {
		row.Flags |= store.Failed
		if row.Source == row.Body {
			row.Source = ""
		}
		return // the last good version stays
	}
	row.Flags &^= store.Provisional
	row.Body, row.Relations, row.OutputHash = out.body, out.relations, out.hash
	// The source is kept where it is needed and the body will not do: for who
	// is processed again without being read again.
	if row.Source == out.body || (!out.volatile && fromLocation(row.Parent) && row.Problems == "") {
		row.Source = ""
	}
}

// fromLocation reports whether the parent is an entity, which is read again,
// and not one of the roots.
func fromLocation(parent string) bool { return parent != "" && !isRoot(parent) }

// own gives an entity its own place in the queue when it is volatile, and
// takes it away when it no longer is. Locations always have theirs, and the
// end of their unit sees to it.
func (b *batch) own(ctx context.Context, row *store.Row, out *output, before store.Flags) error {
	if out.volatile {
		if err := b.tx.Join(ctx, row.Ref, b.g.next(b.now), b.g.fingerprint, out.state); err != nil {
			return err
		}
	} else if before.Has(store.Volatile) {
		if err := b.tx.Unqueue(ctx, []string{row.Ref}); err != nil {
			return err
		}
	}
	if len(out.refreshKeys) > 0 || before.Has(store.Volatile) {
		return b.tx.SetRefreshKeys(ctx, row.Ref, out.refreshKeys)
	}
	return nil
}

// change stores new words about entities that are there.
func (b *batch) change(ctx context.Context, items []*item, heads map[string]*store.Head, cause string) error {
	if len(items) == 0 {
		return nil
	}
	refs := make([]string, len(items))
	for i, it := range items {
		refs[i] = it.ref
	}
	rows, err := b.tx.Rows(ctx, refs)
	if err != nil {
		return err
	}
	var due []string
	for _, it := range items {
		row := rows[it.ref]
		row.Head = *heads[it.ref] // with what claim decided
		before := row.Flags
		if it.stub() {
			row.Source, row.InputHash = it.source, it.hash
			if err := b.tx.Put(ctx, []*store.Row{row}); err != nil {
				return err
			}
			due = append(due, it.ref)
			continue
		}
		if err := b.update(ctx, row, it.hash, it.source, it.out, cause); err != nil {
			return err
		}
		if err := b.own(ctx, row, it.out, before); err != nil {
			return err
		}
		if it.emitted != nil && (len(it.emitted) > 0 || before.Has(store.Volatile)) {
			if err := b.reconcile(ctx, it.ref, it.emitted, nil, cause); err != nil {
				return err
			}
		}
	}
	return b.enqueue(ctx, due, cause2due(cause), false)
}

// update stores an output of an entity that is there: a new version when the
// content changed, a touch when only the status did, and hardly anything when
// neither did.
func (b *batch) update(ctx context.Context, row *store.Row, hash, source string, out *output, cause string) error {
	old := *row
	row.InputHash, row.Source = hash, source
	b.fill(row, out)
	content := out.ok && (out.hash != old.OutputHash || !old.Valid())
	status := row.Problems != old.Problems
	if !content && !status {
		if row.Source != old.Source || row.Flags != old.Flags || row.InputHash != old.InputHash {
			return b.tx.Put(ctx, []*store.Row{row})
		}
		return nil
	}
	row.UpdatedAt = b.now
	switch {
	case !content && !old.Valid(): // still nothing to show
	case !content || old.Flags.Has(store.Provisional) && old.Valid():
		b.rows[row.Ref] = row
		b.log(store.OpTouch, row, cause, "")
	case old.Valid():
		row.Version++
		b.log(store.OpUpdate, row, cause, old.Body)
	default:
		versions, err := b.lastVersions(ctx, []string{row.Ref})
		if err != nil {
			return err
		}
		row.Version = versions[row.Ref] + 1
		b.log(store.OpCreate, row, cause, "")
	}
	return b.tx.Put(ctx, []*store.Row{row})
}

// cause2due keeps, of a cause, what a child location should tell as its own:
// who asked, but not which location was read.
func cause2due(cause string) string {
	c := parseCause(cause)
	if c.Kind == "" || c.Kind == "location" || slices.Contains([]string{"config", "provider"}, c.Kind) {
		return ""
	}
	c.Source, c.Commit = "", ""
	return causeText(c)
}
