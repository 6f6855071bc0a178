// Package oauth holds the sign-in providers that send people to an identity
// provider and take them back: OpenID Connect and the OAuth 2.0 dialects of
// the forges and clouds.
//
// What: [Provider] is one entry of auth.providers with all its environments.
// The flow (start, frame, refresh, logout) is the same for all of them; what
// differs is a row of the table in kinds.go and a function that asks who the
// person is. Every flow uses a code with PKCE, a state bound to the browser by
// a cookie, and, where there is an id token, its nonce. Nothing is kept on the
// server: what a session needs lies in the browser's cookies, so replicas need
// not agree on anything.
//
// What not: it decides not which user of the catalog the person is (package
// resolve) and it issues no token (package signin).
//
// Start reading at [Provider.Start], [Provider.Frame] and the table in
// kinds.go. The outside behaviour, cookies and messages is Backstage's
// (plugin-auth-node), so that its front-end works unchanged.
package oauth
