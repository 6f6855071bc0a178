// Package permissiontest has what tests of the permission framework need: a
// plugin that looks like the catalog to it, with an evaluation of conditions
// of its own to compare with.
//
// Start reading at [Entities].
package permissiontest
