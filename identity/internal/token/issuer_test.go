package token_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// memoryKeys is a key store shared by the replicas of a test.
type memoryKeys struct {
	mu      sync.Mutex
	keys    map[string][]byte
	expires map[string]time.Time
}

func newMemoryKeys() *memoryKeys {
	return &memoryKeys{keys: map[string][]byte{}, expires: map[string]time.Time{}}
}

func (m *memoryKeys) AddKey(_ context.Context, kid string, jwk []byte, expires time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[kid], m.expires[kid] = jwk, expires
	return nil
}

func (m *memoryKeys) Keys(_ context.Context, now time.Time) ([][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out [][]byte
	for kid, k := range m.keys {
		if now.Before(m.expires[kid]) {
			out = append(out, k)
		}
	}
	return out, nil
}

type clock struct{ now time.Time }

func newReplica(keys token.KeyStore, c *clock, name string) *token.Issuer {
	n := 0
	return token.New(token.Deps{
		Keys: keys, Clock: func() time.Time { return c.now },
		NewID:         func() string { n++; return fmt.Sprintf("%s-%d", name, n) },
		BaseURL:       func() string { return "https://portal.example.com/api/auth" },
		Life:          func() time.Duration { return time.Hour },
		WithOwnership: func() bool { return false },
	})
}

func decode(t *testing.T, part string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestUser_CarriesTheClaimsOfTheContract(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1_800_000_000, 500)}
	issued, err := newReplica(newMemoryKeys(), c, "a").User(t.Context(), token.User{Ref: "user:default/jane", Ownership: []string{"group:default/x"}})
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(issued.Token, ".")
	if diff := cmp.Diff(map[string]any{"typ": "vnd.backstage.user", "alg": "ES256", "kid": "a-1"}, decode(t, parts[0])); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	claims := decode(t, parts[1])
	if claims["uip"] == "" {
		t.Error("no uip claim")
	}
	delete(claims, "uip")
	want := map[string]any{"iss": "https://portal.example.com/api/auth", "sub": "user:default/jane", "aud": "backstage", "iat": 1.8e9, "exp": 1.8e9 + 3600}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("claims (-want +got); ownership must not be in the token by default:\n%s", diff)
	}
}

func TestVerify_AcceptsWhatAnotherReplicaSigned(t *testing.T) {
	t.Parallel()
	c, keys := &clock{time.Unix(1_800_000_000, 0)}, newMemoryKeys()
	a, b := newReplica(keys, c, "a"), newReplica(keys, c, "b")
	issued, err := a.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Verify(t.Context(), issued.Token)
	if err != nil || got.Subject != "user:default/jane" || got.Limited {
		t.Errorf("Verify gave %+v, %v", got, err)
	}
	limited, expires, err := token.Limited(issued.Token)
	if err != nil || !expires.Equal(issued.Expires) {
		t.Fatalf("Limited gave %v, %v", expires, err)
	}
	if got, err := b.Verify(t.Context(), limited); err != nil || !got.Limited || got.Subject != "user:default/jane" {
		t.Errorf("the limited token verifies as %+v, %v", got, err)
	}
}

func TestVerify_RefusesForgedExpiredAndForeignTokens(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1_800_000_000, 0)}
	issuer := newReplica(newMemoryKeys(), c, "a")
	issued, err := issuer.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := newReplica(newMemoryKeys(), c, "z").User(t.Context(), token.User{Ref: "user:default/root"})
	if err != nil {
		t.Fatal(err)
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"vnd.backstage.user","alg":"none"}`)) + strings.TrimPrefix(issued.Token[strings.Index(issued.Token, "."):], "") // same claims, no algorithm
	for name, tc := range map[string]struct{ token, want string }{
		"garbage":             {"not-a-token", "Illegal token"},
		"another type":        {base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT"}`)) + ".e30.x", "Illegal token"},
		"a cut signature":     {issued.Token[:len(issued.Token)-6] + "AAAAAA", "Failed user token verification"},
		"an unknown key":      {foreign.Token, "Failed user token verification"},
		"the algorithm none":  {none, "Failed user token verification"},
		"an overlong token":   {strings.Repeat("a", 40000) + ".b.c", "Illegal token"},
		"the empty signature": {issued.Token[:strings.LastIndex(issued.Token, ".")+1], "Failed user token verification"},
	} {
		if _, err := issuer.Verify(t.Context(), tc.token); err == nil || err.Error() != tc.want || !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
	}
	c.now = c.now.Add(time.Hour)
	if _, err := issuer.Verify(t.Context(), issued.Token); err == nil {
		t.Error("an expired token was accepted")
	}
}

func TestVerify_RemembersButNeverBeyondTheEnd(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1_800_000_000, 0)}
	issuer := newReplica(newMemoryKeys(), c, "a")
	first, err := issuer.User(t.Context(), token.User{Ref: "user:default/u0"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := issuer.Verify(t.Context(), first.Token); err != nil {
			t.Fatal(err)
		}
	}
	forged := first.Token[:len(first.Token)-4] + "AAAA"
	if _, err := issuer.Verify(t.Context(), forged); err == nil {
		t.Error("a forged token passes for the remembered one")
	}
	c.now = c.now.Add(time.Hour)
	if _, err := issuer.Verify(t.Context(), first.Token); err == nil {
		t.Error("a remembered token outlives its end")
	}
}

func TestKeys_RotateAndStayForThreeLives(t *testing.T) {
	t.Parallel()
	c, keys := &clock{time.Unix(1_800_000_000, 0)}, newMemoryKeys()
	issuer := newReplica(keys, c, "a")
	count := func() int {
		raw, err := issuer.JWKS(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var set struct{ Keys []map[string]any }
		if err := json.Unmarshal(raw, &set); err != nil {
			t.Fatal(err)
		}
		for _, k := range set.Keys {
			if k["kty"] != "EC" || k["crv"] != "P-256" || k["alg"] != "ES256" || k["d"] != nil {
				t.Errorf("published key %v", k)
			}
		}
		return len(set.Keys)
	}
	for i, want := range []int{1, 2, 3, 3} {
		if got := count(); got != want {
			t.Errorf("after %d h there are %d keys, want %d", i, got, want)
		}
		c.now = c.now.Add(time.Hour)
	}
}
