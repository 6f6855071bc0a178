package rest

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/service/predicate"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

var facetParams = httpx.Params{List: []httpx.Param{{Name: "facet", Required: true, Repeated: true}, paramFilter}}

func (h *rest) getFacets(w http.ResponseWriter, r *http.Request) error {
	q, err := facetParams.Parse(r)
	if err != nil {
		return err
	}
	set, err := predicate.ParseParams(q.Strings("filter"))
	if err != nil {
		return err
	}
	return h.answerFacets(w, r, q.Strings("facet"), set.Filter())
}

var facetsSchema = httpx.Schema{Type: httpx.Object, Required: []string{"facets"}, Properties: []httpx.Property{
	{Name: "facets", Schema: schemaTexts},
	{Name: "query", Schema: httpx.Schema{Type: httpx.Object}},
}}

func (h *rest) queryFacets(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	var body struct {
		Facets []string `json:"facets"`
		Query  any      `json:"query"`
	}
	if err := httpx.DecodeJSON(r, &facetsSchema, &body); err != nil {
		return err
	}
	filter, err := parsePredicate(body.Query)
	if err != nil {
		return err
	}
	return h.answerFacets(w, r, body.Facets, filter)
}

func (h *rest) answerFacets(w http.ResponseWriter, r *http.Request, names []string, filter catalog.Filter) error {
	var keys []string
	for _, name := range names {
		if name != "" && !slices.Contains(keys, name) {
			keys = append(keys, name)
		}
	}
	if len(keys) == 0 {
		return fault.New(fault.Invalid, "Missing or empty facets parameter")
	}
	counts, err := h.service.Counts(r.Context(), keys, filter)
	if err != nil {
		return err
	}
	body := []byte(`{"facets":{`)
	for i, key := range keys {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(appendQuoted(body, key), ':', '[')
		for j, f := range counts[key] {
			if j > 0 {
				body = append(body, ',')
			}
			body = appendQuoted(append(body, `{"value":`...), f.Value)
			body = strconv.AppendInt(append(body, `,"count":`...), int64(f.Count), 10)
			body = append(body, '}')
		}
		body = append(body, ']')
	}
	return httpx.JSONBytes(w, r, http.StatusOK, append(body, '}', '}'))
}
