package portal

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
)

// identityProviderPost is the one request with cookies that other sites send:
// identity providers post their answer (response_mode=form_post). The state in
// it proves that the sign-in began in the same browser.
const identityProviderPost = "POST /api/auth/{provider}/handler/frame"

// limit reads backend.rateLimit and backend.rateLimit.plugin.<id>.
type limit struct {
	Window         plugin.Duration  `json:"window"`
	Requests       int              `json:"incomingRequestLimit"`
	IPAllowList    *[]netip.Addr    `json:"ipAllowList"`
	SkipSuccessful bool             `json:"skipSuccessfulRequests"`
	SkipFailed     bool             `json:"skipFailedRequests"`
	Global         *bool            `json:"global"`
	Plugin         map[string]limit `json:"plugin"`
}

// readRateLimit reads true, false or a [limit]. Addresses of the machine itself
// are exempt unless ipAllowList says otherwise. Every replica counts for itself.
func readRateLimit(raw json.RawMessage) (*httpx.RateLimit, error) {
	var l limit
	switch {
	case string(raw) == "true":
	case len(raw) > 0 && raw[0] == '{':
		if err := json.Unmarshal(raw, &l); err != nil {
			return nil, fault.Newf(fault.Invalid, "backend.rateLimit: %w", err)
		}
	default:
		return nil, nil //nolint:nilnil // nobody is limited
	}
	limits := l.rateLimit()
	limits.Off = l.Global != nil && !*l.Global
	limits.Plugins = map[string]httpx.RateLimit{}
	for id, own := range l.Plugin {
		limits.Plugins[id] = own.rateLimit()
	}
	return &limits, nil
}

func (l limit) rateLimit() httpx.RateLimit {
	exempt := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}
	if l.IPAllowList != nil {
		exempt = *l.IPAllowList
	}
	return httpx.RateLimit{
		Window: time.Duration(l.Window), Requests: l.Requests, Exempt: exempt, SkipSuccessful: l.SkipSuccessful, SkipFailed: l.SkipFailed,
	}
}

// openRoutes is [admit] with the default policy switched off: a caller without
// credentials passes where users and services do. Wrong credentials are still
// refused, and routes that need to know the user still ask for one.
func openRoutes(ctx context.Context, pluginID string, access httpx.Access) error {
	if identity.FromContext(ctx).Kind == identity.Anonymous && access&httpx.Default == httpx.Default {
		return nil
	}
	return admit(ctx, pluginID, access)
}

// warnOfOpenRoutes says it at every start, so that it is not forgotten.
func (p *Portal) warnOfOpenRoutes(ctx context.Context) {
	p.opts.Logger.WarnContext(ctx, "THE DEFAULT AUTH POLICY IS SWITCHED OFF: everybody who reaches the portal may call it without credentials; remove backend.auth.dangerouslyDisableDefaultAuthPolicy",
		"at", p.config.Current().Source("backend.auth.dangerouslyDisableDefaultAuthPolicy").String())
}
