// Package condition is the algebra of permission conditions: it makes them
// ready for one principal, combines and simplifies them, and evaluates them
// leaf by leaf.
//
// What not: it applies no rule to a resource; the capability that owns the
// resource does.
//
// Start reading at [Bind], then [Expr].
package condition
