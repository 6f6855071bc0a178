// Package identity is the contract of who is asking: the principal of a
// request, how it travels in a context, and how a request is authenticated.
//
// What not: it issues no tokens and knows no provider; that is
// identity/identityplugin and identity/internal.
//
// Start reading at [Principal].
package identity
