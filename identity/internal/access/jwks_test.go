package access_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/access"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// publisher serves a key set that can change, and break.
type publisher struct {
	*httptest.Server

	mu      sync.Mutex
	body    []byte
	status  int
	fetches int
}

func publish(t *testing.T, keys ...jose.JSONWebKey) *publisher {
	t.Helper()
	p := &publisher{status: http.StatusOK}
	p.set(t, keys...)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fetches++
		w.WriteHeader(p.status)
		_, _ = w.Write(p.body)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) set(t *testing.T, keys ...jose.JSONWebKey) {
	t.Helper()
	body, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	p.answer(http.StatusOK, body)
}

func (p *publisher) answer(status int, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.body = status, body
}

func (p *publisher) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

// watch is a clock that only moves when told.
type watch struct {
	mu  sync.Mutex
	now time.Time
}

func (w *watch) read() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *watch) forward(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func ecKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// trusting returns an authenticator that trusts the set at url.
func trusting(t *testing.T, options string, clock func() time.Time) *access.Authenticator {
	t.Helper()
	a := access.NewAuthenticator(newTokens(clock, "own"), everybody{})
	c, err := newCallers(t, `[{"type":"jwks","options":`+options+`}]`, "", clock)
	if err != nil {
		t.Fatal(err)
	}
	a.SetCallers(c)
	return a
}

func TestAuthenticate_TokensOfATrustedIssuer(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p256, p384 := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P384())
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger, encryption := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	set := publish(t,
		jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "rsa", Use: "sig"},
		jose.JSONWebKey{Key: p256.Public(), KeyID: "p256", Algorithm: "ES256"},
		jose.JSONWebKey{Key: p384.Public(), KeyID: "p384"},
		jose.JSONWebKey{Key: public, KeyID: "ed"},
		jose.JSONWebKey{Key: encryption.Public(), KeyID: "enc", Use: "enc"},
		jose.JSONWebKey{Key: []byte("a secret that was published, alas"), KeyID: "shared"},
	)
	c := &watch{now: noon}
	a := trusting(t, `{"url":"`+set.URL+`","issuer":["https://idp.example.com","https://old.example.com"],"audience":"portal, other","subjectPrefix":"idp"}`, c.read)
	const good = `"iss":"https://idp.example.com","aud":["x","portal"],"sub":"robot"`
	for name, tc := range map[string]struct {
		token string
		want  string // the subject, empty for a refusal
	}{
		"RS256":                          {signJWS(t, jose.RS256, rsaKey, "rsa", "JWT", claimsOf(good)), "external:idp:robot"},
		"PS512 with the same key":        {signJWS(t, jose.PS512, rsaKey, "rsa", "JWT", claimsOf(good)), "external:idp:robot"},
		"ES256":                          {signJWS(t, jose.ES256, p256, "p256", "at+jwt", claimsOf(good)), "external:idp:robot"},
		"ES384 without a key id":         {signJWS(t, jose.ES384, p384, "", "JWT", claimsOf(good)), "external:idp:robot"},
		"EdDSA":                          {signJWS(t, jose.EdDSA, private, "ed", "JWT", claimsOf(good)), "external:idp:robot"},
		"a user token of another portal": {signJWS(t, jose.ES256, p256, "p256", token.TypeUser, claimsOf(`"iss":"https://old.example.com","aud":"portal","sub":"user:default/jane"`)), "external:idp:user:default/jane"},
		"a limited token":                {token: signJWS(t, jose.ES256, p256, "p256", token.TypeLimitedUser, claimsOf(good))},
		"another issuer":                 {token: signJWS(t, jose.ES256, p256, "p256", "JWT", claimsOf(`"iss":"https://evil.example.com","aud":"portal","sub":"robot"`))},
		"no issuer":                      {token: signJWS(t, jose.ES256, p256, "p256", "JWT", claimsOf(`"aud":"portal","sub":"robot"`))},
		"another audience":               {token: signJWS(t, jose.ES256, p256, "p256", "JWT", claimsOf(`"iss":"https://idp.example.com","aud":"portal2","sub":"robot"`))},
		"no subject":                     {token: signJWS(t, jose.ES256, p256, "p256", "JWT", claimsOf(`"iss":"https://idp.example.com","aud":"portal"`))},
		"a subject with a line break":    {token: signJWS(t, jose.ES256, p256, "p256", "JWT", claimsOf(`"iss":"https://idp.example.com","aud":"portal","sub":"a\nb"`))},
		"a stranger's key":               {token: signJWS(t, jose.ES256, stranger, "p256", "JWT", claimsOf(good))},
		"a stranger's key, with no id":   {token: signJWS(t, jose.ES256, stranger, "", "JWT", claimsOf(good))},
		"the key of another algorithm":   {token: signJWS(t, jose.ES256, p256, "rsa", "JWT", claimsOf(good))},
		"a key for encryption":           {token: signJWS(t, jose.ES256, encryption, "enc", "JWT", claimsOf(good))},
		"HS256 with a published key":     {token: hs256(`{"alg":"HS256","kid":"shared"}`, claimsOf(good), []byte("a secret that was published, alas"))},
		"the end has passed":             {token: signJWS(t, jose.ES256, p256, "p256", "JWT", `{"exp":1799999999,`+good+`}`)},
		"no end":                         {token: signJWS(t, jose.ES256, p256, "p256", "JWT", `{`+good+`}`)},
		"not before tomorrow":            {token: signJWS(t, jose.ES256, p256, "p256", "JWT", claimsOf(good+`,"nbf":1800086400`))},
	} {
		c.forward(3 * time.Second) // so that the set may be read again
		got, err := call(a, "/api/catalog/entities", "Bearer "+tc.token, "")
		if tc.want == "" {
			if !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s: got %+v, %v, want a refusal", name, got, err)
			}
			continue
		}
		want := identity.Principal{Kind: identity.Service, Subject: tc.want, Token: tc.token}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestAuthenticate_FollowsAnIssuersKeys(t *testing.T) {
	t.Parallel()
	first, second := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	set := publish(t, jose.JSONWebKey{Key: first.Public(), KeyID: "one"})
	c := &watch{now: noon}
	a := trusting(t, `{"url":"`+set.URL+`"}`, c.read)
	check := func(what string, key *ecdsa.PrivateKey, kid string, want fault.Code, fetches int) {
		t.Helper()
		claims := fmt.Sprintf(`{"sub":"robot","exp":%d}`, c.read().Add(time.Hour).Unix())
		p, err := call(a, "/api/catalog", "Bearer "+signJWS(t, jose.ES256, key, kid, "JWT", claims), "")
		if fault.CodeOf(err) != want || (err == nil && p.Subject != "external:robot") {
			t.Errorf("%s: %+v, %v, want code %q", what, p, err, want)
		}
		if got := set.count(); got != fetches {
			t.Errorf("%s: the set was fetched %d times, want %d", what, got, fetches)
		}
	}
	check("the first token", first, "one", "", 1)
	check("from memory", first, "one", "", 1)
	set.set(t, jose.JSONWebKey{Key: first.Public(), KeyID: "one"}, jose.JSONWebKey{Key: second.Public(), KeyID: "two"})
	c.forward(3 * time.Second)
	check("a new key, at once", second, "two", "", 2)

	set.answer(http.StatusBadGateway, nil)
	c.forward(11 * time.Minute)
	check("an old set when the issuer is down", second, "two", "", 3)
	check("and left alone for a moment", second, "two", "", 3)
	check("an unknown key meanwhile", second, "three", fault.Unavailable, 3)
	c.forward(time.Hour)
	check("a set that is too old", second, "two", fault.Unavailable, 4)

	for what, body := range map[string][]byte{
		"no JSON": []byte("<html>"), "no set": []byte(`{}`), "endless": []byte(`{"keys":[]}` + strings.Repeat(" ", 1<<20)),
		"too many keys": []byte(`{"keys":[` + strings.Repeat(`{},`, 300) + `{}]}`),
	} {
		before := set.count()
		set.answer(http.StatusOK, body)
		c.forward(10 * time.Second)
		check(what, second, "two", fault.Unavailable, before+1)
	}
	set.set(t, jose.JSONWebKey{Key: second.Public(), KeyID: "two"})
	c.forward(10 * time.Second)
	before := set.count()
	check("the issuer is back", second, "two", "", before+1)
	check("without its first key", first, "one", fault.Unauthenticated, before+2)
}

