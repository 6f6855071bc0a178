package access_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/access"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
)

type tokens map[string]token.Verified

func (f tokens) Verify(_ context.Context, t string) (token.Verified, error) {
	if v, ok := f[t]; ok {
		return v, nil
	}
	return token.Verified{}, fault.New(fault.Unauthenticated, "Illegal token")
}

func (tokens) Ownership(_ context.Context, ref string) ([]string, error) {
	return []string{ref, "group:default/guests"}, nil
}

const externalAccess = `[
  {"type": "static", "options": {"token": "static-token-1", "subject": "ci"}},
  {"type": "static", "options": {"token": "static-token-2", "subject": "reader"},
   "accessRestrictions": [{"plugin": "catalog", "permissionAttribute": {"action": "read"}},
                          {"plugin": "search", "permission": "search.a, search.b"}]}]`

func newAuthenticator(t *testing.T) *access.Authenticator {
	t.Helper()
	var configs []access.ExternalConfig
	if err := json.Unmarshal([]byte(externalAccess), &configs); err != nil {
		t.Fatal(err)
	}
	callers, err := access.NewCallers(configs)
	if err != nil {
		t.Fatal(err)
	}
	f := tokens{
		"user-token":    {Subject: "user:default/jane", Expires: time.Now().Add(time.Hour)},
		"limited-token": {Subject: "user:default/jane", Limited: true},
	}
	a := access.NewAuthenticator(f, f)
	a.SetCallers(callers)
	return a
}

func TestAuthenticate_KnowsEveryFormOfCredentials(t *testing.T) {
	t.Parallel()
	jane := identity.Principal{Kind: identity.User, Subject: "user:default/jane", Ownership: []string{"user:default/jane", "group:default/guests"}}
	a := newAuthenticator(t)
	for name, tc := range map[string]struct {
		authorization, cookie string
		want                  identity.Principal
		err                   string
	}{
		"no credentials":                   {},
		"a user token":                     {authorization: "Bearer user-token", want: jane},
		"the scheme in another case":       {authorization: "bearer user-token", want: jane},
		"another scheme is no credentials": {authorization: "Basic Zm9v"},
		"an empty bearer":                  {authorization: "Bearer "},
		"garbage":                          {authorization: "Bearer nope", err: "Illegal token"},
		"a static token":                   {authorization: "Bearer static-token-1", want: identity.Principal{Kind: identity.Service, Subject: "ci"}},
		"a restricted static token": {authorization: "Bearer static-token-2", want: identity.Principal{
			Kind: identity.Service, Subject: "reader",
			Access: []identity.Access{{Plugin: "catalog", Actions: []string{"read"}}, {Plugin: "search", Permissions: []string{"search.a", "search.b"}}},
		}},
		"the cookie":             {cookie: "limited-token", want: identity.Principal{Kind: identity.User, Subject: jane.Subject, Ownership: jane.Ownership, Limited: true}},
		"a stale cookie":         {cookie: "old"},
		"the header over cookie": {authorization: "Bearer user-token", cookie: "limited-token", want: jane},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if tc.authorization != "" {
				r.Header.Set("Authorization", tc.authorization)
			}
			if tc.cookie != "" {
				r.AddCookie(&http.Cookie{Name: access.CookieName, Value: tc.cookie})
			}
			got, err := a.Authenticate(r)
			if (err == nil) != (tc.err == "") || (err != nil && err.Error() != tc.err) {
				t.Fatalf("error %v, want %q", err, tc.err)
			}
			got.Token = ""
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("principal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewCallers_RefusesWhatWouldFailSilently(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"a short token":                `[{"type":"static","options":{"token":"short","subject":"ci"}}]`,
		"no subject":                   `[{"type":"static","options":{"token":"long-enough"}}]`,
		"an unknown type":              `[{"type":"magic","options":{}}]`,
		"a restriction without plugin": `[{"type":"static","options":{"token":"long-enough","subject":"ci"},"accessRestrictions":[{}]}]`,
	} {
		var configs []access.ExternalConfig
		if err := json.Unmarshal([]byte(in), &configs); err != nil {
			t.Fatal(err)
		}
		if _, err := access.NewCallers(configs); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want an error with code invalid", name, err)
		}
	}
}
