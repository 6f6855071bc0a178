package service

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Delete removes the entity with the uid; it comes back when its location is
// read again and still lists it. Removing what does not exist is fine.
func (s *Service) Delete(ctx context.Context, uid string) error {
	target, snap := uid, s.deps.Index.Snapshot()
	if id, ok := snap.LookupUID(uid); ok {
		target = snap.Ref(id)
	}
	ctx, end := s.begin(ctx, mutation{event: EventEntity, action: "delete", target: target, meta: map[string]any{"uid": uid}})
	return end(s.remove(ctx, uid))
}

func (s *Service) remove(ctx context.Context, uid string) error {
	find := func(snap *index.Snapshot) (index.ID, bool) { return snap.LookupUID(uid) }
	if err := s.mayOn(ctx, EntityDelete, find); err != nil {
		return err
	}
	snap := s.deps.Index.Snapshot()
	id, ok := snap.LookupUID(uid)
	if !ok {
		return nil
	}
	return s.parts().Engine.DeleteEntity(ctx, snap.Ref(id), snap.UID(id), cause(ctx, ""))
}

// Refresh asks that the entity and the location it came from are read again as
// soon as possible. It returns when the wish is stored, and an error with code
// not_found when there is no such entity.
func (s *Service) Refresh(ctx context.Context, text string) error {
	ref := strings.ToLower(text)
	if parsed, err := catalog.ParseRef(text, catalog.RefDefaults{}); err == nil {
		ref = parsed.String()
	} else if !s.deps.Strict {
		return err
	}
	// Backstage's documentation calls it actionType, its code queryType.
	ctx, end := s.begin(ctx, mutation{event: EventEntity, action: "refresh", target: ref, meta: map[string]any{"queryType": "refresh", "entityRef": ref}})
	return end(s.refresh(ctx, ref))
}

func (s *Service) refresh(ctx context.Context, ref string) error {
	find := func(snap *index.Snapshot) (index.ID, bool) { return snap.Lookup(ref) }
	if err := s.mayOn(ctx, EntityRefresh, find); err != nil {
		return err
	}
	known, err := s.mayKnow(ctx, ref)
	if err != nil {
		return err
	}
	if known {
		err = s.parts().Engine.Refresh(ctx, ref, cause(ctx, ""))
	}
	if !known || fault.Is(err, fault.NotFound) {
		return fault.Newf(fault.NotFound, "Entity %s not found", ref)
	}
	return err
}

// mayKnow reports whether an entity may exist for the principal in ctx: users
// must not find out by way of another permission what they may not read. A
// service may be restricted to that other permission alone.
func (s *Service) mayKnow(ctx context.Context, ref string) (bool, error) {
	if identity.FromContext(ctx).Kind != identity.User {
		return true, nil
	}
	sc, err := s.reading(ctx)
	if err != nil {
		return false, err
	}
	if !sc.denied && sc.filter == nil {
		return true, nil
	}
	snap := s.deps.Index.Snapshot()
	id, ok := snap.Lookup(ref)
	return ok && sc.visible(snap, id), nil
}

// PushRequest changes what a source has pushed.
type PushRequest struct {
	Entities []catalog.Entity
	// Full makes Entities the whole set of the source.
	Full bool
	// Commit is the revision that the entities were made from.
	Commit string
}

var sourceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

func checkSource(source string) error {
	if !sourceName.MatchString(source) {
		return fault.Newf(fault.Invalid, "source %q: a source has 1 to 63 letters, digits, dots, dashes and underscores and begins with a letter or digit", source)
	}
	return nil
}

// Push stores entities under the name of a source and returns when they are
// readable. Entities that are refused are named in the result, with what is
// wrong; the others are stored.
func (s *Service) Push(ctx context.Context, source string, req PushRequest) (ingest.PushResult, error) {
	ctx, end := s.begin(ctx, mutation{
		event: EventEntity, action: "push", target: "push:" + source,
		meta: map[string]any{"entities": len(req.Entities), "full": req.Full, "commit": req.Commit},
	})
	result, err := s.push(ctx, source, req)
	return result, end(err)
}

func (s *Service) push(ctx context.Context, source string, req PushRequest) (ingest.PushResult, error) {
	if err := s.writable(); err != nil {
		return ingest.PushResult{}, err
	}
	if err := s.require(ctx, EntityCreate); err != nil {
		return ingest.PushResult{}, err
	}
	if err := checkSource(source); err != nil {
		return ingest.PushResult{}, err
	}
	if err := s.mayReplace(ctx, source, req); err != nil {
		return ingest.PushResult{}, err
	}
	return s.parts().Engine.Push(ctx, source, ingest.PushRequest{
		Upsert: req.Entities, Replace: req.Full, Commit: req.Commit, Actor: identity.FromContext(ctx).Subject,
	})
}

// mayReplace returns an error with code forbidden when a push of the whole set
// would remove what the principal in ctx may not delete.
func (s *Service) mayReplace(ctx context.Context, source string, req PushRequest) error {
	if !req.Full {
		return nil
	}
	stays := map[string]bool{}
	for _, e := range req.Entities {
		stays[e.Ref().String()] = true
	}
	snap := s.deps.Index.Snapshot()
	gone := slices.DeleteFunc(pushedBy(snap, source), func(ref string) bool { return stays[ref] })
	if len(gone) == 0 {
		return nil
	}
	sc, err := s.scopeOf(ctx, EntityDelete)
	if err != nil {
		return err
	}
	for _, ref := range gone {
		if id, ok := snap.Lookup(ref); !ok || !sc.visible(snap, id) {
			return errNotAllowed
		}
	}
	return nil
}

