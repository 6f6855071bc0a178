package rest

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/catalog/internal/service/predicate"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

var locationInputSchema = httpx.Schema{Type: httpx.Object, Required: []string{"target", "type"}, Closed: true, Properties: []httpx.Property{
	{Name: "target", Schema: schemaText}, {Name: "type", Schema: schemaText},
}}

func (h *rest) listLocations(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	all, err := h.service.Locations(r.Context())
	if err != nil {
		return err
	}
	type item struct {
		Data service.Location `json:"data"`
	}
	items := make([]item, len(all))
	for i, l := range all {
		items[i].Data = l
	}
	return httpx.JSON(w, r, items)
}

var createLocationParams = httpx.Params{List: []httpx.Param{
	{Name: "dryRun"}, {Name: "onConflict", Enum: []string{"refresh", "reject"}},
}}

var createLocationSchema = httpx.Schema{Type: httpx.Object, Required: []string{"target", "type"}, Properties: []httpx.Property{
	{Name: "target", Schema: schemaText}, {Name: "type", Schema: schemaText},
}}

// createLocation answers POST /locations.
func (h *rest) createLocation(w http.ResponseWriter, r *http.Request) error {
	q, err := createLocationParams.Parse(r)
	if err != nil {
		return err
	}
	var body map[string]any
	if err := httpx.DecodeJSON(r, &createLocationSchema, &body); err != nil {
		return err
	}
	if err := checkLocationBody(body); err != nil {
		return err
	}
	at := catalog.Location{Type: body["type"].(string), Target: body["target"].(string)}
	presence, _ := body["presence"].(string)
	if isYes(q.String("dryRun")) {
		tried, err := h.service.TryLocation(r.Context(), at)
		if err != nil {
			return err
		}
		return answerDryRun(w, r, tried)
	}
	added, err := h.service.AddLocation(r.Context(), at, presence, q.String("onConflict") == "refresh")
	if err != nil {
		return err
	}
	return httpx.JSONStatus(w, r, http.StatusCreated, struct {
		Location service.Location `json:"location"`
		Entities []any            `json:"entities"`
	}{added.Location, []any{}})
}

// checkLocationBody refuses keys that the schema lets through, in the words of
// the second check that Backstage makes.
func checkLocationBody(body map[string]any) error {
	type issue struct {
		Code    string   `json:"code"`
		Keys    []string `json:"keys,omitempty"`
		Path    []string `json:"path"`
		Message string   `json:"message"`
	}
	var issues []issue
	if p, ok := body["presence"]; ok && p != "required" && p != "optional" {
		issues = append(issues, issue{Code: "invalid_union", Path: []string{"presence"}, Message: "Invalid input"})
	}
	extra := issue{Code: "unrecognized_keys", Path: []string{}}
	for key := range body {
		if key != "type" && key != "target" && key != "presence" {
			extra.Keys = append(extra.Keys, key)
		}
	}
	if extra.Keys != nil {
		slices.Sort(extra.Keys)
		extra.Message = "Unrecognized key(s) in object: '" + strings.Join(extra.Keys, "', '") + "'"
		issues = append(issues, extra)
	}
	if issues == nil {
		return nil
	}
	text, err := json.MarshalIndent(issues, "", "  ")
	if err != nil {
		return err
	}
	return fault.Newf(fault.Invalid, "Malformed request: %s", strings.ReplaceAll(string(text), `\u0026`, "&"))
}

func isYes(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "y", "yes", "true", "1", "on":
		return true
	}
	return false
}

func answerDryRun(w http.ResponseWriter, r *http.Request, tried service.NewLocation) error {
	entities := make([]json.RawMessage, len(tried.Entities))
	for i, e := range tried.Entities {
		entities[i] = model.AppendEntity(nil, e)
	}
	answer := struct {
		Exists   bool                 `json:"exists"`
		Location service.Location     `json:"location"`
		Entities []json.RawMessage    `json:"entities"`
		Problems []catalog.StatusItem `json:"problems,omitempty"`
	}{tried.Exists, tried.Location, entities, tried.Problems}
	return httpx.JSONStatus(w, r, http.StatusCreated, answer)
}

var locationQuerySchema = httpx.Schema{Type: httpx.Object, Properties: []httpx.Property{
	{Name: "cursor", Schema: schemaText},
	{Name: "limit", Schema: httpx.Schema{Type: httpx.Number}},
	{Name: "query", Schema: httpx.Schema{Type: httpx.Object}},
}}

// queryLocations answers POST /locations/by-query.
func (h *rest) queryLocations(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	var body struct {
		Cursor *string  `json:"cursor"`
		Limit  *float64 `json:"limit"`
		Query  any      `json:"query"`
	}
	if err := httpx.DecodeJSON(r, &locationQuerySchema, &body); err != nil {
		return err
	}
	c := service.LocationCursor{Limit: 1000}
	if body.Cursor != nil {
		var err error
		if *body.Cursor == "" {
			return fault.New(fault.Invalid, "Cursor cannot be empty")
		}
		if c, err = service.DecodeLocationCursor(*body.Cursor); err != nil {
			return err
		}
	} else {
		if body.Limit != nil {
			if *body.Limit < 1 || *body.Limit != math.Trunc(*body.Limit) {
				return fault.New(fault.Invalid, "Limit must be a positive integer >= 1")
			}
			c.Limit = bounded(*body.Limit)
		}
		if body.Query != nil {
			if err := checkPredicate(body.Query); err != nil {
				return err
			}
			c.Query = body.Query
		}
	}
	page, err := h.service.QueryLocations(r.Context(), c)
	if err != nil {
		return err
	}
	info := map[string]string{}
	if page.Next != nil {
		info["nextCursor"] = page.Next.Encode()
	}
	return httpx.JSON(w, r, struct {
		Items []service.Location `json:"items"`
		Total int                `json:"totalItems"`
		Info  map[string]string  `json:"pageInfo"`
	}{page.Items, page.Total, info})
}

func checkPredicate(query any) error {
	if predicate.TooLarge(query) {
		return fault.New(fault.Invalid, "Invalid query: it is too large or nests too deeply")
	}
	if err := predicate.Check(query); err != nil {
		return fault.Newf(fault.Invalid, "Invalid query: %s", err)
	}
	return nil
}

func (h *rest) getLocation(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	l, err := h.service.Location(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, l)
}

func (h *rest) updateLocation(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	var at catalog.Location
	if err := httpx.DecodeJSON(r, &locationInputSchema, &at); err != nil {
		return err
	}
	l, err := h.service.UpdateLocation(r.Context(), r.PathValue("id"), at)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, l)
}

func (h *rest) deleteLocation(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	if err := h.service.DeleteLocation(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	return httpx.NoContent(w)
}

func (h *rest) getLocationByEntity(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	l, err := h.service.LocationOf(r.Context(), pathRef(r))
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, l)
}
