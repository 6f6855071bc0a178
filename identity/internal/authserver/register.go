package authserver

import (
	"context"
	"slices"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity/internal/store"
)

const maxRedirects = 20

// Registration is what a client says of itself (RFC 7591).
type Registration struct {
	ClientName    string   `json:"client_name"`
	RedirectURIs  []string `json:"redirect_uris"`
	ResponseTypes []string `json:"response_types"`
	GrantTypes    []string `json:"grant_types"`
	Scope         string   `json:"scope"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
}

// Registered is the answer: what the server made of it.
type Registered struct {
	ClientID      string   `json:"client_id"`
	IssuedAt      int64    `json:"client_id_issued_at"`
	ClientSecret  string   `json:"client_secret,omitempty"`
	SecretExpires *int64   `json:"client_secret_expires_at,omitempty"`
	ClientName    string   `json:"client_name"`
	RedirectURIs  []string `json:"redirect_uris"`
	ResponseTypes []string `json:"response_types"`
	GrantTypes    []string `json:"grant_types"`
	Scope         string   `json:"scope"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
}

// Register admits a client. Refusals are an *[Error].
func (s *Server) Register(ctx context.Context, r Registration) (Registered, error) {
	cfg := s.settings.Load()
	if problem := checkRegistration(cfg, r); problem != nil {
		return Registered{}, problem
	}
	now := s.now()
	c := store.OAuthClient{
		ID: s.newID(), Name: displayName(r.ClientName, "Unnamed client"), AuthMethod: r.AuthMethod,
		RedirectURIs: r.RedirectURIs, Scope: grantedScope(r.Scope, cfg.refreshAll), Created: now,
	}
	answer := Registered{
		ClientID: c.ID, IssuedAt: now.Unix(), ClientName: c.Name, RedirectURIs: c.RedirectURIs,
		ResponseTypes: []string{"code"}, GrantTypes: []string{grantCode}, Scope: c.Scope, AuthMethod: r.AuthMethod,
	}
	if cfg.refreshAll {
		answer.GrantTypes = append(answer.GrantTypes, grantRefresh)
	}
	if r.AuthMethod != methodNone {
		never := int64(0)
		answer.ClientSecret, answer.SecretExpires = random(32), &never
		c.SecretHash = hash(answer.ClientSecret)
	}
	if answer.AuthMethod == "" {
		answer.AuthMethod = methodBasic
	}
	change, end := s.audit.Begin(ctx, event("oauth-client-register", audit.Medium, "", c.ID,
		map[string]any{"client": c.Name, "redirects": c.RedirectURIs, "method": answer.AuthMethod}))
	if err := end(s.store.AddOAuthClient(change, c, maxWaitingClients)); err != nil {
		return Registered{}, err
	}
	return answer, nil
}

func checkRegistration(cfg *Settings, r Registration) *Error {
	if len(r.RedirectURIs) == 0 {
		return refuse(cfg.word(codeInvalidRedirect), "redirect_uris is required")
	}
	if len(r.RedirectURIs) > maxRedirects {
		return refuse(cfg.word(codeInvalidRedirect), "redirect_uris has more than %d entries", maxRedirects)
	}
	for _, uri := range r.RedirectURIs {
		if problem := checkRedirect(uri, cfg.registrationRedirects); problem != nil {
			problem.Code = cfg.word(problem.Code)
			return problem
		}
	}
	switch {
	case !slices.Contains([]string{"", methodNone, methodBasic, methodPost}, r.AuthMethod):
		return refuse(cfg.word(codeInvalidMetadata), "token_endpoint_auth_method is not supported")
	case len(r.ResponseTypes) > 0 && !slices.Contains(r.ResponseTypes, "code"):
		return refuse(cfg.word(codeInvalidMetadata), "response_types must include code")
	case len(r.GrantTypes) > 0 && !slices.Contains(r.GrantTypes, grantCode):
		return refuse(cfg.word(codeInvalidMetadata), "grant_types must include authorization_code")
	case len(r.Scope) > maxParam || len(r.ClientName) > maxParam:
		return refuse(cfg.word(codeInvalidMetadata), "scope or client_name is too long")
	}
	return nil
}

// word is the code for a problem with a registration: Backstage has one for
// all.
func (s *Settings) word(code string) string {
	if s.strict {
		return codeInvalidRequest
	}
	return code
}
