// Package access authenticates requests: it turns a bearer token or the
// session cookie into an identity.Principal.
//
// What not: it decides nothing about what the principal may do, except that it
// carries the restrictions of an external caller along.
//
// Start reading at [Authenticator].
package access
