// Package signal is the contract of signals: short messages that reach the
// open pages of users at once, so that a page need not ask again and again.
//
// What not: a signal is not kept. Who is not connected when it is published
// misses it, and finds what it was about by asking.
//
// Start reading at [Publisher].
package signal
