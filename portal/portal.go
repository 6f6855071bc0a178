package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stagedoor/stagedoor/audit/auditplugin"
	"github.com/stagedoor/stagedoor/catalog/catalogplugin"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/identityplugin"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/events"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/internal/schedule"
	"github.com/stagedoor/stagedoor/internal/telemetry"
	"github.com/stagedoor/stagedoor/notification/notificationplugin"
	"github.com/stagedoor/stagedoor/permission/permissionplugin"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/signal/signalplugin"
	"github.com/stagedoor/stagedoor/ui"
	"github.com/stagedoor/stagedoor/ui/uiplugin"
	"github.com/stagedoor/stagedoor/usersetting/usersettingplugin"
	"github.com/stagedoor/stagedoor/webhook/webhookplugin"
)

// Options say what to open. Clock, NewID and Logger are required.
type Options struct {
	Config    *config.Watcher
	Telemetry *telemetry.Telemetry
	Clock     func() time.Time
	NewID     func() string
	Logger    *slog.Logger
	Version   string
	// FrontendDir serves a front-end build from a folder in place of the
	// portal's own.
	FrontendDir string
	// Plugins are initialised after the built-in capabilities, in order.
	Plugins []plugin.Plugin
	// Getenv reads the environment of the process, by which platforms such as
	// Azure App Service tell what stands in front of the portal; nil reads none.
	Getenv func(string) string
	// SkipMigrations leaves the schema alone.
	SkipMigrations bool
	// SkipPolicy leaves the configured policy alone: users may do everything.
	SkipPolicy bool
}

// Portal is an opened portal: every plugin is initialised, nothing runs yet.
type Portal struct {
	opts     Options
	config   *live
	settings settings
	db       *db.DB
	bus      *events.Bus
	schedule *schedule.Scheduler
	reader   *fetch.Reader
	root     *httpx.Root
	server   *httpx.Server
	actors   actors
	errs     []error

	audit    *auditplugin.Audit
	identity *identityplugin.Identity
	catalog  *catalogplugin.Catalog
	plugins  []plugin.Plugin

	permissions *permissionplugin.Permission
}

