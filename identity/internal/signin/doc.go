// Package signin is the seam for sign-in providers: each turns a request into
// a signed-in user, and the shared part turns the user into a session with a
// token.
//
// What not: it knows no HTTP route (package rest), no token format
// (package token) and no protocol of an identity provider (package oauth).
//
// Start reading at [Provider] and [Service.Complete].
package signin
