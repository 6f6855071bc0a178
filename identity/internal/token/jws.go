package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"
)

// MaxLength is the longest token that is looked at or issued, in bytes.
const MaxLength = 32768

// The types of tokens, which verifiers compare to the letter.
const (
	TypeUser        = "vnd.backstage.user"
	TypeLimitedUser = "vnd.backstage.limited-user"
	TypePlugin      = "vnd.backstage.plugin"
)

const algES256 = "ES256"

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
	// These are of OAuth clients only.
	Azp   string `json:"azp,omitempty"`
	Sid   string `json:"sid,omitempty"`
	Nonce string `json:"nonce,omitempty"`
}

// pluginClaims are the claims of a plugin token.
type pluginClaims struct {
	Sub string `json:"sub"`
	Aud string `json:"aud"`
	Iat int64  `json:"iat"`
	Exp int64  `json:"exp"`
	Obo string `json:"obo,omitempty"`
}

// b64 takes no second spelling of the same bytes.
var b64 = base64.RawURLEncoding.Strict()

// encodePart renders a header or claims as JavaScript would, which does not
// escape what HTML finds special.
func encodePart(v any) (string, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", fmt.Errorf("encode token: %w", err)
	}
	return b64.EncodeToString(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil
}

// signingInput renders header.payload, the bytes that are signed.
func signingInput(h header, claims any) (string, error) {
	head, err := encodePart(h)
	if err != nil {
		return "", err
	}
	body, err := encodePart(claims)
	if err != nil {
		return "", err
	}
	return head + "." + body, nil
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

// verifyES256 is the other side of [signES256].
func verifyES256(key *ecdsa.PublicKey, input string, signature []byte) bool {
	if len(signature) != 64 {
		return false
	}
	sum := sha256.Sum256([]byte(input))
	return ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

// JWS is a signed token in its compact form, taken apart. Nothing in it is
// verified.
type JWS struct {
	Type, Algorithm, KeyID string
	// Input is what the signature is over.
	Input     string
	Signature []byte

	payload []byte
}

// Own reports whether the token is of a type that portals issue: this one or
// another.
func (t JWS) Own() bool {
	return t.Type == TypeUser || t.Type == TypeLimitedUser || t.Type == TypePlugin
}

// The reasons why something is no token.
var (
	errNoJWS     = errors.New("not a signed token in compact form")
	errHeader    = errors.New("the header is not that of a signed token")
	errCritical  = errors.New("the header demands an extension")
	errSignature = errors.New("the signature is not base64url")
)

// Parse takes a token apart. It is strict: three parts in canonical base64url,
// a header that is one JSON object without duplicate names, no extensions that
// a verifier would have to understand. With an error it returns what the header
// says, if that much could be read.
func Parse(token string) (JWS, error) {
	if len(token) > MaxLength {
		return JWS{}, errNoJWS
	}
	head, rest, _ := strings.Cut(token, ".")
	body, signature, ok := strings.Cut(rest, ".")
	if !ok || head == "" || body == "" || strings.Contains(signature, ".") || strings.ContainsAny(token, "\r\n") {
		return JWS{}, errNoJWS
	}
	t := JWS{Input: token[:len(head)+1+len(body)]}
	raw, err := b64.DecodeString(head)
	if err != nil {
		return t, errHeader
	}
	fields, err := object(raw)
	if err != nil {
		return t, errHeader
	}
	for name, into := range map[string]*string{"typ": &t.Type, "alg": &t.Algorithm, "kid": &t.KeyID} {
		if value, ok := fields[name]; ok && !text(value, into) {
			return t, errHeader
		}
	}
	// An extension that says it must be understood, or one that changes what
	// was signed.
	for _, name := range []string{"crit", "b64", "zip", "enc"} {
		if _, ok := fields[name]; ok {
			return t, errCritical
		}
	}
	if t.payload, err = b64.DecodeString(body); err != nil {
		return t, errNoJWS
	}
	if t.Signature, err = b64.DecodeString(signature); err != nil {
		return t, errSignature
	}
	return t, nil
}

// object decodes one JSON object whose names are all different.
func object(raw []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("not an object")
	}
	fields := map[string]json.RawMessage{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, _ := name.(string)
		if _, twice := fields[key]; twice {
			return nil, fmt.Errorf("%q is there twice", key)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		fields[key] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if dec.InputOffset() != int64(len(bytes.TrimRight(raw, " \t\r\n"))) {
		return nil, errors.New("more than one value")
	}
	return fields, nil
}

// text decodes a JSON string; null is none.
func text(raw json.RawMessage, into *string) bool {
	return len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, into) == nil
}
