package resolve_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/catalogtest"
	"github.com/stagedoor/stagedoor/identity/internal/resolve"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// person is a User entity. More are pairs of annotations, or email and address.
func person(ref string, more ...string) catalog.Entity {
	r := catalog.MustRef(ref)
	e := catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": "User",
		"metadata": map[string]any{"name": r.Name, "namespace": r.Namespace, "annotations": map[string]any{}},
		"spec":     map[string]any{"memberOf": []any{}, "profile": map[string]any{}},
	}
	for i := 0; i < len(more); i += 2 {
		if more[i] == "email" {
			e.Spec()["profile"].(map[string]any)["email"] = more[i+1]
			continue
		}
		e.SetAnnotation(more[i], more[i+1])
	}
	return e
}

// related adds relations, type and target by turns.
func related(e catalog.Entity, pairs ...string) catalog.Entity {
	var out []any
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, map[string]any{"type": pairs[i], "targetRef": pairs[i+1]})
	}
	e["relations"] = out
	return e
}

func group(ref string, parents ...string) catalog.Entity {
	r := catalog.MustRef(ref)
	e := catalog.Entity{"kind": "Group", "metadata": map[string]any{"name": r.Name, "namespace": r.Namespace}}
	var pairs []string
	for _, p := range parents {
		pairs = append(pairs, "childOf", p)
	}
	return related(e, pairs...)
}

func people() *catalogtest.Catalog {
	return catalogtest.New(
		related(person("user:default/jane", "email", "Jane@Acme.example", "github.com/user-id", "MDQ6VXNlcjE=", "google.com/email", "jane@acme.example"),
			"memberOf", "group:default/web", "ownerOf", "component:default/x", "memberOf", "group:default/web", "memberOf", "user:default/odd"),
		person("user:backstage/jane", "email", "jane@other.example"),
		person("user:default/twin-a", "email", "twin@acme.example", "okta.com/email", "twin@acme.example"),
		person("user:default/twin-b", "email", "Twin@acme.example", "okta.com/email", "twin@acme.example"),
		person("user:default/kim", "email", "kim@acme.example"),
		person("user:default/4711"),
		person("user:default/lab", "gitlab.acme.example/user-id", "4711"),
		person("user:default/iap", "google.com/user-id", "987"),
		person("user:default/okta", "okta.com/email", "o@acme.example"),
		person("user:default/ms", "microsoft.com/email", "ms@acme.example", "graph.microsoft.com/user-id", "oid-1"),
		person("user:default/bucket", "bitbucket.org/user-id", "{b}", "bitbucket.org/username", "Bucket"),
		person("user:default/cloak", "keycloak.org/id", "kc-1", "pingidentity.org/id", "pi-1", "backstage.io/ldap-uuid", "ld-1"),
		group("group:default/web", "group:default/it"),
		group("group:default/it", "group:default/all", "group:default/web"),
		group("group:default/all"),
		catalog.Entity{"kind": "Component", "metadata": map[string]any{"name": "x"}, "spec": map[string]any{"profile": map[string]any{"email": "x@acme.example"}}},
	)
}

