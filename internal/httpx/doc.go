// Package httpx is the floor under every HTTP interface of the portal.
//
// What: handlers that return errors ([Handler]); one router per plugin below
// /api/<id> that asks for a principal before it calls them ([Mux]); the root
// router with health, security headers, CORS, compression, limits and access
// log ([Root]); the server as an actor ([Server]); answers ([JSON],
// [StreamJSON], [EventStream], [Assets]); and the checks of input
// ([Params], [DecodeJSON], [Schema]). Answers look like those of a Backstage
// back end down to the names of errors and the texts of validation.
//
// What not: it knows no plugin, no entity and no token. Who a request comes
// from is told by the functions in [Guard].
//
// Start reading at [Root] and [Mux.Handle], then [WriteError].
package httpx
