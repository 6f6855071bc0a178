// Package hosttest is a portal for the tests of integrations.
//
// What: [New] gives a plugin.Host that records what a plugin registers and lets
// the test play the portal; [Serve] plays a forge on the wire and fails the test
// on every call that it does not expect.
//
// What not: it stores no catalog.
//
// Start reading at [New].
package hosttest
