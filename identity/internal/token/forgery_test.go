package token

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/identity/internal/pace"
	"github.com/stagedoor/stagedoor/internal/fault"
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

func TestVerify_RefusesEverythingMalformed(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	for name, good := range map[string]string{
		"the token they are made from": f.user(userBody),
		"a list of audiences":          f.user(strings.Replace(userBody, `"backstage"`, `["x","backstage"]`, 1)),
		"fractions of seconds":         f.user(strings.Replace(userBody, "1800003600", "1800000000.5", 1)),
		"a clock that is ahead":        f.user(strings.Replace(userBody, `{`, `{"nbf":1800000005,`, 1)),
		"claims of others":             f.user(strings.Replace(userBody, `{`, `{"ent":["group:default/a"],"x":{"y":[1]},`, 1)),
	} {
		if v, err := f.Verify(t.Context(), good); err != nil || v.Subject != "user:default/jane" || v.Limited {
			t.Errorf("%s: got %+v, %v", name, v, err)
		}
	}
	for name, bad := range forgeries(f) {
		for round := range 2 { // the second finds nothing remembered
			v, err := f.Verify(t.Context(), bad)
			if err == nil || !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s, round %d: got %+v, %v, want a refusal", name, round, v, err)
				continue
			}
			if err.Error() != "Illegal token" && err.Error() != failedUser {
				t.Errorf("%s: the words are %q", name, err)
			}
		}
		if v, err := f.VerifyPlugin(t.Context(), bad, "backstage"); err == nil {
			t.Errorf("%s passes for a plugin's: %+v", name, v)
		}
	}
	if f.shelf.reads > 1 {
		t.Errorf("the store was read %d times for ids of keys, of which one alone could be one", f.shelf.reads)
	}
}

