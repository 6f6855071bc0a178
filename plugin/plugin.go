package plugin

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
)

// Plugin is one capability or one integration.
type Plugin interface {
	// ID names the plugin in routes (/api/<id>), logs and configuration. It
	// matches ^[a-z][a-z0-9-]*$ and is unique in a portal.
	ID() string
	// Init registers what the plugin brings. An error stops the start.
	Init(ctx context.Context, h *Host) error
}

// Host is what a plugin gets from the portal. Each plugin has its own.
type Host struct {
	Config   Config
	Logger   *slog.Logger
	Clock    func() time.Time
	NewID    func() string
	HTTP     Router
	Actors   Actors
	Schedule Scheduler
	Catalog  Catalog
	URLs     URLs
	Events   Events
	// Permissions decides for the principal in the context.
	Permissions Permissions
	// Audit takes what everybody may want to know later.
	Audit audit.Log
}

// Permissions is the permission framework, as a plugin sees it.
type Permissions interface {
	permission.Authorizer
	// Define publishes the plugin's permissions and resource types, with the
	// routes below /.well-known/backstage/permissions that other services ask.
	// At most once, and only during Init.
	Define(d permission.Definition)
	// AddRule adds a rule to a resource type of any plugin. The rule must have
	// an Expand function. Only during Init.
	AddRule(resourceType string, r permission.Rule)
	// SetPolicy replaces the configured policy. Only during Init, and only by
	// one plugin.
	SetPolicy(p permission.Policy)
}

// Config reads the resolved app-config, always the newest good one. Paths are
// dotted. Errors name file and line. Safe for concurrent use.
type Config interface {
	Has(path string) bool
	// Keys returns the keys of the object at path, sorted; nil when there is
	// none.
	Keys(path string) []string
	// Decode decodes the value at path as encoding/json would. It leaves into
	// alone when there is no value.
	Decode(path string, into any) error
	// Subscribe has fn called after every reload, when the other methods give
	// the new values already. A plugin that cannot use them keeps what it has
	// and logs why.
	Subscribe(fn func())
}

// Access says which callers a route admits.
type Access int

// The accesses. The zero value admits users and services with a full token.
const (
	UsersAndServices Access = iota
	UsersOnly
	ServicesOnly
	// AnyoneWithCookie admits, besides full tokens, the limited token of the
	// cookie: for assets that a browser fetches by itself.
	AnyoneWithCookie
	// Unauthenticated admits everybody; the handler checks what it needs.
	Unauthenticated
)

// Router registers the plugin's routes below /api/<id>.
type Router interface {
	// Handle registers a handler for a pattern such as "GET /things/{id}". An
	// error that the handler returns before it wrote anything becomes the
	// error envelope, with the status of its code.
	Handle(pattern string, access Access, handler func(http.ResponseWriter, *http.Request) error)
}

// Actors run for as long as the portal does.
type Actors interface {
	// Go runs fn after all plugins are initialised. When fn returns an error
	// before its context ended, the portal stops.
	Go(name string, fn func(ctx context.Context) error)
	// Ready adds a check that must pass before the portal reports ready.
	Ready(name string, check func() bool)
}

// Task is work on a schedule.
type Task struct {
	// ID is unique within the plugin and shown by the scheduler routes.
	ID string
	// Every is the time from the start of one run to the start of the next.
	Every time.Duration
	// Timeout ends a run; zero means Every.
	Timeout time.Duration
	// InitialDelay is the time before the first run.
	InitialDelay time.Duration
	// Local runs the task on every replica; otherwise one replica runs it.
	Local bool
	// Run does the work. An error is logged and shown; the next run follows.
	Run func(ctx context.Context) error
}

// Scheduler runs tasks.
type Scheduler interface {
	// Add registers a task. Only during Init.
	Add(t Task)
	// Trigger asks for a run of the plugin's task now.
	Trigger(ctx context.Context, id string) error
}

// Catalog extends the catalog. Only during Init, except for the Reader and the
// Feed, which may be used once the portal is ready.
type Catalog interface {
	AddProcessor(p catalog.Processor)
	AddProvider(p catalog.Provider)
	Reader() catalog.Reader
	Feed() catalog.Feed
}

// Event is something that happened outside or in another plugin.
type Event struct {
	Topic   string
	Payload any
	// Metadata holds request headers of events that came over HTTP, with
	// lower-case names.
	Metadata map[string]string
}

// Events connects plugins that need not know each other. Delivery is within
// the process, at least once, in no order between subscribers.
type Events interface {
	Publish(ctx context.Context, e Event) error
	// Subscribe is called with the events of the topic. Only during Init.
	Subscribe(topic string, fn func(ctx context.Context, e Event) error)
	// Receive opens POST /api/events/http/<topic>. The check sees the raw body
	// and refuses events whose signature is wrong, with code forbidden. Only
	// during Init.
	Receive(topic string, check func(ctx context.Context, header http.Header, body []byte) error)
}

// PrincipalOf is a short cut to the caller of a request.
func PrincipalOf(r *http.Request) identity.Principal { return identity.FromContext(r.Context()) }
