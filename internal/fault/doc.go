// Package fault is the vocabulary of errors: a small set of codes, a way to
// give an error one of them, and a way to ask an error for its code.
//
// What: a [Code] says what the caller can do about an error. Whoever detects
// the problem chooses the code; everybody above wraps with %w and what they
// were doing; one place at the edge (internal/httpx for HTTP, portal for the
// command line) turns the code into a status or an exit code.
//
// What not: it does not log, it does not know HTTP and it does not know any
// word of the portal.
//
// Start reading at [New] and [CodeOf].
package fault
