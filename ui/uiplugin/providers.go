package uiplugin

import (
	"cmp"
	"slices"
)

// bootProvider is one way to sign in, as the sign-in page shows it.
type bootProvider struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Message string `json:"message,omitempty"`
	// Silent providers sign a visitor in without interaction and without a
	// call to an identity provider, so that the page may wait for them.
	Silent bool `json:"silent,omitempty"`
}

const guest = "guest"

// knownProviders are how sign-in providers are shown unless the configuration
// says otherwise. A provider that is not among them is interactive.
var knownProviders = map[string]bootProvider{
	guest: {Title: "Guest", Message: "Look around without an account.", Silent: true},

	"atlassian":       {Title: "Atlassian"},
	"auth0":           {Title: "Auth0"},
	"bitbucket":       {Title: "Bitbucket"},
	"bitbucketServer": {Title: "Bitbucket Server"},
	"github":          {Title: "GitHub"},
	"gitlab":          {Title: "GitLab"},
	"google":          {Title: "Google"},
	"microsoft":       {Title: "Microsoft"},
	"oauth2":          {Title: "OAuth 2"},
	"oidc":            {Title: "OpenID Connect"},
	"okta":            {Title: "Okta"},
	"onelogin":        {Title: "OneLogin"},

	"awsalb":        {Title: "the load balancer", Silent: true},
	"azureEasyAuth": {Title: "Azure", Silent: true},
	"cfaccess":      {Title: "Cloudflare Access", Silent: true},
	"gcpIap":        {Title: "Identity-Aware Proxy", Silent: true},
	"oauth2Proxy":   {Title: "the proxy", Silent: true},
}

// shownProviders describes the configured providers in the order of the
// sign-in page: gateways, which know the visitor already, then the others, the
// guest last. Titles and messages come from stagedoor.auth.providers where it has them.
func shownProviders(ids []string, config map[string]any) []bootProvider {
	own := object(object(object(config, "stagedoor"), "auth"), "providers")
	out := make([]bootProvider, 0, len(ids))
	for _, id := range ids {
		p := knownProviders[id]
		p.ID = id
		p.Title = text(own, id, "title", cmp.Or(p.Title, id))
		p.Message = text(own, id, "message", p.Message)
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b bootProvider) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

func rank(p bootProvider) int {
	switch {
	case p.ID == guest:
		return 2
	case p.Silent:
		return 0
	default:
		return 1
	}
}

func object(config map[string]any, key string) map[string]any {
	o, _ := config[key].(map[string]any)
	return o
}
