package issuer

import (
	"context"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// accessLife is how long access tokens are good.
const accessLife = 5 * time.Minute

var (
	errNoRequest = errors.New("there is no such request")
	errNoToken   = errors.New("there is no such token")
)

// request is a sign-in under way.
type request struct {
	*oidc.AuthRequest
	id   string
	user string
	done bool
	at   time.Time
}

func (r *request) GetID() string       { return r.id }
func (*request) GetACR() string        { return "" }
func (*request) GetAMR() []string      { return []string{"pwd"} }
func (r *request) GetClientID() string { return r.ClientID }
func (r *request) GetSubject() string  { return r.user }
func (r *request) Done() bool          { return r.done }

func (r *request) GetAuthTime() time.Time { return r.at }

func (r *request) GetAudience() []string { return []string{r.ClientID} }

func (r *request) GetCodeChallenge() *oidc.CodeChallenge {
	if r.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

func (r *request) GetNonce() string                   { return r.Nonce }
func (r *request) GetRedirectURI() string             { return r.RedirectURI }
func (r *request) GetResponseType() oidc.ResponseType { return r.ResponseType }
func (r *request) GetResponseMode() oidc.ResponseMode { return r.ResponseMode }
func (r *request) GetScopes() []string                { return r.Scopes }
func (r *request) GetState() string                   { return r.State }

// session is what a refresh token continues.
type session struct {
	client  string
	user    string
	scopes  []string
	at      time.Time
	access  string
	expires time.Time
}

func (*session) GetAMR() []string                { return []string{"pwd"} }
func (s *session) GetAudience() []string         { return []string{s.client} }
func (s *session) GetAuthTime() time.Time        { return s.at }
func (s *session) GetClientID() string           { return s.client }
func (s *session) GetScopes() []string           { return s.scopes }
func (s *session) GetSubject() string            { return s.user }
func (s *session) SetCurrentScopes(now []string) { s.scopes = now }

// CreateAuthRequest implements op.Storage, as do the methods below.
func (s *storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if slices.Contains(r.Prompt, oidc.PromptNone) {
		return nil, oidc.ErrLoginRequired()
	}
	made := &request{AuthRequest: r, id: uuid.NewString()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[made.id] = made
	return made, nil
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.requests[id]; ok {
		return r, nil
	}
	return nil, errNoRequest
}

func (s *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id := s.codes[code]
	s.mu.Unlock()
	return s.AuthRequestByID(ctx, id)
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	for code, of := range s.codes {
		if of == id {
			delete(s.codes, code)
		}
	}
	return nil
}

func (s *storage) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	made := s.open(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[made.access] = made
	return made.access, made.expires, nil
}

// CreateAccessAndRefreshTokens gives every refresh token out once: who uses one
// gets the next.
func (s *storage) CreateAccessAndRefreshTokens(_ context.Context, r op.TokenRequest, current string) (string, string, time.Time, error) {
	made := s.open(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if current != "" {
		old, ok := s.refresh[current]
		if !ok {
			return "", "", time.Time{}, errNoToken
		}
		delete(s.refresh, current)
		delete(s.tokens, old.access)
	}
	next := uuid.NewString()
	s.tokens[made.access], s.refresh[next] = made, made
	return made.access, next, made.expires, nil
}

func (s *storage) open(r op.TokenRequest) *session {
	client := s.options.ClientID
	at := time.Now()
	if timed, ok := r.(interface{ GetAuthTime() time.Time }); ok {
		at = timed.GetAuthTime()
	}
	return &session{client: client, user: r.GetSubject(), scopes: r.GetScopes(), at: at, access: uuid.NewString(), expires: time.Now().Add(accessLife)}
}

func (s *storage) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.refresh[token]; ok {
		return found, nil
	}
	return nil, op.ErrInvalidRefreshToken
}

func (s *storage) TerminateSession(_ context.Context, user, client string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, x := range s.refresh {
		if x.user == user && x.client == client {
			delete(s.refresh, token)
			delete(s.tokens, x.access)
		}
	}
	return nil
}

func (s *storage) GetRefreshTokenInfo(_ context.Context, _, token string) (user, id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.refresh[token]; ok {
		return found.user, token, nil
	}
	return "", "", op.ErrInvalidRefreshToken
}

func (s *storage) RevokeToken(_ context.Context, token, _, _ string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.refresh[token]; ok {
		delete(s.refresh, token)
		delete(s.tokens, found.access)
	}
	delete(s.tokens, token)
	return nil
}

// signing is the private key, public the one that others check with.
type (
	signing struct {
		id  string
		key *rsa.PrivateKey
	}
	public struct{ signing }
)

func (k signing) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signing) Key() any                                    { return k.key }
func (k signing) ID() string                                  { return k.id }
func (k public) Algorithm() jose.SignatureAlgorithm           { return jose.RS256 }
func (k public) Use() string                                  { return "sig" }
func (k public) Key() any                                     { return &k.key.PublicKey }

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return signing{s.keyID, s.key}, nil
}

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []op.Key{public{signing{s.keyID, s.key}}}, nil
}

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.options.ClientID {
		return nil, errors.New("there is no such client")
	}
	return client{s.options}, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != s.options.ClientID || subtle.ConstantTimeCompare([]byte(secret), []byte(s.options.ClientSecret)) != 1 {
		return errors.New("client id or secret is wrong")
	}
	return nil
}

