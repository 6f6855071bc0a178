package statement

import (
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
)

// A stranger who makes up permissions must not fill the memory with them.
func TestCache_RemembersNothingLong(t *testing.T) {
	t.Parallel()
	long, who := strings.Repeat("x", longest), identity.Principal{Subject: "user:default/bob"}
	for name, tc := range map[string]struct {
		p    permission.Permission
		want bool
	}{
		"a permission":         {permission.Permission{Name: "catalog.entity.read", Action: "read", ResourceType: "catalog-entity"}, true},
		"a long name":          {permission.Permission{Name: "n" + long}, false},
		"a long action":        {permission.Permission{Name: "n", Action: long}, false},
		"a long resource type": {permission.Permission{Name: "n", ResourceType: long}, false},
	} {
		c := newCache()
		hash := c.hash(who, tc.p)
		c.put(hash, who, tc.p, permission.Decision{Result: permission.Deny})
		if _, got := c.get(hash, who, tc.p); got != tc.want {
			t.Errorf("%s: remembered %t, want %t", name, got, tc.want)
		}
	}
}
