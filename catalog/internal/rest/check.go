package rest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

var refreshSchema = httpx.Schema{Type: httpx.Object, Required: []string{"entityRef"}, Closed: true, Properties: []httpx.Property{
	{Name: "authorizationToken", Schema: schemaText}, {Name: "entityRef", Schema: schemaText},
}}

func (h *rest) refreshEntity(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	var body struct {
		EntityRef string `json:"entityRef"`
	}
	if err := httpx.DecodeJSON(r, &refreshSchema, &body); err != nil {
		return err
	}
	if err := h.service.Refresh(r.Context(), body.EntityRef); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

var validateSchema = httpx.Schema{Type: httpx.Object, Required: []string{"location", "entity"}, Properties: []httpx.Property{
	{Name: "location", Schema: schemaText}, {Name: "entity", Schema: httpx.Schema{Type: httpx.Object}},
}}

// validateEntity answers POST /validate-entity. What is wrong with the entity
// does not come in the error envelope.
func (h *rest) validateEntity(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	var body struct {
		Location string         `json:"location"`
		Entity   map[string]any `json:"entity"`
	}
	if err := httpx.DecodeJSON(r, &validateSchema, &body); err != nil {
		return err
	}
	at, wrong := parseLocationRef(body.Location)
	errs, err := h.service.Validate(r.Context(), catalog.Entity(body.Entity), at)
	if err != nil {
		return err
	}
	// A location that cannot be parsed only counts when the entity has the
	// shape of one, because that is looked at first.
	if wrong != nil && (len(errs) == 0 || errs[0].Name == "TypeError" && strings.HasPrefix(errs[0].Message, "Invalid location ref")) {
		errs = []process.WireError{*wrong}
	}
	if len(errs) == 0 {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	return httpx.JSONStatus(w, r, http.StatusBadRequest, struct {
		Errors []process.WireError `json:"errors"`
	}{errs})
}

// parseLocationRef splits type:target.
func parseLocationRef(ref string) (catalog.Location, *process.WireError) {
	kind, target, found := strings.Cut(ref, ":")
	kind, target = strings.TrimSpace(kind), strings.TrimSpace(target)
	switch {
	case !found || kind == "" || target == "":
		return catalog.Location{}, &process.WireError{Name: "TypeError", Message: fmt.Sprintf("Unable to parse location ref '%s', expected '<type>:<target>', e.g. 'url:https://host/path'", ref)}
	case kind == "http" || kind == "https":
		return catalog.Location{}, &process.WireError{Name: "TypeError", Message: fmt.Sprintf("Invalid location ref '%s', please prefix it with 'url:', e.g. 'url:%s'", ref, ref)}
	}
	return catalog.Location{Type: kind, Target: target}, nil
}

var analyzeSchema = httpx.Schema{Type: httpx.Object, Required: []string{"location"}, Properties: []httpx.Property{
	{Name: "catalogFileName", Schema: schemaText}, {Name: "location", Schema: locationInputSchema},
}}

func (h *rest) analyzeLocation(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	var body struct {
		Location        catalog.Location `json:"location"`
		CatalogFileName string           `json:"catalogFileName"`
	}
	if err := httpx.DecodeJSON(r, &analyzeSchema, &body); err != nil {
		return err
	}
	analysis, err := h.service.Analyze(r.Context(), body.Location, body.CatalogFileName)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, analysis)
}

var unprocessedParams = httpx.Params{List: []httpx.Param{{Name: "owner"}}}

func (h *rest) listFailed(w http.ResponseWriter, r *http.Request) error {
	return h.listUnprocessed(w, r, "failed")
}

func (h *rest) listPending(w http.ResponseWriter, r *http.Request) error {
	return h.listUnprocessed(w, r, "pending")
}

func (h *rest) listUnprocessed(w http.ResponseWriter, r *http.Request, kind string) error {
	q, err := unprocessedParams.Parse(r)
	if err != nil {
		return err
	}
	list, err := h.service.Unprocessed(r.Context(), kind == "failed", q.String("owner"))
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, struct {
		Type     string `json:"type"`
		Entities any    `json:"entities"`
	}{kind, list})
}

func (h *rest) deleteUnprocessed(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	if err := h.service.DeleteUnprocessed(r.Context(), r.PathValue("entity_id")); err != nil {
		return err
	}
	return httpx.NoContent(w)
}
