// Package permissionplugin builds the permission capability: the authorizer
// that every capability asks, the registry of what can be permitted, the
// policy in force, and the routes below /api/permission.
//
// Start reading at [New], [Permission.For] and [Permission.Start]; load.go has
// where the policy comes from.
package permissionplugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/explain"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/permission/internal/rest"
	"github.com/stagedoor/stagedoor/permission/internal/statement"
	"github.com/stagedoor/stagedoor/plugin"
)

// Deps is what a [Permission] is made of. All fields may be empty.
type Deps struct {
	// Directory returns who knows what users own things by. Without it nothing
	// can be explained about others.
	Directory func() identity.Directory
	// Position tells where a value of the configuration stands, for messages
	// about a policy that is part of it.
	Position func(path string) fault.Position
	// Dir is the folder that relative policy files start from where Position
	// does not know the file that names them; empty means the working directory.
	Dir string
	// DB keeps the roles that are made through the REST API. Without it
	// permission.rbac cannot be used.
	DB *db.DB
	// SkipPolicy leaves the configured policy alone, for commands that look at
	// others: users may do everything.
	SkipPolicy bool
}

// Permission is the capability. It implements plugin.Plugin.
type Permission struct {
	deps       Deps
	registry   *registry.Registry
	authorizer *policy.Authorizer
	config     plugin.Config
	log        *slog.Logger
	audit      audit.Log
	clock      func() time.Time
	problem    error             // what plugins did wrong while they were initialised
	brought    permission.Policy // by a plugin
	broughtBy  string
	roles      roles

	loading sync.Mutex // held while a policy is read and put into force
	started atomic.Bool
	refused atomic.Pointer[policy.Problem]
	files   watched
}

// New returns the capability.
func New(d Deps) *Permission {
	p := &Permission{deps: d, registry: &registry.Registry{}}
	for _, s := range statement.Shipped() {
		p.problem = errors.Join(p.problem, p.registry.AddRule(s.ResourceType, s.Rule))
	}
	p.authorizer = policy.New(p.registry)
	return p
}

// Authorizer returns who decides. Safe for concurrent use.
func (p *Permission) Authorizer() permission.Authorizer { return p.authorizer }

// ID is "permission".
func (*Permission) ID() string { return "permission" }

// Init registers the routes and the actors.
func (p *Permission) Init(_ context.Context, h *plugin.Host) error {
	p.config, p.log, p.clock, p.audit = h.Config, h.Logger, h.Clock, h.Audit
	denials := policy.NewDenials(h.Audit, h.Clock)
	p.authorizer.Note(denials)
	h.Actors.Go("permission-denials", denials.Run)
	h.Actors.Go("permission-policy", p.follow)
	h.Config.Subscribe(p.reload)
	p.roles.init(p, h)
	(&rest.REST{Authorizer: p.authorizer, Registry: p.registry}).Register(h.HTTP)
	(&rest.Explaining{
		Explainer: explain.New(explain.Deps{
			Registry: p.registry, Source: p.authorizer.Source, Directory: p.deps.Directory, Reader: h.Catalog.Reader(),
		}),
		Authorizer: p.authorizer,
		Policy:     p.describe,
	}).Register(h.HTTP)
	return nil
}

// Start loads the policy, when all plugins have said what can be permitted. An
// error, such as a broken policy, must stop the start of the portal.
func (p *Permission) Start(ctx context.Context) error {
	if p.problem != nil {
		return p.problem
	}
	p.loading.Lock()
	defer p.loading.Unlock()
	if err := p.load(ctx); err != nil {
		return fmt.Errorf("load the policy: %w", err)
	}
	p.started.Store(true)
	return nil
}

// For returns the framework as the plugin with the id sees it. Its routes go
// to the router.
func (p *Permission) For(id string, r plugin.Router) plugin.Permissions {
	return &view{p.authorizer, p, id, r}
}

var _ plugin.Plugin = (*Permission)(nil)
