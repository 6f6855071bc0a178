package rest

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// Deps are what the handlers need. Service is required.
type Deps struct {
	Service *service.Service
	Logger  *slog.Logger
	// Heartbeat is the time between comments on an idle event stream; zero
	// means 20 seconds.
	Heartbeat time.Duration
	// Lifetime is how long an event stream lives: then the client comes back
	// and shows anew who it is, so that who may no longer know hears no more.
	// Zero means 10 minutes.
	Lifetime time.Duration
	// Done, when not nil, is closed to end the event streams, which no client
	// ends by itself.
	Done <-chan struct{}
}

// Route is one route below /api/catalog.
type Route struct {
	// Pattern is that of net/http, such as "GET /entities".
	Pattern string
	Access  httpx.Access
	Handler httpx.Handler
}

type rest struct {
	service   *service.Service
	log       *slog.Logger
	heartbeat time.Duration
	lifetime  time.Duration
	done      <-chan struct{}
	openAPI   []byte
}

// New returns the routes of the catalog. It panics when the embedded OpenAPI
// document is broken, which a test rules out.
func New(d Deps) []Route {
	h := &rest{service: d.Service, log: d.Logger, heartbeat: d.Heartbeat, lifetime: d.Lifetime, done: d.Done, openAPI: OpenAPI()}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.heartbeat == 0 {
		h.heartbeat = 20 * time.Second
	}
	if h.lifetime == 0 {
		h.lifetime = 10 * time.Minute
	}
	const byName = "/entities/by-name/{kind}/{namespace}/{name}"
	routes := []Route{
		{Pattern: "GET /entities", Handler: h.listEntities},
		{Pattern: "PUT /entities", Handler: h.change(service.EventEntity, "push", h.pushEntities)},
		{Pattern: "DELETE /entities", Handler: h.change(service.EventEntity, "delete-pushed", h.deletePushed)},
		{Pattern: "GET /entities/by-query", Handler: h.queryEntities},
		{Pattern: "POST /entities/by-query", Handler: h.queryEntitiesByPredicate},
		{Pattern: "GET /entities/by-uid/{uid}", Handler: h.getEntityByUID},
		{Pattern: "DELETE /entities/by-uid/{uid}", Handler: h.change(service.EventEntity, "delete", h.deleteEntityByUID)},
		{Pattern: "GET " + byName, Handler: h.getEntityByName},
		{Pattern: "GET " + byName + "/ancestry", Handler: h.getAncestry},
		{Pattern: "GET " + byName + "/history", Handler: h.listVersions},
		{Pattern: "GET " + byName + "/history/diff", Handler: h.diffVersions},
		{Pattern: "GET " + byName + "/history/{version}", Handler: h.getVersion},
		{Pattern: "POST /entities/by-refs", Handler: h.getEntitiesByRefs},
		{Pattern: "GET /entity-facets", Handler: h.getFacets},
		{Pattern: "POST /entity-facets", Handler: h.queryFacets},
		{Pattern: "POST /refresh", Handler: h.change(service.EventEntity, "refresh", h.refreshEntity)},
		{Pattern: "POST /validate-entity", Handler: h.validateEntity},
		{Pattern: "POST /analyze-location", Handler: h.analyzeLocation},
		{Pattern: "GET /locations", Handler: h.listLocations},
		{Pattern: "POST /locations", Handler: h.change(service.EventLocation, "create", h.createLocation)},
		{Pattern: "POST /locations/by-query", Handler: h.queryLocations},
		{Pattern: "GET /locations/{id}", Handler: h.getLocation},
		{Pattern: "PUT /locations/{id}", Handler: h.change(service.EventLocation, "update", h.updateLocation)},
		{Pattern: "DELETE /locations/{id}", Handler: h.change(service.EventLocation, "delete", h.deleteLocation)},
		{Pattern: "GET /locations/by-entity/{kind}/{namespace}/{name}", Handler: h.getLocationByEntity},
		{Pattern: "GET /entities/unprocessed/failed", Handler: h.listFailed},
		{Pattern: "GET /entities/unprocessed/pending", Handler: h.listPending},
		{Pattern: "DELETE /entities/unprocessed/delete/{entity_id}", Handler: h.change(service.EventEntity, "delete-unprocessed", h.deleteUnprocessed)},
		{Pattern: "GET /.backstage/actions/v1/actions", Handler: h.listActions},
		{Pattern: "POST /.backstage/actions/v1/actions/{id}/invoke", Handler: h.invokeAction},
		{Pattern: "GET /kinds", Handler: h.listKinds},
		{Pattern: "GET /explain", Handler: h.explain},
		{Pattern: "GET /graph", Handler: h.getGraph},
		{Pattern: "GET /events", Handler: h.streamEvents},
		{Pattern: "GET /openapi.json", Handler: h.getOpenAPI},
	}
	for i := range routes {
		if routes[i].Access == 0 {
			routes[i].Access = httpx.Default
		}
	}
	return routes
}

// change tells the audit log of requests for a change that are refused before
// the service is asked.
func (h *rest) change(event, action string, handler httpx.Handler) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx, done := h.service.Attempt(r.Context(), event, action)
		err := handler(w, r.WithContext(ctx))
		done(err)
		return err
	}
}

// none are the parameters of a route without any.
var none = httpx.Params{}

// noQuery refuses query parameters.
func noQuery(r *http.Request) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	_, err := none.Parse(r)
	return err
}
