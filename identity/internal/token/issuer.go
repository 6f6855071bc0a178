package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// maxLength is the longest token that is looked at.
const maxLength = 32768

// KeyStore keeps public keys where all replicas find them.
type KeyStore interface {
	// AddKey stores the public key until it expires.
	AddKey(ctx context.Context, kid string, jwk []byte, expires time.Time) error
	// Keys returns the public keys that have not expired at now.
	Keys(ctx context.Context, now time.Time) ([][]byte, error)
}

// Deps are what an [Issuer] needs. All fields are required.
type Deps struct {
	Keys  KeyStore
	Clock func() time.Time
	NewID func() string
	// BaseURL is the issuer, such as https://portal.example.com/api/auth.
	BaseURL func() string
	// Life is how long a user token is valid.
	Life func() time.Duration
	// WithOwnership puts the ownership refs into the ent claim.
	WithOwnership func() bool
}

// Issuer signs and verifies tokens. It is safe for concurrent use.
type Issuer struct {
	deps Deps

	mu      sync.Mutex
	current *signingKey
	known   map[string]jose.JSONWebKey
	read    time.Time // when known was read from the store

	seen verified
}

type signingKey struct {
	kid     string
	private *ecdsa.PrivateKey
	retires time.Time // signs until then
}

// New returns an issuer without a key; the first token makes one.
func New(deps Deps) *Issuer { return &Issuer{deps: deps, known: map[string]jose.JSONWebKey{}} }

// User is who a user token speaks for.
type User struct {
	Ref       string
	Ownership []string
}

// Issued is a fresh user token.
type Issued struct {
	Token   string
	Expires time.Time
}

// User issues a user token.
func (i *Issuer) User(ctx context.Context, u User) (Issued, error) {
	key, err := i.signingKey(ctx)
	if err != nil {
		return Issued{}, err
	}
	now := i.deps.Clock().Truncate(time.Second)
	expires := now.Add(i.deps.Life())
	limited, err := signingInput(header{typeLimitedUser, "ES256", key.kid}, limitedClaims{u.Ref, now.Unix(), expires.Unix()})
	if err != nil {
		return Issued{}, err
	}
	uip, err := signES256(key.private, limited)
	if err != nil {
		return Issued{}, err
	}
	claims := userClaims{Iss: i.deps.BaseURL(), Sub: u.Ref, Aud: "backstage", Iat: now.Unix(), Exp: expires.Unix(), Uip: uip}
	if i.deps.WithOwnership() {
		claims.Ent = u.Ownership
	}
	input, err := signingInput(header{typeUser, "ES256", key.kid}, claims)
	if err != nil {
		return Issued{}, err
	}
	sig, err := signES256(key.private, input)
	if err != nil {
		return Issued{}, err
	}
	return Issued{Token: input + "." + sig, Expires: expires}, nil
}

// Verified is what a valid token says.
type Verified struct {
	Subject string
	Expires time.Time
	Limited bool
}

// Verify checks a user token or a limited token. It returns errors with code
// unauthenticated, in the words that clients know. A token that was found valid
// is remembered until it expires: checking the signature takes longer than most
// answers.
func (i *Issuer) Verify(ctx context.Context, token string) (Verified, error) {
	if v, ok := i.seen.get(token); ok {
		if !i.deps.Clock().Before(v.Expires) {
			return Verified{}, errVerification
		}
		return v, nil
	}
	v, err := i.verify(ctx, token)
	if err == nil {
		i.seen.put(token, v)
	}
	return v, err
}

func (i *Issuer) verify(ctx context.Context, token string) (Verified, error) {
	typ, ok := typeOf(token)
	if !ok || (typ != typeUser && typ != typeLimitedUser) {
		return Verified{}, fault.New(fault.Unauthenticated, "Illegal token")
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return Verified{}, errVerification
	}
	key, err := i.publicKey(ctx, signed.Signatures[0].Header.KeyID)
	if err != nil {
		return Verified{}, err
	}
	payload, err := signed.Verify(key)
	if err != nil {
		return Verified{}, errVerification
	}
	var claims userClaims
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Sub == "" {
		return Verified{}, errVerification
	}
	expires := time.Unix(claims.Exp, 0)
	if !i.deps.Clock().Before(expires) {
		return Verified{}, errVerification
	}
	if typ == typeUser && claims.Aud != "backstage" {
		return Verified{}, errVerification
	}
	return Verified{Subject: claims.Sub, Expires: expires, Limited: typ == typeLimitedUser}, nil
}

