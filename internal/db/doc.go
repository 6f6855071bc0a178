// Package db opens the database of the portal and gives stores one way to read
// and write it, whether it is an embedded SQLite file or a PostgreSQL server.
//
// What: connection pools with the right settings ([Open]), serialized and
// retried write transactions ([DB.Write]), read transactions ([DB.View]),
// migrations ([DB.Migrate]), signals between replicas ([DB.Notify],
// [DB.Listen]), advisory locks ([DB.Lock]), bulk inserts ([InsertRows]) and
// leases for work that only one replica may do ([Leases]).
//
// What not: no SQL of any capability, no query builder and no object mapping.
// A statement is written once, in the subset both engines understand: $n
// parameters, times as bigint microseconds ([Micros]), JSON as text. The one
// clause that differs is [DB.ForUpdateSkipLocked].
//
// Start reading at [Open], then [DB.Write]. Stores are tested with
// internal/db/dbtest, which runs a test on both engines.
package db
