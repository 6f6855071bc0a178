// Package policy decides: it answers authorisation requests of principals.
//
// What: services may do everything, or what their access restrictions name;
// users may do what the policy in force says; the anonymous may do nothing. A
// conditional decision about one resource is applied to it. Denials are noted
// in the audit log.
//
// What not: it holds no policy, which is a [Source]; it speaks no HTTP, and it
// applies no rule to a resource; the capability that owns the resource does.
//
// Start reading at [Authorizer].
package policy

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
)

// Authorizer implements permission.Authorizer. It denies everything to users
// until [Authorizer.Use].
type Authorizer struct {
	registry *registry.Registry
	denials  atomic.Pointer[Denials]
	source   atomic.Pointer[Source]
}

// New returns an authorizer that notes no denials.
func New(g *registry.Registry) *Authorizer { return &Authorizer{registry: g} }

// Note has denials noted from now on.
func (a *Authorizer) Note(d *Denials) { a.denials.Store(d) }

// Use puts a policy into force. Decisions that are under way end with the one
// before.
func (a *Authorizer) Use(s Source) { a.source.Store(&s) }

// Source returns the policy in force, or nil before the first.
func (a *Authorizer) Source() Source {
	if s := a.source.Load(); s != nil {
		return *s
	}
	return nil
}

// Authorize decides for the principal in the context.
func (a *Authorizer) Authorize(ctx context.Context, req permission.Request) (permission.Decision, error) {
	who := identity.FromContext(ctx)
	d, err := a.decide(ctx, who, req.Permission)
	if err == nil && d.Result == permission.Conditional && req.ResourceRef != "" {
		var results []permission.Result
		results, err = a.apply(ctx, d, req.Permission, []string{req.ResourceRef})
		if err == nil {
			d.Result, d.Condition = results[0], nil
		}
	}
	if err != nil {
		return permission.Decision{Result: permission.Deny, Reason: "the policy cannot decide"}, err
	}
	if d.Result == permission.Deny {
		a.note(ctx, who, req, d, false)
	}
	return d, nil
}

// AuthorizeAll answers what the principal in the context may do with several
// resources: with one decision where it holds for all of them, or else with
// one application of its condition, which gives a result for each ref. Without
// refs the decision may be conditional. The question is no attempt to do
// anything: a denial is noted with low severity.
func (a *Authorizer) AuthorizeAll(ctx context.Context, p permission.Permission, refs []string) (permission.Decision, []permission.Result, error) {
	who := identity.FromContext(ctx)
	d, err := a.decide(ctx, who, p)
	if err != nil {
		return permission.Decision{Result: permission.Deny}, nil, err
	}
	var results []permission.Result
	denied := d.Result == permission.Deny
	if d.Result == permission.Conditional && len(refs) > 0 {
		if results, err = a.apply(ctx, d, p, refs); err != nil {
			return permission.Decision{Result: permission.Deny}, nil, err
		}
		denied = slices.Contains(results, permission.Deny)
	}
	if denied {
		req := permission.Request{Permission: p}
		if len(refs) == 1 {
			req.ResourceRef = refs[0]
		}
		a.note(ctx, who, req, d, true)
	}
	return d, results, nil
}

func (a *Authorizer) note(ctx context.Context, who identity.Principal, req permission.Request, d permission.Decision, asked bool) {
	_, _, known := a.registry.Permission(req.Permission.Name)
	a.denials.Load().note(ctx, who, req, d, asked, known)
}

func (a *Authorizer) decide(ctx context.Context, who identity.Principal, p permission.Permission) (permission.Decision, error) {
	switch {
	case who.Kind == identity.Anonymous:
		return permission.Decision{Result: permission.Deny, Reason: "no credentials"}, nil
	case who.Kind == identity.User && who.Access != nil && !admitted(who, p):
		return permission.Decision{Result: permission.Deny, Reason: "outside the access restrictions of " + who.Via}, nil
	case who.Kind == identity.User:
		source := a.Source()
		if source == nil {
			return permission.Decision{Result: permission.Deny, Reason: "no policy is loaded yet"}, nil
		}
		return source.Decide(ctx, who, p)
	case who.Access == nil:
		return permission.Decision{Result: permission.Allow, Reason: "services are not restricted"}, nil
	}
	if admitted(who, p) {
		return permission.Decision{Result: permission.Allow, Reason: "an access restriction of " + who.Subject + " names it"}, nil
	}
	return permission.Decision{Result: permission.Deny, Reason: "outside the access restrictions of " + who.Subject}, nil
}

// apply settles a conditional decision for resources. Things of a type that no
// plugin here has, or for a permission that is not about things, are denied:
// nobody can tell.
func (a *Authorizer) apply(ctx context.Context, d permission.Decision, p permission.Permission, refs []string) ([]permission.Result, error) {
	results := slices.Repeat([]permission.Result{permission.Deny}, len(refs))
	if r, _, ok := a.registry.Resource(p.ResourceType); !ok || r.Apply == nil || d.Condition == nil {
		return results, nil
	}
	holds, err := a.registry.Apply(ctx, p.ResourceType, refs, *d.Condition)
	if err != nil {
		return nil, err
	}
	for i, ok := range holds {
		if ok {
			results[i] = permission.Allow
		}
	}
	return results, nil
}

// admitted reports whether one of the restrictions of the principal, or of who
// calls on its behalf, admits the permission.
func admitted(who identity.Principal, p permission.Permission) bool {
	return slices.ContainsFunc(who.Access, func(a identity.Access) bool { return covers(a, p) })
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
