package permissionplugin

import (
	"errors"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/rest"
	"github.com/stagedoor/stagedoor/plugin"
)

// view implements plugin.Permissions for one plugin.
type view struct {
	permission.Authorizer
	p      *Permission
	id     string
	router plugin.Router
}

// Define implements plugin.Permissions.
func (v *view) Define(d permission.Definition) {
	if err := v.p.registry.Define(v.id, d); err != nil {
		v.p.problem = errors.Join(v.p.problem, err)
		return
	}
	rest.RegisterWellKnown(v.router, v.p.registry, d)
}

// AddRule implements plugin.Permissions.
func (v *view) AddRule(resourceType string, r permission.Rule) {
	if err := v.p.registry.AddRule(resourceType, r); err != nil {
		v.p.problem = errors.Join(v.p.problem, err)
	}
}

// SetPolicy implements plugin.Permissions.
func (v *view) SetPolicy(p permission.Policy) {
	switch {
	case p == nil:
		v.p.problem = errors.Join(v.p.problem, fault.Newf(fault.Invalid, "the plugin %s brings no policy", v.id))
	case v.p.brought != nil:
		v.p.problem = errors.Join(v.p.problem, fault.Newf(fault.Invalid, "the plugins %s and %s both bring a policy", v.p.broughtBy, v.id))
	default:
		v.p.brought, v.p.broughtBy = p, v.id
	}
}
