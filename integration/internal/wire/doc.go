// Package wire is how the integrations talk HTTP to a forge.
//
// What: [Transport] adds the credentials of the request, waits as the forge
// asks or says until when it asks to be left alone, and repeats what failed for
// the moment. [Failure] turns what clients return into errors with codes.
//
// What not: it knows no forge's API and caches no answers.
//
// Start reading at [Transport].
package wire
