package permission

import (
	"context"
	"fmt"

	"github.com/stagedoor/stagedoor/identity"
)

// Permission is something that can be allowed or denied.
type Permission struct {
	Name string
	// Action is create, read, update, delete, or empty ("use").
	Action string
	// ResourceType is set for permissions that are decided per resource.
	ResourceType string
}

// Result is the kind of a decision.
type Result string

// The results. The strings are those of the wire protocol.
const (
	Allow       Result = "ALLOW"
	Deny        Result = "DENY"
	Conditional Result = "CONDITIONAL"
)

// Decision is the answer to a [Request]. Condition is set exactly when Result
// is Conditional; it is shared and never changed.
type Decision struct {
	Result    Result
	Condition *Condition
	// Reason says in one sentence why, for people.
	Reason string
	// Source is where the deciding statement stands; the zero Source when no
	// statement decided.
	Source Source
}

// Source is a place in a policy.
type Source struct {
	// File is the file as it was configured, or "the configuration".
	File string `json:"file"`
	Line int    `json:"line"`
	// Statement is the name of the statement, or its text in one line.
	Statement string `json:"statement,omitempty"`
}

// String renders "file:line", the file alone where there are no lines, or the
// empty string.
func (s Source) String() string {
	if s.Line == 0 {
		return s.File
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}

// Condition is a tree over rules. Exactly one of the forms is set: AllOf,
// AnyOf, Not, or Rule with its Params.
type Condition struct {
	AllOf []Condition
	AnyOf []Condition
	Not   *Condition

	ResourceType string
	Rule         string
	Params       map[string]any
}

// Request asks for one decision.
type Request struct {
	Permission Permission
	// ResourceRef asks about one resource; empty asks for a decision over all,
	// which may be conditional.
	ResourceRef string
}

// Authorizer decides. The caller is the principal in the context. Safe for
// concurrent use; it never calls back into the asking capability.
type Authorizer interface {
	Authorize(ctx context.Context, req Request) (Decision, error)
}

// Policy decides what users may do. A plugin that brings one replaces the
// configured policy. Decide is called for users only: services may do what
// their access restrictions name. A decision may be conditional for
// permissions with a resource type only. Implementations are safe for
// concurrent use and fast: they are asked several times in every request.
type Policy interface {
	Decide(ctx context.Context, who identity.Principal, p Permission) (Decision, error)
}

// Definition is what a plugin brings to the framework: its permissions and the
// kinds of things that they are about.
type Definition struct {
	Permissions []Permission
	Resources   []Resource
}

// Resource is one kind of thing that permissions are decided for, such as
// catalog-entity.
type Resource struct {
	// Type is the name in permissions and conditions.
	Type  string
	Rules []Rule
	// Check returns an error with code invalid unless the condition, all
	// rules and parameters of it, can be applied to things of this type.
	Check func(c Condition) error
	// Apply reports for each ref whether the thing exists and the condition
	// holds for it. It authorises nothing. Safe for concurrent use.
	Apply func(ctx context.Context, refs []string, c Condition) ([]bool, error)
}

// Rule is one rule that conditions may use.
type Rule struct {
	Name, Description string
	Params            []Param
	// Expand, when set, makes the rule out of others: conditions with this
	// rule are replaced by what it returns before anybody applies them. An
	// error with code invalid refuses the parameters.
	Expand func(params map[string]any) (Condition, error)
}

// Texts reads the value of a parameter of the type list, as Go or JSON has it.
// It reports false for anything but a list of strings.
func Texts(v any) ([]string, bool) {
	switch v := v.(type) {
	case []string:
		return v, true
	case []any:
		out := make([]string, len(v))
		for i, item := range v {
			text, ok := item.(string)
			if !ok {
				return nil, false
			}
			out[i] = text
		}
		return out, true
	}
	return nil, false
}

// Param is a parameter of a [Rule].
type Param struct {
	Name, Description string
	// Type is string, number, boolean, or list (of strings); empty means
	// string.
	Type     string
	Optional bool
	// Default is the value of a parameter that is left out, for rules with an
	// Expand function. It may be $ownerRefs or $currentUser, which stand for
	// what the asking user owns things by, and for the user.
	Default any
}
