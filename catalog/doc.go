// Package catalog is the contract of the software catalog: what an entity is,
// how it is named, how entities are asked for, and the small interfaces by
// which plugins bring entities in (Provider), look at them on the way
// (Processor) and read them (Reader).
//
// What not: it validates nothing, stores nothing and serves nothing. The rules
// of the kinds are in catalog/internal/model, the way in is
// catalog/internal/ingest, the way out catalog/internal/index and
// catalog/internal/rest; catalog/catalogplugin puts them together.
//
// Start reading at [Entity] and [Ref], then [Filter] and [Query] for reading,
// then [Provider] and [Processor] for writing.
package catalog
