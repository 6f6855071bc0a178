// Package permissionplugin builds the permission capability: the authorizer
// that every capability asks, the registry of what can be permitted, and the
// routes below /api/permission.
//
// Start reading at [New] and [Permission.For].
package permissionplugin

import (
	"context"

	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/permission/internal/rest"
	"github.com/stagedoor/stagedoor/plugin"
)

// Permission is the capability. It implements plugin.Plugin.
type Permission struct {
	authorizer permission.Authorizer
	registry   *registry.Registry
	problem    error // what plugins did wrong while they were initialised
}

// New returns the capability.
func New() *Permission {
	return &Permission{authorizer: policy.Authorizer{}, registry: &registry.Registry{}}
}

// Authorizer returns who decides. Safe for concurrent use.
func (p *Permission) Authorizer() permission.Authorizer { return p.authorizer }

// ID is "permission".
func (*Permission) ID() string { return "permission" }

// Init registers the routes.
func (p *Permission) Init(_ context.Context, h *plugin.Host) error {
	(&rest.REST{Authorizer: p.authorizer}).Register(h.HTTP)
	return nil
}

// For returns the framework as the plugin with the id sees it. Its routes go
// to the router.
func (p *Permission) For(id string, r plugin.Router) plugin.Permissions {
	return &view{p.authorizer, p, id, r}
}

// Err returns what plugins did wrong while they were initialised.
func (p *Permission) Err() error { return p.problem }

var _ plugin.Plugin = (*Permission)(nil)
