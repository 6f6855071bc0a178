// Package trial tries policies out before they decide about anything: whether
// they keep what a file of expectations says, and what another policy would
// change over a catalog.
//
// What not: it puts no policy into force and opens no catalog; [Deps] has one.
//
// Start reading at [Deps.Test] and [Deps.Simulate].
package trial
