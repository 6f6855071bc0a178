// Package ingest brings entities into the catalog: it decides what is read
// when, takes what was read through the pipeline, settles who may claim a ref,
// writes what changed and tells the read model.
//
// What: the unit of work is one source, nearly always a location. A worker
// leases a source that is due, reads it, processes its entities while they
// come, and writes them in batches; the end of the unit takes away what the
// source no longer emits. A unit may be killed at any point and is then done
// again with the same result. Providers and the push API hand in entities
// without a source to read. [Engine] also answers what happened to an entity
// and why one is not there.
//
// What not: no SQL (catalog/internal/store), no reading and checking of files
// (catalog/internal/process), no queries (catalog/internal/index), and no
// authorisation (catalog/internal/service).
//
// Start reading at [Engine.Run], then unit.go for one unit and put.go for one
// batch of entities. docs/decisions/0002-stitch-in-the-read-model.md has the
// reasons.
package ingest
