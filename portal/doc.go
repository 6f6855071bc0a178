// Package portal puts the house together: it reads the configuration, opens
// the ground floor, hands every plugin its host, starts the actors and stops
// them again. It also is the command line, which is the same services without
// HTTP.
//
// What not: it has no behaviour of a portal of its own. It is the only place
// that knows every plugin.
//
// Start reading at [Main], then [Open] and [Portal.Run].
package portal
