// Package chain makes a list of events tamper-evident: it says what bytes an
// event is, how each is chained to the one before, and whether a stored list
// is still the one that was written.
//
// An event's bytes are its JSON as the REST API and the export show it,
// without the last members key, previous and hash ([Entry.AppendCanonical]).
// hash is SHA-256 over the 32 bytes of the previous hash and those bytes; the
// first event's previous hash is 32 zero bytes. With a key it is HMAC-SHA-256
// with that key, so that who can write to the database but does not have the
// key cannot make another chain.
//
// The [Head] is kept beside the list: it says which event is the last one, so
// that an end that was cut off shows, and where the list begins once old
// events were removed.
//
// What not: it stores nothing and knows no SQL; that is audit/internal/store.
//
// Start reading at [Entry] and [Verifier].
package chain
