// Package token makes and checks the portal's own tokens: the user token that
// other services verify, the limited token that travels in a cookie, and the
// keys behind both.
//
// A replica signs with a key pair of its own, which lives in memory only. The
// public half goes to the database, so that every replica verifies what any
// replica signed, and stays there three times the life of a token after its
// last use.
//
// What not: tokens of other issuers and static tokens are package external's,
// and who a user is was decided before [Issuer.User] is called.
//
// Start reading at [Issuer].
package token
