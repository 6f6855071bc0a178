// Package change says what differs between two versions of a document: as a
// list of changed values with their JSON pointers, and as a unified diff of
// two texts for people.
//
// What not: it reads no history and knows no entity.
//
// Start reading at [Values] and [Unified].
package change
