package permissionplugin

import (
	"context"
	"fmt"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/service"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/store"
	"github.com/stagedoor/stagedoor/permission/internal/rest"
	"github.com/stagedoor/stagedoor/plugin"
)

// roles are the roles of permission.rbac.
type roles struct {
	policy  *rbac.Policy
	service *service.Service // nil without a database
}

// init defines the permissions on roles, and prepares the roles where there is
// a database to keep them in. They come into force when they are configured.
func (r *roles) init(p *Permission, h *plugin.Host) {
	r.policy = &rbac.Policy{Catalog: h.Catalog.Reader, Resources: p.registry, Clock: h.Clock}
	p.For(p.ID(), h.HTTP).Define(rbac.Definition(r.ownerOf))
	if p.deps.DB == nil {
		return
	}
	r.service = service.New(service.Deps{
		Store: store.New(p.deps.DB), Policy: r.policy, Registry: p.registry, Authorizer: p.authorizer,
		Audit: h.Audit, Clock: h.Clock, Logger: h.Logger, Dir: p.deps.Dir,
	})
	(&rest.Roles{Service: r.service}).Register(h.HTTP)
	h.Actors.Go("permission-roles", func(ctx context.Context) error { return r.service.Run(ctx, h.Catalog.Feed()) })
}

// ownerOf tells who owns a role.
func (r *roles) ownerOf(ref string) (string, bool) {
	if role := r.policy.Model().Role(ref); role != nil {
		return role.Owner, true
	}
	return "", false
}

// configure puts the configured roles into force. On an error those that were
// in force stay.
func (r *roles) configure(ctx context.Context, p *Permission) (policy.Source, error) {
	if r.service == nil {
		return nil, fault.At(p.at(rolesKey), "%s needs a database", rolesKey)
	}
	var settings rbac.Settings
	if err := p.config.Decode(rolesKey, &settings); err != nil {
		return nil, fmt.Errorf("read %s: %w", rolesKey, err)
	}
	settings.At = func(path string) fault.Position { return p.at(rolesKey + "." + path) }
	if err := r.service.Configure(ctx, &settings); err != nil {
		return nil, err
	}
	return r.policy, nil
}

// endUnless takes the roles out of force unless they are the policy.
func (r *roles) endUnless(ctx context.Context, inForce policy.Source) error {
	if r.service == nil || inForce == policy.Source(r.policy) {
		return nil
	}
	return r.service.Configure(ctx, nil)
}
