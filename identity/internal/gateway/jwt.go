package gateway

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"time"
)

const (
	// maxToken is the longest assertion that is looked at.
	maxToken = 32 << 10
	// leeway is how far the clocks of gateway and portal may differ.
	leeway = 30 * time.Second
)

// The algorithms of gateways. A token names its algorithm, but the provider
// says which one it must be.
const (
	es256 = "ES256"
	rs256 = "RS256"
)

var (
	errMalformed = errors.New("malformed token")
	errSignature = errors.New("the signature is wrong")
)

// keyOf finds the key that the token's header names.
type keyOf func(ctx context.Context, kid string) (crypto.PublicKey, error)

// assertion is a verified token.
type assertion struct{ header, claims map[string]any }

// verify checks form, algorithm and signature, and no claim. Load balancers of
// AWS pad the parts, and sign them as they stand, which libraries for JWTs
// refuse; so this reads both forms.
func verify(ctx context.Context, token, alg string, key keyOf) (assertion, error) {
	var a assertion
	parts := strings.Split(token, ".")
	if len(token) > maxToken || len(parts) != 3 {
		return a, errMalformed
	}
	if err := errors.Join(part(parts[0], &a.header), part(parts[1], &a.claims)); err != nil || a.claims == nil {
		return a, errMalformed
	}
	if a.header["alg"] != alg {
		return a, errors.New("the algorithm is not " + alg)
	}
	if a.header["crit"] != nil {
		return a, errors.New("the token asks for extensions that nobody knows here")
	}
	kid, _ := a.header["kid"].(string)
	if kid == "" {
		return a, errors.New("no key id was specified in the header")
	}
	signature, err := decode(parts[2])
	if err != nil {
		return a, errMalformed
	}
	pub, err := key(ctx, kid)
	if err != nil {
		return a, err
	}
	if !signed(pub, alg, parts[0]+"."+parts[1], signature) {
		return a, errSignature
	}
	return a, nil
}

func signed(pub crypto.PublicKey, alg, input string, signature []byte) bool {
	digest := sha256.Sum256([]byte(input))
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		const half = 32
		if alg != es256 || len(signature) != 2*half || pub.Curve.Params().BitSize != 256 {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		return ecdsa.Verify(pub, digest[:], r, s)
	case *rsa.PublicKey:
		const minBits = 2048
		return alg == rs256 && pub.N.BitLen() >= minBits && rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}

// unverified reads the claims of a token that came from where it can be
// trusted.
func unverified(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(token) > maxToken || len(parts) != 3 {
		return nil, errMalformed
	}
	var claims map[string]any
	if err := part(parts[1], &claims); err != nil || claims == nil {
		return nil, errMalformed
	}
	return claims, nil
}

func part(s string, into *map[string]any) error {
	raw, err := decode(s)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return errMalformed
	}
	return nil
}

func decode(s string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil, errMalformed
	}
	return raw, nil
}

// inTime checks the times of a token. One without an end is refused.
func inTime(claims map[string]any, now time.Time) error {
	at := func(name string) (time.Time, bool) {
		seconds, ok := claims[name].(float64)
		return time.Unix(int64(seconds), 0), ok
	}
	end, ok := at("exp")
	switch {
	case !ok:
		return errors.New("the token has no expiration time")
	case !now.Before(end.Add(leeway)):
		return errors.New("the token has expired")
	}
	for _, name := range []string{"nbf", "iat"} {
		if start, ok := at(name); ok && start.After(now.Add(leeway)) {
			return errors.New("the token is not valid yet")
		}
	}
	return nil
}

// meant reports whether the token is for the audience.
func meant(claims map[string]any, audience string) bool {
	switch aud := claims["aud"].(type) {
	case string:
		return aud == audience
	case []any:
		for _, a := range aud {
			if a == audience {
				return true
			}
		}
	}
	return false
}
