package portal

import (
	"sync"

	"github.com/stagedoor/stagedoor/internal/config"
)

// live is the configuration as plugins see it, always the newest good one, and
// what front-ends may see of it.
type live struct {
	*config.Live

	mu      sync.Mutex
	schemas []*config.FrontendSchema
}

// addSchema makes keys visible that a front-end build says it may see.
func (l *live) addSchema(raw []byte) error {
	schema, err := config.LoadFrontendSchema(raw)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.schemas = append(l.schemas, schema)
	return nil
}

// frontend is what front-ends may see.
func (l *live) frontend() map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Current().Frontend(l.schemas...)
}
