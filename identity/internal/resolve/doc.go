// Package resolve finds out which user of the catalog an account is, and what
// that user owns things by.
//
// What: the sign-in resolvers of the configuration as a table of rules
// ([Names]), tried in order; users without an entity where the configuration
// wants them; ownership from the relations of the catalog.
//
// What not: it authenticates nobody; providers do. It reads no configuration
// file; identity/identityplugin does.
//
// Start reading at [Resolver.Resolve] and [Config].
package resolve
