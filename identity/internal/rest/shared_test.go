package rest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/rest"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

// shelf is a key store.
type shelf struct{ keys [][]byte }

func (s *shelf) AddKey(_ context.Context, _ string, jwk []byte, _ time.Time) error {
	s.keys = append(s.keys, jwk)
	return nil
}

func (s *shelf) Keys(context.Context, time.Time) ([][]byte, error) { return s.keys, nil }

// routes collects what is registered.
type routes map[string]func(http.ResponseWriter, *http.Request) error

func (r routes) Handle(pattern string, access plugin.Access, h func(http.ResponseWriter, *http.Request) error) {
	r[pattern+" "+map[plugin.Access]string{plugin.UsersOnly: "users", plugin.Unauthenticated: "anyone"}[access]] = h
}

var noon = time.Unix(1_800_000_000, 0)

// shared returns the routes of every plugin, for a portal at the address, and
// its tokens.
func shared(base string) (routes, *token.Issuer) {
	issuer := token.New(token.Deps{
		Keys: &shelf{}, Clock: func() time.Time { return noon }, NewID: func() string { return "k1" },
		BaseURL: func() string { return base + "/api/auth" },
		Life:    func() time.Duration { return time.Hour }, WithOwnership: func() bool { return false },
	})
	found := routes{}
	(&rest.REST{Issuer: issuer, BaseURL: func() string { return base }}).RegisterShared(found)
	return found, issuer
}

// attributes are the attributes of the Set-Cookie header, sorted out.
func attributes(header string) (value string, rest []string) {
	parts := strings.Split(header, "; ")
	return strings.TrimPrefix(parts[0], "backstage-auth="), parts[1:]
}

func TestCookie_HasTheFlagsThatBrowsersKeep(t *testing.T) {
	t.Parallel()
	const expires, gone = "Expires=Fri, 15 Jan 2027 09:00:00 GMT", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"
	for name, tc := range map[string]struct {
		base          string
		before, after []string
	}{
		"on localhost":     {"http://localhost:7007", []string{"Domain=localhost", "Path=/"}, []string{"HttpOnly", "Secure", "Priority=High", "SameSite=None"}},
		"behind https":     {"https://portal.example.com/x", []string{"Domain=portal.example.com", "Path=/"}, []string{"HttpOnly", "Secure", "Priority=High", "SameSite=None"}},
		"without https":    {"http://portal.example.com", []string{"Domain=portal.example.com", "Path=/"}, []string{"HttpOnly", "Priority=High", "SameSite=Lax"}},
		"at an IP address": {"http://127.0.0.1:7007", []string{"Path=/"}, []string{"HttpOnly", "Priority=High", "SameSite=Lax"}},
	} {
		found, issuer := shared(tc.base)
		user, err := issuer.User(t.Context(), token.User{Ref: "user:default/jane"})
		if err != nil {
			t.Fatal(err)
		}
		limited, _, err := token.Limited(user.Token)
		if err != nil {
			t.Fatal(err)
		}
		// The user's own token, and the limited one that came in a plugin's.
		for _, bearer := range []string{user.Token, limited} {
			r := httptest.NewRequest(http.MethodGet, "/api/techdocs/.backstage/auth/v1/cookie", nil)
			r = r.WithContext(identity.NewContext(r.Context(), identity.Principal{Kind: identity.User, Subject: "user:default/jane", Token: bearer}))
			w := httptest.NewRecorder()
			if err := found["GET /.backstage/auth/v1/cookie users"](w, r); err != nil {
				t.Fatal(err)
			}
			value, flags := attributes(w.Header().Get("Set-Cookie"))
			want := append(append(append([]string{}, tc.before...), expires), tc.after...)
			if diff := cmp.Diff(want, flags); value != limited || diff != "" {
				t.Errorf("%s: the cookie holds the limited token: %v; flags (-want +got):\n%s", name, value == limited, diff)
			}
			if got, want := strings.TrimSpace(w.Body.String()), `{"expiresAt":"2027-01-15T09:00:00.000Z"}`; got != want {
				t.Errorf("%s: body %s, want %s", name, got, want)
			}
		}
		w := httptest.NewRecorder()
		if err := found["DELETE /.backstage/auth/v1/cookie anyone"](w, httptest.NewRequest(http.MethodDelete, "/", nil)); err != nil {
			t.Fatal(err)
		}
		value, flags := attributes(w.Header().Get("Set-Cookie"))
		want := append(append(append([]string{}, tc.before...), gone), tc.after...)
		if diff := cmp.Diff(want, flags); w.Code != http.StatusNoContent || value != "" || diff != "" {
			t.Errorf("%s: the way out: status %d, value %q, flags (-want +got):\n%s", name, w.Code, value, diff)
		}
	}
}

func TestJWKS_LooksAsThatOfARealBackstage(t *testing.T) {
	t.Parallel()
	recorded, ok := plugintest.Golden(t, "auth/plugin-jwks-catalog")
	if !ok {
		t.Fatal("the recorded key set is gone")
	}
	found, _ := shared("http://localhost:7007")
	w := httptest.NewRecorder()
	if err := found["GET /.backstage/auth/v1/jwks.json anyone"](w, httptest.NewRequest(http.MethodGet, "/api/catalog/.backstage/auth/v1/jwks.json", nil)); err != nil {
		t.Fatal(err)
	}
	var body any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shape(recorded.Response.Body), shape(body)); diff != "" {
		t.Errorf("keys (-want +got), where coordinates and ids are only compared by length:\n%s", diff)
	}
}

// shape replaces what is different in every key set.
func shape(v any) any {
	key := v.(map[string]any)["keys"].([]any)[0].(map[string]any)
	out := map[string]any{}
	for name, value := range key {
		switch name {
		case "x", "y":
			out[name] = len(value.(string))
		case "kid":
			out[name] = value != ""
		default:
			out[name] = value
		}
	}
	return out
}