func resolver(t *testing.T, log *bytes.Buffer, c resolve.Config) *resolve.Resolver {
	t.Helper()
	known := people()
	r := &resolve.Resolver{Catalog: func() catalog.Reader { return known }}
	if log != nil {
		r.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	r.Set(c)
	return r
}

func with(provider string, entries ...resolve.Entry) resolve.Config {
	return resolve.Config{Providers: map[string][]resolve.Entry{provider: entries}}
}

func TestResolve_EveryResolverFindsItsUser(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		provider, resolver string
		account            signin.Account
		want               string
	}{
		{"oidc", "emailMatchingUserEntityProfileEmail", signin.Account{Email: "jane@acme.example"}, "user:default/jane"},
		{"oidc", "emailMatchingUserEntityProfileEmail", signin.Account{Email: "jane+work@acme.example"}, "user:default/jane"},
		{"oidc", "emailLocalPartMatchingUserEntityName", signin.Account{Email: "JANE@anywhere.example"}, "user:default/jane"},
		{"acme-sso", "usernameMatchingUserEntityName", signin.Account{Username: "Jane"}, "user:default/jane"},
		{"github", "usernameMatchingUserEntityName", signin.Account{Username: "jane"}, "user:default/jane"},
		{"github", "userIdMatchingUserEntityAnnotation", signin.Account{ID: "1", Claims: map[string]any{"node_id": "MDQ6VXNlcjE="}}, "user:default/jane"},
		{"gitlab", "userIdMatchingUserEntityAnnotation", signin.Account{ID: "4711", Claims: map[string]any{"web_url": "https://gitlab.acme.example/jane"}}, "user:default/lab"},
		{"google", "emailMatchingUserEntityAnnotation", signin.Account{Email: "jane@acme.example"}, "user:default/jane"},
		{"gcpIap", "emailMatchingUserEntityAnnotation", signin.Account{Email: "jane@acme.example"}, "user:default/jane"},
		{"gcpIap", "idMatchingUserEntityAnnotation", signin.Account{ID: "accounts.google.com:987"}, "user:default/iap"},
		{"microsoft", "emailMatchingUserEntityAnnotation", signin.Account{Email: "ms@acme.example"}, "user:default/ms"},
		{"microsoft", "userIdMatchingUserEntityAnnotation", signin.Account{ID: "oid-1"}, "user:default/ms"},
		{"azureEasyAuth", "idMatchingUserEntityAnnotation", signin.Account{ID: "oid-1"}, "user:default/ms"},
		{"okta", "emailMatchingUserEntityAnnotation", signin.Account{Email: "o@acme.example"}, "user:default/okta"},
		{"bitbucket", "userIdMatchingUserEntityAnnotation", signin.Account{ID: "{b}"}, "user:default/bucket"},
		{"bitbucket", "usernameMatchingUserEntityAnnotation", signin.Account{Username: "bucket"}, "user:default/bucket"},
		{"openshift", "displayNameMatchingUserEntityName", signin.Account{Profile: signin.Profile{DisplayName: "kim"}}, "user:default/kim"},
		{"oidc", "preferredUsernameMatchingUserEntityName", signin.Account{Claims: map[string]any{"preferred_username": "kim"}}, "user:default/kim"},
		{"oidc", "oidcSubClaimMatchingKeycloakUserId", signin.Account{Claims: map[string]any{"sub": "kc-1"}}, "user:default/cloak"},
		{"oidc", "oidcSubClaimMatchingPingIdentityUserId", signin.Account{Claims: map[string]any{"sub": "pi-1"}}, "user:default/cloak"},
		{"oidc", "oidcLdapUuidMatchingAnnotation", signin.Account{Claims: map[string]any{"ldap_uuid": "ld-1"}}, "user:default/cloak"},
		{"oauth2Proxy", "forwardedUserMatchingUserEntityName", signin.Account{Headers: http.Header{"X-Forwarded-User": {"kim"}}}, "user:default/kim"},
		{"oauth2Proxy", "forwardedPreferredUsernameMatchingUserEntityName", signin.Account{Headers: http.Header{"X-Forwarded-Preferred-Username": {"kim"}}}, "user:default/kim"},
		{"oauth2Proxy", "oauth2ProxyUserHeaderMatchingUserEntityName", signin.Account{Headers: http.Header{"X-Forwarded-User": {"kim"}}}, "user:default/kim"},
	} {
		t.Run(tc.provider+" "+tc.resolver+" "+tc.want, func(t *testing.T) {
			t.Parallel()
			tc.account.Provider = tc.provider
			got, err := resolver(t, nil, with(tc.provider, resolve.Entry{Resolver: tc.resolver})).Resolve(t.Context(), tc.account)
			if err != nil || got.Ref != tc.want {
				t.Errorf("got %v, %v, want %s", got, err, tc.want)
			}
			_, err = resolver(t, nil, with(tc.provider, resolve.Entry{Resolver: tc.resolver})).Resolve(t.Context(), signin.Account{Provider: tc.provider})
			if !fault.Is(err, fault.Forbidden) {
				t.Errorf("an account that says nothing gave %v, want forbidden", err)
			}
		})
	}
}

