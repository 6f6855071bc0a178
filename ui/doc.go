// Package ui holds the built front-end, so that one binary serves everything.
//
// What: the files that npm leaves in dist, embedded; dist is not committed
// except for an empty .keep, so that the package compiles before npm ran. The
// tag noui leaves the files out for a headless binary.
//
// What not: no HTTP. The server fills in the page and sets headers; README.md in
// this folder describes the markers and the boot block it has to write.
//
// Start reading at [Files]; the source of the front-end starts at src/main.tsx.
package ui
