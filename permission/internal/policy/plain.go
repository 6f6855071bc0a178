package policy

import (
	"context"
	"fmt"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
)

// AllowAll allows everything, for the reason.
func AllowAll(reason string) Source { return allowAll{reason} }

type allowAll struct{ reason string }

// Decide implements permission.Policy.
func (a allowAll) Decide(context.Context, identity.Principal, permission.Permission) (permission.Decision, error) {
	return permission.Decision{Result: permission.Allow, Reason: a.reason}, nil
}

// Trace implements [Source].
func (allowAll) Trace(context.Context, identity.Principal, permission.Permission) ([]Step, error) {
	return nil, nil
}

// Statements implements [Source].
func (allowAll) Statements() []Statement { return nil }

// State implements [Source].
func (allowAll) State() State { return State{Default: permission.Allow} }

// Plain makes a source of a policy that is written in Go and cannot say why
// beyond the reason it gives. Its conditions are made ready for the asking
// user as those of files are.
func Plain(p permission.Policy, g *registry.Registry) Source { return plain{p, g} }

type plain struct {
	policy   permission.Policy
	registry *registry.Registry
}

// Decide implements permission.Policy.
func (s plain) Decide(ctx context.Context, who identity.Principal, p permission.Permission) (permission.Decision, error) {
	d, err := s.policy.Decide(ctx, who, p)
	if err != nil {
		return permission.Decision{Result: permission.Deny}, fmt.Errorf("decide %s: %w", p.Name, err)
	}
	switch {
	case d.Result == permission.Allow || d.Result == permission.Deny:
		d.Condition = nil
		return d, nil
	case d.Result != permission.Conditional || d.Condition == nil || p.ResourceType == "":
		return permission.Decision{Result: permission.Deny, Reason: "the policy gave a decision that makes no sense for " + p.Name}, nil
	}
	resource, _, ok := s.registry.Resource(p.ResourceType)
	if !ok {
		resource.Type = p.ResourceType
	}
	bound, err := condition.Bind(resource, *d.Condition, who)
	if err != nil {
		return permission.Decision{Result: permission.Deny}, fmt.Errorf("decide %s: %w", p.Name, err)
	}
	settled := bound.Decision()
	settled.Reason, settled.Source = d.Reason, d.Source
	return settled, nil
}

// Trace implements [Source].
func (plain) Trace(context.Context, identity.Principal, permission.Permission) ([]Step, error) {
	return nil, nil
}

// Statements implements [Source].
func (plain) Statements() []Statement { return nil }

// State implements [Source].
func (plain) State() State { return State{Default: permission.Deny} }