func TestResolve_TellsNobodyWhoIsInTheCatalog(t *testing.T) {
	t.Parallel()
	email := resolve.Entry{Resolver: "emailMatchingUserEntityProfileEmail"}
	okta := resolve.Entry{Resolver: "emailMatchingUserEntityAnnotation"}
	var messages []string
	for name, tc := range map[string]struct {
		entry   resolve.Entry
		account signin.Account
		logged  []string
	}{
		"unknown":                    {email, signin.Account{Email: "nobody@acme.example"}, []string{"nobody@acme.example"}},
		"two users":                  {email, signin.Account{Email: "twin@acme.example"}, []string{"spec.profile.email", "user:default/twin-a", "user:default/twin-b"}},
		"two users by annotation":    {okta, signin.Account{Email: "twin@acme.example"}, []string{"okta.com/email", "user:default/twin-a"}},
		"another kind of entity":     {email, signin.Account{Email: "x@acme.example"}, []string{"x@acme.example"}},
		"a sign that is no k":        {email, signin.Account{Email: "\u212aim@acme.example"}, []string{"no such user"}},
		"a name that is no k either": {resolve.Entry{Resolver: "usernameMatchingUserEntityName"}, signin.Account{Username: "\u212aim"}, []string{"no such user"}},
		"a synthetic user with a name that refs cannot carry": {resolve.Entry{Resolver: "usernameMatchingUserEntityName", WithoutUser: true}, signin.Account{Username: "x/../kim"}, []string{"cannot be the name"}},
		"a synthetic user that would be somebody":             {resolve.Entry{Resolver: "emailMatchingUserEntityAnnotation", Synthetic: "emailLocalPart"}, signin.Account{Email: "kim@evil.example"}, []string{"user:default/kim"}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.account.Provider = "okta"
			var log bytes.Buffer
			_, err := resolver(t, &log, with("okta", tc.entry)).Resolve(t.Context(), tc.account)
			var refused *resolve.RefusedError
			if !fault.Is(err, fault.Forbidden) || !errors.As(err, &refused) {
				t.Fatalf("got %v, want a refusal", err)
			}
			messages = append(messages, err.Error())
			for _, want := range tc.logged {
				if !strings.Contains(log.String(), want) || !strings.Contains(refused.Detail(), want) {
					t.Errorf("log %s\ndetail %s\nwant both to say %s", log.String(), refused.Detail(), want)
				}
			}
		})
	}
	for _, m := range messages {
		if m != messages[0] || strings.Contains(m, "user:") {
			t.Errorf("the message differs by reason: %q and %q", messages[0], m)
		}
	}
}

func TestResolve_IdentifiersAreComparedWithRegardToCase(t *testing.T) {
	t.Parallel()
	r := resolver(t, nil, with("github", resolve.Entry{Resolver: "userIdMatchingUserEntityAnnotation"}))
	_, err := r.Resolve(t.Context(), signin.Account{Provider: "github", Claims: map[string]any{"node_id": "mdq6vxnlcje="}})
	if !fault.Is(err, fault.Forbidden) {
		t.Errorf("another id that differs by case gave %v, want forbidden", err)
	}
}

