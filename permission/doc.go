// Package permission is the contract of what a caller may do: permissions,
// decisions with conditions, and who decides.
//
// What not: it holds no policy. Policies are data and are evaluated in
// permission/internal.
//
// Start reading at [Authorizer] and [Decision].
package permission
