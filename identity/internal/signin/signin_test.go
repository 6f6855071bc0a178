package signin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
)

type desk struct{ stored map[string][]string }

func (d desk) User(_ context.Context, u token.User) (token.Issued, error) {
	return token.Issued{Token: "token-of-" + u.Ref, Expires: time.Unix(3600, 0)}, nil
}

func (d desk) SetOwnership(_ context.Context, ref string, refs []string) error {
	d.stored[ref] = refs
	return nil
}

// people is a catalog with one user in it.
type people struct{ catalog.Reader }

func (people) EntityByRef(ctx context.Context, ref catalog.Ref) (catalog.Entity, error) {
	if identity.FromContext(ctx).Kind != identity.Service {
		return nil, fault.New(fault.NotFound, "hidden: sign-in must read as the portal itself")
	}
	if ref.String() != "user:default/guest" {
		return nil, fault.New(fault.NotFound, "no such user")
	}
	return catalog.Entity{"relations": []any{
		map[string]any{"type": "memberOf", "targetRef": "group:default/guests"},
		map[string]any{"type": "ownerOf", "targetRef": "component:default/x"},
		map[string]any{"type": "memberOf", "targetRef": "group:default/guests"},
	}}, nil
}

func TestSignIn_OwnershipIsTheUserAndItsGroups(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cfg  signin.GuestConfig
		want []string
	}{
		"a user of the catalog":      {signin.GuestConfig{UserEntityRef: "user:default/guest"}, []string{"user:default/guest", "group:default/guests"}},
		"a user without entity":      {signin.GuestConfig{}, []string{"user:development/guest"}},
		"ownership by configuration": {signin.GuestConfig{UserEntityRef: "Guest", OwnershipEntityRefs: []string{"group:default/all"}}, []string{"group:default/all"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			guest, err := signin.NewGuest(tc.cfg, true)
			if err != nil {
				t.Fatal(err)
			}
			d := desk{map[string][]string{}}
			s := signin.Service{Issuer: d, Store: d, Catalog: func() catalog.Reader { return people{} }, Clock: func() time.Time { return time.Unix(0, 0) }}
			got, err := s.SignIn(t.Context(), guest, httptest.NewRequest(http.MethodGet, "/", nil))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.Identity.Identity.Ownership); diff != "" {
				t.Errorf("ownership (-want +got):\n%s", diff)
			}
			if got.Identity.Expires != 3600 || len(d.stored) != 1 {
				t.Errorf("session %+v, stored %v", got, d.stored)
			}
		})
	}
}

func TestGuest_RefusesOutsideDevelopment(t *testing.T) {
	t.Parallel()
	guest, err := signin.NewGuest(signin.GuestConfig{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := guest.SignIn(t.Context(), nil); !fault.Is(err, fault.Forbidden) {
		t.Errorf("got %v, want forbidden", err)
	}
	guest, err = signin.NewGuest(signin.GuestConfig{DangerouslyAllowOutsideDevelopment: true}, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := guest.SignIn(t.Context(), nil); err != nil {
		t.Errorf("allowed by configuration, got %v", err)
	}
	if _, err := signin.NewGuest(signin.GuestConfig{UserEntityRef: "user:/x"}, true); !fault.Is(err, fault.Invalid) {
		t.Errorf("a bad ref gave %v, want invalid", err)
	}
}
