package token

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// The types of tokens, which verifiers compare to the letter.
const (
	typeUser        = "vnd.backstage.user"
	typeLimitedUser = "vnd.backstage.limited-user"
)

// header is the JOSE header. The order of its fields is part of the contract:
// a limited token is put together again by others, byte by byte, from the
// claims and the detached signature of a user token.
type header struct {
	Typ string `json:"typ"`
	Alg string `json:"alg"`
	Kid string `json:"kid"`
}

// limitedClaims are the claims of a limited token, in their fixed order.
type limitedClaims struct {
	Sub string `json:"sub"`
	Iat int64  `json:"iat"`
	Exp int64  `json:"exp"`
}

// userClaims are the claims of a user token.
type userClaims struct {
	Iss string   `json:"iss"`
	Sub string   `json:"sub"`
	Ent []string `json:"ent,omitempty"`
	Aud string   `json:"aud"`
	Iat int64    `json:"iat"`
	Exp int64    `json:"exp"`
	Uip string   `json:"uip"`
}

var b64 = base64.RawURLEncoding

// signingInput renders header.payload, the bytes that are signed.
func signingInput(h header, claims any) (string, error) {
	head, err := json.Marshal(h)
	if err != nil {
		return "", fmt.Errorf("encode token header: %w", err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode token claims: %w", err)
	}
	return b64.EncodeToString(head) + "." + b64.EncodeToString(body), nil
}

// signES256 returns the signature in the fixed-length form of RFC 7518 §3.4.
// A library would sign just as well but does not keep the header's order.
func signES256(key *ecdsa.PrivateKey, input string) (string, error) {
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	raw := make([]byte, 64)
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return b64.EncodeToString(raw), nil
}