// RemovePushed removes pushed entities of a source: those of the refs, or,
// when refs is nil, everything. It returns an error with code forbidden, and
// removes nothing, when the principal in ctx may not delete one of them.
func (s *Service) RemovePushed(ctx context.Context, source string, refs []string) (ingest.PushResult, error) {
	meta := map[string]any{"all": refs == nil}
	if refs != nil {
		const most = 100
		meta["entities"], meta["entityRefs"] = len(refs), refs[:min(len(refs), most)]
	}
	ctx, end := s.begin(ctx, mutation{event: EventEntity, action: "delete-pushed", target: "push:" + source, meta: meta})
	result, err := s.removePushed(ctx, source, refs)
	return result, end(err)
}

func (s *Service) removePushed(ctx context.Context, source string, refs []string) (ingest.PushResult, error) {
	if err := s.writable(); err != nil {
		return ingest.PushResult{}, err
	}
	if err := checkSource(source); err != nil {
		return ingest.PushResult{}, err
	}
	sc, err := s.scopeOf(ctx, EntityDelete)
	if err != nil {
		return ingest.PushResult{}, err
	}
	if sc.denied {
		return ingest.PushResult{}, errNotAllowed
	}
	rendered := make([]string, len(refs))
	for i, text := range refs {
		ref, err := catalog.ParseRef(text, catalog.RefDefaults{})
		if err != nil {
			return ingest.PushResult{}, fault.Newf(fault.Invalid, "entityRefs[%d]: %w", i, err)
		}
		rendered[i] = ref.String()
	}
	snap := s.deps.Index.Snapshot()
	if refs == nil {
		rendered = pushedBy(snap, source)
	}
	for _, ref := range rendered {
		// What is not there is refused like what may not be deleted, or one could
		// tell the two from each other.
		if id, ok := snap.Lookup(ref); !ok && sc.filter != nil || ok && !sc.visible(snap, id) {
			return ingest.PushResult{}, errNotAllowed
		}
	}
	actor := identity.FromContext(ctx).Subject
	result, err := s.parts().Engine.Push(ctx, source, ingest.PushRequest{Delete: rendered, Actor: actor})
	if err != nil || refs != nil || sc.filter != nil {
		return result, err
	}
	// What never became valid is not in the read model; a condition cannot be
	// applied to it.
	_, err = s.parts().Engine.DeletePushed(ctx, source, actor)
	return result, err
}

// pushedBy lists the entities of a push source.
func pushedBy(snap *index.Snapshot, source string) []string {
	var out []string
	for it := snap.All().Iterator(); it.HasNext(); {
		id := it.Next()
		for _, p := range snap.Parents(id) {
			if p == "push:"+source {
				out = append(out, snap.Ref(id))
			}
		}
	}
	return out
}

// RefreshPushed asks that exactly those locations are read again that read a
// file which the push changed, and those whose pattern matches one, which may
// be new. It returns how many became due. It is called for events, not for a
// principal, and authorises nothing.
func (s *Service) RefreshPushed(ctx context.Context, e PushEvent) (int, error) {
	snap := s.deps.Index.Snapshot()
	urls := e.URLs()
	if e.All || e.Deleted {
		urls = readBelow(snap, e.Prefixes())
	}
	n := 0
	if len(urls) > 0 {
		due, err := s.parts().Engine.RefreshLocationTargets(ctx, urls)
		if err != nil {
			return 0, err
		}
		n = due
	}
	for _, ref := range s.patternsOver(snap, e) {
		err := s.parts().Engine.Refresh(ctx, ref, catalog.Cause{Kind: "webhook", Source: e.RepoURL, Commit: e.Commit})
		if err != nil && !fault.Is(err, fault.NotFound) {
			return n, err
		}
		n++
	}
	return n, nil
}

// readBelow lists the targets below the prefixes that entities came from.
func readBelow(snap *index.Snapshot, prefixes []string) []string {
	seen := map[string]bool{}
	var out []string
	for it := snap.All().Iterator(); it.HasNext(); {
		target, ok := strings.CutPrefix(snap.LocationKey(it.Next()), "url:")
		if !ok || seen[target] {
			continue
		}
		seen[target] = true
		for _, prefix := range prefixes {
			if strings.HasPrefix(target, prefix) {
				out = append(out, target)
				break
			}
		}
	}
	return out
}

// patternsOver lists the Location entities that have a target with a wildcard
// which matches a changed file.
func (s *Service) patternsOver(snap *index.Snapshot, e PushEvent) []string {
	var refs []string
	for it := snap.Eval(catalog.Match{Key: "kind", Values: []string{"Location"}}).Iterator(); it.HasNext(); {
		id := it.Next()
		entity, err := decodeEntity(snap, id)
		if err != nil {
			continue
		}
		targets := []string{entity.SpecString("target")}
		if list, ok := entity.Spec()["targets"].([]any); ok {
			for _, t := range list {
				text, _ := t.(string)
				targets = append(targets, text)
			}
		}
		for _, target := range targets {
			if strings.Contains(target, "*") && e.matches(target) {
				refs = append(refs, snap.Ref(id))
				break
			}
		}
	}
	return refs
}

// matches reports whether a target with wildcards matches a changed file.
func (e PushEvent) matches(target string) bool {
	for _, prefix := range e.Prefixes() {
		pattern, ok := strings.CutPrefix(target, prefix)
		if !ok {
			continue
		}
		if e.All || e.Deleted {
			return true
		}
		for _, file := range e.Files {
			if ok, err := doublestar.Match(pattern, file); ok && err == nil {
				return true
			}
		}
	}
	return false
}
