package identityplugin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/stagedoor/stagedoor/identity/internal/gateway"
	"github.com/stagedoor/stagedoor/identity/internal/oauth"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/plugin"
)

// development is the environment in which a provider that cannot be used is
// left out with a warning; elsewhere it is an error.
const development = "development"

// builtProvider is a provider and what it was built from. A reload that leaves
// that alone keeps the provider, with the sign-ins that are under way.
type builtProvider struct {
	signin.Provider
	from [sha256.Size]byte
}

// configureProviders builds what auth.providers lists.
func (i *Identity) configureProviders(ctx context.Context, cfg plugin.Config, s *settings, environment string) error {
	origins, seed, err := readOrigins(cfg, s.baseURL)
	if err != nil {
		return err
	}
	var compatibility string
	if err := cfg.Decode("stagedoor.compatibility", &compatibility); err != nil {
		return err
	}
	b := builder{Identity: i, cfg: cfg, environment: environment, seed: seed, deps: oauth.Deps{
		BaseURL: s.baseURL, Origins: origins, Clock: i.host.Clock, Logger: i.host.Logger, Strict: compatibility == "strict",
	}}
	for _, id := range cfg.Keys("auth.providers") {
		p, err := b.build(ctx, id)
		if err != nil {
			return fmt.Errorf("configure sign-in: %w", err)
		}
		if p != nil {
			s.providers[id] = p
			s.order = append(s.order, id)
		}
	}
	return nil
}

// builder builds the providers of one configuration.
type builder struct {
	*Identity
	cfg         plugin.Config
	environment string
	seed        string // what all providers depend on
	deps        oauth.Deps
}

// build returns the provider, or nil for one that this portal does not have.
func (b *builder) build(ctx context.Context, id string) (signin.Provider, error) {
	path := "auth.providers." + id
	switch {
	case id == "guest":
		var guest signin.GuestConfig
		if err := decodeObject(b.cfg, path, &guest); err != nil {
			return nil, err
		}
		return signin.NewGuest(guest, b.environment == development && (guest.DangerouslyAllowOutsideDevelopment || b.home(ctx)))
	case gateway.Known(id):
		return gateway.New(id, b.cfg, gateway.Deps{Clock: b.host.Clock, Logger: b.host.Logger, Getenv: b.getenv})
	}
	var raw json.RawMessage
	if err := b.cfg.Decode(path, &raw); err != nil {
		return nil, err
	}
	deps := b.deps
	if err := b.cfg.Decode("stagedoor.auth.providers."+id+".title", &deps.Title); err != nil {
		return nil, err
	}
	from := sha256.Sum256([]byte(b.seed + "\n" + b.environment + "\n" + deps.Title + "\n" + string(raw)))
	if old := b.settings.Load(); old != nil {
		if p, ok := old.providers[id].(*builtProvider); ok && p.from == from {
			return p, nil
		}
	}
	p, err := b.interactive(ctx, deps, id, path)
	if p == nil || err != nil {
		return nil, err
	}
	return &builtProvider{p, from}, nil
}

// home reports whether guests are at home: the configuration says that this is
// development, or the portal can be reached from this machine alone. Backstage
// goes by the environment of Node.js, so a configuration that has served it in
// production may have the guest and no auth.environment.
func (b *builder) home(ctx context.Context) bool {
	if b.cfg.Has("auth.environment") {
		return true
	}
	u, err := url.Parse(b.deps.BaseURL)
	if err != nil {
		return false
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); host == "" || host == "localhost" || ip != nil && ip.IsLoopback() {
		return true
	}
	b.host.Logger.WarnContext(ctx, "guests are not let in: backend.baseUrl is not of this machine, and auth.environment does not say that this is development")
	return false
}

