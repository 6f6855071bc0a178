// Package service is what the catalog does for its callers: every call
// authorises the principal in its context, then reads the read model or asks
// the ingestion engine to write.
//
// What: [Service] implements [catalog.Reader] and [catalog.Feed] for other
// capabilities and the richer calls that the REST API needs. A conditional
// decision becomes one more filter, so counts, facets and pages agree with it;
// what a principal may not see does not exist for it.
//
// What not: it speaks no HTTP, which is catalog/internal/rest, holds no SQL
// and runs no goroutine.
//
// Start reading at [Service] and access.go, then query.go.
package service
