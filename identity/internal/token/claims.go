package token

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"
)

// notBeforeLeeway is how far the issuer's clock may be ahead of ours.
const notBeforeLeeway = 10 * time.Second

// maxSeconds bounds the times of a token: the year 5138. Who counts in
// milliseconds is told so by a refusal, not by a token that never ends.
const maxSeconds = 1e11

// Claims are the registered claims of a token, and the one of plugin tokens.
type Claims struct {
	Issuer, Subject string
	Audience        []string
	// IssuedAt and NotBefore are zero where the token does not say.
	IssuedAt, NotBefore, Expires time.Time
	// OnBehalfOf is the limited token of the user that a plugin calls for.
	OnBehalfOf string
}

// The reasons why claims do not hold.
var (
	errClaims  = errors.New("the claims are not those of a token")
	errExpired = errors.New("the token has expired")
	errEarly   = errors.New("the token is not valid yet")
)

// Claims decodes the payload, which is worth nothing before the signature is
// verified. Every claim must have its type, and exp must be there.
func (t JWS) Claims() (Claims, error) {
	fields, err := object(t.payload)
	if err != nil {
		return Claims{}, errClaims
	}
	var c Claims
	for name, into := range map[string]*string{"iss": &c.Issuer, "sub": &c.Subject, "obo": &c.OnBehalfOf} {
		if value, ok := fields[name]; ok && !text(value, into) {
			return Claims{}, errClaims
		}
	}
	for name, into := range map[string]*time.Time{"iat": &c.IssuedAt, "nbf": &c.NotBefore, "exp": &c.Expires} {
		if value, ok := fields[name]; ok && !seconds(value, into) {
			return Claims{}, errClaims
		}
	}
	if value, ok := fields["aud"]; ok && !audience(value, &c.Audience) {
		return Claims{}, errClaims
	}
	if c.Expires.IsZero() {
		return Claims{}, errClaims
	}
	return c, nil
}

// Check reports why the claims do not hold at now, or nil.
func (c Claims) Check(now time.Time) error {
	switch {
	case !now.Before(c.Expires):
		return errExpired
	case !c.NotBefore.IsZero() && now.Add(notBeforeLeeway).Before(c.NotBefore):
		return errEarly
	}
	return nil
}

// For reports whether the token is meant for the audience.
func (c Claims) For(audience string) bool { return slices.Contains(c.Audience, audience) }

// seconds decodes a time as RFC 7519 has it: a number, fractions allowed.
func seconds(raw json.RawMessage, into *time.Time) bool {
	if len(raw) == 0 || (raw[0] != '-' && (raw[0] < '0' || raw[0] > '9')) {
		return false
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || n < 0 || n > maxSeconds {
		return false
	}
	*into = time.UnixMilli(int64(n * 1000))
	return true
}

// audience decodes one name or a list of names.
func audience(raw json.RawMessage, into *[]string) bool {
	var one string
	if text(raw, &one) {
		*into = []string{one}
		return true
	}
	var many []json.RawMessage
	if len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &many) != nil {
		return false
	}
	for _, x := range many {
		if !text(x, &one) {
			return false
		}
		*into = append(*into, one)
	}
	return true
}
