package token

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// pluginLife is how long a plugin token is valid.
const pluginLife = time.Hour

// userAudience is the audience of every user token.
const userAudience = "backstage"

// pluginPattern is what the id of a plugin looks like in a token.
var pluginPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

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
	keys *keyring
	seen verified
}

// New returns an issuer without a key; the first token makes one.
func New(deps Deps) *Issuer { return &Issuer{deps: deps, keys: newKeyring(deps)} }

// User is who a user token speaks for.
type User struct {
	Ref       string
	Ownership []string
	// Client is the OAuth client that gets the token, the claim azp, and
	// Session the session it was approved in, sid; empty for a sign-in of the
	// user's own.
	Client, Session string
	// Nonce is what the client wants to find in its id token; mostly empty.
	Nonce string
}

// Issued is a fresh token.
type Issued struct {
	Token   string
	Expires time.Time
}

// User issues a user token. It returns an error with code too_large when the
// ownership makes the token longer than any verifier takes.
func (i *Issuer) User(ctx context.Context, u User) (Issued, error) {
	key, err := i.keys.signing(ctx)
	if err != nil {
		return Issued{}, err
	}
	now := i.deps.Clock().Truncate(time.Second)
	expires := now.Add(i.deps.Life())
	limited, err := signingInput(header{TypeLimitedUser, algES256, key.kid}, limitedClaims{u.Ref, now.Unix(), expires.Unix()})
	if err != nil {
		return Issued{}, err
	}
	uip, err := signES256(key.private, limited)
	if err != nil {
		return Issued{}, err
	}
	claims := userClaims{Iss: i.deps.BaseURL(), Sub: u.Ref, Aud: userAudience, Iat: now.Unix(), Exp: expires.Unix(), Uip: uip, Azp: u.Client, Sid: u.Session, Nonce: u.Nonce}
	if i.deps.WithOwnership() {
		claims.Ent = u.Ownership
	}
	token, err := signed(key, TypeUser, claims)
	if err != nil {
		return Issued{}, err
	}
	if len(token) > MaxLength {
		return Issued{}, fault.Newf(fault.TooLarge, "the token of %s would have %d bytes and none may have more than %d: the user owns by %d refs; set auth.omitIdentityTokenOwnershipClaim to true or check the sign-in resolver", u.Ref, len(token), MaxLength, len(u.Ownership))
	}
	return Issued{Token: token, Expires: expires}, nil
}

// Call is what a plugin token allows: one plugin to call another.
type Call struct {
	// Source and Target are the ids of the plugins.
	Source, Target string
	// OnBehalfOf is the verified user token, or limited token, of the user
	// that the source calls for; empty when it calls for itself.
	OnBehalfOf string
}

// Plugin issues a plugin token, which ends with the user's token at the
// latest. It returns an error with code invalid for what is no plugin id.
func (i *Issuer) Plugin(ctx context.Context, c Call) (Issued, error) {
	for _, id := range []string{c.Source, c.Target} {
		if !pluginPattern.MatchString(id) {
			return Issued{}, fault.Newf(fault.Invalid, "%q is not the id of a plugin", id)
		}
	}
	now := i.deps.Clock().Truncate(time.Second)
	expires := now.Add(pluginLife)
	claims := pluginClaims{Sub: c.Source, Aud: c.Target, Iat: now.Unix()}
	if c.OnBehalfOf != "" {
		limited, until, err := Limited(c.OnBehalfOf)
		if err != nil {
			return Issued{}, err
		}
		claims.Obo = limited
		if until.Before(expires) {
			expires = until
		}
	}
	claims.Exp = expires.Unix()
	key, err := i.keys.signing(ctx)
	if err != nil {
		return Issued{}, err
	}
	token, err := signed(key, TypePlugin, claims)
	if err != nil {
		return Issued{}, err
	}
	return Issued{Token: token, Expires: expires}, nil
}

func signed(key *signingKey, typ string, claims any) (string, error) {
	input, err := signingInput(header{typ, algES256, key.kid}, claims)
	if err != nil {
		return "", err
	}
	sig, err := signES256(key.private, input)
	if err != nil {
		return "", err
	}
	return input + "." + sig, nil
}

// Limited turns a user token, which the caller has verified, into the limited
// token that its uip claim signs. A limited token is returned as it is.
func Limited(userToken string) (token string, expires time.Time, err error) {
	t, err := Parse(userToken)
	if err != nil {
		return "", time.Time{}, errIllegal
	}
	var c userClaims
	if json.Unmarshal(t.payload, &c) != nil {
		return "", time.Time{}, errIllegal
	}
	expires = time.Unix(c.Exp, 0)
	switch {
	case t.Type == TypeLimitedUser:
		return userToken, expires, nil
	case t.Type != TypeUser:
		return "", time.Time{}, fault.New(fault.Unauthenticated, "Failed to create limited user token, invalid token type")
	case c.Uip == "":
		return "", time.Time{}, fault.New(fault.Unauthenticated, "Failed to create limited user token, missing user identity proof")
	}
	input, err := signingInput(header{TypeLimitedUser, t.Algorithm, t.KeyID}, limitedClaims{c.Sub, c.Iat, c.Exp})
	if err != nil {
		return "", time.Time{}, err
	}
	return input + "." + c.Uip, expires, nil
}

// JWKS returns the public keys as a JSON Web Key Set. It makes the first key
// when there is none, so that the set is never empty.
func (i *Issuer) JWKS(ctx context.Context) (json.RawMessage, error) {
	if _, err := i.keys.signing(ctx); err != nil {
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
