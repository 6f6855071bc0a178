package service

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/catalog/internal/service/change"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// Limits of a page of versions.
const (
	defaultVersions = 50
	maxVersions     = 500
)

// History is a page of the versions of an entity.
type History struct {
	EntityRef string           `json:"entityRef"`
	Items     []ingest.Version `json:"items"`
	// NextBefore continues with older versions; 0 at the end.
	NextBefore int64 `json:"nextBefore,omitempty"`
}

// mayReadHistory checks that the principal in ctx may read the entity. Of one
// that is gone nobody can tell whether a condition held, so only who may read
// everything sees its history; for others uid is the one entity whose versions
// they may read, because another one may have had the ref before. It is empty
// for who may read everything.
func (s *Service) mayReadHistory(ctx context.Context, ref catalog.Ref) (uid string, err error) {
	sc, err := s.reading(ctx)
	if err != nil {
		return "", err
	}
	if !sc.denied && sc.filter == nil {
		return "", nil
	}
	snap := s.deps.Index.Snapshot()
	if id, ok := snap.Lookup(ref.String()); ok && sc.visible(snap, id) {
		return snap.UID(id), nil
	}
	return "", noHistory(ref)
}

func noHistory(ref catalog.Ref) error {
	return fault.Newf(fault.NotFound, "There is no history of %s", ref)
}

// History lists the versions of an entity before a version number, the newest
// first; before 0 lists from the newest, limit 0 means 50. It returns an error
// with code not_found when there never was such an entity.
func (s *Service) History(ctx context.Context, ref catalog.Ref, before int64, limit int) (History, error) {
	uid, err := s.mayReadHistory(ctx, ref)
	if err != nil {
		return History{}, err
	}
	if limit <= 0 {
		limit = defaultVersions
	}
	limit = min(limit, maxVersions)
	versions, err := s.parts().Engine.History(ctx, ref.String(), before, limit+1)
	if err != nil {
		return History{}, err
	}
	if i := slices.IndexFunc(versions, func(v ingest.Version) bool { return uid != "" && v.UID != uid }); i >= 0 {
		versions = versions[:i]
	}
	if len(versions) == 0 && before == 0 {
		return History{}, noHistory(ref)
	}
	h := History{EntityRef: ref.String(), Items: versions}
	if len(versions) > limit {
		h.Items = versions[:limit]
		h.NextBefore = versions[limit-1].Number
	}
	return h, nil
}

// Version returns one version with its content, or an error with code
// not_found.
func (s *Service) Version(ctx context.Context, ref catalog.Ref, number int64) (ingest.Version, error) {
	uid, err := s.mayReadHistory(ctx, ref)
	if err != nil {
		return ingest.Version{}, err
	}
	v, err := s.parts().Engine.Version(ctx, ref.String(), number)
	if fault.Is(err, fault.NotFound) || err == nil && uid != "" && v.UID != uid {
		return ingest.Version{}, fault.Newf(fault.NotFound, "There is no version %d of %s", number, ref)
	}
	return v, err
}

// Diff is what differs between two versions of an entity.
type Diff struct {
	EntityRef string         `json:"entityRef"`
	From      ingest.Version `json:"from"`
	To        ingest.Version `json:"to"`
	Changes   []change.Value `json:"changes"`
	Text      string         `json:"text"`
}

// Diff compares two versions. With to 0 the newest is taken, with from 0 the
// one before to, which for the first version is nothing.
func (s *Service) Diff(ctx context.Context, ref catalog.Ref, from, to int64) (Diff, error) {
	uid, err := s.mayReadHistory(ctx, ref)
	if err != nil {
		return Diff{}, err
	}
	if to == 0 {
		newest, err := s.parts().Engine.History(ctx, ref.String(), 0, 1)
		if err != nil {
			return Diff{}, err
		}
		if len(newest) == 0 {
			return Diff{}, noHistory(ref)
		}
		to = newest[0].Number
	}
	d := Diff{EntityRef: ref.String(), From: ingest.Version{Op: "none"}}
	if d.To, err = s.Version(ctx, ref, to); err != nil {
		return Diff{}, err
	}
	if from == 0 {
		before, err := s.parts().Engine.History(ctx, ref.String(), to, 1)
		if err != nil {
			return Diff{}, err
		}
		if len(before) > 0 && (uid == "" || before[0].UID == uid) {
			from = before[0].Number
		}
	}
	if from > 0 {
		if d.From, err = s.Version(ctx, ref, from); err != nil {
			return Diff{}, err
		}
	}
	return d.compare(ref)
}

func (d Diff) compare(ref catalog.Ref) (Diff, error) {
	before, beforeText, err := contentOf(d.From)
	if err != nil {
		return Diff{}, err
	}
	after, afterText, err := contentOf(d.To)
	if err != nil {
		return Diff{}, err
	}
	d.Changes = change.Values(before, after)
	if d.Changes == nil {
		d.Changes = []change.Value{}
	}
	name := func(v ingest.Version) string {
		if v.Entity == nil {
			return "/dev/null"
		}
		return fmt.Sprintf("%s version %d", ref, v.Number)
	}
	d.Text = change.Unified(name(d.From), name(d.To), beforeText, afterText)
	return d, nil
}

// contentOf decodes a version; a deletion and the time before the first
// version are empty objects.
func contentOf(v ingest.Version) (value any, text string, err error) {
	if v.Entity == nil {
		return map[string]any{}, "", nil
	}
	if err := json.Unmarshal(v.Entity, &value); err != nil {
		return nil, "", fmt.Errorf("decode version %d: %w", v.Number, err)
	}
	data, err := yamlx.MarshalOrdered(value, entityKeys)
	if err != nil {
		return nil, "", fmt.Errorf("render version %d: %w", v.Number, err)
	}
	return value, string(data), nil
}

// entityKeys writes entities in the order in which people write them.
func entityKeys(path, keys []string) []string {
	first := []string{"apiVersion", "kind", "metadata", "spec"}
	if len(path) == 1 && path[0] == "metadata" {
		first = []string{"name", "namespace", "title", "description", "labels", "annotations", "tags", "links"}
	} else if len(path) > 0 {
		return keys
	}
	out := make([]string, 0, len(keys))
	for _, k := range first {
		if slices.Contains(keys, k) {
			out = append(out, k)
		}
	}
	for _, k := range keys {
		if !slices.Contains(first, k) {
			out = append(out, k)
		}
	}
	return out
}
