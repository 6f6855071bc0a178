package service

import (
	"context"
	"sync"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/permission"
)

// Apply reports for each ref whether its entity exists and the condition holds
// for it. It is for the permission framework and authorises nothing; the
// caller makes sure that a service asks.
func (s *Service) Apply(_ context.Context, refs []string, c permission.Condition) ([]bool, error) {
	f, err := ConditionFilter(c)
	if err != nil {
		return nil, err
	}
	snap := s.deps.Index.Snapshot()
	set := snap.Eval(f)
	out := make([]bool, len(refs))
	for i, text := range refs {
		ref, err := catalog.ParseRef(text, catalog.RefDefaults{})
		if err != nil {
			continue
		}
		if id, ok := snap.Lookup(ref.String()); ok {
			out[i] = set.Contains(id)
		}
	}
	return out, nil
}

// Kinds describes the kinds and their relations. Everybody may know them.
func (s *Service) Kinds() []KindInfo { return s.parts().Model.Kinds() }

// conditionCache keeps the filters of conditions. A policy gives the same
// condition, at the same address, to all requests that it decides alike; the
// cache holds on to the condition, so that the address stays its own.
type conditionCache struct {
	mu      sync.Mutex
	filters map[*permission.Condition]catalog.Filter
}

// maxConditions bounds a [conditionCache]; a full one begins anew.
const maxConditions = 4096

func (c *conditionCache) filter(of *permission.Condition) (catalog.Filter, error) {
	c.mu.Lock()
	f, ok := c.filters[of]
	c.mu.Unlock()
	if ok {
		return f, nil
	}
	f, err := ConditionFilter(*of)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.filters == nil || len(c.filters) >= maxConditions {
		c.filters = map[*permission.Condition]catalog.Filter{}
	}
	c.filters[of] = f
	return f, nil
}
