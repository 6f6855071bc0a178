// Package token makes and checks the portal's own tokens: the user token that
// other services verify, the limited token that travels in a cookie, the token
// by which one plugin calls another, and the keys behind them.
//
// A replica signs with a key pair of its own, which lives in memory only. The
// public half goes to the database before the first signature, so that every
// replica verifies what any replica signed a millisecond ago, and stays there
// three times as long as the key signs.
//
// What not: tokens of other issuers and static tokens are package access's,
// and who a user is was decided before [Issuer.User] is called.
//
// Start reading at [Issuer].
package token
