package policy

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
)

// Source is a policy that can say why it decides as it does. Safe for
// concurrent use. Conditions in its decisions and steps are ready to be
// applied: aliases such as $ownerRefs are replaced, and rules that are made of
// others are expanded (see package condition).
type Source interface {
	permission.Policy
	// Trace returns, in the order in which they are considered, all statements
	// of the policy and what each has to do with the decision for the
	// principal and the permission. [Combine] of the steps is the decision.
	Trace(ctx context.Context, who identity.Principal, p permission.Permission) ([]Step, error)
	// Statements lists what the policy says.
	Statements() []Statement
	// State says where the policy comes from.
	State() State
}

// Statement is one statement of a policy, for people.
type Statement struct {
	Source permission.Source `json:"source"`
	// Text is the statement in one line.
	Text string `json:"text"`
	// Effect is allow or deny.
	Effect string `json:"effect"`
	// Match says what the statement is about, as JSON.
	Match any `json:"match,omitempty"`
	// When is the condition as it was written, aliases included; nil when the
	// statement has none.
	When *permission.Condition `json:"when,omitempty"`
}

// Step is one statement as one decision looked at it.
type Step struct {
	Source permission.Source
	// Matched is set when the statement is about the principal and the
	// permission.
	Matched bool
	// Decided is set when the decision depends on the statement: it matched and
	// no statement before it had decided for every resource.
	Decided bool
	// Why says in one sentence why the statement matched or not.
	Why string
	// Result is what the statement says, Allow or Deny, where its condition
	// holds; a nil Condition holds everywhere.
	Result    permission.Result
	Condition *permission.Condition
	// Otherwise is what the statement says where its condition does not hold;
	// empty leaves that to the statements behind it.
	Otherwise permission.Result

	expr *condition.Expr // Condition, when it is known in this form
}

// When sets the condition of a step from its simplest form, which saves
// [Combine] the work of finding it.
func (s *Step) When(e condition.Expr) {
	if s.Condition = e.Condition(); s.Condition == nil && !e.Always() {
		s.Condition = &permission.Condition{AnyOf: []permission.Condition{}}
	}
	s.expr = &e
}

// holds is the condition in its simplest form.
func (s *Step) holds() condition.Expr {
	switch {
	case s.expr != nil:
		return *s.expr
	case s.Condition != nil:
		return condition.Of(*s.Condition)
	}
	return condition.True
}

// State says where a policy comes from and whether a newer one was refused.
type State struct {
	// Files are the files it was read from, as configured.
	Files    []string
	LoadedAt time.Time
	// Default is the result where no statement decides.
	Default permission.Result
	// Problem is why the newest text was refused; nil when the policy in force
	// is the newest.
	Problem *Problem
	// Skipped are the lines that were left out, where a policy is read line by
	// line.
	Skipped []Problem
}

// Problem is why a policy was refused.
type Problem struct {
	Message string `json:"message"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}
