package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Provider is one way to sign in. Every method is safe for concurrent use.
// What a provider does not offer returns an error with code not_implemented or
// not_found.
type Provider interface {
	// ID is the provider's name in routes and configuration.
	ID() string
	// Start begins an interactive sign-in: it redirects to the identity
	// provider.
	Start(w http.ResponseWriter, r *http.Request) error
	// Frame takes the identity provider's answer. complete makes the session;
	// Frame writes the page that hands it to the front-end. An error that it
	// returns is shown by [ErrorPage.ShowError].
	Frame(w http.ResponseWriter, r *http.Request, complete Complete) error
	// Refresh finds out who is behind the request without interaction: by the
	// refresh cookie, a gateway's header, or nothing at all. It may set
	// cookies.
	Refresh(w http.ResponseWriter, r *http.Request) (Account, error)
	// Logout forgets the sign-in, here and at the identity provider.
	Logout(w http.ResponseWriter, r *http.Request) error
}

// ErrorPage is implemented by providers that people see in a window of their
// own, where an error must be readable and reach the page behind it.
type ErrorPage interface {
	// ShowError answers a request for Start or Frame with the error.
	ShowError(w http.ResponseWriter, r *http.Request, err error) error
}

// Complete turns an account into a session: it resolves the user, issues a
// token and records the sign-in.
type Complete func(ctx context.Context, a Account) (Session, error)

// Account is what a provider says about the person. Resolvers read it.
type Account struct {
	// Provider is the id of the provider.
	Provider string
	// Env is the environment of the provider's configuration, such as
	// production, for providers that have one.
	Env string
	// Renewed is set when a session that an interactive sign-in began is
	// renewed, which nobody notices.
	Renewed bool
	Profile Profile
	// ID is the stable id at the provider (sub, numeric id, oid).
	ID string
	// Username is the name the person signs in with.
	Username string
	// Email is the address that the provider vouches for; Profile.Email may
	// come from elsewhere.
	Email string
	// Claims are those of the id token, the user info or the assertion.
	Claims map[string]any
	// Headers are the request's, for providers behind a gateway.
	Headers http.Header
	// Info is handed to the front-end with the session; nil gives none.
	Info *ProviderInfo
	// User is set when the provider's configuration names the user already,
	// as that of the guest does; no resolver is asked then.
	User *User
}

// User is who an account turned out to be.
type User struct {
	// Ref is the rendered entity ref.
	Ref string
	// Ownership holds what the user owns things by; nil leaves it to the
	// catalog.
	Ownership []string
}

// ProviderInfo is what the front-end gets for calls to the provider itself.
type ProviderInfo struct {
	IDToken     string `json:"idToken,omitempty"`
	AccessToken string `json:"accessToken,omitempty"`
	Scope       string `json:"scope,omitempty"`
	Expires     int64  `json:"expiresInSeconds,omitempty"`
	// More holds what only this provider has, by name.
	More map[string]any `json:"-"`
}

// MarshalJSON writes the provider's own fields beside the others.
func (p ProviderInfo) MarshalJSON() ([]byte, error) {
	type plain ProviderInfo
	raw, err := json.Marshal(plain(p))
	if err != nil || len(p.More) == 0 {
		return raw, err //nolint:wrapcheck // plain text and numbers
	}
	all := map[string]any{}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("encode provider info: %w", err)
	}
	maps.Copy(all, p.More)
	raw, err = json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode provider info: %w", err)
	}
	return raw, nil
}