// Open opens the database, applies migrations and initialises the plugins. The
// caller closes the portal, also one that never ran.
func Open(ctx context.Context, opts Options) (_ *Portal, err error) {
	p := &Portal{opts: opts, config: &live{Live: opts.Config.Live()}, bus: &events.Bus{}}
	if p.settings, err = readSettings(p.config); err != nil {
		return nil, err
	}
	if err := p.openDatabase(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.audit, err = newAudit(p.db, opts, p.config); err != nil {
		return nil, err
	}
	p.schedule = schedule.New(p.db, opts.Clock, opts.NewID(), opts.Logger)
	p.reader = fetch.New(fetch.Deps{Allow: p.settings.Reading, Clock: opts.Clock, Logger: opts.Logger, UserAgent: "stagedoor/" + opts.Version})
	return p, p.assemble(ctx)
}

func (p *Portal) openDatabase(ctx context.Context) error {
	options, err := p.settings.Database.Options(p.settings.Dir)
	if err != nil {
		return err
	}
	options.Logger = p.opts.Logger
	if p.db, err = db.Open(ctx, options); err != nil {
		return err
	}
	if p.opts.SkipMigrations || p.settings.Database.SkipMigrations {
		return nil
	}
	applied, err := p.db.Migrate(ctx)
	if err != nil {
		return errors.Join(err, p.db.Close())
	}
	if len(applied) > 0 {
		p.opts.Logger.InfoContext(ctx, "database migrated", "migrations", len(applied))
	}
	return nil
}

// assemble builds the built-in capabilities, the HTTP server around them, and
// initialises everything in order.
func (p *Portal) assemble(ctx context.Context) error {
	webhook := webhookplugin.New(p.bus)
	permissions := permissionplugin.New(permissionplugin.Deps{
		Directory:  func() identity.Directory { return p.identity },
		Position:   func(path string) fault.Position { return p.config.Current().Source(path) },
		Dir:        p.settings.Dir,
		DB:         p.db,
		SkipPolicy: p.opts.SkipPolicy,
	})
	p.permissions = permissions
	p.identity = identityplugin.New(identityplugin.Deps{DB: p.db, Clock: p.opts.Clock, NewID: p.opts.NewID, Getenv: p.opts.Getenv})
	p.catalog = catalogplugin.New(catalogplugin.Deps{
		DB: p.db, Strict: p.settings.Strict, Dir: p.settings.Dir, Registry: p.opts.Telemetry.Registry,
	})
	signals := signalplugin.New(signalplugin.Deps{DB: p.db, Auth: p.identity, Clock: p.opts.Clock, NewID: p.opts.NewID})
	userSettings := usersettingplugin.New(usersettingplugin.Deps{DB: p.db, Clock: p.opts.Clock, Signals: signals})
	notifications := notificationplugin.New(notificationplugin.Deps{
		DB: p.db, Clock: p.opts.Clock, NewID: p.opts.NewID, Signals: signals, Strict: p.settings.Strict,
	})
	front, err := p.frontend()
	if err != nil {
		return err
	}
	p.plugins = []plugin.Plugin{p.audit, p.catalog, p.identity, permissions, webhook, signals, userSettings, notifications}
	p.settings.Root.Logger = p.opts.Logger
	p.settings.Root.Guard = guard(p.identity)
	if p.settings.OpenRoutes {
		p.warnOfOpenRoutes(ctx)
		p.settings.Root.Guard.Admit = openRoutes
	}
	p.settings.Root.Now = p.opts.Clock
	p.settings.Root.Observe = p.opts.Telemetry.HTTPObserver()
	if front != nil {
		p.plugins = append(p.plugins, front)
		p.settings.Root.Fallback = front
		if p.opts.FrontendDir == "" && !p.settings.Strict {
			p.settings.Root.CSP = append([]httpx.Directive{{Name: "script-src", Sources: []string{"'self'"}}}, p.settings.Root.CSP...)
		}
	}
	if p.root, err = httpx.NewRoot(p.settings.Root); err != nil {
		return err
	}
	p.root.HandleRoot("GET /metrics", p.opts.Telemetry.MetricsHandler())
	p.settings.Server.Logger, p.settings.Server.Root = p.opts.Logger, p.root
	if p.settings.SelfSigned {
		host := p.settings.Server.Host
		if host == "" {
			host = "localhost"
		}
		if p.settings.Server.CertPEM, p.settings.Server.KeyPEM, err = httpx.SelfSigned(host, p.opts.Clock()); err != nil {
			return fmt.Errorf("make a certificate: %w", err)
		}
	}
	p.server = httpx.NewServer(p.opts.Telemetry.Handler(p.root), p.settings.Server)

	p.plugins = append(p.plugins, p.opts.Plugins...)
	for _, pl := range p.plugins {
		if err := p.init(ctx, pl, permissions, webhook); err != nil {
			return err
		}
	}
	p.identity.RegisterRoot(p.root.HandleRoot)
	return errors.Join(append(p.errs, permissions.Start(ctx))...)
}

func (p *Portal) init(ctx context.Context, pl plugin.Plugin, permissions *permissionplugin.Permission, in receiver) error {
	id := pl.ID()
	if n := slices.IndexFunc(p.plugins, func(other plugin.Plugin) bool { return other.ID() == id }); p.plugins[n] != pl {
		return fault.Newf(fault.Invalid, "two plugins are called %s", id)
	}
	routes := router{p.root.Plugin(id)}
	p.identity.RegisterShared(routes)
	schedulerRoutes(routes, p.schedule, id, p.audit.For(id))
	host := &plugin.Host{
		Config: p.config, Logger: p.opts.Logger.With("plugin", id), Clock: p.opts.Clock, NewID: p.opts.NewID,
		HTTP: routes, Actors: &p.actors, Schedule: scheduler{id, p.schedule, &p.errs},
		Catalog: p.catalog.Extensions(), URLs: urls{p.reader}, Events: exchange{p.bus, in},
		Permissions: permissions.For(id, routes), Audit: p.audit.For(id),
	}
	if err := pl.Init(ctx, host); err != nil {
		return fmt.Errorf("initialise %s: %w", id, err)
	}
	return nil
}

// frontend returns the front-end, or nil in a headless build.
func (p *Portal) frontend() (*uiplugin.UI, error) {
	files, err := ui.Files()
	if p.opts.FrontendDir != "" {
		info, statErr := os.Stat(p.opts.FrontendDir)
		if statErr != nil || !info.IsDir() {
			return nil, fault.Newf(fault.Invalid, "--frontend-dir: %s is no folder", p.opts.FrontendDir)
		}
		files, err = os.DirFS(p.opts.FrontendDir), nil
	}
	if errors.Is(err, ui.ErrNotBuilt) {
		return nil, nil //nolint:nilnil // a headless build has no front-end, which is no error
	}
	if err != nil {
		return nil, err
	}
	if err := p.loadVisibility(files); err != nil {
		return nil, err
	}
	return uiplugin.New(uiplugin.Deps{
		Files: files, Stock: p.opts.FrontendDir != "", Version: p.opts.Version,
		Frontend:  p.config.frontend,
		Providers: func() []string { return p.identity.Providers() },
		SignIn:    p.signIn,
		Prefetch:  p.prefetch,
		Seq:       p.catalog.Seq,
	}), nil
}

// signIn gives a page the session of its visitor.
func (p *Portal) signIn(w http.ResponseWriter, r *http.Request, provider string) (uiplugin.Grant, error) {
	s, err := p.identity.SignIn(w, r, provider)
	if err != nil {
		return uiplugin.Grant{}, err
	}
	return uiplugin.Grant{
		Token: s.Identity.Token, Expires: s.Identity.Expires, Provider: provider, Profile: s.Profile,
		UserRef: s.Identity.Identity.UserRef, Ownership: s.Identity.Identity.Ownership,
	}, nil
}

// loadVisibility lets a front-end build say which keys it may see.
func (p *Portal) loadVisibility(files fs.FS) error {
	raw, err := fs.ReadFile(files, ".config-schema.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read schema of the front-end: %w", err)
	}
	return p.config.addSchema(raw)
}

