package plugintest

import (
	"context"

	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/plugin"
)

// Permissions is a permission framework that keeps what a plugin defines. With
// no Decide it allows everything.
type Permissions struct {
	Decide     func(ctx context.Context, req permission.Request) (permission.Decision, error)
	Definition permission.Definition
	Rules      map[string][]permission.Rule
	Policy     permission.Policy
}

// Authorize implements permission.Authorizer.
func (p *Permissions) Authorize(ctx context.Context, req permission.Request) (permission.Decision, error) {
	if p.Decide != nil {
		return p.Decide(ctx, req)
	}
	return permission.Decision{Result: permission.Allow}, nil
}

// Define implements plugin.Permissions.
func (p *Permissions) Define(d permission.Definition) { p.Definition = d }

// AddRule implements plugin.Permissions.
func (p *Permissions) AddRule(resourceType string, r permission.Rule) {
	if p.Rules == nil {
		p.Rules = map[string][]permission.Rule{}
	}
	p.Rules[resourceType] = append(p.Rules[resourceType], r)
}

// SetPolicy implements plugin.Permissions.
func (p *Permissions) SetPolicy(policy permission.Policy) { p.Policy = policy }

var _ plugin.Permissions = (*Permissions)(nil)
