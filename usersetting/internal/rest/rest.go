// Package rest speaks the protocol of user settings below /api/user-settings.
//
// What not: it checks no limits; the service does.
//
// Start reading at [REST.Register].
package rest

import (
	"encoding/json"
	"net/http"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/usersetting"
)

// REST holds what the routes need.
type REST struct{ Settings usersetting.Settings }

// Register adds the routes of /api/user-settings.
func (h *REST) Register(r plugin.Router) {
	r.Handle("GET /buckets/{bucket}/keys/{key}", plugin.UsersOnly, h.get)
	r.Handle("PUT /buckets/{bucket}/keys/{key}", plugin.UsersOnly, h.put)
	r.Handle("DELETE /buckets/{bucket}/keys/{key}", plugin.UsersOnly, h.remove)
	r.Handle("POST /multiget", plugin.UsersOnly, h.multiget)
}

// setting is one value as clients see it.
type setting struct {
	usersetting.Key
	Value json.RawMessage `json:"value"`
}

func keyOf(r *http.Request) usersetting.Key {
	return usersetting.Key{Bucket: r.PathValue("bucket"), Key: r.PathValue("key")}
}

func (h *REST) get(w http.ResponseWriter, r *http.Request) error {
	key := keyOf(r)
	value, err := h.Settings.Get(r.Context(), plugin.PrincipalOf(r).Subject, key)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, setting{key, value})
}

func (h *REST) put(w http.ResponseWriter, r *http.Request) error {
	var body map[string]json.RawMessage
	if err := httpx.DecodeJSON(r, nil, &body); err != nil {
		return err
	}
	value, ok := body["value"]
	if !ok {
		return fault.New(fault.Invalid, `Missing required field "value"`)
	}
	key, user := keyOf(r), plugin.PrincipalOf(r).Subject
	if err := h.Settings.Set(r.Context(), user, key, value); err != nil {
		return err
	}
	return httpx.JSON(w, r, setting{key, value})
}

func (h *REST) remove(w http.ResponseWriter, r *http.Request) error {
	if err := h.Settings.Delete(r.Context(), plugin.PrincipalOf(r).Subject, keyOf(r)); err != nil {
		return err
	}
	return httpx.NoContent(w)
}

var (
	nameSchema     = httpx.Schema{Type: httpx.String}
	multigetSchema = httpx.Schema{Type: httpx.Object, Required: []string{"items"}, Properties: []httpx.Property{
		{Name: "items", Schema: httpx.Schema{Type: httpx.Array, Items: &httpx.Schema{
			Type: httpx.Object, Required: []string{"bucket", "key"},
			Properties: []httpx.Property{{Name: "bucket", Schema: nameSchema}, {Name: "key", Schema: nameSchema}},
		}}},
	}}
)

// found is an item of the answer to multiget.
type found struct {
	Value json.RawMessage `json:"value"`
}

func (h *REST) multiget(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Items []usersetting.Key `json:"items"`
	}
	if err := httpx.DecodeJSON(r, &multigetSchema, &body); err != nil {
		return err
	}
	values, err := h.Settings.Multiget(r.Context(), plugin.PrincipalOf(r).Subject, body.Items)
	if err != nil {
		return err
	}
	items := make([]*found, len(values))
	for i, value := range values {
		if value != nil {
			items[i] = &found{value}
		}
	}
	return httpx.JSON(w, r, map[string]any{"items": items})
}
