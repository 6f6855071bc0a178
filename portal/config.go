package portal

import (
	"sync"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/internal/config"
)

// live is the configuration as plugins see it: always the newest good one.
type live struct {
	watcher *config.Watcher
	schemas atomic.Pointer[[]*config.FrontendSchema]
	mu      sync.Mutex
}

// Has implements plugin.Config.
func (l *live) Has(path string) bool { return l.watcher.Current().Has(path) }

// Keys implements plugin.Config.
func (l *live) Keys(path string) []string { return l.watcher.Current().Keys(path) }

// Decode implements plugin.Config.
func (l *live) Decode(path string, into any) error { return l.watcher.Current().Decode(path, into) }

// Subscribe implements plugin.Config.
func (l *live) Subscribe(fn func()) { l.watcher.Subscribe(func(*config.Config) { fn() }) }

// addSchema makes keys visible that a front-end build says it may see.
func (l *live) addSchema(raw []byte) error {
	schema, err := config.LoadFrontendSchema(raw)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []*config.FrontendSchema
	if old := l.schemas.Load(); old != nil {
		list = append(list, *old...)
	}
	list = append(list, schema)
	l.schemas.Store(&list)
	return nil
}

// frontend is what front-ends may see.
func (l *live) frontend() map[string]any {
	var list []*config.FrontendSchema
	if p := l.schemas.Load(); p != nil {
		list = *p
	}
	return l.watcher.Current().Frontend(list...)
}