func TestVerifyPlugin_ChecksWhoCallsWhomForWhom(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	user, err := f.User(t.Context(), User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	limited, _, err := Limited(user.Token)
	if err != nil {
		t.Fatal(err)
	}
	body := func(sub, aud, more string) string {
		return f.sign(pluginHead, fmt.Sprintf(`{"sub":%q,"aud":%q,"iat":1800000000,"exp":1800003600%s}`, sub, aud, more))
	}
	for name, tc := range map[string]struct {
		token, target string
		want          VerifiedPlugin
		err           string
	}{
		"a plugin":                 {token: body("search", "catalog", ""), target: "catalog", want: VerifiedPlugin{Plugin: "search", Expires: noon.Add(time.Hour)}},
		"for a user":               {token: body("search", "catalog", `,"obo":"`+limited+`"`), target: "catalog", want: VerifiedPlugin{Plugin: "search", User: "user:default/jane", UserToken: limited, Expires: noon.Add(time.Hour)}},
		"at another plugin":        {token: body("search", "catalog", ""), target: "scaffolder", err: failedPlugin},
		"at no plugin":             {token: body("search", "", ""), target: "", err: failedPlugin},
		"a path for a plugin":      {token: body("../auth", "catalog", ""), target: "catalog", err: "Invalid plugin token: forbidden subject format"},
		"no plugin":                {token: body("", "catalog", ""), target: "catalog", err: "Invalid plugin token: missing subject"},
		"for a forged user":        {token: body("search", "catalog", `,"obo":"`+limited[:len(limited)-4]+`AAAA"`), target: "catalog", err: "Invalid user token in plugin token obo claim"},
		"for a plugin":             {token: body("search", "catalog", `,"obo":"`+body("a", "catalog", "")+`"`), target: "catalog", err: "Invalid user token in plugin token obo claim"},
		"for what is no token":     {token: body("search", "catalog", `,"obo":{}`), target: "catalog", err: failedPlugin},
		"no time of issue":         {token: f.sign(pluginHead, `{"sub":"search","aud":"catalog","exp":1800003600}`), target: "catalog", err: failedPlugin},
		"a user":                   {token: user.Token, target: "backstage", err: "Illegal token"},
		"a limited user":           {token: limited, target: "catalog", err: "Illegal token"},
		"of a key nobody knows":    {token: f.sign(`{"typ":"vnd.backstage.plugin","alg":"ES256","kid":"nobody"}`, `{"sub":"search","aud":"catalog","iat":1,"exp":1800003600}`), target: "catalog", err: failedPlugin},
		"whose header was changed": {token: part(userHead) + "." + strings.Split(body("search", "backstage", ""), ".")[1] + ".AAAA", target: "backstage", err: failedPlugin},
	} {
		got, err := f.VerifyPlugin(t.Context(), tc.token, tc.target)
		if got != tc.want || (err == nil) != (tc.err == "") || (err != nil && err.Error() != tc.err) {
			t.Errorf("%s: got %+v, %v, want %+v, %q", name, got, err, tc.want, tc.err)
		}
	}
}

func TestPlugin_CarriesTheClaimsOfTheContract(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	user, err := f.User(t.Context(), User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	limited, _, err := Limited(user.Token)
	if err != nil {
		t.Fatal(err)
	}
	short := f.sign(`{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":"k1"}`, `{"sub":"user:default/jane","iat":1800000000,"exp":1800000060}`)
	for name, tc := range map[string]struct {
		onBehalfOf, want string
	}{
		"for itself":                {"", `{"sub":"search","aud":"catalog","iat":1800000000,"exp":1800003600}`},
		"for a user":                {user.Token, `{"sub":"search","aud":"catalog","iat":1800000000,"exp":1800003600,"obo":"` + limited + `"}`},
		"for a limited user":        {limited, `{"sub":"search","aud":"catalog","iat":1800000000,"exp":1800003600,"obo":"` + limited + `"}`},
		"no longer than the user's": {short, `{"sub":"search","aud":"catalog","iat":1800000000,"exp":1800000060,"obo":"` + short + `"}`},
	} {
		issued, err := f.Plugin(t.Context(), Call{Source: "search", Target: "catalog", OnBehalfOf: tc.onBehalfOf})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		parts := strings.Split(issued.Token, ".")
		head, _ := b64.DecodeString(parts[0])
		body, _ := b64.DecodeString(parts[1])
		if string(head) != pluginHead || string(body) != tc.want {
			t.Errorf("%s: got\n%s %s\nwant\n%s %s", name, head, body, pluginHead, tc.want)
		}
	}
	if _, err := f.Plugin(t.Context(), Call{Source: "search", Target: "a/b"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a path for a target gave %v", err)
	}
	if _, err := f.Plugin(t.Context(), Call{Source: "search", Target: "catalog", OnBehalfOf: issuedPlugin(t, f)}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a plugin token in place of a user's gave %v", err)
	}
}

func issuedPlugin(t *testing.T, f *forger) string {
	t.Helper()
	issued, err := f.Plugin(t.Context(), Call{Source: "search", Target: "catalog"})
	if err != nil {
		t.Fatal(err)
	}
	return issued.Token
}

func TestUser_RefusesMoreOwnershipThanAnyVerifierTakes(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	f.deps.WithOwnership = func() bool { return true }
	var refs []string
	for n := range 900 {
		refs = append(refs, fmt.Sprintf("group:default/number-%04d", n))
	}
	if _, err := f.User(t.Context(), User{Ref: "user:default/jane", Ownership: refs}); !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "user:default/jane") {
		t.Errorf("900 groups gave %v, want too_large", err)
	}
	issued, err := f.User(t.Context(), User{Ref: "user:default/jane", Ownership: refs[:800]})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Verify(t.Context(), issued.Token); err != nil {
		t.Errorf("800 groups, %d bytes: %v", len(issued.Token), err)
	}
}

// TestLimited_IsWhatJavaScriptPutsTogether holds the limited token against the
// bytes that JSON.stringify gives, where Go's encoder would escape.
func TestLimited_IsWhatJavaScriptPutsTogether(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	const ref = "user:default/R&D<ü>'s \"bot\""
	issued, err := f.User(t.Context(), User{Ref: ref})
	if err != nil {
		t.Fatal(err)
	}
	limited, expires, err := Limited(issued.Token)
	if err != nil || !expires.Equal(issued.Expires) {
		t.Fatalf("%v, %v", expires, err)
	}
	body, _ := b64.DecodeString(strings.Split(limited, ".")[1])
	if want := `{"sub":"user:default/R&D<ü>'s \"bot\"","iat":1800000000,"exp":1800003600}`; string(body) != want {
		t.Errorf("claims %s, want %s", body, want)
	}
	if v, err := f.Verify(t.Context(), limited); err != nil || v.Subject != ref || !v.Limited {
		t.Errorf("it verifies as %+v, %v", v, err)
	}
	if again, _, err := Limited(limited); err != nil || again != limited {
		t.Errorf("the limited token of a limited token: %v, the same: %v", err, again == limited)
	}
	for name, bad := range map[string]string{"garbage": "x.y.z", "without proof": f.user(userBody), "of a plugin": issuedPlugin(t, f)} {
		if got, _, err := Limited(bad); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestVerified_IsBounded(t *testing.T) {
	t.Parallel()
	var c verified
	var first [sha256.Size]byte
	for n := range 5 * maxVerified {
		digest := sha256.Sum256([]byte{byte(n), byte(n >> 8), byte(n >> 16)})
		if n == 0 {
			first = digest
		}
		c.put(digest, &proven{})
		if c.len() > maxVerified {
			t.Fatalf("after %d tokens it holds %d, want at most %d", n+1, c.len(), maxVerified)
		}
		if _, ok := c.get(digest); !ok {
			t.Fatalf("token %d was forgotten at once", n)
		}
	}
	if _, ok := c.get(first); ok {
		t.Error("the first token is still there")
	}
}

// FuzzVerify holds that nothing is accepted but what was signed. The key is
// always the same, as the fuzzer runs in several processes.
func FuzzVerify(f *testing.F) {
	of := newForger(f)
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	of.key.private = private
	of.keys.known["k1"] = &private.PublicKey
	of.keys.reread = pace.New(0, of.deps.Clock) // an unknown key shall not take a second
	signedInputs := map[string]bool{}
	for _, t := range []string{
		of.user(userBody),
		of.sign(`{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":"k1"}`, `{"sub":"user:default/jane","iat":1800000000,"exp":1800003600}`),
		of.sign(pluginHead, `{"sub":"search","aud":"catalog","iat":1800000000,"exp":1800003600}`),
	} {
		if _, err := of.Verify(f.Context(), t); err != nil && !strings.Contains(t, part(pluginHead)) {
			f.Fatalf("a seed is refused: %v", err)
		}
		signedInputs[t[:strings.LastIndex(t, ".")]] = true
		f.Add(t, userBody)
	}
	for _, t := range forgeries(of) {
		if len(t) < 2000 {
			f.Add(t, `{"exp":1e9,"aud":["a"],"nbf":0.5}`)
		}
	}
	f.Fuzz(func(t *testing.T, token, payload string) {
		_, err := of.Verify(t.Context(), token)
		_, pluginErr := of.VerifyPlugin(t.Context(), token, "catalog")
		if (err == nil || pluginErr == nil) && !signedInputs[token[:strings.LastIndex(token, ".")]] {
			t.Errorf("accepted %q", token)
		}
		// Claims that were signed, whatever they are: no panic, and what is
		// accepted is what an ordinary decoder reads.
		local := &forger{of.Issuer, t, of.key, of.shelf}
		v, err := of.Verify(t.Context(), local.user(payload))
		if err != nil {
			return
		}
		var c map[string]any
		if json.Unmarshal([]byte(payload), &c) != nil || c["sub"] != v.Subject || !v.Expires.After(noon) {
			t.Errorf("the payload %q verifies as %+v", payload, v)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	f := newForger(b)
	issued, err := f.User(b.Context(), User{Ref: "user:default/jane"})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Verify(b.Context(), issued.Token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f.seen = verified{} //nolint:govet // nobody else holds the lock here
			if _, err := f.Verify(b.Context(), issued.Token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("garbage", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Verify(b.Context(), "not-a-token"); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}

func BenchmarkIssue(b *testing.B) {
	f := newForger(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.User(b.Context(), User{Ref: "user:default/jane"}); err != nil {
			b.Fatal(err)
		}
	}
}
