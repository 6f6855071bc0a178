package catalogplugin

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/catalog/internal/rest"
	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
)

// Deps is what a [Catalog] is made of. DB is required and has all migrations.
type Deps struct {
	DB *db.DB
	// Strict answers as Backstage does where the default is better.
	Strict bool
	// Dir is the folder that relative file targets of the configuration start
	// from; empty means the working directory.
	Dir string
	// Registry takes the catalog's metrics; nil means none.
	Registry prometheus.Registerer
}

// Catalog is the software catalog as a plugin.
type Catalog struct {
	deps     Deps
	log      *slog.Logger
	config   plugin.Config
	clock    func() time.Time
	newID    func() string
	urls     plugin.URLReader
	store    *store.Store
	index    *index.Index
	service  *service.Service
	engine   atomic.Pointer[ingest.Engine]
	reload   chan struct{}
	started  chan struct{} // closed when the read model is loaded
	stopping chan struct{} // closed when the portal stops
	startOne sync.Once

	mu         sync.Mutex
	processors []catalog.Processor
	providers  []catalog.Provider
}

// New returns the catalog. It does nothing until Init and the start of its
// actor.
func New(deps Deps) *Catalog {
	return &Catalog{deps: deps, reload: make(chan struct{}, 1), started: make(chan struct{}), stopping: make(chan struct{})}
}

// ID is "catalog".
func (c *Catalog) ID() string { return "catalog" }

// Init registers the routes, the actor and the subscription to push events. It
// returns an error with code invalid for a configuration that the catalog
// cannot start with.
func (c *Catalog) Init(_ context.Context, h *plugin.Host) error {
	c.log, c.config, c.clock, c.newID = h.Logger, h.Config, h.Clock, h.NewID
	c.urls = h.URLs.Reader()
	settings, err := c.readSettings()
	if err != nil {
		return err
	}
	if err := settings.check(); err != nil {
		return err
	}
	c.store = store.New(c.deps.DB)
	c.index = index.New(index.Options{Strict: c.deps.Strict, Logger: c.log})
	c.service = service.New(service.Deps{
		Index: c.index, Authorizer: h.Permissions, Audit: h.Audit, Logger: c.log, ReadOnly: settings.ReadOnly, Strict: c.deps.Strict,
	})
	for _, r := range rest.New(rest.Deps{Service: c.service, Logger: c.log, Done: c.stopping}) {
		h.HTTP.Handle(r.Pattern, access(r.Access), func(w http.ResponseWriter, req *http.Request) error {
			return r.Handler(w, req)
		})
	}
	h.Permissions.Define(c.service.Definition())
	if settings.SCMEvents {
		h.Events.Subscribe("github", c.pushed)
	}
	h.Config.Subscribe(c.configChanged)
	h.Actors.Go("catalog", c.run)
	h.Actors.Ready("catalog", c.isStarted)
	c.registerMetrics()
	return nil
}

func access(a httpx.Access) plugin.Access {
	switch a {
	case httpx.AllowAnonymous:
		return plugin.Unauthenticated
	case httpx.AllowUser:
		return plugin.UsersOnly
	case httpx.AllowService:
		return plugin.ServicesOnly
	case httpx.AllowCookie, httpx.Default:
	}
	return plugin.UsersAndServices
}

// isStarted reports whether the read model is loaded.
func (c *Catalog) isStarted() bool {
	select {
	case <-c.started:
		return true
	default:
		return false
	}
}

// WaitIdle returns when nothing is due or in work and everything is readable,
// or with the error of ctx. It is for tests and benchmarks.
func (c *Catalog) WaitIdle(ctx context.Context) error {
	select {
	case <-c.started:
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // the caller's own
	}
	return c.engine.Load().WaitIdle(ctx)
}

// Extensions returns the doors of the catalog for other plugins.
func (c *Catalog) Extensions() plugin.Catalog { return extensions{c} }

type extensions struct{ c *Catalog }

// AddProcessor implements plugin.Catalog.
func (x extensions) AddProcessor(p catalog.Processor) {
	x.c.mu.Lock()
	defer x.c.mu.Unlock()
	x.c.processors = append(x.c.processors, p)
}

// AddProvider implements plugin.Catalog.
func (x extensions) AddProvider(p catalog.Provider) {
	x.c.mu.Lock()
	defer x.c.mu.Unlock()
	x.c.providers = append(x.c.providers, p)
}

// Reader implements plugin.Catalog. Plugins that are initialised before the
// catalog may ask for it too.
func (x extensions) Reader() catalog.Reader { return lateReader(x) }

// Feed implements plugin.Catalog.
func (x extensions) Feed() catalog.Feed { return lateReader(x) }

// lateReader finds the service when it is used.
type lateReader struct{ c *Catalog }

// EntityByRef implements catalog.Reader.
func (r lateReader) EntityByRef(ctx context.Context, ref catalog.Ref) (catalog.Entity, error) {
	return r.c.service.EntityByRef(ctx, ref)
}

// EntitiesByRefs implements catalog.Reader.
func (r lateReader) EntitiesByRefs(ctx context.Context, refs []catalog.Ref) ([]catalog.Entity, error) {
	return r.c.service.EntitiesByRefs(ctx, refs)
}

// Query implements catalog.Reader.
func (r lateReader) Query(ctx context.Context, q catalog.Query) (catalog.Page, error) {
	return r.c.service.Query(ctx, q)
}

// Facets implements catalog.Reader.
func (r lateReader) Facets(ctx context.Context, fields []string, filter catalog.Filter) (map[string][]catalog.Facet, error) {
	return r.c.service.Facets(ctx, fields, filter)
}

// Subscribe implements catalog.Feed.
func (r lateReader) Subscribe(fn func([]catalog.Change)) (cancel func()) {
	return r.c.service.Subscribe(fn)
}