func TestResolve_TheFirstThatKnowsTheAccountDecides(t *testing.T) {
	t.Parallel()
	email, name := resolve.Entry{Resolver: "emailMatchingUserEntityProfileEmail"}, resolve.Entry{Resolver: "usernameMatchingUserEntityName"}
	strict := resolve.Entry{Resolver: "emailLocalPartMatchingUserEntityName", AllowedDomains: []string{"ACME.example"}}
	for what, tc := range map[string]struct {
		entries []resolve.Entry
		account signin.Account
		want    string // empty: refused
	}{
		"the first":                          {[]resolve.Entry{email, name}, signin.Account{Email: "jane@acme.example", Username: "kim"}, "user:default/jane"},
		"the second":                         {[]resolve.Entry{email, name}, signin.Account{Email: "nobody@acme.example", Username: "kim"}, "user:default/kim"},
		"an allowed domain":                  {[]resolve.Entry{strict}, signin.Account{Email: "kim@acme.Example"}, "user:default/kim"},
		"a refused domain ends it":           {[]resolve.Entry{strict, name}, signin.Account{Email: "kim@evil.example", Username: "kim"}, ""},
		"a subdomain is another":             {[]resolve.Entry{strict}, signin.Account{Email: "kim@sub.acme.example"}, ""},
		"a quoted address is no way in":      {[]resolve.Entry{strict}, signin.Account{Email: `kim@acme.example"@evil.example`}, ""},
		"a missing address ends it":          {[]resolve.Entry{email, name}, signin.Account{Username: "kim"}, ""},
		"an ambiguous one ends it":           {[]resolve.Entry{email, name}, signin.Account{Email: "twin@acme.example", Username: "kim"}, ""},
		"domains hold for every resolver":    {[]resolve.Entry{{Resolver: "usernameMatchingUserEntityName", AllowedDomains: []string{"acme.example"}}}, signin.Account{Email: "kim@evil.example", Username: "kim"}, ""},
		"the address nobody vouches for":     {[]resolve.Entry{email}, signin.Account{Profile: signin.Profile{Email: "jane@acme.example"}}, ""},
		"no resolver at all":                 {nil, signin.Account{Email: "jane@acme.example"}, ""},
		"a namespace for names":              {[]resolve.Entry{inNamespace(strict, "backstage")}, signin.Account{Email: "jane@acme.example"}, "user:backstage/jane"},
		"a namespace for addresses":          {[]resolve.Entry{inNamespace(email, "backstage")}, signin.Account{Email: "jane@other.example"}, "user:backstage/jane"},
		"an address of another namespace":    {[]resolve.Entry{inNamespace(email, "backstage")}, signin.Account{Email: "jane@acme.example"}, ""},
		"somebody new, by the address":       {[]resolve.Entry{synthetic(email, "true")}, signin.Account{Email: "New+tag@acme.example"}, "user:default/new@acme.example"},
		"somebody new, by the local part":    {[]resolve.Entry{synthetic(inNamespace(email, "guests"), "emailLocalPart")}, signin.Account{Email: "New@acme.example"}, "user:guests/new"},
		"somebody new, by the user name":     {[]resolve.Entry{synthetic(email, "username")}, signin.Account{Email: "new@acme.example", Username: "N.Ew"}, "user:default/n.ew"},
		"somebody known is not made anew":    {[]resolve.Entry{synthetic(email, "true")}, signin.Account{Email: "jane@acme.example"}, "user:default/jane"},
		"somebody new of the wrong domain":   {[]resolve.Entry{synthetic(strict, "true")}, signin.Account{Email: "new@evil.example"}, ""},
		"somebody new is made by the second": {[]resolve.Entry{email, synthetic(name, "true")}, signin.Account{Email: "new@acme.example", Username: "new"}, "user:default/new"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			tc.account.Provider = "oidc"
			got, err := resolver(t, nil, with("oidc", tc.entries...)).Resolve(t.Context(), tc.account)
			if tc.want == "" {
				if !fault.Is(err, fault.Forbidden) {
					t.Fatalf("got %v, %v, want forbidden", got, err)
				}
				return
			}
			if err != nil || got.Ref != tc.want {
				t.Errorf("got %v, %v, want %s", got, err, tc.want)
			}
			if len(got.Ownership) == 0 || got.Ownership[0] != tc.want {
				t.Errorf("the user does not own by itself: %v", got.Ownership)
			}
		})
	}
}

func inNamespace(e resolve.Entry, ns resolve.Namespace) resolve.Entry {
	e.UserNamespace = ns
	return e
}

func synthetic(e resolve.Entry, s resolve.Synthetic) resolve.Entry {
	e.Synthetic = s
	return e
}

