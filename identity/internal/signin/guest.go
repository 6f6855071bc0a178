package signin

import (
	"net/http"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// GuestConfig is auth.providers.guest.
type GuestConfig struct {
	UserEntityRef                      string   `json:"userEntityRef"`
	OwnershipEntityRefs                []string `json:"ownershipEntityRefs"`
	DangerouslyAllowOutsideDevelopment bool     `json:"dangerouslyAllowOutsideDevelopment"`
}

// Guest signs everybody in as the same user. It is for trying things out and
// for portals that are open to all who reach them.
type Guest struct {
	ref       string
	ownership []string
	allowed   bool
}

// NewGuest checks the configuration. Outside of development the provider
// refuses every sign-in unless the configuration insists.
func NewGuest(cfg GuestConfig, development bool) (*Guest, error) {
	if cfg.UserEntityRef == "" {
		cfg.UserEntityRef = "user:development/guest"
	}
	ref, err := catalog.ParseRef(cfg.UserEntityRef, catalog.RefDefaults{Kind: "user"})
	if err != nil {
		return nil, fault.Newf(fault.Invalid, "auth.providers.guest.userEntityRef: %w", err)
	}
	return &Guest{ref: ref.String(), ownership: cfg.OwnershipEntityRefs, allowed: development || cfg.DangerouslyAllowOutsideDevelopment}, nil
}

// ID is "guest".
func (*Guest) ID() string { return "guest" }

// Start is not offered: there is nothing to ask a guest.
func (*Guest) Start(http.ResponseWriter, *http.Request) error {
	return fault.New(fault.NotImplemented, "Not implemented")
}

// Frame is not offered either.
func (*Guest) Frame(http.ResponseWriter, *http.Request, Complete) error {
	return fault.New(fault.NotImplemented, "Not implemented")
}

// Refresh lets the guest in.
func (g *Guest) Refresh(http.ResponseWriter, *http.Request) (Account, error) {
	if !g.allowed {
		return Account{}, fault.New(fault.Forbidden, "The guest provider cannot be used outside of a development environment; configure another sign-in provider, or set auth.providers.guest.dangerouslyAllowOutsideDevelopment")
	}
	return Account{Provider: "guest", User: &User{Ref: g.ref, Ownership: g.ownership}}, nil
}

// Logout is answered as if the provider did not exist, which is what clients
// of the guest provider have always seen.
func (*Guest) Logout(http.ResponseWriter, *http.Request) error {
	return fault.New(fault.NotFound, "Unknown auth provider 'guest'")
}