func TestAuthenticate_PrefersItsOwnKeys(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	// The other portal publishes a key under the name of one of ours.
	set := publish(t, jose.JSONWebKey{Key: key.Public(), KeyID: "own"})
	clock := func() time.Time { return noon }
	tokens := newTokens(clock, "own")
	user, err := tokens.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	a := access.NewAuthenticator(tokens, everybody{})
	c, err := newCallers(t, `[{"type":"jwks","options":{"url":"`+set.URL+`"}}]`, "", clock)
	if err != nil {
		t.Fatal(err)
	}
	a.SetCallers(c)
	if p, err := call(a, "/api/catalog", "Bearer "+signJWS(t, jose.ES256, key, "own", "JWT", claimsOf(`"sub":"robot"`)), ""); err != nil || p.Subject != "external:robot" {
		t.Fatalf("the other portal's key is read: %+v, %v", p, err)
	}
	if p, err := call(a, "/api/catalog", "Bearer "+user.Token, ""); err != nil || p.Kind != identity.User {
		t.Errorf("our own token gives %+v, %v", p, err)
	}
	forged := signJWS(t, jose.ES256, key, "own", token.TypeUser, claimsOf(`"sub":"user:default/root","aud":"backstage"`))
	if p, err := call(a, "/api/catalog", "Bearer "+forged, ""); err == nil {
		t.Errorf("the other portal speaks for our users: %+v", p)
	}
}