// interactive builds a provider that people are sent to.
func (b *builder) interactive(ctx context.Context, deps oauth.Deps, id, path string) (signin.Provider, error) {
	envs := map[string]oauth.Config{}
	kind := ""
	for _, env := range b.cfg.Keys(path) {
		var c oauth.Config
		if err := decodeObject(b.cfg, path+"."+env, &c); err != nil {
			return nil, err
		}
		if k, ok := oauth.KindOf(id, c); ok {
			kind = k
		}
		envs[env] = c
	}
	if kind == "" {
		if k, ok := oauth.KindOf(id, oauth.Config{}); ok {
			kind = k
		} else {
			b.host.Logger.WarnContext(ctx, "sign-in provider is not available: its id is not known and no environment of it has a metadataUrl, or an authorizationUrl and a tokenUrl", "provider", id)
			return nil, nil //nolint:nilnil // a provider that is not there is no error
		}
	}
	// An environment that is not in use is often left half configured.
	for env, c := range envs {
		_, err := oauth.New(deps, id, kind, map[string]oauth.Config{env: c})
		if err == nil {
			continue
		}
		if env == b.environment && env != development {
			return nil, err
		}
		b.host.Logger.WarnContext(ctx, "sign-in provider is left out in an environment", "provider", id, "env", env, "error", err)
		delete(envs, env)
	}
	if len(envs) == 0 {
		return misconfigured(id), nil
	}
	return oauth.New(deps, id, kind, envs)
}

// unusable reports whether none of the environments can be used.
func (p *builtProvider) unusable() bool {
	_, ok := p.Provider.(misconfigured)
	return ok
}

// ShowError passes on what the provider inside can do.
func (p *builtProvider) ShowError(w http.ResponseWriter, r *http.Request, err error) error {
	if page, ok := p.Provider.(signin.ErrorPage); ok {
		return page.ShowError(w, r, err)
	}
	return err
}

// misconfigured stands for a provider none of whose environments can be used.
type misconfigured string

func (m misconfigured) ID() string { return string(m) }

func (m misconfigured) err() error {
	return fault.Newf(fault.NotFound, "Auth provider registered for '%s' is misconfigured: the log of the start says what is missing below auth.providers.%s", string(m), string(m))
}

func (m misconfigured) Start(http.ResponseWriter, *http.Request) error { return m.err() }
func (m misconfigured) Frame(http.ResponseWriter, *http.Request, signin.Complete) error {
	return m.err()
}
func (m misconfigured) Logout(http.ResponseWriter, *http.Request) error { return m.err() }
func (m misconfigured) Refresh(http.ResponseWriter, *http.Request) (signin.Account, error) {
	return signin.Account{}, m.err()
}

// readOrigins reads which pages may start a sign-in and get its answer: those
// of app.baseUrl and backend.baseUrl, and what backend.cors.origin and
// auth.experimentalExtraAllowedOrigins list.
func readOrigins(cfg plugin.Config, baseURL string) (*oauth.Origins, string, error) {
	var (
		app   string
		cors  json.RawMessage
		cross struct {
			Origin plugin.Strings `json:"origin"`
		}
		extra []string
	)
	for path, into := range map[string]any{"app.baseUrl": &app, "backend.cors": &cors, "auth.experimentalExtraAllowedOrigins": &extra} {
		if err := cfg.Decode(path, into); err != nil {
			return nil, "", err
		}
	}
	if len(cors) > 0 && cors[0] == '{' {
		if err := cfg.Decode("backend.cors", &cross); err != nil {
			return nil, "", err
		}
	}
	patterns := append(append([]string(nil), cross.Origin...), extra...)
	origins, err := oauth.NewOrigins(app, baseURL, patterns...)
	if err != nil {
		return nil, "", err
	}
	return origins, strings.Join(append([]string{app, baseURL}, patterns...), "\n"), nil
}

// decodeObject decodes an object; anything else, such as true or nothing,
// leaves into alone.
func decodeObject(cfg plugin.Config, path string, into any) error {
	var raw json.RawMessage
	if err := cfg.Decode(path, &raw); err != nil {
		return err
	}
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	return cfg.Decode(path, into)
}
