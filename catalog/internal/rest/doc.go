// Package rest speaks the catalog's HTTP interface: the calls of Backstage's
// catalog with their parameters, messages and key orders, and our own calls
// beside them. openapi.yaml describes all of them and is served as
// openapi.json.
//
// What: [New] gives a list of routes. Each handler reads its request once,
// calls one method of catalog/internal/service and writes the answer; entities
// are copied from the read model as bytes.
//
// What not: it decides nothing about who may see what and keeps no state.
//
// Start reading at [New], then entity_query.go.
package rest