func TestAuthenticate_PluginsOfAnotherPortal(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	set := publish(t, jose.JSONWebKey{Key: key.Public(), KeyID: "theirs"})
	clock := func() time.Time { return noon }
	tokens := newTokens(clock, "own")
	user, err := tokens.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	limited, _, err := token.Limited(user.Token)
	if err != nil {
		t.Fatal(err)
	}
	a := access.NewAuthenticator(tokens, everybody{})
	c, err := newCallers(t, `[{"type":"jwks","options":{"url":"`+set.URL+`","subjectPrefix":"peer"},"accessRestrictions":[{"plugin":"catalog"}]}]`, "", clock)
	if err != nil {
		t.Fatal(err)
	}
	a.SetCallers(c)
	sign := func(more string) string {
		return signJWS(t, jose.ES256, key, "theirs", token.TypePlugin, claimsOf(`"sub":"search","aud":"catalog"`+more))
	}
	theirUser := signJWS(t, jose.ES256, key, "theirs", token.TypeLimitedUser, claimsOf(`"sub":"user:default/root"`))
	only := []identity.Access{{Plugin: "catalog"}}
	for name, tc := range map[string]struct {
		path, token string
		want        identity.Principal
		err         string
	}{
		"for itself":                         {"/api/catalog/entities", sign(""), identity.Principal{Kind: identity.Service, Subject: "external:peer:search", Token: sign(""), Access: only}, ""},
		"for a user of ours":                 {"/api/catalog/entities", sign(`,"obo":"` + limited + `"`), identity.Principal{Kind: identity.User, Subject: "user:default/jane", Ownership: []string{"user:default/jane", "group:default/guests"}, Via: "external:peer:search", Token: limited, Access: only}, ""},
		"for a user of theirs":               {"/api/catalog/entities", sign(`,"obo":"` + theirUser + `"`), identity.Principal{}, "Invalid user token in plugin token obo claim"},
		"at another plugin":                  {"/api/search/query", sign(""), identity.Principal{}, "Failed plugin token verification"},
		"a user token in a plugin's clothes": {"/api/catalog/entities", signJWS(t, jose.ES256, key, "theirs", token.TypePlugin, claimsOf(`"sub":"user:default/root","aud":"backstage"`)), identity.Principal{}, "Failed plugin token verification"},
	} {
		got, err := call(a, tc.path, "Bearer "+tc.token, "")
		if (err == nil) != (tc.err == "") || (err != nil && err.Error() != tc.err) {
			t.Errorf("%s: error %v, want %q", name, err, tc.err)
			continue
		}
		if tc.want.Kind == identity.Service {
			tc.want.Token = tc.token
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
