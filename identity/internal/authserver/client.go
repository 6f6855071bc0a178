package authserver

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// client is who asks for authorization.
type client struct {
	id, name   string
	redirects  []string
	secretHash string // empty for public clients
	// mustAuthenticate is set for clients that said they would use their
	// secret. One that did not say gets a secret, as from Backstage, and is
	// as safe as a public one without it.
	mustAuthenticate bool
	// optionalPKCE is set where Backstage lets a client go without.
	optionalPKCE bool
	allowed      patterns // where the configuration lets it redirect to
}

// isDocumentID reports whether a client id is the address of a metadata
// document.
func isDocumentID(id string) bool {
	return strings.HasPrefix(id, "https://") || strings.HasPrefix(id, "http://")
}

// cliDocument is what the portal says of its own command line. The port is
// that of Backstage's; any other is as good.
func cliDocument(s *Settings) document {
	name := "Stagedoor CLI"
	if s.strict {
		name = "Backstage CLI"
	}
	return document{
		ClientID: s.cliID(), ClientName: name,
		RedirectURIs:  []string{"http://127.0.0.1:8055/callback", "http://localhost:8055/callback", "http://[::1]:8055/callback"},
		ResponseTypes: []string{"code"}, GrantTypes: []string{grantCode, grantRefresh},
		Scope: scopeOpenID + " " + scopeOffline, AuthMethod: "none",
	}
}

// client finds out who the client id is. An unknown one, or one that the
// configuration does not admit, gives an *[Error].
func (s *Server) client(ctx context.Context, cfg *Settings, id string) (client, error) {
	switch {
	case id == cfg.cliID():
		if !cfg.cli {
			return client{}, refuse(codeInvalidClient, "Invalid client_id: this portal does not admit its command line")
		}
		d := cliDocument(cfg)
		own, err := parsePatterns("", loopbackPatterns)
		return client{id: id, name: d.ClientName, redirects: d.RedirectURIs, allowed: own}, err
	case isDocumentID(id):
		u, err := admittedDocument(cfg, id)
		if err != nil {
			return client{}, err
		}
		d, err := s.documents.get(ctx, cfg, u, id)
		if err != nil {
			return client{}, err
		}
		return client{id: id, name: displayName(d.ClientName, u.Host), redirects: d.RedirectURIs, allowed: cfg.documentRedirects}, nil
	}
	return s.registeredClient(ctx, cfg, id)
}

func (s *Server) registeredClient(ctx context.Context, cfg *Settings, id string) (client, error) {
	unknown := refuse(codeInvalidClient, "Invalid client_id")
	if !cfg.registration || id == "" || len(id) > 100 {
		return client{}, unknown
	}
	stored, err := s.store.OAuthClient(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return client{}, unknown
	}
	if err != nil {
		return client{}, err
	}
	return client{
		id: id, name: stored.Name, redirects: stored.RedirectURIs, secretHash: stored.SecretHash,
		mustAuthenticate: !cfg.strict && stored.SecretHash != "" && stored.AuthMethod != "",
		optionalPKCE:     cfg.strict, allowed: cfg.registrationRedirects,
	}, nil
}

// admittedDocument checks the form of a URL client id and whether the
// configuration admits it, without fetching anything.
func admittedDocument(cfg *Settings, id string) (*url.URL, error) {
	if !cfg.documents {
		return nil, refuse(codeInvalidClient, "Invalid client_id: client id metadata documents are not enabled")
	}
	u, err := parseDocumentID(id, cfg.development)
	if err != nil {
		return nil, err
	}
	if !cfg.documentClients.allow(u) {
		return nil, refuse(codeInvalidClient, "Invalid client_id '%s': the portal's configuration does not allow it", u)
	}
	return u, nil
}

// known finds the client of a grant or a code. Metadata documents are not
// fetched again, so that tokens can be renewed and revoked while the client's
// site is down; the configuration must still admit the client.
func (s *Server) known(ctx context.Context, cfg *Settings, id string) (client, error) {
	if id != cfg.cliID() && isDocumentID(id) {
		if _, err := admittedDocument(cfg, id); err != nil {
			return client{}, err
		}
		return client{id: id}, nil
	}
	return s.client(ctx, cfg, id)
}

// Credentials are what a client presents at the token endpoint.
type Credentials struct{ ID, Secret string }

// authenticate checks that the credentials are those of the client. A client
// may stay silent unless it must authenticate: its code is bound to a verifier
// and its refresh token is a secret, which is all that public clients have.
func (c client) authenticate(given Credentials) error {
	if given.ID != "" && given.ID != c.id {
		return refuse(codeInvalidGrant, "this was issued to another client")
	}
	if given.Secret == "" {
		if c.mustAuthenticate {
			return unauthenticated("Client authentication required")
		}
		return nil
	}
	if c.secretHash == "" || given.ID == "" || !sameHash(hash(given.Secret), c.secretHash) {
		return unauthenticated("Invalid client credentials")
	}
	return nil
}

// hash is how secrets are stored. They are 256 bits of randomness, so that
// nothing slower is needed.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func sameHash(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

const maxName = 100

// displayName makes a name that a stranger chose fit for a consent page: one
// line, not too long, and nothing that turns the text around.
func displayName(name, fallback string) string {
	clean := strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, name))
	if runes := []rune(clean); len(runes) > maxName {
		clean = string(runes[:maxName])
	}
	if clean == "" {
		return fallback
	}
	return clean
}

const (
	grantCode     = "authorization_code"
	grantRefresh  = "refresh_token"
	scopeOpenID   = "openid"
	scopeOffline  = "offline_access"
	methodNone    = "none"
	methodBasic   = "client_secret_basic"
	methodPost    = "client_secret_post"
	challengeS256 = "S256"
)

// grantedScope is what of the requested scope this server knows and the client
// may have. A token opens what its user may do, whatever the scope: only
// offline_access makes a difference.
func grantedScope(requested string, refresh bool) string {
	var granted []string
	for scope := range strings.FieldsSeq(requested) {
		known := scope == scopeOpenID || scope == scopeOffline && refresh
		if known && !slices.Contains(granted, scope) {
			granted = append(granted, scope)
		}
	}
	if len(granted) == 0 {
		return scopeOpenID
	}
	return strings.Join(granted, " ")
}
