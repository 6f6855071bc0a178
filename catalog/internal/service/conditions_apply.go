package service

import (
	"context"

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
