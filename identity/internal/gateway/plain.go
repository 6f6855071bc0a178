package gateway

import (
	"context"
	"net/http"
	"strings"

	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// The headers of oauth2-proxy and of what works like it.
const (
	proxyUser      = "X-Forwarded-User"
	proxyEmail     = "X-Forwarded-Email"
	proxyPreferred = "X-Forwarded-Preferred-Username"
	proxyGroups    = "X-Forwarded-Groups"
	proxyAccess    = "X-Forwarded-Access-Token"
	proxyIDToken   = "X-Oauth2-Proxy-Id-Token" //nolint:gosec // the name of a header
)

// newOAuth2Proxy believes what oauth2-proxy writes into headers. Claims are
// those of the id token, if the proxy is set up to pass it on, and the groups.
func newOAuth2Proxy(settings, Deps) (recognise, error) {
	return func(_ context.Context, r *http.Request) (signin.Account, error) {
		values := map[string]string{}
		for _, name := range []string{proxyUser, proxyEmail, proxyPreferred, proxyGroups, proxyAccess, proxyIDToken} {
			v, err := single(r, name)
			if err != nil {
				return signin.Account{}, err
			}
			values[name] = v
		}
		a := signin.Account{
			ID: values[proxyUser], Username: values[proxyPreferred], Email: values[proxyEmail],
			Profile: signin.Profile{Email: values[proxyEmail], DisplayName: values[proxyPreferred]},
			Claims:  map[string]any{},
			Info:    &signin.ProviderInfo{AccessToken: values[proxyAccess]},
		}
		if a.Username == "" {
			a.Username, a.Profile.DisplayName = a.ID, a.ID
		}
		if scheme, token, ok := strings.Cut(values[proxyIDToken], " "); ok && strings.EqualFold(scheme, "Bearer") {
			claims, err := unverified(strings.TrimSpace(token))
			if err != nil {
				return signin.Account{}, fault.New(fault.Unauthenticated, "Authentication failed")
			}
			a.Claims, a.Info.AccessToken = claims, strings.TrimSpace(token)
		}
		if a.Username == "" && a.Email == "" && len(a.Claims) == 0 {
			return signin.Account{}, fault.New(fault.Unauthenticated, "Request did not contain a user")
		}
		if groups := values[proxyGroups]; groups != "" {
			var list []any
			for g := range strings.SplitSeq(groups, ",") {
				list = append(list, strings.TrimSpace(g))
			}
			a.Claims["groups"] = list
		}
		return a, nil
	}, nil
}

// The headers of Azure App Service.
const (
	azureIDToken     = "X-Ms-Token-Aad-Id-Token"     //nolint:gosec // the name of a header
	azureAccessToken = "X-Ms-Token-Aad-Access-Token" //nolint:gosec // the name of a header
)

// newEasyAuth believes the id token that Azure App Service puts into a header.
// It does so only where that service says that it authenticates, or where
// trusted proxies are configured, since anybody else could write the header.
func newEasyAuth(s settings, d Deps) (recognise, error) {
	if !s.cfg.Has(trustedProxies) {
		switch {
		case d.Getenv("WEBSITE_SKU") == "":
			return nil, fault.New(fault.Invalid, "auth.providers.azureEasyAuth: the portal is not running on Azure App Services; elsewhere set "+trustedProxies)
		case !strings.EqualFold(d.Getenv("WEBSITE_AUTH_ENABLED"), "true"):
			return nil, fault.New(fault.Invalid, "auth.providers.azureEasyAuth: Azure App Services does not have authentication enabled")
		case !strings.EqualFold(d.Getenv("WEBSITE_AUTH_DEFAULT_PROVIDER"), "azureactivedirectory"):
			return nil, fault.New(fault.Invalid, "auth.providers.azureEasyAuth: Authentication provider is not Entra ID")
		case !strings.EqualFold(d.Getenv("WEBSITE_AUTH_TOKEN_STORE"), "true"):
			return nil, fault.New(fault.Invalid, "auth.providers.azureEasyAuth: Token Store is not enabled")
		}
	}
	return func(_ context.Context, r *http.Request) (signin.Account, error) {
		token, err := single(r, azureIDToken)
		if err != nil {
			return signin.Account{}, err
		}
		if token == "" {
			return signin.Account{}, fault.Newf(fault.Unauthenticated, "Missing %s header", strings.ToLower(azureIDToken))
		}
		claims, err := unverified(token)
		if err != nil {
			return signin.Account{}, fault.New(fault.Unauthenticated, "The id token of Azure App Services cannot be read")
		}
		if claims["ver"] != "2.0" {
			return signin.Account{}, fault.New(fault.Unauthenticated, "id_token is not version 2.0")
		}
		email := text(claims, "email")
		return signin.Account{
			ID: text(claims, "oid"), Username: text(claims, "preferred_username"), Email: email, Claims: claims,
			Profile: signin.Profile{Email: email, DisplayName: text(claims, "name")},
			Info:    &signin.ProviderInfo{AccessToken: r.Header.Get(azureAccessToken)},
		}, nil
	}, nil
}

func text(claims map[string]any, name string) string { s, _ := claims[name].(string); return s }
