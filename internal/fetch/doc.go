// Package fetch reads bytes that stand somewhere else: behind a URL, or in a
// file named by a path or a glob.
//
// What: [Reader] hands a URL to the [Host] that serves it (an integration), or
// reads it by HTTP itself when the operator allowed the host. It keeps what it
// read for conditional requests, waits politely when it is asked to, limits
// sizes and times, and refuses to be led to addresses inside the own network
// ([Guard]). [Files] reads local files under rules that keep a pattern inside
// its folder.
//
// What not: it does not parse, it knows no forge, and it does not decide who
// may ask for what.
//
// Start reading at [Reader.Read], then guard.go, then [Files].
package fetch