// prefetch answers a GET of the REST API for the visitor of a page.
func (p *Portal) prefetch(ctx context.Context, who identity.Principal, path string) json.RawMessage {
	status, body, err := p.Call(ctx, who, http.MethodGet, path, nil)
	if err != nil || status != http.StatusOK || !json.Valid(body) {
		return nil
	}
	return body
}

// Run starts the actors and serves until ctx ends or an actor fails. It
// returns when everything has stopped.
func (p *Portal) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, a := range append([]actor{{"config", p.opts.Config.Run}, {"schedule", p.schedule.Run}, {"memory", tendMemory}, {"http", p.server.Run}, {"readiness", p.announce}}, p.actors.list...) {
		g.Go(func() error {
			if err := a.run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// announce turns readiness on when every plugin is.
func (p *Portal) announce(ctx context.Context) error {
	started := p.opts.Clock()
	addr, err := p.server.Listen(ctx)
	if err != nil {
		return err
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for len(p.actors.waiting()) > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	p.root.Started()
	p.opts.Logger.InfoContext(ctx, "ready", "address", addr.String(), "took", p.opts.Clock().Sub(started).Round(time.Millisecond))
	return nil
}

// LoadOffline makes [Portal.Call] work without running anything.
func (p *Portal) LoadOffline(ctx context.Context) error {
	if err := p.catalog.LoadOffline(ctx); err != nil {
		return err
	}
	p.root.Started()
	return nil
}

// Close closes the database. Run must have returned.
func (p *Portal) Close() error {
	if p.reader != nil {
		p.reader.Close()
	}
	return p.db.Close()
}
