package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/config"
)

func TestSlipsInTheKeysOfSignInAndPermissionsAreNoticed(t *testing.T) {
	t.Parallel()
	cfg := read(t, `
auth:
  providers:
    oidc:
      production:
        cleintId: portal
        timeout: soon
        signIn:
          resolvers: [{resolver: emailLocalPartMatchingUserEntityName, allowedDomain: [example.com]}]
permission:
  enabld: true
  rbac: {maxDeph: 3}
`)
	var got []string
	for _, problem := range config.Check(cfg) {
		got = append(got, problem.Path)
	}
	want := []string{
		"auth.providers.oidc.production.cleintId",
		"auth.providers.oidc.production.timeout",
		"auth.providers.oidc.production.signIn.resolvers[0].allowedDomain",
		"permission.enabld",
		"permission.rbac.maxDeph",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
