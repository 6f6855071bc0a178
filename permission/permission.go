package permission

import "context"

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
// is Conditional.
type Decision struct {
	Result    Result
	Condition *Condition
	// Reason names the statement that decided, for people.
	Reason string
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
