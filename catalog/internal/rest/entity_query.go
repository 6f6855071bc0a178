package rest

import (
	"net/http"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/catalog/internal/service/predicate"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

var queryParams = httpx.Params{List: []httpx.Param{
	paramFields, paramLimit, paramOffset,
	{Name: "orderField", Repeated: true},
	{Name: "cursor"},
	paramFilter,
	{Name: "totalItems", Enum: []string{"include", "exclude"}},
	{Name: "fullTextFilterTerm"},
	{Name: "fullTextFilterFields", Repeated: true},
}}

// queryEntities answers GET /entities/by-query.
func (h *rest) queryEntities(w http.ResponseWriter, r *http.Request) error {
	q, err := queryParams.Parse(r)
	if err != nil {
		return err
	}
	fields, err := parseFields(q.Strings("fields"))
	if err != nil {
		return err
	}
	req := service.PageRequest{ExcludeTotal: q.String("totalItems") == "exclude"}
	if limit, ok := q.Int("limit"); ok {
		req.Limit = &limit
	}
	req.Offset, _ = q.Int("offset")
	if q.Has("cursor") {
		if req.Cursor, err = service.DecodeCursor(q.String("cursor")); err != nil {
			return err
		}
		return h.answerPage(w, r, req, fields)
	}
	set, err := predicate.ParseParams(q.Strings("filter"))
	if err != nil {
		return err
	}
	req.Filter, req.Query = set.Filter(), set.Predicate()
	if req.Order, err = parseOrderFields(q.Strings("orderField")); err != nil {
		return err
	}
	req.Text = &service.CursorText{Term: strings.TrimSpace(q.String("fullTextFilterTerm"))}
	for _, list := range q.Strings("fullTextFilterFields") {
		for field := range strings.SplitSeq(list, ",") {
			if field != "" {
				req.Text.Fields = append(req.Text.Fields, field)
			}
		}
	}
	return h.answerPage(w, r, req, fields)
}

var querySchema = httpx.Schema{Type: httpx.Object, Properties: []httpx.Property{
	{Name: "cursor", Schema: schemaText},
	{Name: "limit", Schema: httpx.Schema{Type: httpx.Number}},
	{Name: "offset", Schema: httpx.Schema{Type: httpx.Number}},
	{Name: "orderBy", Schema: httpx.Schema{Type: httpx.Array, Items: &httpx.Schema{
		Type: httpx.Object, Required: []string{"field", "order"}, Properties: []httpx.Property{
			{Name: "field", Schema: schemaText},
			{Name: "order", Schema: httpx.Schema{Type: httpx.String, Enum: []any{"asc", "desc"}}},
		},
	}}},
	{Name: "fullTextFilter", Schema: httpx.Schema{Type: httpx.Object, Properties: []httpx.Property{
		{Name: "term", Schema: schemaText}, {Name: "fields", Schema: schemaTexts},
	}}},
	{Name: "fields", Schema: schemaTexts},
	{Name: "totalItems", Schema: httpx.Schema{Type: httpx.String, Enum: []any{"include", "exclude"}}},
	{Name: "query", Schema: httpx.Schema{Type: httpx.Object}},
}}

type queryBody struct {
	Cursor  *string  `json:"cursor"`
	Limit   *float64 `json:"limit"`
	Offset  float64  `json:"offset"`
	OrderBy []struct {
		Field string `json:"field"`
		Order string `json:"order"`
	} `json:"orderBy"`
	FullTextFilter *service.CursorText `json:"fullTextFilter"`
	Fields         []string            `json:"fields"`
	TotalItems     string              `json:"totalItems"`
	Query          any                 `json:"query"`
}

// queryEntitiesByPredicate answers POST /entities/by-query.
func (h *rest) queryEntitiesByPredicate(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	var body queryBody
	if err := httpx.DecodeJSON(r, &querySchema, &body); err != nil {
		return err
	}
	req := service.PageRequest{ExcludeTotal: body.TotalItems == "exclude", Offset: bounded(body.Offset)}
	if body.Limit != nil {
		if *body.Limit < 0 {
			return h.negativeLimit()
		}
		limit := bounded(*body.Limit)
		req.Limit = &limit
	}
	fields, err := parseFields(body.Fields)
	if err != nil {
		return err
	}
	if body.Cursor != nil {
		if *body.Cursor == "" {
			return fault.New(fault.Invalid, "Cursor cannot be empty")
		}
		if req.Cursor, err = service.DecodeCursor(*body.Cursor); err != nil {
			return err
		}
		return h.answerPage(w, r, req, fields)
	}
	if req.Filter, err = parsePredicate(body.Query); err != nil {
		return err
	}
	req.Query, req.Text = body.Query, body.FullTextFilter
	for _, o := range body.OrderBy {
		req.Order = append(req.Order, catalog.Order{Field: o.Field, Desc: o.Order == "desc"})
	}
	return h.answerPage(w, r, req, fields)
}

// negativeLimit is an accident in Backstage that clients of strict mode see.
func (h *rest) negativeLimit() error {
	if h.service.Strict() {
		return &httpx.WireError{Code: fault.Internal, Name: "RangeError", Message: "Invalid array length"}
	}
	return fault.New(fault.Invalid, "request/body/limit must be >= 0")
}

func bounded(f float64) int { return int(max(0, min(f, 1<<31-1))) }

func (h *rest) answerPage(w http.ResponseWriter, r *http.Request, req service.PageRequest, fields []string) error {
	page, err := h.service.Page(r.Context(), req)
	if err != nil {
		return err
	}
	if fields == nil {
		out := httpx.NewStreamJSON(w)
		out.Text(`{"items":`)
		writeItems(out, page.Snapshot, page.IDs, nil)
		out.Raw(appendPageInfo(nil, page))
		return out.Close()
	}
	body := append(make([]byte, 0, 256+len(page.IDs)*96), `{"items":`...)
	body = appendList(body, page.Snapshot, page.IDs, fields)
	return httpx.JSONBytes(w, r, http.StatusOK, appendPageInfo(body, page))
}
