package service

import (
	"context"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/audit"
)

// The events of the catalog, named as Backstage's (backstage.io/docs/features/
// software-catalog/audit-events); the meta actionType tells them apart.
const (
	EventEntity   = "entity-mutate"
	EventLocation = "location-mutate"
)

// mutation is a change that the audit log is told of.
type mutation struct {
	event, action, target string
	meta                  map[string]any
}

func (m mutation) entry() audit.Event {
	meta := map[string]any{"actionType": m.action}
	for k, v := range m.meta {
		meta[k] = v
	}
	return audit.Event{Plugin: "catalog", Name: m.event, Severity: audit.Medium, Target: m.target, Meta: meta}
}

// begin announces a change. The event is stored with the change's first write,
// or as failed when the end is given an error.
func (s *Service) begin(ctx context.Context, m mutation) (change context.Context, end func(error) error) {
	settle(ctx)
	return s.deps.Audit.Begin(ctx, m.entry())
}

type attemptKey struct{}

// settle says that the attempt needs no further word: the service tells of it,
// or it changes nothing.
func settle(ctx context.Context) {
	if told, ok := ctx.Value(attemptKey{}).(*atomic.Bool); ok {
		told.Store(true)
	}
}

// Attempt is for a change whose request may be refused before the service
// sees it. done is called with the result: it tells the audit log of an error
// unless the service has done so.
func (s *Service) Attempt(ctx context.Context, event, action string) (attempt context.Context, done func(error)) {
	told := &atomic.Bool{}
	return context.WithValue(ctx, attemptKey{}, told), func(err error) {
		if err == nil || told.Load() {
			return
		}
		_, end := s.deps.Audit.Begin(ctx, mutation{event: event, action: action}.entry())
		_ = end(err) // it is the caller's own
	}
}
