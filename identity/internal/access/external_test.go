package access_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/access"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// newCallers reads entries of backend.auth.externalAccess and backend.auth.keys.
func newCallers(t *testing.T, entries, old string, clock func() time.Time) (*access.Callers, error) {
	t.Helper()
	var (
		configs []access.ExternalConfig
		keys    []access.OldKeyConfig
	)
	if err := json.Unmarshal([]byte(entries), &configs); err != nil {
		t.Fatal(err)
	}
	if old != "" {
		if err := json.Unmarshal([]byte(old), &keys); err != nil {
			t.Fatal(err)
		}
	}
	return access.NewCallers(configs, keys, access.Deps{Client: &http.Client{}, Clock: clock, Logger: slog.New(slog.DiscardHandler)})
}

func callers(t *testing.T, entries, old string) *access.Callers {
	t.Helper()
	c, err := newCallers(t, entries, old, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewCallers_RefusesWhatWouldFailSilently(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, old, want string }{
		"a short token":                 {in: `[{"type":"static","options":{"token":"short","subject":"ci"}}]`, want: "backend.auth.externalAccess[0].options.token: must have at least 8 characters and no blanks"},
		"a token with a blank":          {in: `[{"type":"static","options":{"token":"long enough","subject":"ci"}}]`, want: "backend.auth.externalAccess[0].options.token: must have at least 8 characters and no blanks"},
		"a token that is no text":       {in: `[{"type":"static","options":{"token":12345678,"subject":"ci"}}]`, want: "backend.auth.externalAccess[0].options: read a secret: expected a JSON string"},
		"no subject":                    {in: `[{"type":"static","options":{"token":"long-enough"}}]`, want: "backend.auth.externalAccess[0].options.subject: must be a word"},
		"no options":                    {in: `[{"type":"static"}]`, want: "backend.auth.externalAccess[0].options: want an object"},
		"an unknown option":             {in: `[{"type":"static","options":{"token":"long-enough","subject":"ci","Subject":"x"}}]`, want: `backend.auth.externalAccess[0].options: the key "Subject" is not known; there are token, subject`},
		"an unknown type":               {in: `[{"type":"static","options":{"token":"long-enough","subject":"ci"}},{"type":"magic","options":{}}]`, want: `backend.auth.externalAccess[1].type: "magic" is not known; use static, legacy or jwks`},
		"a restriction without plugin":  {in: `[{"type":"static","options":{"token":"long-enough","subject":"ci"},"accessRestrictions":[{}]}]`, want: "backend.auth.externalAccess[0].accessRestrictions[0]: the plugin is missing"},
		"a plugin restricted twice":     {in: `[{"type":"static","options":{"token":"long-enough","subject":"ci"},"accessRestrictions":[{"plugin":"a"},{"plugin":"a"}]}]`, want: "backend.auth.externalAccess[0].accessRestrictions[1]: the plugin a is restricted twice; put its permissions into one list"},
		"a misspelt restriction":        {in: `[{"type":"static","options":{"token":"long-enough","subject":"ci"},"accessRestrictions":[{"plugin":"a","permissions":"x"}]}]`, want: `backend.auth.externalAccess[0].accessRestrictions[0]: the key "permissions" is not known; there are plugin, permission, permissionAttribute`},
		"an unknown action":             {in: `[{"type":"static","options":{"token":"long-enough","subject":"ci"},"accessRestrictions":[{"plugin":"a","permissionAttribute":{"action":["read","write"]}}]}]`, want: `backend.auth.externalAccess[0].accessRestrictions[0].permissionAttribute.action: "write" is not an action; use create, read, update, delete`},
		"a secret that is no base64":    {in: `[{"type":"legacy","options":{"secret":"not base64!","subject":"ci"}}]`, want: "backend.auth.externalAccess[0].options.secret: must be text in base64"},
		"no secret":                     {in: `[{"type":"legacy","options":{"subject":"ci"}}]`, want: "backend.auth.externalAccess[0].options.secret: must be text in base64"},
		"a secret that can be guessed":  {in: `[{"type":"legacy","options":{"secret":"c2VjcmV0","subject":"ci"}}]`, want: "backend.auth.externalAccess[0].options.secret: has 6 bytes and must have at least 8; make one of 24 or more with: openssl rand -base64 24"},
		"a bad secret of the old form":  {in: `[]`, old: `[{"secret":"AAAAAAAAAAAAAAAA"},{"secret":"?"}]`, want: "backend.auth.keys[1].secret: must be text in base64"},
		"no URL":                        {in: `[{"type":"jwks","options":{}}]`, want: "backend.auth.externalAccess[0].options.url: must be the http or https URL of a JSON Web Key Set"},
		"a URL of another scheme":       {in: `[{"type":"jwks","options":{"url":"file:///etc/keys"}}]`, want: "backend.auth.externalAccess[0].options.url: must be the http or https URL of a JSON Web Key Set"},
		"an algorithm with shared keys": {in: `[{"type":"jwks","options":{"url":"https://idp/keys","algorithm":["ES256","HS256"]}}]`, want: `backend.auth.externalAccess[0].options.algorithm: "HS256" is not an algorithm with public keys; use RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA`},
		"the algorithm none":            {in: `[{"type":"jwks","options":{"url":"https://idp/keys","algorithm":"none"}}]`, want: `backend.auth.externalAccess[0].options.algorithm: "none" is not an algorithm with public keys; use RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA`},
		"a misspelt audience":           {in: `[{"type":"jwks","options":{"url":"https://idp/keys","audiences":"x"}}]`, want: `backend.auth.externalAccess[0].options: the key "audiences" is not known; there are url, issuer, algorithm, audience, subjectPrefix`},
		"an issuer that is a number":    {in: `[{"type":"jwks","options":{"url":"https://idp/keys","issuer":1}}]`, want: "backend.auth.externalAccess[0].options: want a string or a list of strings: json: cannot unmarshal number into Go value of type []string"},
		"a prefix with a blank":         {in: `[{"type":"jwks","options":{"url":"https://idp/keys","subjectPrefix":"a b"}}]`, want: "backend.auth.externalAccess[0].options.subjectPrefix: must be a word"},
	} {
		_, err := newCallers(t, tc.in, tc.old, time.Now)
		if !fault.Is(err, fault.Invalid) || err.Error() != tc.want {
			t.Errorf("%s: got\n\t%v\nwant\n\t%s", name, err, tc.want)
		}
	}
}

// claimsOf renders claims that are good for an hour.
func claimsOf(more string) string {
	if more != "" {
		more = "," + more
	}
	return `{"iat":1800000000,"exp":1800003600` + more + `}`
}

// hs256 signs with a shared secret.
func hs256(header, claims string, key []byte) string {
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestAuthenticate_LegacyCallers(t *testing.T) {
	t.Parallel()
	one, two := []byte("the first shared secret."), []byte("\xff\xfe another, of odd bytes\x00")
	a := access.NewAuthenticator(newTokens(func() time.Time { return noon }, "own"), everybody{})
	a.SetCallers(callers(t, `[
		{"type":"legacy","options":{"secret":"`+base64.StdEncoding.EncodeToString(one)+`","subject":"legacy-ci"},"accessRestrictions":[{"plugin":"catalog"}]},
		{"type":"legacy","options":{"secret":"`+base64.RawURLEncoding.EncodeToString(two)+`","subject":"other"}}]`,
		`[{"secret":"`+base64.StdEncoding.EncodeToString([]byte("of the older form, long ago"))+`"}]`))
	const head, server = `{"alg":"HS256"}`, `"sub":"backstage-server"`
	for name, tc := range map[string]struct {
		token string
		want  identity.Principal // without the token; the zero principal is a refusal
	}{
		"the first secret":        {hs256(head, claimsOf(server), one), identity.Principal{Kind: identity.Service, Subject: "legacy-ci", Access: []identity.Access{{Plugin: "catalog"}}}},
		"the second secret":       {hs256(`{"alg":"HS256","typ":"JWT"}`, claimsOf(server), two), identity.Principal{Kind: identity.Service, Subject: "other"}},
		"the older configuration": {hs256(head, claimsOf(server), []byte("of the older form, long ago")), identity.Principal{Kind: identity.Service, Subject: "external:backstage-plugin"}},
		"another secret":          {token: hs256(head, claimsOf(server), []byte("guessed"))},
		"the empty secret":        {token: hs256(head, claimsOf(server), nil)},
		"another subject":         {token: hs256(head, claimsOf(`"sub":"user:default/jane"`), one)},
		"an audience":             {token: hs256(head, claimsOf(server+`,"aud":"backstage"`), one)},
		"no end":                  {token: hs256(head, `{"sub":"backstage-server"}`, one)},
		"past its end":            {token: hs256(head, `{"sub":"backstage-server","exp":1799999999}`, one)},
		"another algorithm":       {token: hs256(`{"alg":"HS512"}`, claimsOf(server), one)},
		"no algorithm":            {token: hs256(`{"alg":"none"}`, claimsOf(server), one)},
		"a user token's type":     {token: hs256(`{"alg":"HS256","typ":"vnd.backstage.limited-user"}`, claimsOf(server), one)},
		"a critical extension":    {token: hs256(`{"alg":"HS256","crit":["b64"],"b64":false}`, claimsOf(server), one)},
		"a cut signature":         {token: strings.TrimRight(hs256(head, claimsOf(server), one)[:60], ".")},
		"a signature of nothing":  {token: hs256(head, claimsOf(server), one)[:strings.LastIndex(hs256(head, claimsOf(server), one), ".")+1]},
	} {
		got, err := call(a, "/api/catalog/entities", "Bearer "+tc.token, "")
		if tc.want.Kind == identity.Anonymous {
			if !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s: got %+v, %v, want a refusal", name, got, err)
			}
			continue
		}
		tc.want.Token = tc.token
		if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// signJWS signs claims with a private key as any issuer would.
func signJWS(t *testing.T, alg jose.SignatureAlgorithm, key any, kid, typ, claims string) string {
	t.Helper()
	opts := (&jose.SignerOptions{}).WithType(jose.ContentType(typ))
	if kid != "" {
		opts.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	out, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
