package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/secret"
)

// minSecretLength is the shortest static token and the shortest shared secret
// in bytes that is accepted, as a guard against placeholders.
const minSecretLength = 8

const (
	// legacySubject is the subject of every legacy token.
	legacySubject = "backstage-server"
	// oldSubject is who comes with a secret of backend.auth.keys.
	oldSubject = "external:backstage-plugin"
)

// ExternalConfig is one entry of backend.auth.externalAccess.
type ExternalConfig struct {
	Type               string            `json:"type"`
	Options            json.RawMessage   `json:"options"`
	AccessRestrictions []json.RawMessage `json:"accessRestrictions"`
}

// OldKeyConfig is one entry of backend.auth.keys, the older form of a legacy
// caller.
type OldKeyConfig struct {
	Secret             secret.Text       `json:"secret"`
	AccessRestrictions []json.RawMessage `json:"accessRestrictions"`
}

// Deps are what external callers need to be checked. All are required.
type Deps struct {
	// Client fetches the keys of callers of the type jwks.
	Client *http.Client
	Clock  func() time.Time
	Logger *slog.Logger
}

// staticCaller is an external caller with a token that never changes.
type staticCaller struct {
	sum       [sha256.Size]byte
	principal identity.Principal
}

// legacyCaller signs with a secret that it shares with the portal.
type legacyCaller struct {
	key       []byte
	principal identity.Principal
}

// Callers are the external callers of one configuration. The zero value admits
// nobody. It is safe for concurrent use.
type Callers struct {
	clock    func() time.Time
	statics  []staticCaller
	legacies []legacyCaller
	issuers  []*issuer
}

// NewCallers checks the configured external callers. It returns an error with
// code invalid that names the entry and what is wrong with it. A type that
// nobody knows is an error: ignoring it would lock a caller out silently.
func NewCallers(entries []ExternalConfig, oldKeys []OldKeyConfig, d Deps) (*Callers, error) {
	c := &Callers{clock: d.Clock}
	for i, e := range entries {
		where := fmt.Sprintf("backend.auth.externalAccess[%d]", i)
		if err := c.add(where, e, d); err != nil {
			return nil, err
		}
	}
	for i, k := range oldKeys {
		where := fmt.Sprintf("backend.auth.keys[%d]", i)
		access, err := restrictions(where, k.AccessRestrictions)
		if err != nil {
			return nil, err
		}
		if err := c.addLegacy(where, k.Secret, identity.Principal{Kind: identity.Service, Subject: oldSubject, Access: access}); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Callers) add(where string, e ExternalConfig, d Deps) error {
	access, err := restrictions(where, e.AccessRestrictions)
	if err != nil {
		return err
	}
	p := identity.Principal{Kind: identity.Service, Access: access}
	at := where + ".options"
	switch e.Type {
	case "static":
		var o struct {
			Token   secret.Text `json:"token"`
			Subject string      `json:"subject"`
		}
		if err := decodeStrict(at, e.Options, &o, "token", "subject"); err != nil {
			return err
		}
		plain := o.Token.Reveal()
		if len(plain) < minSecretLength || !word(plain) {
			return fault.Newf(fault.Invalid, "%s.token: must have at least %d characters and no blanks", at, minSecretLength)
		}
		if p.Subject, err = subject(at, o.Subject); err != nil {
			return err
		}
		c.statics = append(c.statics, staticCaller{sha256.Sum256([]byte(plain)), p})
		return nil
	case "legacy":
		var o struct {
			Secret  secret.Text `json:"secret"`
			Subject string      `json:"subject"`
		}
		if err := decodeStrict(at, e.Options, &o, "secret", "subject"); err != nil {
			return err
		}
		if p.Subject, err = subject(at, o.Subject); err != nil {
			return err
		}
		return c.addLegacy(at, o.Secret, p)
	case "jwks":
		is, err := newIssuer(at, e.Options, p, d)
		if err != nil {
			return err
		}
		c.issuers = append(c.issuers, is)
		return nil
	}
	return fault.Newf(fault.Invalid, "%s.type: %q is not known; use static, legacy or jwks", where, e.Type)
}

func (c *Callers) addLegacy(at string, s secret.Text, p identity.Principal) error {
	// Both alphabets, padded or not: the secrets out there have all forms.
	plain := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s.Reveal()), "=")
	key, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil || !word(plain) {
		return fault.Newf(fault.Invalid, "%s.secret: must be text in base64", at)
	}
	if len(key) < minSecretLength {
		return fault.Newf(fault.Invalid, "%s.secret: has %d bytes and must have at least %d; make one of 24 or more with: openssl rand -base64 24", at, len(key), minSecretLength)
	}
	c.legacies = append(c.legacies, legacyCaller{key, p})
	return nil
}

// word reports whether the text is one word.
func word(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

func subject(at, s string) (string, error) {
	if !word(s) {
		return "", fault.Newf(fault.Invalid, "%s.subject: must be a word", at)
	}
	return s, nil
}

// static returns the caller with the token. Every token is compared, in
// constant time, so that time tells nothing.
func (c *Callers) static(bearer string) (identity.Principal, bool) {
	if len(c.statics) == 0 || len(bearer) > token.MaxLength {
		return identity.Principal{}, false
	}
	sum := sha256.Sum256([]byte(bearer))
	found := -1
	for i := range c.statics {
		if subtle.ConstantTimeCompare(sum[:], c.statics[i].sum[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return identity.Principal{}, false
	}
	return c.statics[found].principal, true
}

// signed returns the caller that signed the token, if one did. It returns an
// error with code unavailable when that cannot be said because the keys of a
// possible issuer cannot be read.
func (c *Callers) signed(ctx context.Context, bearer string, t token.JWS) (identity.Principal, bool, error) {
	if len(c.legacies)+len(c.issuers) == 0 || t.Type == token.TypeLimitedUser {
		return identity.Principal{}, false, nil // a limited token opens little, wherever it is from
	}
	claims, err := t.Claims()
	if err != nil || claims.Check(c.clock()) != nil || claims.Subject == "" {
		return identity.Principal{}, false, nil //nolint:nilerr // whose claims do not hold is nobody's
	}
	if t.Algorithm == "HS256" {
		p, ok := c.legacy(t, claims)
		p.Token = bearer
		return p, ok, nil
	}
	var unavailable error
	for _, is := range c.issuers {
		ok, err := is.signed(ctx, bearer, t, claims)
		switch {
		case ok:
			p := is.principal
			p.Subject = is.prefix + claims.Subject
			p.Token = bearer
			return p, true, nil
		case err != nil:
			unavailable = err
		}
	}
	return identity.Principal{}, false, unavailable
}

// legacy returns the caller whose secret signed the token. Every secret is
// tried, and compared in constant time.
func (c *Callers) legacy(t token.JWS, claims token.Claims) (identity.Principal, bool) {
	if claims.Subject != legacySubject || len(claims.Audience) > 0 {
		return identity.Principal{}, false
	}
	found := -1
	for i := range c.legacies {
		mac := hmac.New(sha256.New, c.legacies[i].key)
		mac.Write([]byte(t.Input))
		if hmac.Equal(mac.Sum(nil), t.Signature) && found < 0 {
			found = i
		}
	}
	if found < 0 {
		return identity.Principal{}, false
	}
	return c.legacies[found].principal, true
}

// knows reports whether an issuer is known to sign with the key.
func (c *Callers) knows(kid string) bool {
	for _, is := range c.issuers {
		if is.keys.has(kid) {
			return true
		}
	}
	return false
}
