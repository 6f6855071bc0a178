package access_test

import (
	"context"
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

// everybody owns by itself and by the group of guests.
type everybody struct{}

func (everybody) Ownership(_ context.Context, ref string) ([]string, error) {
	return []string{ref, "group:default/guests"}, nil
}

// vault keeps keys in memory.
type vault struct{ keys [][]byte }

func (v *vault) AddKey(_ context.Context, _ string, jwk []byte, _ time.Time) error {
	v.keys = append(v.keys, jwk)
	return nil
}

func (v *vault) Keys(context.Context, time.Time) ([][]byte, error) { return v.keys, nil }

var noon = time.Unix(1_800_000_000, 0)

func newTokens(clock func() time.Time, kid string) *token.Issuer {
	return token.New(token.Deps{
		Keys: &vault{}, Clock: clock, NewID: func() string { return kid },
		BaseURL: func() string { return "https://portal.example.com/api/auth" },
		Life:    func() time.Duration { return time.Hour }, WithOwnership: func() bool { return false },
	})
}

// call authenticates a request with the Authorization header and the cookie.
func call(a *access.Authenticator, path, authorization, cookie string) (identity.Principal, error) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: access.CookieName, Value: cookie})
	}
	return a.Authenticate(r)
}

func TestAuthenticate_KnowsEveryFormOfCredentials(t *testing.T) {
	t.Parallel()
	tokens := newTokens(func() time.Time { return noon }, "own")
	a := access.NewAuthenticator(tokens, everybody{})
	a.SetCallers(callers(t, `[
		{"type": "static", "options": {"token": "static-token-1", "subject": "ci"}},
		{"type": "static", "options": {"token": "static-token-2", "subject": "reader"},
		 "accessRestrictions": [{"plugin": "catalog", "permissionAttribute": {"action": "read"}},
		                        {"plugin": "search", "permission": "search.a, search.b"}]}]`, ""))
	user, err := tokens.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	limited, _, err := token.Limited(user.Token)
	if err != nil {
		t.Fatal(err)
	}
	plugins := map[string]string{}
	for name, c := range map[string]token.Call{
		"alone": {Source: "search", Target: "catalog"}, "for a user": {Source: "search", Target: "catalog", OnBehalfOf: user.Token},
		"for a limited user": {Source: "search", Target: "catalog", OnBehalfOf: limited},
	} {
		issued, err := tokens.Plugin(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		plugins[name] = issued.Token
	}
	jane := identity.Principal{Kind: identity.User, Subject: "user:default/jane", Ownership: []string{"user:default/jane", "group:default/guests"}}
	with := func(p identity.Principal, change func(*identity.Principal)) identity.Principal { change(&p); return p }
	janeByToken := with(jane, func(p *identity.Principal) { p.Token = user.Token })
	janeLimited := with(jane, func(p *identity.Principal) { p.Token, p.Limited = limited, true })
	janeVia := with(jane, func(p *identity.Principal) { p.Token, p.Via = limited, "search" })
	for name, tc := range map[string]struct {
		path, authorization, cookie string
		want                        identity.Principal
		err                         string
	}{
		"no credentials":                   {},
		"a user token":                     {authorization: "Bearer " + user.Token, want: janeByToken},
		"the scheme in another case":       {authorization: "bEARER " + user.Token, want: janeByToken},
		"several blanks":                   {authorization: "Bearer   " + user.Token, want: janeByToken},
		"another scheme is no credentials": {authorization: "Basic Zm9v"},
		"an empty bearer":                  {authorization: "Bearer "},
		"a bearer of two words":            {authorization: "Bearer a b"},
		"garbage":                          {authorization: "Bearer nope", err: "Illegal token"},
		"a static token":                   {authorization: "Bearer static-token-1", want: identity.Principal{Kind: identity.Service, Subject: "ci", Token: "static-token-1"}},
		"a static token in another case":   {authorization: "Bearer Static-token-1", err: "Illegal token"},
		"a restricted static token": {authorization: "Bearer static-token-2", want: identity.Principal{
			Kind: identity.Service, Subject: "reader", Token: "static-token-2",
			Access: []identity.Access{{Plugin: "catalog", Actions: []string{"read"}}, {Plugin: "search", Permissions: []string{"search.a", "search.b"}}},
		}},
		"the cookie":                     {cookie: limited, want: janeLimited},
		"a stale cookie":                 {cookie: "old"},
		"the header over cookie":         {authorization: "Bearer " + user.Token, cookie: limited, want: janeByToken},
		"a bad header over a cookie":     {authorization: "Bearer nope", cookie: limited, err: "Illegal token"},
		"a limited token as a bearer":    {authorization: "Bearer " + limited, err: "Illegal limited user token"},
		"a plugin":                       {path: "/api/catalog/entities", authorization: "Bearer " + plugins["alone"], want: identity.Principal{Kind: identity.Service, Subject: "plugin:search", Token: plugins["alone"]}},
		"a plugin at another's route":    {path: "/api/scaffolder/v2/tasks", authorization: "Bearer " + plugins["alone"], err: "Failed plugin token verification"},
		"a plugin outside of the API":    {path: "/catalog", authorization: "Bearer " + plugins["alone"], err: "Failed plugin token verification"},
		"a plugin for a user":            {path: "/api/catalog/entities", authorization: "Bearer " + plugins["for a user"], want: janeVia},
		"a plugin for a limited user":    {path: "/api/catalog", authorization: "Bearer " + plugins["for a limited user"], want: janeVia},
		"a plugin token is not a cookie": {path: "/api/catalog", cookie: plugins["for a user"]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.path == "" {
				tc.path = "/api/catalog/entities"
			}
			got, err := call(a, tc.path, tc.authorization, tc.cookie)
			if (err == nil) != (tc.err == "") || (err != nil && (err.Error() != tc.err || !fault.Is(err, fault.Unauthenticated))) {
				t.Fatalf("error %v, want %q", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("principal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDelegate_PassesOnWhatMayBePassedOn(t *testing.T) {
	t.Parallel()
	tokens := newTokens(func() time.Time { return noon }, "own")
	a := access.NewAuthenticator(tokens, everybody{})
	user, err := tokens.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	restricted := identity.Principal{Kind: identity.Service, Subject: "ci", Access: []identity.Access{{Plugin: "catalog"}, {Plugin: "search", Actions: []string{"read"}}}}
	for name, tc := range map[string]struct {
		who     identity.Principal
		target  string
		kind    identity.Kind
		subject string
		code    fault.Code
	}{
		"a user":                            {who: identity.Principal{Kind: identity.User, Token: user.Token}, target: "catalog", kind: identity.User, subject: "user:default/jane"},
		"the portal itself":                 {who: identity.System("search"), target: "catalog", kind: identity.Service, subject: "plugin:search"},
		"a caller restricted to the plugin": {who: restricted, target: "catalog", kind: identity.Service, subject: "plugin:search"},
		"a caller restricted within it":     {who: restricted, target: "search", code: fault.Forbidden},
		"a caller restricted to others":     {who: restricted, target: "scaffolder", code: fault.Forbidden},
		"a user by a caller restricted to others": {
			who: identity.Principal{Kind: identity.User, Token: user.Token, Via: "ci", Access: restricted.Access}, target: "scaffolder", code: fault.Forbidden,
		},
		"a user by a caller restricted within it": {
			who: identity.Principal{Kind: identity.User, Token: user.Token, Via: "ci", Access: restricted.Access}, target: "search", code: fault.Forbidden,
		},
		"nobody":                 {target: "catalog", code: fault.Unauthenticated},
		"a user without a token": {who: identity.Principal{Kind: identity.User}, target: "catalog", code: fault.Internal},
		"what is no plugin":      {who: identity.System("search"), target: "../catalog", code: fault.Invalid},
	} {
		issued, err := access.Delegate(t.Context(), tokens, tc.who, "search", tc.target)
		if fault.CodeOf(err) != tc.code {
			t.Errorf("%s: error %v, want code %q", name, err, tc.code)
			continue
		}
		if err != nil {
			continue
		}
		// And again by who was called: on behalf of the user, one plugin on.
		p, err := call(a, "/api/"+tc.target+"/x", "Bearer "+issued.Token, "")
		if err != nil || p.Kind != tc.kind || p.Subject != tc.subject {
			t.Errorf("%s: the token stands for %+v, %v", name, p, err)
			continue
		}
		again, err := access.Delegate(t.Context(), tokens, p, tc.target, "scaffolder")
		if err != nil {
			t.Errorf("%s: passing it on: %v", name, err)
			continue
		}
		if p, err = call(a, "/api/scaffolder/x", "Bearer "+again.Token, ""); err != nil || p.Kind != tc.kind {
			t.Errorf("%s: passed on it stands for %+v, %v", name, p, err)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	tokens := newTokens(func() time.Time { return noon }, "own")
	a := access.NewAuthenticator(tokens, everybody{})
	user, err := tokens.User(b.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/api/catalog/entities", nil)
	r.Header.Set("Authorization", "Bearer "+user.Token)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(r); err != nil {
			b.Fatal(err)
		}
	}
}