// SetUserinfoFromScopes leaves the work to the methods below.
func (*storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

func (s *storage) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, scopes []string) error {
	s.mu.Lock()
	thin := s.faults.Thin
	s.mu.Unlock()
	if thin {
		info.Subject = r.GetSubject()
		return nil
	}
	return s.describe(info, r.GetSubject(), scopes)
}

func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, token, _, _ string) error {
	s.mu.Lock()
	found, ok := s.tokens[token]
	s.mu.Unlock()
	if !ok || time.Now().After(found.expires) {
		return errNoToken
	}
	return s.describe(info, found.user, found.scopes)
}

func (s *storage) describe(info *oidc.UserInfo, sub string, scopes []string) error {
	u, ok := s.user(sub)
	if !ok {
		return errors.New("there is no such user")
	}
	for _, scope := range scopes {
		switch scope {
		case oidc.ScopeOpenID:
			info.Subject = u.Sub
		case oidc.ScopeEmail:
			info.Email = u.Email
			info.AppendClaims("email_verified", !u.Unverified)
		case oidc.ScopeProfile:
			info.Name, info.PreferredUsername = u.Name, u.Username
		}
	}
	return nil
}

func (*storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errNoToken
}

func (*storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return map[string]any{}, nil
}

func (*storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNoToken
}

func (*storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNoToken
}

// Health implements op.Storage.
func (*storage) Health(context.Context) error { return nil }

// client is the portal, as the provider knows it.
type client struct{ options Options }

func (c client) GetID() string                     { return c.options.ClientID }
func (c client) RedirectURIs() []string            { return c.options.RedirectURIs }
func (client) PostLogoutRedirectURIs() []string    { return nil }
func (client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (client) ResponseTypes() []oidc.ResponseType  { return []oidc.ResponseType{oidc.ResponseTypeCode} }

func (client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}
func (client) LoginURL(id string) string           { return "/login?id=" + id }
func (client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }
func (client) IDTokenLifetime() time.Duration      { return time.Hour }
func (client) DevMode() bool                       { return true }
func (client) RestrictAdditionalIdTokenScopes() func([]string) []string { //nolint:revive // named by zitadel/oidc
	return func(scopes []string) []string { return scopes }
}

func (client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
func (client) IsScopeAllowed(string) bool           { return false }
func (client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (client) ClockSkew() time.Duration             { return 0 }

var (
	_ op.Storage                   = (*storage)(nil)
	_ op.CanSetUserinfoFromRequest = (*storage)(nil)
)
