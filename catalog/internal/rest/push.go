package rest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

var pushParams = httpx.Params{List: []httpx.Param{
	{Name: "source", Required: true}, {Name: "mode", Enum: []string{"delta", "full"}}, {Name: "commit"},
}}

var pushSchema = httpx.Schema{Type: httpx.Object, Required: []string{"entities"}, Closed: true, Properties: []httpx.Property{
	{Name: "entities", Schema: httpx.Schema{Type: httpx.Array, Items: &httpx.Schema{Type: httpx.Object}}},
}}

// maxPush is the largest number of entities in one push.
const maxPush = 20_000

// pushEntities answers PUT /entities. The status is 200 when every entity was
// taken and 422 when one was refused; the body is the same.
func (h *rest) pushEntities(w http.ResponseWriter, r *http.Request) error {
	q, err := pushParams.Parse(r)
	if err != nil {
		return err
	}
	req := service.PushRequest{Full: q.String("mode") == "full", Commit: q.String("commit")}
	if req.Entities, err = readPushed(r); err != nil {
		return err
	}
	if len(req.Entities) > maxPush {
		return fault.Newf(fault.TooLarge, "one push takes at most %d entities, this one has %d", maxPush, len(req.Entities))
	}
	result, err := h.service.Push(r.Context(), q.String("source"), req)
	if err != nil {
		return err
	}
	return answerPush(w, r, q.String("source"), result)
}

func answerPush(w http.ResponseWriter, r *http.Request, source string, result ingest.PushResult) error {
	status := http.StatusOK
	if result.Failed() > 0 {
		status = http.StatusUnprocessableEntity
	}
	if result.Items == nil {
		result.Items = []ingest.PushItem{}
	}
	return httpx.JSONStatus(w, r, status, struct {
		Source string            `json:"source"`
		Failed int               `json:"failed"`
		Items  []ingest.PushItem `json:"items"`
	}{source, result.Failed(), result.Items})
}

// readPushed reads {"entities":[…]} or, by its content type, a YAML stream.
func readPushed(r *http.Request) ([]catalog.Entity, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if !strings.HasSuffix(media, "yaml") {
		var body struct {
			Entities []catalog.Entity `json:"entities"`
		}
		err := httpx.DecodeJSON(r, &pushSchema, &body)
		return body.Entities, err
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	var entities []catalog.Entity
	for _, doc := range yamlx.Parse(data, yamlx.Options{File: "request/body"}) {
		switch v := doc.Value.(type) {
		case map[string]any:
			entities = append(entities, v)
		case nil:
			if doc.Err != nil {
				return nil, doc.Err
			}
		default:
			return nil, fault.Newf(fault.Invalid, "request/body:%d: document %d is no entity but a %T", doc.Line, doc.Index, v)
		}
	}
	return entities, nil
}

var deletePushedParams = httpx.Params{List: []httpx.Param{{Name: "source", Required: true}}}

var deletePushedSchema = httpx.Schema{Type: httpx.Object, Closed: true, Properties: []httpx.Property{
	{Name: "entityRefs", Schema: schemaTexts},
}}

// deletePushed answers DELETE /entities.
func (h *rest) deletePushed(w http.ResponseWriter, r *http.Request) error {
	q, err := deletePushedParams.Parse(r)
	if err != nil {
		return err
	}
	var body struct {
		EntityRefs []string `json:"entityRefs"`
	}
	if err := httpx.DecodeJSON(r, &deletePushedSchema, &body); err != nil {
		return err
	}
	result, err := h.service.RemovePushed(r.Context(), q.String("source"), body.EntityRefs)
	if err != nil {
		return err
	}
	return answerPush(w, r, q.String("source"), result)
}

func jsonText(v any) (string, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode event: %w", err)
	}
	return string(data), nil
}
