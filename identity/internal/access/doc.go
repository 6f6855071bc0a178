// Package access authenticates requests: it turns a bearer token or the
// session cookie into an identity.Principal.
//
// A bearer is a static token of an external caller, a token of this portal (of
// a user, or of a plugin that may call on a user's behalf), or a token that
// somebody else signed and the configuration trusts.
//
// What not: it decides nothing about what the principal may do, except that it
// carries the restrictions of an external caller along.
//
// Start reading at [Authenticator] and [NewCallers].
package access
