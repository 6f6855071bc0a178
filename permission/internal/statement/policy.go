package statement

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
)

// Policy is a policy in force. It never changes. Safe for concurrent use.
type Policy struct {
	file       string
	loaded     time.Time
	byDefault  permission.Result
	statements []*entry
	cache      *cache
}

var _ policy.Source = (*Policy)(nil)

// Decide implements permission.Policy. Decisions are remembered by what the
// principal owns things by; the memory is bounded.
func (p *Policy) Decide(_ context.Context, who identity.Principal, perm permission.Permission) (permission.Decision, error) {
	hash := p.cache.hash(who, perm)
	if d, ok := p.cache.get(hash, who, perm); ok {
		return d, nil
	}
	steps, err := p.steps(who, perm)
	if err != nil {
		return permission.Decision{Result: permission.Deny}, err
	}
	d := p.decision(steps)
	p.cache.put(hash, who, perm, d)
	return d, nil
}

// decision combines the steps and says why.
func (p *Policy) decision(steps []policy.Step) permission.Decision {
	d := policy.Combine(steps, p.byDefault)
	switch {
	case d.Source.File == "" && d.Result == permission.Allow:
		d.Reason = "no statement denies it, and the policy allows by default"
	case d.Source.File == "":
		d.Reason = "no statement allows it"
	case d.Result == permission.Conditional:
		d.Reason = "allowed under conditions by: " + d.Source.Statement
	case d.Result == permission.Allow:
		d.Reason = "allowed by: " + d.Source.Statement
	default:
		d.Reason = "denied by: " + d.Source.Statement
	}
	return d
}

// Trace implements [policy.Source].
func (p *Policy) Trace(_ context.Context, who identity.Principal, perm permission.Permission) ([]policy.Step, error) {
	steps, err := p.steps(who, perm)
	if err != nil {
		return nil, err
	}
	policy.Combine(steps, p.byDefault)
	return steps, nil
}

func (p *Policy) steps(who identity.Principal, perm permission.Permission) ([]policy.Step, error) {
	steps := make([]policy.Step, len(p.statements))
	for i, s := range p.statements {
		step, err := s.step(who, perm)
		if err != nil {
			return nil, err
		}
		steps[i] = step
	}
	return steps, nil
}

func (s *entry) step(who identity.Principal, perm permission.Permission) (policy.Step, error) {
	step := policy.Step{Source: s.source, Result: s.result, Otherwise: s.otherwise}
	concerns, why := s.match.concerns(perm)
	if !concerns {
		step.Why = why
		return step, nil
	}
	by, ok := s.match.covers(who)
	if !ok {
		step.Why = "it is about other users and groups"
		return step, nil
	}
	step.Matched, step.Why = true, "it is about everybody"
	if by != "" {
		step.Why = "it is about " + by
	}
	if s.when == nil {
		return step, nil
	}
	bound, err := s.when.bind(who)
	if err != nil {
		return step, err
	}
	step.When(bound)
	switch {
	case bound.Always():
		step.Why += ", and its condition always holds"
		step.Otherwise = ""
	case bound.Never():
		step.Why += ", but its condition never holds"
	}
	return step, nil
}

// Statements implements [policy.Source].
func (p *Policy) Statements() []policy.Statement {
	out := make([]policy.Statement, len(p.statements))
	for i, s := range p.statements {
		out[i] = policy.Statement{Source: s.source, Text: s.text, Effect: "deny", Match: s.match.json()}
		if s.result == permission.Allow {
			out[i].Effect = "allow"
		}
		if s.when != nil {
			out[i].When = &s.when.written
		}
	}
	return out
}

// State implements [policy.Source].
func (p *Policy) State() policy.State {
	return policy.State{Files: []string{p.file}, LoadedAt: p.loaded, Default: p.byDefault}
}

// Without returns the policy without one of its statements, counted from 0,
// for those who want to know what it changes.
func (p *Policy) Without(i int) *Policy {
	rest := *p
	rest.cache = newCache()
	rest.statements = append(append([]*entry(nil), p.statements[:i]...), p.statements[i+1:]...)
	return &rest
}
