package rbac

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
)

// Policy decides by the newest [Model]. It implements policy.Source. Safe for
// concurrent use. Until the first [Policy.Use] it denies everything.
type Policy struct {
	// Catalog gives the reader of the catalog, which knows who is in which
	// group.
	Catalog   func() catalog.Reader
	Resources Resources
	Clock     func() time.Time

	now atomic.Pointer[inForce]
}

// inForce is a model with what has been decided by it.
type inForce struct {
	model *Model
	state policy.State

	mu      sync.RWMutex
	epoch   int // grows when the catalog's groups change
	answers map[string]*answers
}

// answers are the decisions for one principal.
type answers struct {
	view  *view
	until time.Time

	mu        sync.Mutex
	decisions map[permission.Permission]permission.Decision
}

// The bounds of what is remembered.
const (
	// rememberFor is how long a change of groups may go unnoticed should the
	// catalog not tell of it.
	rememberFor    = 30 * time.Second
	rememberAtMost = 10_000
	// rememberLength bounds the permissions, in bytes: those of plugins are
	// shorter, and strangers may ask for anything.
	rememberLength = longestPermission + 100
)

// Use makes the model the one that decides.
func (p *Policy) Use(m *Model, state policy.State) {
	state.Default = permission.Deny
	p.now.Store(&inForce{model: m, state: state, answers: map[string]*answers{}})
}

// Model returns the model in force.
func (p *Policy) Model() *Model { return p.current().model }

func (p *Policy) current() *inForce {
	if in := p.now.Load(); in != nil {
		return in
	}
	p.now.CompareAndSwap(nil, &inForce{
		model: Build(Parts{}), answers: map[string]*answers{}, state: policy.State{Default: permission.Deny},
	})
	return p.now.Load()
}

// Forget drops what is remembered of users and groups when one of the changes
// is about them. It does not block.
func (p *Policy) Forget(changes []catalog.Change) {
	for _, c := range changes {
		if strings.HasPrefix(c.Ref, "group:") || strings.HasPrefix(c.Ref, "user:") {
			in := p.current()
			in.mu.Lock()
			in.epoch++
			clear(in.answers)
			in.mu.Unlock()
			return
		}
	}
}

// Decide implements permission.Policy.
func (p *Policy) Decide(ctx context.Context, who identity.Principal, perm permission.Permission) (permission.Decision, error) {
	in := p.current()
	a, err := p.answersFor(ctx, in, who)
	if err != nil {
		return permission.Decision{Result: permission.Deny}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if d, ok := a.decisions[perm]; ok {
		return d, nil
	}
	steps := in.model.steps(asked{view: a.view, p: perm, resources: p.Resources, roles: a.view.roles})
	d := policy.Combine(steps, permission.Deny)
	d.Reason = reason(a.view, perm, d, steps)
	if len(perm.Name)+len(perm.Action)+len(perm.ResourceType) > rememberLength {
		return d, nil
	}
	if len(a.decisions) >= rememberAtMost {
		clear(a.decisions)
	}
	a.decisions[perm] = d
	return d, nil
}

// answersFor returns what is remembered for the principal.
func (p *Policy) answersFor(ctx context.Context, in *inForce, who identity.Principal) (*answers, error) {
	key := who.Subject + "\x00" + strings.Join(who.Ownership, "\x00")
	in.mu.RLock()
	a, epoch := in.answers[key], in.epoch
	in.mu.RUnlock()
	if a != nil && p.Clock().Before(a.until) {
		return a, nil
	}
	v, err := p.view(ctx, in.model, who)
	if err != nil {
		return nil, err
	}
	a = &answers{view: v, until: p.Clock().Add(rememberFor), decisions: map[permission.Permission]permission.Decision{}}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.epoch == epoch { // what was read is not older than the last change
		if len(in.answers) >= rememberAtMost {
			clear(in.answers)
		}
		in.answers[key] = a
	}
	return a, nil
}

func (p *Policy) view(ctx context.Context, m *Model, who identity.Principal) (*view, error) {
	depth := -1
	if m.settings.MaxDepth != nil {
		depth = *m.settings.MaxDepth
	}
	groups, err := groupsOf(ctx, p.Catalog(), strings.ToLower(who.Subject), depth)
	if err != nil {
		return nil, err
	}
	// Only what decides is kept, and no token.
	return m.view(identity.Principal{Kind: who.Kind, Subject: who.Subject, Ownership: who.Ownership}, groups), nil
}

// Trace implements policy.Source.
func (p *Policy) Trace(ctx context.Context, who identity.Principal, perm permission.Permission) ([]policy.Step, error) {
	in := p.current()
	v, err := p.view(ctx, in.model, who)
	if err != nil {
		return nil, err
	}
	steps := in.model.steps(asked{view: v, p: perm, resources: p.Resources, roles: in.model.Roles()})
	policy.Combine(steps, permission.Deny) // marks those that decide
	return steps, nil
}

// State implements policy.Source.
func (p *Policy) State() policy.State { return p.current().state }

// Statements implements policy.Source.
func (p *Policy) Statements() []policy.Statement {
	m := p.current().model
	var out []policy.Statement
	for i, name := range m.settings.superUsers() {
		out = append(out, policy.Statement{Source: m.settings.superUser(i), Text: name + " may do everything", Effect: "allow", Match: map[string]any{"user": name}})
	}
	for _, r := range m.Roles() {
		for i := range r.Conditions {
			c := &r.Conditions[i]
			out = append(out, policy.Statement{
				Source: c.At, Text: c.Text() + ": where " + condition.Text(c.Condition), Effect: "allow", When: &c.Condition,
				Match: map[string]any{"role": r.Ref, "resourceType": c.ResourceType, "permissionMapping": WireMapping(c.Mapping)},
			})
		}
		for _, g := range r.Policies {
			out = append(out, policy.Statement{
				Source: g.At, Text: g.Fields(r.Ref, ", "), Effect: g.Effect(),
				Match: map[string]any{"role": r.Ref, "permission": g.Permission, "action": g.Action},
			})
		}
	}
	return out
}

// WireMapping renders a mapping as the REST API has it.
func WireMapping(mapping []Mapping) []any {
	out := make([]any, len(mapping))
	for i, m := range mapping {
		if m.Name == "" {
			out[i] = m.Action
			continue
		}
		out[i] = map[string]any{"name": m.Name, "action": m.Action}
	}
	return out
}

// reason says in one sentence why the steps gave the decision.
func reason(v *view, p permission.Permission, d permission.Decision, steps []policy.Step) string {
	for _, s := range steps {
		if s.Decided {
			switch d.Result {
			case permission.Conditional:
				return "allowed under a condition, because " + s.Why
			case permission.Allow:
				return "allowed, because " + s.Why
			case permission.Deny:
				return "denied, because " + s.Why
			}
		}
	}
	if len(v.roles) == 0 {
		return "denied, because " + v.who.Subject + " has no role"
	}
	refs := make([]string, len(v.roles))
	for i, r := range v.roles {
		refs[i] = r.Ref
	}
	return "denied, because no role of " + v.who.Subject + " says anything of " + p.Name + " (" + strings.Join(refs, ", ") + ")"
}

var _ policy.Source = (*Policy)(nil)
