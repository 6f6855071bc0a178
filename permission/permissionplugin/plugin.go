// Package permissionplugin builds the permission capability: the authorizer
// that every capability asks, and the routes below /api/permission.
//
// Start reading at [New].
package permissionplugin

import (
	"context"

	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/rest"
	"github.com/stagedoor/stagedoor/plugin"
)

// Permission is the capability. It implements plugin.Plugin.
type Permission struct{ authorizer permission.Authorizer }

// New returns the capability.
func New() *Permission { return &Permission{authorizer: policy.Authorizer{}} }

// Authorizer returns who decides. Safe for concurrent use.
func (p *Permission) Authorizer() permission.Authorizer { return p.authorizer }

// ID is "permission".
func (*Permission) ID() string { return "permission" }

// Init registers the routes.
func (p *Permission) Init(_ context.Context, h *plugin.Host) error {
	(&rest.REST{Authorizer: p.authorizer}).Register(h.HTTP)
	return nil
}

var _ plugin.Plugin = (*Permission)(nil)
