package identityplugin

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity/internal/resolve"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/plugin"
)

// fromYAML loads app-config.yaml with the text.
func fromYAML(t *testing.T, text string) plugin.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app-config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(t.Context(), config.Sources{Paths: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	return c.Live()
}

func TestReadResolvers_TheInnermostSettingWins(t *testing.T) {
	t.Parallel()
	got, err := readResolvers(fromYAML(t, `
stagedoor:
  auth:
    userNamespace: backstage
    defaultOwnership: [group:backstage/default, staff]
    ownership: ancestry
auth:
  providers:
    guest: {}
    github:
      production:
        clientId: x
        signIn:
          userNamespace: forge
          resolvers:
            - resolver: usernameMatchingUserEntityName
            - resolver: emailLocalPartMatchingUserEntityName
              allowedDomains: [acme.example]
              userNamespace: mail
              defaultOwnership: []
              ownership: direct
              syntheticUser: emailLocalPart
      development:
        clientId: y
    keycloak:
      production:
        signIn: {resolvers: [{resolver: oidcSubClaimMatchingKeycloakUserId, dangerouslyAllowSignInWithoutUserInCatalog: true}]}
    oauth2Proxy:
      signIn:
        resolvers: [{resolver: forwardedUserMatchingUserEntityName, syntheticUser: true}]
`), "production")
	if err != nil {
		t.Fatal(err)
	}
	everybody := []resolve.OwnerRef{"group:backstage/default", "group:default/staff"}
	outer := resolve.Settings{UserNamespace: "backstage", DefaultOwnership: everybody, Ownership: resolve.Ancestry}
	forge := resolve.Settings{UserNamespace: "forge", DefaultOwnership: everybody, Ownership: resolve.Ancestry}
	github := []resolve.Entry{
		{Resolver: "usernameMatchingUserEntityName", Settings: forge},
		{
			Resolver: "emailLocalPartMatchingUserEntityName", AllowedDomains: []string{"acme.example"}, Synthetic: "emailLocalPart",
			Settings: resolve.Settings{UserNamespace: "mail", DefaultOwnership: []resolve.OwnerRef{}, Ownership: resolve.Direct},
		},
	}
	keycloak := []resolve.Entry{{Resolver: "oidcSubClaimMatchingKeycloakUserId", WithoutUser: true, Settings: outer}}
	want := resolve.Config{Settings: outer, Providers: map[string][]resolve.Entry{
		"github": github, "github/production": github, "keycloak": keycloak, "keycloak/production": keycloak,
		"oauth2Proxy": {{Resolver: "forwardedUserMatchingUserEntityName", Synthetic: "true", Settings: outer}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadResolvers_SaysWhereAndWhatIsWrong(t *testing.T) {
	t.Parallel()
	github := func(entry string) string {
		return "auth:\n  providers:\n    github:\n      production:\n        signIn:\n          resolvers:\n            - resolver: usernameMatchingUserEntityName\n            - " + entry + "\n"
	}
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"an unknown resolver": {github("resolver: nameMatching"), []string{
			"app-config.yaml:8:", "auth.providers.github.production.signIn.resolvers[1].resolver", "Sign-in resolver 'nameMatching' is not available",
			"userIdMatchingUserEntityAnnotation", "emailMatchingUserEntityProfileEmail",
		}},
		"no resolver":                {github("{}"), []string{"resolvers[1].resolver", "usernameMatchingUserEntityName"}},
		"another provider's":         {github("resolver: forwardedUserMatchingUserEntityName"), []string{"app-config.yaml:8:", "github has"}},
		"a bad namespace":            {github("{resolver: usernameMatchingUserEntityName, userNamespace: Not/One}"), []string{"app-config.yaml:8:", "resolvers[1].userNamespace", "Not/One"}},
		"a bad ref":                  {github("{resolver: usernameMatchingUserEntityName, defaultOwnership: ['group:a/b', 'group:/x']}"), []string{"app-config.yaml:8:", "resolvers[1].defaultOwnership[1]", "group:/x"}},
		"a ref with odd letters":     {"stagedoor: {auth: {defaultOwnership: ['group:default/a b']}}", []string{"app-config.yaml:1:", "stagedoor.auth.defaultOwnership[0]"}},
		"a bad mode":                 {"stagedoor: {auth: {ownership: all}}", []string{"stagedoor.auth.ownership", "direct", "ancestry"}},
		"a bad synthetic user":       {github("{resolver: usernameMatchingUserEntityName, syntheticUser: nickname}"), []string{"app-config.yaml:8:", "syntheticUser", "emailLocalPart"}},
		"domains that are no list":   {github("{resolver: usernameMatchingUserEntityName, allowedDomains: {a: b}}"), []string{"app-config.yaml:8:", "allowedDomains"}},
		"a gateway without resolver": {"auth: {providers: {oauth2Proxy: {}}}", []string{"auth.providers.oauth2Proxy.signIn.resolvers", "No sign-in resolver configured for proxy auth provider 'oauth2Proxy'", "forwardedUserMatchingUserEntityName"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readResolvers(fromYAML(t, tc.text), "production")
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("got %v, want an error with code invalid", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not say %s", err, want)
				}
			}
		})
	}
}

func TestResolvers_FollowTheConfigurationAndKeepTheLastGoodOne(t *testing.T) {
	t.Parallel()
	config := func(resolver, ownership string) map[string]any {
		c := provider(map[string]any{"providers": map[string]any{"oauth2Proxy": map[string]any{"signIn": map[string]any{"resolvers": []any{
			map[string]any{"resolver": resolver, "syntheticUser": true},
		}}}}})
		c["stagedoor"] = map[string]any{"auth": map[string]any{"defaultOwnership": []any{ownership}}}
		return c
	}
	i, h := newIdentity(t, config("forwardedUserMatchingUserEntityName", "group:default/a"))
	owns := func() []string {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("X-Forwarded-User", "jane")
		session, err := i.SignIn(httptest.NewRecorder(), r, "oauth2Proxy")
		if err != nil {
			t.Fatal(err)
		}
		return session.Identity.Identity.Ownership
	}
	for _, step := range []struct {
		resolver, ownership string
		want                []string
	}{
		{"forwardedUserMatchingUserEntityName", "group:default/a", []string{"user:default/jane", "group:default/a"}},
		{"forwardedUserMatchingUserEntityName", "group:default/b", []string{"user:default/jane", "group:default/b"}},
		{"noSuchResolver", "group:default/c", []string{"user:default/jane", "group:default/b"}},
		{"forwardedUserMatchingUserEntityName", "group:/c", []string{"user:default/jane", "group:default/b"}},
	} {
		h.Config.Replace(config(step.resolver, step.ownership))
		if diff := cmp.Diff(step.want, owns()); diff != "" {
			t.Errorf("with %s and %s (-want +got):\n%s", step.resolver, step.ownership, diff)
		}
		everybody, err := i.OwnershipOf(t.Context(), "user:default/jane")
		if err != nil || cmp.Diff(step.want, everybody) != "" {
			t.Errorf("the directory says %v, %v, want %v", everybody, err, step.want)
		}
	}
}
