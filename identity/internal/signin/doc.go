// Package signin is the seam for sign-in providers: each turns a request into
// a signed-in user, and the shared part turns the user into a session with a
// token.
//
// What not: it knows no HTTP route (package rest) and no token format
// (package token).
//
// Start reading at [Provider] and [Service.SignIn].
package signin
