// Package archive unpacks zip and gzipped tar archives into memory.
//
// What: [Read] gives an fs.FS of the regular files inside, within limits on
// the number of files and bytes, so that an archive made to explode is refused
// before it does. Names that lead out of the archive, links and devices are
// refused or left out.
//
// What not: it writes nothing to disk and packs nothing.
//
// Start reading at [Read].
package archive
