// Package statement is the language of policies as data: ordered statements
// that match a permission and a principal and allow, deny, or allow under
// conditions, and rules that are made of other rules.
//
// What: [Parse] reads and checks a policy, every message with file, line and
// column; [Policy] decides by it and says why. [Shipped] are the rules that
// come with the portal.
//
// What not: it watches no file, asks no catalog and speaks no HTTP.
//
// Start reading at [Parse] in parse.go, then policy.go; rule.go has the rules.
package statement
