// Package catalogtest is the catalog for tests: [New] is a small catalog in
// memory with the behaviour of the real one towards readers, and [Run] is the
// proof that a [catalog.Reader] behaves as the contract says, which the fake
// and the real one both pass.
//
// What not: the fake validates nothing, derives no relations (an entity brings
// the ones it has, in "relations") and authorises nobody. It is made for tens
// of entities, not for thousands.
//
// Start reading at [New] and [Run].
package catalogtest
