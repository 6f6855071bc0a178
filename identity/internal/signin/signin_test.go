package signin_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// groups resolves nobody and knows what everybody owns.
type groups map[string][]string

func (groups) Resolve(_ context.Context, a signin.Account) (signin.User, error) {
	return signin.User{}, fault.Newf(fault.Forbidden, "nobody is %s", a.Username)
}

func (g groups) OwnershipOf(_ context.Context, ref string) ([]string, error) {
	return append([]string{ref}, g[ref]...), nil
}

func TestComplete_StoresWhatTheSignInDecided(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cfg  signin.GuestConfig
		want []string
	}{
		"ownership by the resolver":  {signin.GuestConfig{UserEntityRef: "user:default/guest"}, []string{"user:default/guest", "group:default/guests"}},
		"ownership by configuration": {signin.GuestConfig{UserEntityRef: "Guest", OwnershipEntityRefs: []string{"group:default/all"}}, []string{"group:default/all"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			guest, err := signin.NewGuest(tc.cfg, true)
			if err != nil {
				t.Fatal(err)
			}
			d := desk{map[string][]string{}}
			s := signin.Service{
				Issuer: d, Store: d, Clock: func() time.Time { return time.Unix(0, 0) },
				Resolver: func() signin.Resolver { return groups{"user:default/guest": {"group:default/guests"}} },
			}
			account, err := guest.Refresh(nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Complete(t.Context(), account)
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
	if _, err := guest.Refresh(nil, nil); !fault.Is(err, fault.Forbidden) {
		t.Errorf("got %v, want forbidden", err)
	}
	guest, err = signin.NewGuest(signin.GuestConfig{DangerouslyAllowOutsideDevelopment: true}, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := guest.Refresh(nil, nil); err != nil {
		t.Errorf("allowed by configuration, got %v", err)
	}
	if _, err := signin.NewGuest(signin.GuestConfig{UserEntityRef: "user:/x"}, true); !fault.Is(err, fault.Invalid) {
		t.Errorf("a bad ref gave %v, want invalid", err)
	}
}

func TestProviderInfo_HasWhatOnlyOneProviderHas(t *testing.T) {
	t.Parallel()
	for want, info := range map[string]signin.ProviderInfo{
		`{}`: {},
		`{"accessToken":"at","expiresInSeconds":60}`:            {AccessToken: "at", Expires: 60},
		`{"accessToken":"","iapToken":{"sub":"s"},"scope":"x"}`: {Scope: "x", More: map[string]any{"accessToken": "", "iapToken": map[string]any{"sub": "s"}}},
	} {
		got, err := json.Marshal(signin.Session{Info: &info})
		if err != nil || !strings.Contains(string(got), `"providerInfo":`+want+`,`) {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}
