package authserver

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity/internal/store"
	"github.com/stagedoor/stagedoor/internal/fault"
)

const (
	maxParam    = 4096 // state and nonce
	maxVerifier = 128  // RFC 7636
	minVerifier = 43
)

// AuthorizeRequest is what a client sends the browser with.
type AuthorizeRequest struct {
	ClientID, RedirectURI, ResponseType string
	Scope, State, Nonce                 string
	Challenge, ChallengeMethod          string
	Resource                            []string
}

// Authorize stores the request and returns where the browser goes: to the
// consent page, or back to the client with an error. As long as it is not
// certain that the redirect URI is the client's own, problems are an *[Error]
// instead: nobody is sent to an address that a stranger made up.
func (s *Server) Authorize(ctx context.Context, r AuthorizeRequest) (location string, err error) {
	cfg := s.settings.Load()
	if r.ClientID == "" || r.RedirectURI == "" || r.ResponseType == "" {
		return "", refuse(codeInvalidRequest, "Missing required parameters: client_id, redirect_uri, response_type")
	}
	c, err := s.client(ctx, cfg, r.ClientID)
	if err != nil {
		return "", err
	}
	u, problem := parseRedirect(r.RedirectURI)
	if problem == nil {
		problem = checkRedirect(r.RedirectURI, c.allowed)
	}
	if problem == nil && !registered(u, r.RedirectURI, c.redirects) {
		problem = refuse(codeInvalidRedirect, "Invalid redirect_uri '%s': the client has not registered it", bare(u))
	}
	if problem != nil {
		problem.Code = codeInvalidRequest // RFC 6749 has no word of its own
		return "", problem
	}
	if complaint := checkAuthorize(cfg, c, r); complaint != nil {
		params := url.Values{"error": {complaint.Code}, "error_description": {complaint.Description}}
		return cfg.reply(r.RedirectURI, r.State, params), nil //nolint:nilerr // the client is told, by way of the browser
	}
	id := s.newID()
	err = s.store.AddOAuthSession(ctx, store.OAuthSession{
		ID: id, ClientID: c.id, ClientName: c.name, RedirectURI: r.RedirectURI,
		Scope: grantedScope(r.Scope, cfg.refreshes(c.id)), State: r.State, Nonce: r.Nonce, Resource: strings.Join(r.Resource, " "),
		Challenge: r.Challenge, ChallengeMethod: r.ChallengeMethod, Expires: s.now().Add(sessionLife),
	}, maxSessions)
	if err != nil {
		return "", err
	}
	return cfg.appURL + "/oauth2/authorize/" + url.PathEscape(id), nil
}

// checkAuthorize checks what the client is told by redirect.
func checkAuthorize(cfg *Settings, c client, r AuthorizeRequest) *Error {
	switch {
	case r.ResponseType != "code":
		return refuse(codeUnsupportedReply, "Only authorization code flow is supported")
	case len(r.State) > maxParam || len(r.Nonce) > maxParam || len(r.Scope) > maxParam:
		return refuse(codeInvalidRequest, "state, nonce or scope is too long")
	case r.Challenge == "" && !c.optionalPKCE:
		return refuse(codeInvalidRequest, "PKCE is required. Provide a code_challenge parameter.")
	case r.Challenge == "" && r.ChallengeMethod != "":
		return refuse(codeInvalidRequest, "code_challenge_method without code_challenge")
	case r.Challenge != "" && !cfg.challengeMethod(r.ChallengeMethod):
		return refuse(codeInvalidRequest, "Invalid code_challenge_method")
	case r.Challenge != "" && !verifierForm(r.Challenge):
		return refuse(codeInvalidRequest, "Invalid code_challenge")
	}
	return cfg.checkResources(r.Resource)
}

// challengeMethod reports whether a method of PKCE is good enough. A plain
// challenge is the secret itself; only Backstage takes it.
func (s *Settings) challengeMethod(method string) bool {
	return method == challengeS256 || s.strict && method == "plain"
}

// verifierForm reports whether the text looks like a verifier or a challenge.
func verifierForm(text string) bool {
	if len(text) < minVerifier || len(text) > maxVerifier {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
	})
}

// checkResources checks resource indicators (RFC 8707): tokens are for this
// portal and nothing else.
func (s *Settings) checkResources(list []string) *Error {
	total := 0
	for _, text := range list {
		total += len(text) + 1
		u, err := url.Parse(text)
		if err != nil || !u.IsAbs() || strings.ContainsAny(text, "# ") || !within(text, s.baseURL) && !within(text, s.appURL) {
			return refuse(codeInvalidTarget, "resource must be an address of this portal")
		}
	}
	if total > maxParam {
		return refuse(codeInvalidTarget, "resource is too long")
	}
	return nil
}

