// Package scrub keeps secrets out of events: what the configuration marks as
// secret, what looks like a token or a key, and the queries of URLs.
//
// What not: it knows nothing of events; it takes texts and JSON values.
//
// Start reading at [Scrubber].
package scrub
