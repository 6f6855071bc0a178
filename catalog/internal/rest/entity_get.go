package rest

import (
	"encoding/json"
	"net/http"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/catalog/internal/service/predicate"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// pathRef reads the ref in a path.
func pathRef(r *http.Request) catalog.Ref {
	return catalog.Ref{Kind: r.PathValue("kind"), Namespace: r.PathValue("namespace"), Name: r.PathValue("name")}
}

func (h *rest) getEntityByName(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	found, err := h.service.ByRef(r.Context(), pathRef(r))
	if err != nil {
		return err
	}
	return writeFound(w, found)
}

func (h *rest) getEntityByUID(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	found, err := h.service.ByUID(r.Context(), r.PathValue("uid"))
	if err != nil {
		return err
	}
	return writeFound(w, found)
}

func writeFound(w http.ResponseWriter, found service.Found) error {
	out := httpx.NewStreamJSON(w)
	out.Raw(found.AppendJSON(nil))
	return out.Close()
}

func (h *rest) deleteEntityByUID(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	if err := h.service.Delete(r.Context(), r.PathValue("uid")); err != nil {
		return err
	}
	return httpx.NoContent(w)
}

func (h *rest) getAncestry(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	ref := pathRef(r)
	snap, items, err := h.service.Ancestry(r.Context(), ref)
	if err != nil {
		return err
	}
	body := append([]byte(`{"rootEntityRef":`), quote(ref.String())...)
	body = append(body, `,"items":[`...)
	for i, item := range items {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"entity":`...)
		body = snap.AppendJSON(body, item.ID)
		parents, err := json.Marshal(item.Parents)
		if err != nil {
			return err
		}
		body = append(body, `,"parentEntityRefs":`...)
		body = append(append(body, parents...), '}')
	}
	return httpx.JSONBytes(w, r, http.StatusOK, append(body, ']', '}'))
}

var byRefsParams = httpx.Params{List: []httpx.Param{paramFilter}}

var byRefsSchema = httpx.Schema{Type: httpx.Object, Required: []string{"entityRefs"}, Properties: []httpx.Property{
	{Name: "entityRefs", Schema: schemaTexts},
	{Name: "fields", Schema: schemaTexts},
	{Name: "query", Schema: httpx.Schema{Type: httpx.Object}},
}}

// getEntitiesByRefs answers POST /entities/by-refs.
func (h *rest) getEntitiesByRefs(w http.ResponseWriter, r *http.Request) error {
	q, err := byRefsParams.Parse(r)
	if err != nil {
		return err
	}
	var body struct {
		EntityRefs []string `json:"entityRefs"`
		Fields     []string `json:"fields"`
		Query      any      `json:"query"`
	}
	if err := httpx.DecodeJSON(r, &byRefsSchema, &body); err != nil {
		return err
	}
	set, err := predicate.ParseParams(q.Strings("filter"))
	if err != nil {
		return err
	}
	filter := set.Filter()
	query, err := parsePredicate(body.Query)
	if err != nil {
		return err
	}
	switch {
	case filter == nil:
		filter = query
	case query != nil:
		filter = catalog.And{filter, query}
	}
	fields, err := parseFields(body.Fields)
	if err != nil {
		return err
	}
	batch, err := h.service.ByRefs(r.Context(), body.EntityRefs, filter)
	if err != nil {
		return err
	}
	if fields == nil {
		out := httpx.NewStreamJSON(w)
		out.Text(`{"items":`)
		out.Begin()
		var buf []byte
		for i := range batch.IDs {
			buf = appendBatchItem(buf[:0], batch, i, nil)
			out.Element(buf)
		}
		out.End()
		out.Text("}")
		return out.Close()
	}
	answer := []byte(`{"items":[`)
	for i := range batch.IDs {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = appendBatchItem(answer, batch, i, fields)
	}
	return httpx.JSONBytes(w, r, http.StatusOK, append(answer, ']', '}'))
}

func appendBatchItem(dst []byte, b service.Batch, i int, fields []string) []byte {
	if !b.OK[i] {
		return append(dst, "null"...)
	}
	return appendEntity(dst, b.Snapshot, b.IDs[i], fields)
}
