// Package validate is behind "stagedoor catalog validate": it reads entity
// files as the portal would, and says of every document whether its envelope
// and kind are right, with file, document and line.
//
// What not: it talks to no network and no catalog. Placeholders that point to
// other hosts count as right, and whether the target of a reference exists is
// not asked.
//
// Start reading at [Run] and [Validator].
package validate