// within reports whether the text is the base address or below it.
func within(text, base string) bool {
	rest, ok := strings.CutPrefix(text, base)
	return ok && base != "" && (rest == "" || rest[0] == '/' || rest[0] == '?')
}

// reply is the address that tells the client something. iss lets the client
// know who answers (RFC 9207).
func (s *Settings) reply(redirectURI, state string, params url.Values) string {
	if state != "" {
		params.Set("state", state)
	}
	if !s.strict {
		params.Set("iss", s.issuer)
	}
	return withParams(redirectURI, params)
}

// Consent is what the consent page shows.
type Consent struct {
	ID          string `json:"id"`
	ClientID    string `json:"clientId"`
	ClientName  string `json:"clientName"`
	Scope       string `json:"scope"`
	RedirectURI string `json:"redirectUri"`
	// FirstParty tells that the client is the portal's own command line; the
	// names of all others are what they call themselves.
	FirstParty bool     `json:"firstParty"`
	Resource   []string `json:"resource,omitempty"`
	Expires    string   `json:"expiresAt"`
}

// Session returns what the consent page shows, or an *[Error] with status 404
// for a session that is not waiting for an answer.
func (s *Server) Session(ctx context.Context, id string) (Consent, error) {
	session, err := s.pending(ctx, id)
	if err != nil {
		return Consent{}, err
	}
	return Consent{
		ID: session.ID, ClientID: session.ClientID, ClientName: session.ClientName, Scope: session.Scope, RedirectURI: session.RedirectURI,
		FirstParty: session.ClientID == s.settings.Load().cliID(), Resource: strings.Fields(session.Resource),
		Expires: session.Expires.UTC().Format("2006-01-02T15:04:05.000Z"),
	}, nil
}

func (s *Server) pending(ctx context.Context, id string) (store.OAuthSession, error) {
	gone := func(why string) (store.OAuthSession, error) {
		return store.OAuthSession{}, &Error{codeNotFound, why, http.StatusNotFound}
	}
	session, err := s.store.OAuthSession(ctx, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return gone("Invalid authorization session")
	case err != nil:
		return session, err
	case session.Status != store.OAuthPending:
		return gone("Authorization session not found or expired")
	case !s.now().Before(session.Expires):
		return gone("Authorization session expired")
	}
	return session, nil
}

// Approve binds the session to the user, and returns where the browser carries
// the code. Only the first answer to a session counts.
func (s *Server) Approve(ctx context.Context, id, userRef string) (redirectURL string, err error) {
	cfg := s.settings.Load()
	session, err := s.pending(ctx, id)
	if err != nil {
		return "", err
	}
	if _, err := s.known(ctx, cfg, session.ClientID); err != nil {
		return "", err
	}
	code := random(32)
	change, end := s.audit.Begin(ctx, event("oauth-authorize", audit.Medium, userRef, session.ClientID, metaOf(session)))
	if err := end(s.store.ApproveOAuthSession(change, id, userRef, hash(code), s.now().Add(codeLife))); err != nil {
		return "", answered(err)
	}
	return cfg.reply(session.RedirectURI, session.State, url.Values{"code": {code}}), nil
}

// Reject ends the session for the user, and returns where the browser carries
// the refusal.
func (s *Server) Reject(ctx context.Context, id, userRef string) (redirectURL string, err error) {
	session, err := s.pending(ctx, id)
	if err != nil {
		return "", err
	}
	change, end := s.audit.Begin(ctx, event("oauth-reject", audit.Medium, userRef, session.ClientID, metaOf(session)))
	if err := end(s.store.RejectOAuthSession(change, id, userRef)); err != nil {
		return "", answered(err)
	}
	return s.settings.Load().reply(session.RedirectURI, session.State, url.Values{
		"error": {codeDenied}, "error_description": {"User denied the request"},
	}), nil
}

// answered words the loss of a race for the first answer.
func answered(err error) error {
	if fault.Is(err, fault.Conflict) {
		return &Error{codeNotFound, "Authorization session not found or expired", http.StatusNotFound}
	}
	return err
}

func metaOf(o store.OAuthSession) map[string]any {
	return map[string]any{"session": o.ID, "client": o.ClientName, "scope": o.Scope, "redirect": o.RedirectURI}
}
