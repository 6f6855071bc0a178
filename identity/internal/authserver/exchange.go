package authserver

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"math"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity/internal/store"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// TokenRequest is what a client sends to the token endpoint.
type TokenRequest struct {
	GrantType                   string
	Code, RedirectURI, Verifier string
	RefreshToken, Scope         string
	Resource                    []string
	Client                      Credentials
}

// TokenResponse is the answer.
type TokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
}

// Exchange gives tokens for a code or a refresh token. Refusals are an
// *[Error].
func (s *Server) Exchange(ctx context.Context, r TokenRequest) (TokenResponse, error) {
	switch r.GrantType {
	case "":
		return TokenResponse{}, refuse(codeInvalidRequest, "Missing grant_type parameter")
	case grantCode:
		if r.Code == "" || r.RedirectURI == "" {
			return TokenResponse{}, refuse(codeInvalidRequest, "Missing code or redirect_uri parameters for authorization_code grant")
		}
		return s.exchangeCode(ctx, r)
	case grantRefresh:
		if r.RefreshToken == "" {
			return TokenResponse{}, refuse(codeInvalidRequest, "Missing refresh_token parameter for refresh_token grant")
		}
		return s.refresh(ctx, r)
	}
	return TokenResponse{}, refuse(codeUnsupportedGrant, "Grant type %s is not supported", displayName(r.GrantType, "?"))
}

func (s *Server) exchangeCode(ctx context.Context, r TokenRequest) (TokenResponse, error) {
	cfg := s.settings.Load()
	codeHash := hash(r.Code)
	session, err := s.store.OAuthSessionByCode(ctx, codeHash)
	if fault.Is(err, fault.NotFound) {
		return TokenResponse{}, refuse(codeInvalidGrant, "Invalid authorization code")
	}
	if err != nil {
		return TokenResponse{}, err
	}
	if !session.CodeUsed.IsZero() {
		return TokenResponse{}, s.replayed(ctx, session)
	}
	c, err := s.known(ctx, cfg, session.ClientID)
	if err != nil {
		return TokenResponse{}, err
	}
	if err := c.authenticate(r.Client); err != nil {
		return TokenResponse{}, err
	}
	if problem := s.checkCode(session, r); problem != nil {
		return TokenResponse{}, problem
	}
	ownership, err := s.store.Ownership(ctx, session.UserRef)
	if err != nil {
		return TokenResponse{}, err
	}
	user := token.User{Ref: session.UserRef, Ownership: ownership, Client: session.ClientID, Session: session.ID}
	answer, err := s.issue(ctx, user)
	if err != nil {
		return TokenResponse{}, err
	}
	answer.Scope, answer.IDToken = session.Scope, answer.AccessToken // one token is both, as from Backstage
	if user.Nonce = session.Nonce; user.Nonce != "" {
		withNonce, err := s.issue(ctx, user)
		if err != nil {
			return TokenResponse{}, err
		}
		answer.IDToken = withNonce.AccessToken
	}
	var grant *store.OAuthGrant
	if cfg.refreshes(session.ClientID) && slices.Contains(strings.Fields(session.Scope), scopeOffline) {
		if grant, answer.RefreshToken, err = s.newGrant(ctx, cfg, session, ownership); err != nil {
			return TokenResponse{}, err
		}
	}
	change, end := s.audit.Begin(ctx, event("oauth-token-issue", audit.Medium, session.UserRef, session.ClientID,
		map[string]any{"session": session.ID, "scope": session.Scope, "refreshable": grant != nil}))
	if err := end(s.store.RedeemOAuthCode(change, codeHash, grant, cfg.maxGrants)); err != nil {
		if fault.Is(err, fault.Conflict) {
			return TokenResponse{}, s.replayed(ctx, session)
		}
		return TokenResponse{}, err
	}
	return answer, nil
}

// checkCode checks what the client must know besides the code.
func (s *Server) checkCode(session store.OAuthSession, r TokenRequest) error {
	switch {
	case session.Status != store.OAuthApproved || session.UserRef == "":
		return refuse(codeInvalidGrant, "Authorization not approved")
	case !s.now().Before(session.CodeExpires):
		return refuse(codeInvalidGrant, "Authorization code expired")
	case session.RedirectURI != r.RedirectURI:
		return refuse(codeInvalidGrant, "Redirect URI mismatch")
	case session.Challenge != "" && r.Verifier == "":
		return refuse(codeInvalidGrant, "Code verifier required for PKCE")
	case session.Challenge == "" && r.Verifier != "":
		return refuse(codeInvalidGrant, "The request for authorization had no code_challenge")
	case session.Challenge != "" && !verified(session, r.Verifier):
		return refuse(codeInvalidGrant, "Invalid code verifier")
	}
	return sameResource(session.Resource, r.Resource)
}

// verified checks a verifier of PKCE.
func verified(session store.OAuthSession, verifier string) bool {
	if !verifierForm(verifier) {
		return false
	}
	if session.ChallengeMethod == challengeS256 {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return sameHash(hash(verifier), hash(session.Challenge))
}

// sameResource checks that no token is asked for something that the user was
// not asked about.
func sameResource(stored string, asked []string) error {
	known := strings.Fields(stored)
	for _, resource := range asked {
		if !slices.Contains(known, resource) {
			return refuse(codeInvalidTarget, "resource was not part of the request for authorization")
		}
	}
	return nil
}

// replayed ends what a code gave: whoever comes second may be the rightful
// client, so nobody keeps anything.
func (s *Server) replayed(ctx context.Context, session store.OAuthSession) error {
	e := event("oauth-token-reuse", audit.High, session.UserRef, session.ClientID, map[string]any{"session": session.ID, "what": "authorization code"})
	e.Status, e.Reason = audit.Failed, "an authorization code was used a second time; its tokens are revoked"
	return s.usedTwice(ctx, session.ID, e, "Authorization code already used")
}

// usedTwice ends what the session gave, leaves the event, and refuses.
func (s *Server) usedTwice(ctx context.Context, session string, e audit.Event, says string) error {
	if err := s.revoke(ctx, session); err != nil {
		return err
	}
	if err := s.audit.Record(ctx, e); err != nil {
		return err
	}
	return refuse(codeInvalidGrant, "%s", says)
}

// issue makes the user's token.
func (s *Server) issue(ctx context.Context, user token.User) (TokenResponse, error) {
	issued, err := s.issuer.User(ctx, user)
	if err != nil {
		return TokenResponse{}, err
	}
	return TokenResponse{
		AccessToken: issued.Token, TokenType: "Bearer",
		ExpiresIn: int64(math.Round(issued.Expires.Sub(s.now()).Seconds())),
	}, nil
}
