// Package plugin is the contract between the portal and its plugins. Every
// capability that ships is a plugin through it, so nothing built in has a power
// that yours lacks.
//
// The life of a plugin:
//
//  1. Your main builds it and hands it to portal.Main.
//  2. [Plugin.Init] is called once, with the plugin's own [Host], in the order
//     of the list. It registers routes, extensions of other capabilities,
//     scheduled tasks and actors, and returns. It must not block and must not
//     use what other plugins register.
//  3. When every Init has returned, the actors start, all at once; the portal
//     reports ready when every [Actors.Ready] check passes.
//  4. On shutdown the contexts of the actors end; an actor returns soon after.
//
// What not: no capability is described here. Their contracts (catalog,
// identity, permission, …) are packages of their own.
//
// Start reading at [Plugin] and [Host].
package plugin