// Profile describes the person, as far as the provider knows.
type Profile struct {
	Email       string `json:"email,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
	Picture     string `json:"picture,omitempty"`
}

// Session is the answer of a sign-in, in the shape that clients read.
type Session struct {
	Info    *ProviderInfo `json:"providerInfo,omitempty"`
	Profile Profile       `json:"profile"`
	// Identity is absent when the provider is configured without resolvers:
	// it then only lets the front-end call the provider itself.
	Identity Identity `json:"backstageIdentity,omitzero"`
}

// Identity is the portal's side of a [Session].
type Identity struct {
	Token    string `json:"token"`
	Identity Claims `json:"identity"`
	Expires  int64  `json:"expiresInSeconds"`
}

// Claims say who the token speaks for.
type Claims struct {
	Type      string   `json:"type"`
	UserRef   string   `json:"userEntityRef"`
	Ownership []string `json:"ownershipEntityRefs"`
}

// Issuer makes user tokens.
type Issuer interface {
	User(ctx context.Context, u token.User) (token.Issued, error)
}

// OwnershipStore remembers what a sign-in decided.
type OwnershipStore interface {
	SetOwnership(ctx context.Context, userRef string, refs []string) error
}

// Resolver finds the user of an account and what the user owns things by.
// Resolve returns an error with code forbidden when the account is nobody's.
// Both are safe for concurrent use.
type Resolver interface {
	Resolve(ctx context.Context, a Account) (User, error)
	// OwnershipOf is what a sign-in of the user would find.
	OwnershipOf(ctx context.Context, userRef string) ([]string, error)
}

// ErrNoResolver is what a [Resolver] returns for a provider that is configured
// without resolvers. Such a provider signs nobody in; if it has something for
// the front-end, a session without an identity hands that over.
var ErrNoResolver = fault.New(fault.Forbidden, "Nobody can sign in with this provider: its configuration has no sign-in resolver (signIn.resolvers)")

// Service completes sign-ins and tells the audit log. It is safe for
// concurrent use.
type Service struct {
	Issuer   Issuer
	Store    OwnershipStore
	Resolver func() Resolver
	Clock    func() time.Time
	// Audit is told of every sign-in; nil keeps nothing.
	Audit audit.Log

	noted recently
}

// Complete implements [Complete], for sign-ins that the person has just made.
// It returns when the audit event is durable.
func (s *Service) Complete(ctx context.Context, a Account) (Session, error) {
	session, err := s.session(ctx, a)
	if auditErr := s.recordSignIn(ctx, a, session, err); err == nil && auditErr != nil {
		return Session{}, auditErr
	}
	return session, err
}

// Renew is [Service.Complete] for accounts that a provider recognised without
// interaction: by its refresh cookie, a gateway's header, or at all.
func (s *Service) Renew(ctx context.Context, a Account) (Session, error) {
	session, err := s.session(ctx, a)
	s.noteRenewal(ctx, a, session, err)
	return session, err
}

func (s *Service) session(ctx context.Context, a Account) (Session, error) {
	resolver := s.Resolver()
	user, err := s.user(ctx, resolver, a)
	if errors.Is(err, ErrNoResolver) && a.Info != nil {
		return Session{Info: a.Info, Profile: a.Profile}, nil
	}
	if err != nil {
		return Session{}, err
	}
	if user.Ownership == nil {
		if user.Ownership, err = resolver.OwnershipOf(ctx, user.Ref); err != nil {
			return Session{}, err
		}
	}
	if err := s.Store.SetOwnership(ctx, user.Ref, user.Ownership); err != nil {
		return Session{}, err
	}
	issued, err := s.Issuer.User(ctx, token.User{Ref: user.Ref, Ownership: user.Ownership})
	if err != nil {
		return Session{}, fmt.Errorf("sign in %s: %w", user.Ref, err)
	}
	left := issued.Expires.Sub(s.Clock())
	return Session{
		Info:    a.Info,
		Profile: a.Profile,
		Identity: Identity{
			Token:    issued.Token,
			Identity: Claims{Type: "user", UserRef: user.Ref, Ownership: user.Ownership},
			Expires:  int64(math.Round(left.Seconds())),
		},
	}, nil
}

func (*Service) user(ctx context.Context, resolver Resolver, a Account) (User, error) {
	if a.User != nil {
		return *a.User, nil
	}
	return resolver.Resolve(ctx, a)
}