func TestOwnership_IsTheUserItsGroupsAndWhatEverybodyGets(t *testing.T) {
	t.Parallel()
	everybody := resolve.Settings{DefaultOwnership: []resolve.OwnerRef{"group:backstage/default", "group:default/web"}}
	ancestry := resolve.Settings{Ownership: resolve.Ancestry}
	for name, tc := range map[string]struct {
		settings resolve.Settings
		user     string
		want     []string
	}{
		"direct groups":                  {resolve.Settings{}, "user:default/jane", []string{"user:default/jane", "group:default/web"}},
		"written otherwise":              {resolve.Settings{}, "Jane", []string{"user:default/jane", "group:default/web"}},
		"what everybody gets, once":      {everybody, "user:default/jane", []string{"user:default/jane", "group:default/web", "group:backstage/default"}},
		"all above, in spite of a cycle": {ancestry, "user:default/jane", []string{"user:default/jane", "group:default/web", "group:default/it", "group:default/all"}},
		"somebody new":                   {everybody, "user:default/new", []string{"user:default/new", "group:backstage/default", "group:default/web"}},
		"what is no ref":                 {everybody, "user:/x", []string{"user:/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := resolver(t, nil, resolve.Config{Settings: tc.settings})
			got, err := r.OwnershipOf(t.Context(), tc.user)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOwnership_OfAChainWithoutEndIsBounded(t *testing.T) {
	t.Parallel()
	known := catalogtest.New(related(person("user:default/deep"), "memberOf", "group:default/g0"))
	for i := range 100 {
		known.Put(group(fmt.Sprintf("group:default/g%d", i), fmt.Sprintf("group:default/g%d", i+1)))
	}
	var wide []string
	for i := range 3000 {
		wide = append(wide, "childOf", fmt.Sprintf("group:default/w%d", i))
	}
	known.Put(related(person("user:default/wide"), "memberOf", "group:default/hub"), related(group("group:default/hub"), wide...))
	r := &resolve.Resolver{Catalog: func() catalog.Reader { return known }}
	r.Set(resolve.Config{Settings: resolve.Settings{Ownership: resolve.Ancestry}})
	for user, most := range map[string]int{"user:default/deep": 40, "user:default/wide": 1000} {
		got, err := r.OwnershipOf(t.Context(), user)
		if err != nil || len(got) > most || len(got) < 30 {
			t.Errorf("%s owns by %d refs (%v), want no more than %d", user, len(got), err, most)
		}
	}
}

// The settings of a sign-in are those of the resolver that found the user.
func TestResolve_SettingsComeFromTheResolverThatDecided(t *testing.T) {
	t.Parallel()
	e := resolve.Entry{
		Resolver: "usernameMatchingUserEntityName",
		Settings: resolve.Settings{DefaultOwnership: []resolve.OwnerRef{}}.Or(resolve.Settings{
			UserNamespace: "default", DefaultOwnership: []resolve.OwnerRef{"group:default/everybody"}, Ownership: resolve.Ancestry,
		}),
	}
	got, err := resolver(t, nil, with("github", e)).Resolve(t.Context(), signin.Account{Provider: "github", Username: "jane"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"user:default/jane", "group:default/web", "group:default/it", "group:default/all"}
	if diff := cmp.Diff(want, got.Ownership); diff != "" {
		t.Errorf("an empty list takes away what outer settings give (-want +got):\n%s", diff)
	}
}

func TestResolve_EveryEnvironmentHasItsOwnResolvers(t *testing.T) {
	t.Parallel()
	name := []resolve.Entry{{Resolver: "usernameMatchingUserEntityName"}}
	r := resolver(t, nil, resolve.Config{Providers: map[string][]resolve.Entry{resolve.Key("github", "production"): name, resolve.Key("okta", ""): name}})
	for _, tc := range []struct {
		provider, env string
		known         bool
	}{{"github", "production", true}, {"github", "development", false}, {"github", "", false}, {"okta", "", true}, {"okta", "production", false}} {
		_, err := r.Resolve(t.Context(), signin.Account{Provider: tc.provider, Env: tc.env, Username: "kim"})
		if tc.known != (err == nil) || !tc.known && !errors.Is(err, signin.ErrNoResolver) {
			t.Errorf("%s in %q: %v, want it to be known: %v", tc.provider, tc.env, err, tc.known)
		}
	}
}
