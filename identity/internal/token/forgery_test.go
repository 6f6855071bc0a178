package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
)

// shelf is a key store that counts how often it is read.
type shelf struct {
	mu    sync.Mutex
	keys  map[string][]byte
	reads int
}

func (s *shelf) AddKey(_ context.Context, kid string, jwk []byte, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[kid] = jwk
	return nil
}

func (s *shelf) Keys(context.Context, time.Time) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	var out [][]byte
	for _, k := range s.keys {
		out = append(out, k)
	}
	return out, nil
}

var noon = time.Unix(1_800_000_000, 0)

// forger knows the portal's private key, as no attacker does, to sign what the
// portal never would.
type forger struct {
	*Issuer

	tb    testing.TB
	key   *signingKey
	shelf *shelf
}

func newForger(tb testing.TB) *forger {
	tb.Helper()
	s := &shelf{keys: map[string][]byte{}}
	i := New(Deps{
		Keys: s, Clock: func() time.Time { return noon }, NewID: func() string { return "k1" },
		BaseURL: func() string { return "https://portal.example.com/api/auth" },
		Life:    func() time.Duration { return time.Hour }, WithOwnership: func() bool { return false },
	})
	key, err := i.keys.signing(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return &forger{i, tb, key, s}
}

const (
	userHead   = `{"typ":"vnd.backstage.user","alg":"ES256","kid":"k1"}`
	userBody   = `{"sub":"user:default/jane","aud":"backstage","iat":1800000000,"exp":1800003600}`
	pluginHead = `{"typ":"vnd.backstage.plugin","alg":"ES256","kid":"k1"}`
)

func part(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// sign signs the header and the payload, whatever they are.
func (f *forger) sign(head, body string) string {
	f.tb.Helper()
	return f.signInput(part(head) + "." + part(body))
}

func (f *forger) signInput(input string) string {
	f.tb.Helper()
	sig, err := signES256(f.key.private, input)
	if err != nil {
		f.tb.Fatal(err)
	}
	return input + "." + sig
}

// user signs a user token with these claims in place of the right ones.
func (f *forger) user(body string) string { f.tb.Helper(); return f.sign(userHead, body) }

// mac signs with HS256 and the secret.
func mac(head, body string, secret []byte) string {
	input := part(head) + "." + part(body)
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// forgeries are tokens that must be refused although many of them bear a right
// signature.
func forgeries(f *forger) map[string]string {
	good := f.user(userBody)
	parts := strings.Split(good, ".")
	unsigned := parts[0] + "." + parts[1]
	raw, err := b64.DecodeString(parts[2])
	if err != nil {
		f.tb.Fatal(err)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	if err != nil {
		f.tb.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(f.key.private.Public())
	if err != nil {
		f.tb.Fatal(err)
	}
	hsHead := `{"typ":"vnd.backstage.user","alg":"HS256","kid":"k1"}`
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.tb.Fatal(err)
	}
	x, y := own.X.FillBytes(make([]byte, 32)), own.Y.FillBytes(make([]byte, 32)) //nolint:staticcheck // the coordinates are what a JWK holds
	embedded := part(fmt.Sprintf(`{"typ":"vnd.backstage.user","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":%q,"y":%q}}`, b64.EncodeToString(x), b64.EncodeToString(y))) + "." + parts[1]
	embeddedSig, err := signES256(own, embedded)
	if err != nil {
		f.tb.Fatal(err)
	}
	// The last character holds bits that no byte needs.
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, good[len(good)-1])
	head := func(fields string) string { return f.sign(fields, userBody) }
	const rest = `"sub":"user:default/jane","aud":"backstage","iat":1800000000`
	return map[string]string{
		"nothing":                   "",
		"dots":                      "..",
		"one part":                  parts[0],
		"no signature":              unsigned + ".",
		"two parts":                 unsigned,
		"four parts":                good + "." + parts[2],
		"a trailing dot":            good + ".",
		"a leading dot":             "." + good,
		"a blank":                   parts[0] + ". " + parts[1] + "." + parts[2],
		"a line break":              parts[0] + ".\n" + parts[1] + "." + parts[2],
		"a line break inside":       f.signInput(parts[0] + "." + parts[1][:4] + "\n" + parts[1][4:]),
		"padding":                   f.signInput(part(userHead) + "." + base64.URLEncoding.EncodeToString([]byte(userBody))),
		"the other alphabet":        f.signInput(part(userHead) + "." + base64.RawStdEncoding.EncodeToString([]byte(`{"sub":"ÿþÿ?>","aud":"backstage","iat":1800000000,"exp":1800003600}`))),
		"spare bits":                good[:len(good)-1] + string(alphabet[last^1]),
		"full-width dots":           strings.ReplaceAll(good, ".", "．"),
		"a look-alike letter":       strings.Replace(good, "e", "е", 1),
		"an invisible letter":       good + "\u200b",
		"huge":                      f.user(`{` + rest + `,"exp":1800003600,"x":"` + strings.Repeat("a", MaxLength) + `"}`),
		"huge and empty":            strings.Repeat(".", MaxLength+1),
		"JWE":                       part(`{"typ":"vnd.backstage.user","alg":"dir","enc":"A256GCM"}`) + "..AAAA.BBBB.CCCC",
		"JWE in three parts":        head(`{"typ":"vnd.backstage.user","alg":"ES256","kid":"k1","enc":"A256GCM"}`),
		"JSON serialization":        fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2]),
		"alg none":                  part(`{"typ":"vnd.backstage.user","alg":"none","kid":"k1"}`) + "." + parts[1] + ".",
		"alg none, signed":          head(`{"typ":"vnd.backstage.user","alg":"none","kid":"k1"}`),
		"alg None":                  head(`{"typ":"vnd.backstage.user","alg":"None","kid":"k1"}`),
		"alg missing":               head(`{"typ":"vnd.backstage.user","kid":"k1"}`),
		"alg in lower case":         head(`{"typ":"vnd.backstage.user","alg":"es256","kid":"k1"}`),
		"alg of another curve":      head(`{"typ":"vnd.backstage.user","alg":"ES384","kid":"k1"}`),
		"alg a list":                head(`{"typ":"vnd.backstage.user","alg":["ES256"],"kid":"k1"}`),
		"HS256 with the key as PEM": mac(hsHead, userBody, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})),
		"HS256 with the key as DER": mac(hsHead, userBody, spki),
		"HS256 with the key as JWK": mac(hsHead, userBody, f.shelf.keys["k1"]),
		"HS256 with no key":         mac(hsHead, userBody, nil),
		"typ missing":               head(`{"alg":"ES256","kid":"k1"}`),
		"typ JWT":                   head(`{"typ":"JWT","alg":"ES256","kid":"k1"}`),
		"typ in capitals":           head(`{"typ":"VND.BACKSTAGE.USER","alg":"ES256","kid":"k1"}`),
		"typ with a prefix":         head(`{"typ":"application/vnd.backstage.user","alg":"ES256","kid":"k1"}`),
		"typ a number":              head(`{"typ":1,"alg":"ES256","kid":"k1"}`),
		"typ twice":                 head(`{"typ":"JWT","typ":"vnd.backstage.user","alg":"ES256","kid":"k1"}`),
		"Typ":                       head(`{"Typ":"vnd.backstage.user","alg":"ES256","kid":"k1"}`),
		"of a plugin":               f.sign(pluginHead, `{"sub":"search","aud":"catalog","iat":1800000000,"exp":1800003600}`),
		"kid of another key":        head(`{"typ":"vnd.backstage.user","alg":"ES256","kid":"k2"}`),
		"kid missing":               head(`{"typ":"vnd.backstage.user","alg":"ES256"}`),
		"kid empty":                 head(`{"typ":"vnd.backstage.user","alg":"ES256","kid":""}`),
		"kid a number":              head(`{"typ":"vnd.backstage.user","alg":"ES256","kid":1}`),
		"kid a path":                head(`{"typ":"vnd.backstage.user","alg":"ES256","kid":"../../../../dev/null"}`),
		"kid a query":               head(`{"typ":"vnd.backstage.user","alg":"ES256","kid":"x' UNION SELECT 'k1' --"}`),
		"kid endless":               head(`{"typ":"vnd.backstage.user","alg":"ES256","kid":"` + strings.Repeat("k", 5000) + `"}`),
		"a key of its own":          embedded + "." + embeddedSig,
		"a critical extension":      head(`{"typ":"vnd.backstage.user","alg":"ES256","kid":"k1","crit":["exp"],"exp":1}`),
		"an empty crit":             head(`{"typ":"vnd.backstage.user","alg":"ES256","kid":"k1","crit":[]}`),
		"an unencoded payload":      head(`{"typ":"vnd.backstage.user","alg":"ES256","kid":"k1","b64":false}`),
		"a packed payload":          head(`{"typ":"vnd.backstage.user","alg":"ES256","kid":"k1","zip":"DEF"}`),
		"a header that is a list":   head(`["vnd.backstage.user"]`),
		"a header with more":        head(userHead + `{}`),
		"a header with a mark":      head("\ufeff" + userHead),
		"another payload":           parts[0] + "." + part(`{`+rest+`,"exp":1900000000}`) + "." + parts[2],
		"a DER signature":           unsigned + "." + b64.EncodeToString(der),
		"a zero signature":          unsigned + "." + b64.EncodeToString(make([]byte, 64)),
		"a short signature":         unsigned + "." + b64.EncodeToString(raw[:63]),
		"a long signature":          unsigned + "." + b64.EncodeToString(append(raw, 0)),
		"exp missing":               f.user(`{` + rest + `}`),
		"exp null":                  f.user(`{` + rest + `,"exp":null}`),
		"exp text":                  f.user(`{` + rest + `,"exp":"1800003600"}`),
		"exp NaN":                   f.user(`{` + rest + `,"exp":NaN}`),
		"exp infinite":              f.user(`{` + rest + `,"exp":1e999}`),
		"exp in milliseconds":       f.user(`{` + rest + `,"exp":1800003600000}`),
		"exp negative":              f.user(`{` + rest + `,"exp":-1}`),
		"exp a list":                f.user(`{` + rest + `,"exp":[1800003600]}`),
		"exp true":                  f.user(`{` + rest + `,"exp":true}`),
		"exp now":                   f.user(`{` + rest + `,"exp":1800000000}`),
		"exp past":                  f.user(`{` + rest + `,"exp":1799999999.9}`),
		"exp twice":                 f.user(`{` + rest + `,"exp":1,"exp":1800003600}`),
		"exp twice, by an escape":   f.user(`{` + rest + `,"exp":1,"\u0065xp":1800003600}`),
		"iat missing":               f.user(`{"sub":"user:default/jane","aud":"backstage","exp":1800003600}`),
		"iat text":                  f.user(`{"sub":"user:default/jane","aud":"backstage","iat":"now","exp":1800003600}`),
		"nbf tomorrow":              f.user(`{` + rest + `,"exp":1800003600,"nbf":1800086400}`),
		"nbf text":                  f.user(`{` + rest + `,"exp":1800003600,"nbf":"0"}`),
		"sub missing":               f.user(`{"aud":"backstage","iat":1800000000,"exp":1800003600}`),
		"sub empty":                 f.user(`{"sub":"","aud":"backstage","iat":1800000000,"exp":1800003600}`),
		"sub a list":                f.user(`{"sub":["user:default/jane"],"aud":"backstage","iat":1800000000,"exp":1800003600}`),
		"sub in capitals":           f.user(`{"SUB":"user:default/jane","aud":"backstage","iat":1800000000,"exp":1800003600}`),
		"sub twice":                 f.user(`{"sub":"user:default/root",` + rest + `,"exp":1800003600}`),
		"sub not UTF-8":             f.user("{\"sub\":\"user:default/\xff\",\"aud\":\"backstage\",\"iat\":1800000000,\"exp\":1800003600}"),
		"aud missing":               f.user(`{"sub":"user:default/jane","iat":1800000000,"exp":1800003600}`),
		"aud another":               f.user(`{"sub":"user:default/jane","aud":"Backstage","iat":1800000000,"exp":1800003600}`),
		"aud a list of others":      f.user(`{"sub":"user:default/jane","aud":["catalog",""],"iat":1800000000,"exp":1800003600}`),
		"aud a list with a number":  f.user(`{"sub":"user:default/jane","aud":["backstage",1],"iat":1800000000,"exp":1800003600}`),
		"a payload that is text":    f.user(`"user:default/jane"`),
		"a payload that is null":    f.user(`null`),
		"an empty payload":          part(userHead) + ".." + parts[2],
		"a payload with more":       f.user(userBody + userBody),
		"a payload cut off":         f.user(userBody[:len(userBody)-1]),
		"a deep payload":            f.user(`{` + rest + `,"exp":1800003600,"x":` + strings.Repeat("[", 12000) + strings.Repeat("]", 12000) + `}`),
	}
}
