// Package discovery is what the entity providers of all forges share.
//
// What: [Provider] connects a run to the catalog and to the schedule; a run that
// fails changes nothing, so the set of the last good one stays. [Location] makes
// the Location entity for a file, [Pattern] and [Glob] read the patterns of the
// configuration.
//
// What not: it talks to no forge.
//
// Start reading at [Provider].
package discovery
