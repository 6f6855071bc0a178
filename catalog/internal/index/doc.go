// Package index is the read model of the catalog: every entity as bytes that
// are ready to send, an inverted index of what the entities say, sorted orders
// and the relations of both ends, all in memory. Every answer of the catalog
// is read here.
//
// What not: it knows no SQL, no HTTP and no permissions, it validates nothing
// and it starts no goroutine that outlives a call. What goes in is written by
// catalog/internal/ingest, who may see what is decided by
// catalog/internal/service (a permission condition arrives here as one more
// catalog.Filter).
//
// How it is built: a [Snapshot] is immutable and reached through one atomic
// pointer, so readers never wait for a writer. A writer shares everything that
// a change does not touch with the snapshot before: arrays are cut into pages
// that are copied when they are written to (paged.go), texts are interned in
// tables that only grow (symbols.go), entity bytes lie in slabs that hold no
// pointers (slab.go).
//
// Start reading at [Index], then [Record] for what goes in and [Snapshot] for
// what comes out; writer.go is the way from one snapshot to the next.
package index
