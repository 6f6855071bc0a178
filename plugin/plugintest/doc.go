// Package plugintest is a portal for tests, with nothing in it but the plugin
// that is tested: [New] initialises it over a configuration, serves its routes
// to callers with fixed tokens, and runs its actors and tasks when told.
//
// What not: there is no catalog but the one that is given, no schedule and no
// other plugin.
//
// Start reading at [New].
package plugintest
