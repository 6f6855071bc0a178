package gateway

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
)

// Deps are what gateways need from the portal.
type Deps struct {
	// Client fetches the keys of gateways. Nil means one with a time-out.
	Client *http.Client
	// Clock tells the time; required.
	Clock func() time.Time
	// Logger is told what is unwise; nil tells nobody.
	Logger *slog.Logger
	// Getenv reads the environment variables by which Azure App Service tells
	// that it authenticates. Nil means that there are none.
	Getenv func(name string) string
}

// recognise finds out who is behind the request. It returns an error with code
// unauthenticated for what proves nobody.
type recognise func(ctx context.Context, r *http.Request) (signin.Account, error)

// settings are a provider's part of the configuration, with a way to say what
// is missing.
type settings struct {
	id  string
	cfg plugin.Config
}

func (s settings) path(key string) string { return "auth.providers." + s.id + "." + key }

// text reads a string that must be there.
func (s settings) text(key string) (string, error) {
	var v string
	if err := s.cfg.Decode(s.path(key), &v); err != nil {
		return "", err
	}
	if v == "" {
		return "", fault.Newf(fault.Invalid, "Missing required config value at '%s'", s.path(key))
	}
	return v, nil
}

var builders = map[string]func(s settings, d Deps) (recognise, error){
	"awsalb":        newALB,
	"azureEasyAuth": newEasyAuth,
	"cfaccess":      newCloudflare,
	"gcpIap":        newIAP,
	"oauth2Proxy":   newOAuth2Proxy,
}

// Known reports whether the provider is a gateway.
func Known(id string) bool { return builders[id] != nil }

// IDs returns the providers that are gateways, sorted.
func IDs() []string { return slices.Sorted(maps.Keys(builders)) }

// keyFetchTimeout bounds a request to a gateway's public address.
const keyFetchTimeout = 10 * time.Second

// New returns the gateway with the id, configured at auth.providers.<id> with
// the keys of Backstage. It returns an error with code invalid that names what
// is wrong, and not_found for an id that is no gateway.
func New(id string, cfg plugin.Config, d Deps) (signin.Provider, error) {
	build := builders[id]
	if build == nil {
		return nil, fault.Newf(fault.NotFound, "Unknown auth provider '%s'", id)
	}
	if d.Client == nil {
		d.Client = &http.Client{Timeout: keyFetchTimeout}
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Getenv == nil {
		d.Getenv = func(string) string { return "" }
	}
	who, err := build(settings{id, cfg}, d)
	if err != nil {
		return nil, err
	}
	var trusted []prefix
	if err := cfg.Decode(trustedProxies, &trusted); err != nil {
		return nil, err
	}
	return &provider{id: id, who: who, trusted: trusted}, nil
}

const trustedProxies = "stagedoor.auth.trustedProxies"

// prefix reads an address or a range of addresses.
type prefix struct{ netip.Prefix }

// UnmarshalText reads 10.0.0.0/8 or 10.1.2.3.
func (p *prefix) UnmarshalText(text []byte) error {
	s := string(text)
	if addr, err := netip.ParseAddr(s); err == nil {
		p.Prefix = netip.PrefixFrom(addr, addr.BitLen())
		return nil
	}
	parsed, err := netip.ParsePrefix(s)
	if err != nil {
		return fault.Newf(fault.Invalid, "%q is no address and no range such as 10.0.0.0/8", s)
	}
	p.Prefix = parsed
	return nil
}

// provider implements signin.Provider around a [recognise].
type provider struct {
	id      string
	who     recognise
	trusted []prefix
}

// ID implements signin.Provider.
func (p *provider) ID() string { return p.id }

// Start is not offered: the gateway has asked the person already.
func (*provider) Start(http.ResponseWriter, *http.Request) error {
	return fault.New(fault.NotImplemented, "Not implemented")
}

// Frame is not offered either.
func (*provider) Frame(http.ResponseWriter, *http.Request, signin.Complete) error {
	return fault.New(fault.NotImplemented, "Not implemented")
}

// Logout is answered as if the provider did not exist, as for guests: only the
// gateway can end its session.
func (p *provider) Logout(http.ResponseWriter, *http.Request) error {
	return fault.Newf(fault.NotFound, "Unknown auth provider '%s'", p.id)
}

// Refresh implements signin.Provider.
func (p *provider) Refresh(_ http.ResponseWriter, r *http.Request) (signin.Account, error) {
	if !p.trusts(r) {
		return signin.Account{}, fault.New(fault.Unauthenticated, "The request did not come through the sign-in gateway")
	}
	a, err := p.who(r.Context(), r)
	if err != nil {
		return signin.Account{}, err
	}
	a.Provider, a.Headers = p.id, r.Header
	return a, nil
}

// trusts reports whether the connection comes from a proxy that may speak for
// people. What the proxy says about addresses does not count.
func (p *provider) trusts(r *http.Request) bool {
	if len(p.trusted) == 0 {
		return true
	}
	peer, ok := httpx.Peer(r)
	return ok && slices.ContainsFunc(p.trusted, func(t prefix) bool { return t.Contains(peer) })
}

// single returns the header's value. Two of the same name are refused: one of
// them may be the client's own.
func single(r *http.Request, name string) (string, error) {
	values := r.Header.Values(name)
	if len(values) > 1 {
		return "", fault.Newf(fault.Unauthenticated, "The header %s is there more than once", strings.ToLower(name))
	}
	if len(values) == 0 {
		return "", nil
	}
	return values[0], nil
}