var errVerification = fault.New(fault.Unauthenticated, "Failed user token verification")

// Limited turns a user token, which the caller has verified, into the limited
// token that its uip claim signs.
func Limited(userToken string) (token string, expires time.Time, err error) {
	parts := strings.Split(userToken, ".")
	var (
		h header
		c userClaims
	)
	if len(parts) != 3 || decodePart(parts[0], &h) != nil || decodePart(parts[1], &c) != nil || c.Uip == "" {
		return "", time.Time{}, fault.New(fault.Unauthenticated, "Illegal token")
	}
	input, err := signingInput(header{typeLimitedUser, h.Alg, h.Kid}, limitedClaims{c.Sub, c.Iat, c.Exp})
	if err != nil {
		return "", time.Time{}, err
	}
	return input + "." + c.Uip, time.Unix(c.Exp, 0), nil
}

func typeOf(token string) (string, bool) {
	head, _, ok := strings.Cut(token, ".")
	var h header
	if !ok || len(token) > maxLength || decodePart(head, &h) != nil {
		return "", false
	}
	return h.Typ, true
}

func decodePart(part string, into any) error {
	raw, err := b64.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// signingKey returns this replica's key, making and publishing a new one when
// there is none or it is due to retire.
func (i *Issuer) signingKey(ctx context.Context) (*signingKey, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now, life := i.deps.Clock(), i.deps.Life()
	if i.current != nil && now.Before(i.current.retires) {
		return i.current, nil
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	kid := i.deps.NewID()
	public := jose.JSONWebKey{Key: private.Public(), KeyID: kid, Algorithm: string(jose.ES256)}
	raw, err := public.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encode signing key: %w", err)
	}
	// A key signs for one token life; the last token it signed lives one more,
	// and clocks and caches get a third.
	if err := i.deps.Keys.AddKey(ctx, kid, raw, now.Add(3*life)); err != nil {
		return nil, fmt.Errorf("publish signing key: %w", err)
	}
	i.current = &signingKey{kid: kid, private: private, retires: now.Add(life)}
	i.known[kid] = public
	return i.current, nil
}

// publicKey finds a key, reading the store again when it is unknown: another
// replica may have made it. The store is asked once a second at the most, so
// that invented key ids cost nothing.
func (i *Issuer) publicKey(ctx context.Context, kid string) (*jose.JSONWebKey, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if key, ok := i.known[kid]; ok {
		return &key, nil
	}
	now := i.deps.Clock()
	if now.Sub(i.read) >= time.Second {
		keys, err := i.deps.Keys.Keys(ctx, now)
		if err != nil {
			return nil, fault.Wrap(fault.Unavailable, err, "read signing keys")
		}
		i.read = now
		clear(i.known)
		for _, raw := range keys {
			var key jose.JSONWebKey
			if err := key.UnmarshalJSON(raw); err != nil {
				return nil, fmt.Errorf("decode signing key: %w", err)
			}
			i.known[key.KeyID] = key
		}
	}
	if key, ok := i.known[kid]; ok {
		return &key, nil
	}
	return nil, errVerification
}

// JWKS returns the public keys as a JSON Web Key Set. It makes the first key
// when there is none, so that the set is never empty.
func (i *Issuer) JWKS(ctx context.Context) (json.RawMessage, error) {
	if _, err := i.signingKey(ctx); err != nil {
		return nil, err
	}
	keys, err := i.deps.Keys.Keys(ctx, i.deps.Clock())
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "read signing keys")
	}
	if len(keys) == 0 {
		return nil, errors.New("the key store lost the key it was given")
	}
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{}
	for _, k := range keys {
		set.Keys = append(set.Keys, k)
	}
	return json.Marshal(set)
}
