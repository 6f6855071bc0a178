// Package predicate reads the two languages in which callers of the catalog's
// API say which entities they mean, and turns both into a [catalog.Filter]:
// the filter= parameters of a query string, and predicate objects such as
// {"kind": "component", "metadata.tags": {"$contains": "go"}}.
//
// What: [Check] finds what is wrong with a predicate and says it in the words
// that clients of Backstage know, [Compile] makes a filter of it, [Matches]
// evaluates it over a plain object, and [ParseParams] reads query strings.
//
// What not: it evaluates nothing over entities; that is the read model's work.
//
// Start reading at [ParseParams] and [Compile].
package predicate
