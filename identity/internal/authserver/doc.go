// Package authserver is the OAuth 2.1 authorization server that lets command
// lines and agents act for a user: the code flow with PKCE, refresh tokens,
// dynamic registration (RFC 7591) and client ids that are the address of a
// metadata document.
//
// A client sends the user's browser to /v1/authorize, which stores a session
// and leads to the consent page of the front-end. The page approves with the
// user's own token, the browser carries a code back to the client, and the
// client exchanges it for an ordinary user token.
//
// Routes, configuration keys and bodies are Backstage's; answers follow the
// RFCs where Backstage's do not, unless stagedoor.compatibility is strict.
//
// The portal's own command line may sign in without any configuration, because
// it can be given nothing that its user could not do in a browser: the only
// client is the one that the portal itself describes, its code goes to a
// loopback address only, and the user is asked each time, in the front-end; a
// token that a client got approves nothing. stagedoor.auth.cli: false shuts
// it. In strict mode nothing is open that Backstage would not open.
//
// What not: it signs no token (package token does) and knows no sign-in
// provider.
//
// Start reading at [Server].
package authserver
