package signin

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/token"
)

// Provider is one way to sign in. What a provider does not offer returns an
// error with code not_implemented or not_found.
type Provider interface {
	// ID is the provider's name in routes and configuration.
	ID() string
	// Start begins an interactive sign-in by writing the answer itself.
	Start(w http.ResponseWriter, r *http.Request) error
	// SignIn resolves who is behind the request, without interaction.
	SignIn(ctx context.Context, r *http.Request) (Result, error)
	// Logout forgets the sign-in.
	Logout(w http.ResponseWriter, r *http.Request) error
}

// Result is what a provider found out.
type Result struct {
	Profile Profile
	// UserRef is the signed-in user.
	UserRef string
	// Ownership replaces the refs that the catalog tells; nil leaves it to the
	// catalog.
	Ownership []string
}

// Profile describes the person, as far as the provider knows.
type Profile struct {
	Email       string `json:"email,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
	Picture     string `json:"picture,omitempty"`
}

// Session is the answer of a sign-in, in the shape that clients read.
type Session struct {
	Profile  Profile  `json:"profile"`
	Identity Identity `json:"backstageIdentity"`
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

// Service completes sign-ins. It is safe for concurrent use.
type Service struct {
	Issuer  Issuer
	Store   OwnershipStore
	Catalog func() catalog.Reader
	Clock   func() time.Time
}

// SignIn asks the provider who is there and issues a token.
func (s *Service) SignIn(ctx context.Context, p Provider, r *http.Request) (Session, error) {
	result, err := p.SignIn(ctx, r)
	if err != nil {
		return Session{}, err
	}
	ownership := result.Ownership
	if ownership == nil {
		ownership = s.ownership(ctx, result.UserRef)
	}
	if err := s.Store.SetOwnership(ctx, result.UserRef, ownership); err != nil {
		return Session{}, err
	}
	issued, err := s.Issuer.User(ctx, token.User{Ref: result.UserRef, Ownership: ownership})
	if err != nil {
		return Session{}, fmt.Errorf("sign in %s: %w", result.UserRef, err)
	}
	left := issued.Expires.Sub(s.Clock())
	return Session{
		Profile: result.Profile,
		Identity: Identity{
			Token:    issued.Token,
			Identity: Claims{Type: "user", UserRef: result.UserRef, Ownership: ownership},
			Expires:  int64(math.Round(left.Seconds())),
		},
	}, nil
}

// ownership is the user and the groups it is a direct member of. A user that
// the catalog does not have owns by itself alone.
func (s *Service) ownership(ctx context.Context, userRef string) []string {
	refs := []string{userRef}
	ref, err := catalog.ParseRef(userRef, catalog.RefDefaults{Kind: "user"})
	if err != nil {
		return refs
	}
	e, err := s.Catalog().EntityByRef(identity.NewContext(ctx, identity.System("auth")), ref)
	if err != nil {
		return refs
	}
	relations, _ := e["relations"].([]any)
	for _, r := range relations {
		m, _ := r.(map[string]any)
		target, _ := m["targetRef"].(string)
		if m["type"] == "memberOf" && strings.HasPrefix(target, "group:") && !slices.Contains(refs, target) {
			refs = append(refs, target)
		}
	}
	return refs
}
