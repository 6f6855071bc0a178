package authserver

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity/internal/store"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

const (
	sessionLife = 10 * time.Minute
	codeLife    = 2 * time.Minute
	// rotationGrace is how long a replaced refresh token counts as a race of
	// two processes, and not as a stolen token.
	rotationGrace = 10 * time.Second
	// maxWaitingClients bounds the clients that registered and did nothing,
	// maxSessions the requests of the last minutes: strangers make both.
	maxWaitingClients = 1000
	maxSessions       = 10_000
)

// Store keeps clients, sessions and grants. *store.Store implements it.
type Store interface {
	AddOAuthClient(ctx context.Context, c store.OAuthClient, limit int) error
	OAuthClient(ctx context.Context, id string) (store.OAuthClient, error)
	AddOAuthSession(ctx context.Context, o store.OAuthSession, limit int) error
	OAuthSession(ctx context.Context, id string) (store.OAuthSession, error)
	OAuthSessionByCode(ctx context.Context, codeHash string) (store.OAuthSession, error)
	ApproveOAuthSession(ctx context.Context, id, userRef, codeHash string, codeExpires time.Time) error
	RejectOAuthSession(ctx context.Context, id, userRef string) error
	RedeemOAuthCode(ctx context.Context, codeHash string, grant *store.OAuthGrant, limit int) error
	OAuthGrant(ctx context.Context, id string) (store.OAuthGrant, error)
	RotateOAuthGrant(ctx context.Context, id, oldHash, newHash string, expires time.Time) error
	RevokeOAuthSession(ctx context.Context, sessionID string, until time.Time) error
	RevokedOAuthSessions(ctx context.Context) ([]string, error)
	SweepOAuth(ctx context.Context) (int64, error)

	Ownership(ctx context.Context, userRef string) ([]string, error)
	SetOwnership(ctx context.Context, userRef string, refs []string) error
}

// Issuer makes user tokens. *token.Issuer implements it.
type Issuer interface {
	User(ctx context.Context, u token.User) (token.Issued, error)
}

// Deps are what a [Server] needs. All but Guard are required.
type Deps struct {
	Store  Store
	Issuer Issuer
	// Verify checks a user token; a bad one is an error with code
	// unauthenticated.
	Verify func(ctx context.Context, token string) error
	// OwnershipOf is what a sign-in of the user would find.
	OwnershipOf func(ctx context.Context, userRef string) ([]string, error)
	// InCatalog reports whether the catalog knows the user.
	InCatalog func(ctx context.Context, userRef string) (bool, error)
	Clock     func() time.Time
	NewID     func() string
	Audit     audit.Log
	Logger    *slog.Logger
	// Guard makes the connections for metadata documents.
	Guard fetch.Guard
}

// Server is the authorization server. It is safe for concurrent use. Configure
// it before its first request.
type Server struct {
	store       Store
	issuer      Issuer
	verify      func(ctx context.Context, token string) error
	ownershipOf func(ctx context.Context, userRef string) ([]string, error)
	inCatalog   func(ctx context.Context, userRef string) (bool, error)
	now         func() time.Time
	newID       func() string
	audit       audit.Log
	log         *slog.Logger
	documents   *documents
	revoked     revocations
	settings    atomic.Pointer[Settings]
}

// New returns a server that admits nobody until [Server.Configure].
func New(d Deps) *Server {
	s := &Server{
		store: d.Store, issuer: d.Issuer, verify: d.Verify, ownershipOf: d.OwnershipOf, inCatalog: d.InCatalog,
		now: d.Clock, newID: d.NewID, audit: d.Audit, log: d.Logger, documents: newDocuments(d.Clock, d.Guard),
	}
	s.settings.Store(&Settings{})
	return s
}

// Configure replaces the settings.
func (s *Server) Configure(settings *Settings) { s.settings.Store(settings) }

// Sweep drops what has expired. It is meant to run every few minutes on one
// replica.
func (s *Server) Sweep(ctx context.Context) error {
	n, err := s.store.SweepOAuth(ctx)
	if n > 0 {
		s.log.DebugContext(ctx, "swept what the OAuth server no longer needs", "rows", n)
	}
	return err
}

// random returns n random bytes as text that needs no escaping.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// event is an entry of the audit log about what a client did for a user.
func event(name string, severity audit.Severity, userRef, clientID string, meta map[string]any) audit.Event {
	e := audit.Event{Plugin: "auth", Name: name, Severity: severity, Target: clientID, Meta: meta}
	if userRef != "" {
		e.Actor = audit.Actor{Kind: "user", Subject: userRef}
	}
	return e
}
