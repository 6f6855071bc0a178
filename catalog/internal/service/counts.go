package service

import (
	"context"
	"fmt"
	"sync"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
)

// Counts counts, for each of the keys, the values among the entities that the
// filter keeps and the principal in ctx may see. The lists are shared and must
// not be changed.
func (s *Service) Counts(ctx context.Context, keys []string, filter catalog.Filter) (map[string][]catalog.Facet, error) {
	sc, err := s.reading(ctx)
	if err != nil {
		return nil, err
	}
	snap := s.deps.Index.Snapshot()
	if sc.denied {
		filter = catalog.Or{}
	} else {
		filter = sc.and(filter)
	}
	within := ""
	if filter != nil {
		within = fmt.Sprintf("%#v", filter)
	}
	out := make(map[string][]catalog.Facet, len(keys))
	var missing []string
	for _, key := range keys {
		if list, ok := s.counted.get(snap, key, within); ok {
			out[key] = list
		} else {
			missing = append(missing, key)
		}
	}
	if missing == nil {
		return out, nil
	}
	var set *index.Bitmap
	if filter != nil {
		set = snap.Eval(filter)
	}
	for key, list := range snap.Facets(missing, set) {
		out[key] = list
		s.counted.put(snap, key, within, list)
	}
	return out, nil
}

// countCache keeps counts of the newest snapshot: pages of the catalog ask for
// the same ones again and again, and some take long over many entities.
type countCache struct {
	mu    sync.Mutex
	snap  *index.Snapshot
	lists map[countKey][]catalog.Facet
	size  int // values in lists
}

type countKey struct{ facet, within string }

// maxCounted bounds the number of cached values.
const maxCounted = 1 << 18

func (c *countCache) get(snap *index.Snapshot, facet, within string) ([]catalog.Facet, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.snap != snap {
		return nil, false
	}
	list, ok := c.lists[countKey{facet, within}]
	return list, ok
}

func (c *countCache) put(snap *index.Snapshot, facet, within string, list []catalog.Facet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.snap != snap || c.size > maxCounted {
		if c.snap != nil && c.snap.Seq() > snap.Seq() {
			return // a slow reader of an older state
		}
		c.snap, c.lists, c.size = snap, map[countKey][]catalog.Facet{}, 0
	}
	c.lists[countKey{facet, within}] = list
	c.size += len(list) + 1
}
