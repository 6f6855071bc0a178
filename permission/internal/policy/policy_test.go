package policy_test

import (
	"testing"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
)

func TestAuthorize_ByKindOfPrincipal(t *testing.T) {
	t.Parallel()
	read := permission.Permission{Name: "catalog.entity.read", Action: "read", ResourceType: "catalog-entity"}
	remove := permission.Permission{Name: "catalog.entity.delete", Action: "delete", ResourceType: "catalog-entity"}
	restricted := func(a ...identity.Access) identity.Principal {
		return identity.Principal{Kind: identity.Service, Subject: "ci", Access: a}
	}
	for name, tc := range map[string]struct {
		who  identity.Principal
		what permission.Permission
		want permission.Result
	}{
		"anonymous":                    {identity.Principal{}, read, permission.Deny},
		"a user without policy":        {identity.Principal{Kind: identity.User}, remove, permission.Allow},
		"a service":                    {identity.Principal{Kind: identity.Service}, remove, permission.Allow},
		"a service for its action":     {restricted(identity.Access{Plugin: "catalog", Actions: []string{"read"}}), read, permission.Allow},
		"a service for another action": {restricted(identity.Access{Plugin: "catalog", Actions: []string{"read"}}), remove, permission.Deny},
		"a service by permission name": {restricted(identity.Access{Plugin: "catalog", Permissions: []string{"catalog.entity.delete"}}), remove, permission.Allow},
		"a service for another plugin": {restricted(identity.Access{Plugin: "search"}), read, permission.Deny},
		"a service with an empty list": {identity.Principal{Kind: identity.Service, Access: []identity.Access{}}, read, permission.Deny},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := identity.NewContext(t.Context(), tc.who)
			got, err := policy.Authorizer{}.Authorize(ctx, permission.Request{Permission: tc.what})
			if err != nil || got.Result != tc.want || got.Reason == "" {
				t.Errorf("got %+v, %v, want %s with a reason", got, err, tc.want)
			}
		})
	}
}
