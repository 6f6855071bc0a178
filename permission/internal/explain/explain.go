package explain

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
)

// Deps is what an [Explainer] is made of. Registry and Source are required;
// what is explained about others needs Directory, what is said about the
// catalog needs Reader.
type Deps struct {
	Registry *registry.Registry
	// Source returns the policy in force.
	Source    func() policy.Source
	Directory func() identity.Directory
	Reader    catalog.Reader
}

// Explainer explains decisions. Safe for concurrent use.
type Explainer struct{ deps Deps }

// New returns an explainer.
func New(d Deps) *Explainer { return &Explainer{d} }

// Question is what to explain.
type Question struct {
	Who        identity.Principal
	Permission string
	// ResourceRef asks about one resource; empty asks about all.
	ResourceRef string
	// Detail gives what the conditions say about the resource, and what the
	// statements say that are about others. Without it the answer does not tell
	// a resource that is hidden from one that is not there.
	Detail bool
}

// Answer is an explanation.
type Answer struct {
	User        string             `json:"user"`
	Ownership   []string           `json:"ownership"`
	Permission  Permission         `json:"permission"`
	ResourceRef string             `json:"resourceRef,omitempty"`
	Result      permission.Result  `json:"result"`
	Reason      string             `json:"reason"`
	Source      *permission.Source `json:"source"`
	Statements  []Statement        `json:"statements"`
	// Condition is that of the decision over all resources.
	Condition *permission.Condition `json:"condition,omitempty"`
	Verdicts  *condition.Verdict    `json:"verdicts,omitempty"`
}

// Permission is a permission in an [Answer].
type Permission struct {
	Name         string `json:"name"`
	Action       string `json:"action,omitempty"`
	ResourceType string `json:"resourceType,omitempty"`
}

// Statement is one statement in an [Answer].
type Statement struct {
	Source  permission.Source `json:"source"`
	Matched bool              `json:"matched"`
	// Decided is set when the result depends on the statement.
	Decided bool   `json:"decided"`
	Why     string `json:"why"`
	// Without is what the result would be without this statement, for those
	// that decided.
	Without permission.Result `json:"without,omitempty"`
	// Holds says whether the condition of the statement holds for the resource,
	// for those that matched and have one.
	Holds *bool `json:"holds,omitempty"`
}

// Principal is a user with what it owns things by now.
func (x *Explainer) Principal(ctx context.Context, userRef string) (identity.Principal, error) {
	ref, err := catalog.ParseRef(userRef, catalog.RefDefaults{Kind: "user"})
	if err != nil {
		return identity.Principal{}, fault.Newf(fault.Invalid, "user: %w", err)
	}
	if x.deps.Directory == nil || x.deps.Directory() == nil {
		return identity.Principal{}, fault.New(fault.NotImplemented, "this portal does not know what users own things by")
	}
	owns, err := x.deps.Directory().OwnershipOf(ctx, ref.String())
	if err != nil {
		return identity.Principal{}, fmt.Errorf("find what %s owns things by: %w", ref, err)
	}
	return identity.Principal{Kind: identity.User, Subject: ref.String(), Ownership: owns}, nil
}

// permission finds a permission by its name.
func (x *Explainer) permission(name string) (permission.Permission, error) {
	p, _, ok := x.deps.Registry.Permission(name)
	if ok {
		return p, nil
	}
	var names []string
	for _, pl := range x.deps.Registry.Known() {
		for _, p := range pl.Permissions {
			names = append(names, p.Name)
		}
	}
	hint := ""
	if near := condition.Nearest(name, names); near != "" {
		hint = "; did you mean " + near + "?"
	}
	return p, fault.Newf(fault.Invalid, "unknown permission %q%s", name, hint)
}

// Explain explains a decision. It returns an error with code invalid for a
// permission that is not known, and for a resource with a permission that is
// not about any.
func (x *Explainer) Explain(ctx context.Context, q Question) (Answer, error) {
	p, err := x.permission(q.Permission)
	if err != nil {
		return Answer{}, err
	}
	if q.ResourceRef != "" && p.ResourceType == "" {
		return Answer{}, fault.Newf(fault.Invalid, "%s is not about a resource; leave out resourceRef", p.Name)
	}
	source := x.deps.Source()
	d, err := source.Decide(ctx, q.Who, p)
	if err != nil {
		return Answer{}, err
	}
	steps, err := source.Trace(ctx, q.Who, p)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{
		User: q.Who.Subject, Ownership: append([]string{}, q.Who.Ownership...), ResourceRef: q.ResourceRef,
		Permission: Permission{p.Name, p.Action, p.ResourceType},
		Result:     d.Result, Reason: d.Reason, Condition: d.Condition, Statements: make([]Statement, len(steps)),
	}
	if d.Source.File != "" {
		a.Source = &d.Source
	}
	for i, s := range steps {
		a.Statements[i] = Statement{Source: s.Source, Matched: s.Matched, Decided: s.Decided, Why: s.Why}
		if !s.Matched && !q.Detail {
			a.Statements[i].Source.Statement = "" // what others may do is not for everybody
		}
	}
	if q.ResourceRef != "" && d.Result == permission.Conditional {
		return a, x.settle(ctx, q, p, d, steps, source.State().Default, &a)
	}
	if !q.Detail {
		q.ResourceRef = ""
	}
	for i := range steps {
		if !steps[i].Decided {
			continue
		}
		if a.Statements[i].Without, err = x.without(ctx, q, p, steps, i, source.State().Default); err != nil {
			return a, err
		}
	}
	return a, nil
}

