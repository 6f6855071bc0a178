// Package catalogplugin builds the software catalog out of its parts and makes
// it a plugin: the routes below /api/catalog, the actor that takes entities
// in, and the doors by which other plugins bring in processors and providers.
//
// What not: none of the catalog's behaviour is here. Kinds and relations are
// in catalog/internal/model, reading and checking in catalog/internal/process,
// storing in catalog/internal/ingest, answering in catalog/internal/service
// and catalog/internal/rest.
//
// Start reading at [New] and [Catalog.Init]; runtime.go is what happens when
// the portal starts and when the configuration changes.
package catalogplugin
