// Package identityplugin builds the identity capability: sign-in, tokens,
// callers, and the routes below /api/auth.
//
// What not: how tokens look and who may come in is in identity/internal.
//
// Start reading at [New] and [Identity.Init].
package identityplugin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/access"
	"github.com/stagedoor/stagedoor/identity/internal/authserver"
	"github.com/stagedoor/stagedoor/identity/internal/resolve"
	"github.com/stagedoor/stagedoor/identity/internal/rest"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/identity/internal/store"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/plugin"
)

// The bounds of auth.backstageTokenExpiration.
const (
	minTokenLife     = 10 * time.Minute
	maxTokenLife     = 24 * time.Hour
	defaultTokenLife = time.Hour
)

// Deps are what the capability needs from the portal. All but Getenv are
// required.
type Deps struct {
	DB    *db.DB
	Clock func() time.Time
	NewID func() string
	// Getenv reads the environment of the process, for providers that are told
	// by it what stands in front of the portal.
	Getenv func(string) string
}

// Identity is the capability. It implements plugin.Plugin, and it is the
// portal's identity.Authenticator once Init has returned.
type Identity struct {
	*access.Authenticator

	issuer   *token.Issuer
	rest     *rest.REST
	resolver *resolve.Resolver
	store    *store.Store
	oauth    *authserver.Server
	host     *plugin.Host
	getenv   func(string) string
	settings atomic.Pointer[settings]
}

// settings are what the configuration says now.
type settings struct {
	baseURL       string
	life          time.Duration
	withOwnership bool
	providers     map[string]signin.Provider
	order         []string // of the ids
	offered       []string // those that let somebody in
}

// New returns the capability, not yet configured.
func New(d Deps) *Identity {
	i := &Identity{getenv: d.Getenv}
	st := store.New(d.DB, d.Clock)
	i.store = st
	i.issuer = token.New(token.Deps{
		Keys: st, Clock: d.Clock, NewID: d.NewID,
		BaseURL:       func() string { return i.settings.Load().baseURL + "/api/auth" },
		Life:          func() time.Duration { return i.settings.Load().life },
		WithOwnership: func() bool { return i.settings.Load().withOwnership },
	})
	i.Authenticator = access.NewAuthenticator(i.issuer, st)
	i.rest = &rest.REST{
		Issuer: i.issuer, Ownership: st, Auth: i,
		SignIn: &signin.Service{Issuer: i.issuer, Store: st, Clock: d.Clock, Resolver: func() signin.Resolver { return i.resolver }},
		Provider: func(id string) (signin.Provider, bool) {
			p, ok := i.settings.Load().providers[id]
			return p, ok
		},
		BaseURL: func() string { return i.settings.Load().baseURL },
	}
	return i
}

// ID is "auth".
func (*Identity) ID() string { return "auth" }

// Init reads the configuration and registers the routes.
func (i *Identity) Init(ctx context.Context, h *plugin.Host) error {
	i.host = h
	i.rest.SignIn.Audit = h.Audit
	i.resolver = &resolve.Resolver{Catalog: h.Catalog.Reader, Logger: h.Logger}
	if err := i.Configure(ctx, h.Config); err != nil {
		return err
	}
	h.Config.Subscribe(func() {
		if err := i.Configure(ctx, h.Config); err != nil {
			h.Logger.ErrorContext(ctx, "sign-in keeps the configuration it had", "error", err)
		}
	})
	i.rest.Register(h.HTTP)
	return i.startAuthServer(ctx, h)
}

// RegisterShared adds the routes for tokens and cookies that every plugin has.
func (i *Identity) RegisterShared(r plugin.Router) { i.rest.RegisterShared(r) }

// Providers returns the ids of the providers that people can sign in with,
// sorted. Those that are configured for their tokens alone are not among them.
func (i *Identity) Providers() []string { return slices.Clone(i.settings.Load().offered) }

// SignIn signs the caller of the request in with a provider that needs no
// interaction, as GET /api/auth/<provider>/refresh would. It returns an error
// with code not_found for a provider that is not configured.
func (i *Identity) SignIn(w http.ResponseWriter, r *http.Request, provider string) (Session, error) {
	p, ok := i.settings.Load().providers[provider]
	if !ok {
		return Session{}, fault.Newf(fault.NotFound, "Unknown auth provider '%s'", provider)
	}
	account, err := p.Refresh(w, r)
	if err != nil {
		return Session{}, err
	}
	return i.rest.SignIn.Renew(r.Context(), account)
}

// Session is the answer of a sign-in.
type Session = signin.Session

// Configure takes a configuration in, at the start and on every reload. When
// it returns an error the one before stays in force.
func (i *Identity) Configure(ctx context.Context, cfg plugin.Config) error {
	s := &settings{life: defaultTokenLife, providers: map[string]signin.Provider{}}
	var life plugin.Duration
	omit := true
	environment := "development"
	for path, into := range map[string]any{
		"backend.baseUrl":                      &s.baseURL,
		"auth.backstageTokenExpiration":        &life,
		"auth.omitIdentityTokenOwnershipClaim": &omit,
		"auth.environment":                     &environment,
	} {
		if err := cfg.Decode(path, into); err != nil {
			return err
		}
	}
	s.baseURL = strings.TrimSuffix(s.baseURL, "/")
	s.withOwnership = !omit
	if life != 0 {
		s.life = min(max(time.Duration(life), minTokenLife), maxTokenLife)
	}
	callers, err := i.readCallers(ctx, cfg)
	if err != nil {
		return err
	}
	resolvers, err := readResolvers(cfg, environment)
	if err != nil {
		return err
	}
	if err := i.configureProviders(ctx, cfg, s, environment); err != nil {
		return err
	}
	for _, id := range s.order {
		built, interactive := s.providers[id].(*builtProvider)
		if interactive && built.unusable() {
			continue // the log has said why
		}
		if interactive && len(resolvers.Providers[id]) == 0 {
			i.host.Logger.WarnContext(ctx, "the sign-in page does not offer a provider that lets nobody in: there is no signIn.resolvers in its block of this environment", "provider", id, "env", environment)
			continue
		}
		s.offered = append(s.offered, id)
	}
	i.SetCallers(callers)
	i.resolver.Set(resolvers)
	i.settings.Store(s)
	return nil
}

// OwnershipOf implements identity.Directory.
func (i *Identity) OwnershipOf(ctx context.Context, userRef string) ([]string, error) {
	return i.resolver.OwnershipOf(ctx, userRef)
}

var (
	_ plugin.Plugin          = (*Identity)(nil)
	_ identity.Directory     = (*Identity)(nil)
	_ identity.Authenticator = (*Identity)(nil)
)
