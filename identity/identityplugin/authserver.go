package identityplugin

import (
	"context"
	"net/http"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/authserver"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/plugin"
)

// sweepEvery is how often the rows of the OAuth server that have expired are
// dropped.
const sweepEvery = 10 * time.Minute

// startAuthServer builds the OAuth server for command lines and agents, and
// has it follow the configuration.
func (i *Identity) startAuthServer(ctx context.Context, h *plugin.Host) error {
	i.oauth = authserver.New(authserver.Deps{
		Store: i.store, Issuer: i.issuer, OwnershipOf: i.OwnershipOf,
		Verify: func(ctx context.Context, token string) error {
			_, err := i.issuer.Verify(ctx, token)
			return err
		},
		InCatalog: func(ctx context.Context, userRef string) (bool, error) {
			return inCatalog(ctx, h.Catalog.Reader(), userRef)
		},
		Clock: h.Clock, NewID: h.NewID, Audit: h.Audit, Logger: h.Logger,
	})
	configure := func() error {
		settings, err := authserver.ReadSettings(h.Config)
		if err == nil {
			i.oauth.Configure(settings)
		}
		return err
	}
	if err := configure(); err != nil {
		return err
	}
	h.Config.Subscribe(func() {
		if err := configure(); err != nil {
			h.Logger.ErrorContext(ctx, "the OAuth server keeps the configuration it had", "error", err)
		}
	})
	i.rest.Amend = i.oauth.Amend
	i.oauth.RegisterRoutes(h.HTTP)
	h.Schedule.Add(plugin.Task{ID: "oauth-sweep", Every: sweepEvery, Timeout: time.Minute, Run: i.oauth.Sweep})
	return nil
}

// Authenticate implements identity.Authenticator. Tokens that an OAuth client
// got can be taken back before they end; all others are what the embedded
// authenticator says.
func (i *Identity) Authenticate(r *http.Request) (identity.Principal, error) {
	p, err := i.Authenticator.Authenticate(r)
	if err != nil || p.Kind != identity.User || i.oauth == nil {
		return p, err
	}
	revoked, err := i.oauth.Revoked(r.Context(), p.Token)
	if err != nil {
		return identity.Principal{}, err
	}
	if revoked {
		return identity.Principal{}, fault.New(fault.Unauthenticated, "Failed user token verification")
	}
	return p, nil
}

// RegisterRoot adds the addresses below /.well-known at the root of the
// portal, where clients look for the OAuth server. Call it after Init and
// before the portal serves.
func (i *Identity) RegisterRoot(handle func(pattern string, h http.Handler)) {
	i.oauth.RegisterRoot(handle)
}

// inCatalog reports whether the catalog knows the user.
func inCatalog(ctx context.Context, reader catalog.Reader, userRef string) (bool, error) {
	ref, err := catalog.ParseRef(userRef, catalog.RefDefaults{Kind: "user"})
	if err != nil {
		return false, nil //nolint:nilerr // what is no ref is not in the catalog
	}
	_, err = reader.EntityByRef(identity.NewContext(ctx, identity.System("auth")), ref)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}
