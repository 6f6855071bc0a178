// Package store keeps the catalog in the database: entities with who emits
// them, the queue of what is due, claims and refusals, registered locations,
// and the change log that replicas follow and histories are read from.
//
// What: [Store.Write] is the only way to change anything. Writers run one
// after the other over all replicas, so that the numbers of the change log
// appear in order and a follower that reads up to a number has missed nothing.
// A [Tx] offers one method per operation; [Tx.Log] numbers the changes.
// Reading methods of [Store] need no transaction.
//
// What not: it decides nothing. Who wins a conflict, what is an orphan and
// when something is due is catalog/internal/ingest's business, and answering
// queries is catalog/internal/index's.
//
// Start reading at [Row], then [Store.Write].
package store