// without is the result without one step: for the resource, where the question
// is about one.
func (x *Explainer) without(ctx context.Context, q Question, p permission.Permission, steps []policy.Step, i int, byDefault permission.Result) (permission.Result, error) {
	rest := append(append([]policy.Step(nil), steps[:i]...), steps[i+1:]...)
	d := policy.Combine(rest, byDefault)
	if d.Result != permission.Conditional || q.ResourceRef == "" {
		return d.Result, nil
	}
	if holds, err := x.holds(ctx, p, q.ResourceRef, *d.Condition); !holds {
		return permission.Deny, err
	}
	return permission.Allow, nil
}

// settle explains a conditional decision about one resource.
func (x *Explainer) settle(ctx context.Context, q Question, p permission.Permission, d permission.Decision, steps []policy.Step, byDefault permission.Result, a *Answer) error {
	holds := func(c permission.Condition) (bool, error) { return x.holds(ctx, p, q.ResourceRef, c) }
	allowed, err := holds(*d.Condition)
	if err != nil {
		return err
	}
	a.Result = permission.Deny
	if allowed {
		a.Result = permission.Allow
	}
	if !allowed && !q.Detail {
		a.Reason = "the conditions do not hold for it, or there is no such thing"
		return nil
	}
	exists, err := holds(permission.Condition{AllOf: []permission.Condition{}})
	if err != nil {
		return err
	}
	if !exists {
		a.Reason = noSuchThing(q.ResourceRef)
		return nil
	}
	verdict, err := condition.Judge(*d.Condition, holds)
	if err != nil {
		return err
	}
	a.Verdicts = &verdict
	for i := range a.Statements {
		a.Statements[i].Decided = false
	}
	var at int
	if at, a.Reason, err = why(d, allowed, steps, byDefault, a.Statements, holds); err != nil || len(steps) == 0 {
		return err
	}
	if a.Source = nil; at < 0 {
		return nil
	}
	a.Statements[at].Decided = true
	a.Source = &steps[at].Source
	a.Statements[at].Without, err = x.without(ctx, q, p, steps, at, byDefault)
	return err
}

// why says why a conditional decision allows or denies one resource that is
// there, and the number of the step that decided, or -1. It is the one place
// for these words: whoever asks about a user or about a resource reads the
// same. told, when not nil, takes up what the conditions of the steps say.
func why(d permission.Decision, allowed bool, steps []policy.Step, byDefault permission.Result, told []Statement, holds func(permission.Condition) (bool, error)) (at int, reason string, err error) {
	const doNotHold = "the conditions do not hold"
	if len(steps) == 0 { // a policy that does not tell its statements
		switch {
		case allowed:
			return -1, d.Reason, nil
		case d.Reason == "":
			return -1, doNotHold, nil
		}
		return -1, doNotHold + ": " + d.Reason, nil
	}
	at, ok, err := walk(steps, told, holds)
	if err != nil || at < 0 {
		return -1, "no statement decides about it; the default is " + strings.ToLower(string(byDefault)), err
	}
	s := steps[at]
	name := s.Source.Statement
	switch {
	case ok && s.Result == permission.Allow:
		return at, "allowed by: " + name, nil
	case ok && s.Condition == nil:
		return at, "denied by: " + name, nil
	case ok:
		return at, "denied, because the conditions hold: " + name, nil
	case s.Otherwise == permission.Allow:
		return at, "allowed, because the conditions do not hold: " + name, nil
	}
	return at, doNotHold + ": " + name, nil
}

// walk goes through the statements as the policy does for one resource. It
// returns the number of the one that decides, or -1, and whether its condition
// holds.
func walk(steps []policy.Step, told []Statement, holds func(permission.Condition) (bool, error)) (at int, ok bool, err error) {
	for i, s := range steps {
		if !s.Matched {
			continue
		}
		ok := true
		if s.Condition != nil {
			if ok, err = holds(*s.Condition); err != nil {
				return -1, false, err
			}
			if told != nil {
				told[i].Holds = &ok
			}
		}
		if ok || s.Otherwise != "" {
			return i, ok, nil
		}
	}
	return -1, false, nil
}

// holds applies a condition to one resource.
func (x *Explainer) holds(ctx context.Context, p permission.Permission, ref string, c permission.Condition) (bool, error) {
	out, err := x.deps.Registry.Apply(ctx, p.ResourceType, []string{ref}, c)
	if err != nil {
		return false, fmt.Errorf("apply a condition to %s: %w", ref, err)
	}
	return len(out) == 1 && out[0], nil
}
