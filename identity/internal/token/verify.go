package token

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// refusal is an error with code unauthenticated: the words that clients know,
// and the reason, which is for the log.
type refusal struct {
	msg    string
	reason error
}

// Error returns the words that clients know.
func (r *refusal) Error() string { return r.msg }

// Unwrap returns the reason.
func (r *refusal) Unwrap() error { return r.reason }

// FaultCode is "unauthenticated".
func (*refusal) FaultCode() string { return string(fault.Unauthenticated) }

const (
	failedUser   = "Failed user token verification"
	failedPlugin = "Failed plugin token verification"
)

var errIllegal = fault.New(fault.Unauthenticated, "Illegal token")

var (
	errAlgorithm = errors.New("the algorithm is not ES256")
	errForged    = errors.New("the signature is wrong")
	errMissing   = errors.New("a claim is missing")
	errAudience  = errors.New("the token is meant for somebody else")
)

// UnknownKey reports whether a token was refused because this portal has no
// key of that name: it may be somebody else's.
func UnknownKey(err error) bool { return errors.Is(err, errUnknownKey) }

// Verified is what a valid user token says.
type Verified struct {
	Subject string
	Expires time.Time
	Limited bool
}

// VerifiedPlugin is what a valid plugin token says.
type VerifiedPlugin struct {
	// Plugin is the id of the plugin that calls.
	Plugin string
	// User is the user that it calls for, and UserToken that user's limited
	// token; empty when it calls for itself.
	User      string
	UserToken string
	Expires   time.Time
}

// Verify checks a user token or a limited token. It returns errors with code
// unauthenticated, in the words that clients know, and with code unavailable
// when the keys cannot be read. A token that was found valid is remembered
// until it expires: checking the signature takes longer than most answers.
func (i *Issuer) Verify(ctx context.Context, token string) (Verified, error) {
	p, err := i.prove(ctx, token, failedUser)
	if err != nil {
		return Verified{}, err
	}
	c := p.claims
	switch {
	case p.typ != TypeUser && p.typ != TypeLimitedUser:
		return Verified{}, errIllegal
	case c.Subject == "" || c.IssuedAt.IsZero():
		return Verified{}, &refusal{failedUser, errMissing}
	case p.typ == TypeUser && !c.For(userAudience):
		return Verified{}, &refusal{failedUser, errAudience}
	}
	return Verified{Subject: c.Subject, Expires: c.Expires, Limited: p.typ == TypeLimitedUser}, nil
}

// VerifyPlugin checks a plugin token that came with a call of the plugin
// target. It returns errors as Verify does.
func (i *Issuer) VerifyPlugin(ctx context.Context, token, target string) (VerifiedPlugin, error) {
	p, err := i.prove(ctx, token, failedPlugin)
	if err != nil {
		return VerifiedPlugin{}, err
	}
	c := p.claims
	switch {
	case p.typ != TypePlugin:
		return VerifiedPlugin{}, errIllegal
	case c.Subject == "":
		return VerifiedPlugin{}, fault.New(fault.Unauthenticated, "Invalid plugin token: missing subject")
	case !pluginPattern.MatchString(c.Subject):
		return VerifiedPlugin{}, fault.New(fault.Unauthenticated, "Invalid plugin token: forbidden subject format")
	case c.IssuedAt.IsZero():
		return VerifiedPlugin{}, &refusal{failedPlugin, errMissing}
	case target == "" || !c.For(target):
		return VerifiedPlugin{}, &refusal{failedPlugin, errAudience}
	}
	v := VerifiedPlugin{Plugin: c.Subject, Expires: c.Expires}
	if c.OnBehalfOf == "" {
		return v, nil
	}
	user, err := i.Verify(ctx, c.OnBehalfOf)
	if err != nil {
		if fault.Is(err, fault.Unauthenticated) {
			return VerifiedPlugin{}, &refusal{"Invalid user token in plugin token obo claim", err}
		}
		return VerifiedPlugin{}, err
	}
	v.User, v.UserToken = user.Subject, c.OnBehalfOf
	return v, nil
}

// Knows reports whether the key is one of this portal's, as far as is known
// without looking it up.
func (i *Issuer) Knows(kid string) bool { return i.keys.has(kid) }

// Remembers returns the type of a token that was found valid before, as it may
// be no more, or the empty string. It spares taking the token apart.
func (i *Issuer) Remembers(token string) string {
	if p, ok := i.seen.get(sha256.Sum256([]byte(token))); ok {
		return p.typ
	}
	return ""
}

// prove checks the signature and the times of a token of this portal.
func (i *Issuer) prove(ctx context.Context, token, failed string) (*proven, error) {
	if len(token) > MaxLength {
		return nil, errIllegal
	}
	digest := sha256.Sum256([]byte(token))
	if p, ok := i.seen.get(digest); ok && i.keys.fresh(ctx, p.kid) {
		if err := p.claims.Check(i.deps.Clock()); err != nil {
			return nil, &refusal{failed, err}
		}
		return p, nil
	}
	t, err := Parse(token)
	p := &proven{typ: t.Type, kid: t.KeyID}
	switch {
	case !t.Own():
		return nil, errIllegal
	case err != nil:
		return nil, &refusal{failed, err}
	case t.Algorithm != algES256:
		return nil, &refusal{failed, errAlgorithm}
	}
	// What has ended, as the tokens of a forgotten tab have, needs no key.
	if p.claims, err = t.Claims(); err == nil {
		err = p.claims.Check(i.deps.Clock())
	}
	if err != nil {
		return nil, &refusal{failed, err}
	}
	key, err := i.keys.public(ctx, t.KeyID)
	if errors.Is(err, errUnknownKey) {
		return nil, &refusal{failed, err}
	}
	if err != nil {
		return nil, err
	}
	if !verifyES256(key, t.Input, t.Signature) {
		return nil, &refusal{failed, errForged}
	}
	i.seen.put(digest, p)
	return p, nil
}
