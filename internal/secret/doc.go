// Package secret holds text that must not be printed.
//
// What: [Text] is a string that renders as *** in every way Go renders values:
// fmt verbs, JSON, text marshalling and slog. The plain text leaves it through
// [Text.Reveal] only, so that a search for Reveal finds every such place.
//
// What not: it does not encrypt and it does not wipe memory; it keeps secrets
// out of logs, error messages and API answers.
//
// Start reading at [Text].
package secret
