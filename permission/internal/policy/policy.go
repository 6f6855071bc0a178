// Package policy decides: it answers authorisation requests of principals.
//
// What: services may do everything, or what their access restrictions name;
// users may do everything as long as no policy is configured; the anonymous
// may do nothing.
//
// What not: it speaks no HTTP, and it applies no condition to a resource; the
// capability that owns the resource does.
//
// Start reading at [Authorizer].
package policy

import (
	"context"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
)

// Authorizer implements permission.Authorizer. The zero value is ready.
type Authorizer struct{}

// Authorize decides for the principal in the context.
func (Authorizer) Authorize(ctx context.Context, req permission.Request) (permission.Decision, error) {
	p := identity.FromContext(ctx)
	switch {
	case p.Kind == identity.Anonymous:
		return permission.Decision{Result: permission.Deny, Reason: "no credentials"}, nil
	case p.Kind == identity.User:
		return permission.Decision{Result: permission.Allow, Reason: "no policy is configured: users may do everything"}, nil
	case p.Access == nil:
		return permission.Decision{Result: permission.Allow, Reason: "services are not restricted"}, nil
	}
	if slices.ContainsFunc(p.Access, func(a identity.Access) bool { return covers(a, req.Permission) }) {
		return permission.Decision{Result: permission.Allow, Reason: "an access restriction of " + p.Subject + " names it"}, nil
	}
	return permission.Decision{Result: permission.Deny, Reason: "outside the access restrictions of " + p.Subject}, nil
}

// covers reports whether the restriction admits the permission. A permission
// belongs to the plugin that its name starts with.
func covers(a identity.Access, p permission.Permission) bool {
	plugin, _, _ := strings.Cut(p.Name, ".")
	if plugin == "policy" { // the role permissions carry another name than their plugin
		plugin = "permission"
	}
	return a.Plugin == plugin &&
		(len(a.Permissions) == 0 || slices.Contains(a.Permissions, p.Name)) &&
		(len(a.Actions) == 0 || slices.Contains(a.Actions, p.Action))
}
