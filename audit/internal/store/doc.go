// Package store keeps the events of the audit log.
//
// What: an event is added unsealed ([Store.Add]), in whatever transaction its
// change happens in, so that writers do not wait for one another. [Store.Seal]
// then gives it its number and chains it. Only sealed events are found
// ([Store.Search], [Store.Get], [Store.Each]), checked ([Store.Verify]) and,
// when they are old, removed ([Store.Remove]).
//
// What not: what the chain is made of is audit/internal/chain; when events are
// sealed and what is in them is audit/internal/journal.
//
// Start reading at [Store].
package store
