// Package rest speaks the protocol of notifications below /api/notifications.
//
// What not: it decides nothing; the service does.
//
// Start reading at [REST.Register].
package rest

import (
	"net/http"

	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/notification"
	"github.com/stagedoor/stagedoor/notification/internal/service"
	"github.com/stagedoor/stagedoor/notification/internal/store"
	"github.com/stagedoor/stagedoor/plugin"
)

// REST holds what the routes need.
type REST struct {
	Service *service.Service
	Store   *store.Store
	// Strict writes the times of what users did as numbers, as Backstage on
	// SQLite does, in place of ISO 8601.
	Strict bool

	openAPI []byte
}

// Register adds the routes of /api/notifications, the older ones too.
func (h *REST) Register(r plugin.Router) {
	h.openAPI = OpenAPI()
	for _, base := range []string{"", "/notifications"} {
		root := base
		if root == "" {
			root = "/"
		}
		r.Handle("GET "+root, plugin.UsersOnly, h.list)
		r.Handle("POST "+root, plugin.ServicesOnly, h.create)
		r.Handle("GET "+base+"/{id}", plugin.UsersOnly, h.get)
		r.Handle("POST "+base+"/update", plugin.UsersOnly, h.update)
	}
	r.Handle("GET /status", plugin.UsersOnly, h.status)
	r.Handle("GET /topics", plugin.UsersOnly, h.topics)
	r.Handle("GET /settings", plugin.UsersOnly, h.settings)
	r.Handle("POST /settings", plugin.UsersOnly, h.saveSettings)
	r.Handle("GET /openapi.json", plugin.UsersAndServices, func(w http.ResponseWriter, r *http.Request) error {
		return httpx.JSONBytes(w, r, http.StatusOK, h.openAPI)
	})
}

func user(r *http.Request) string { return plugin.PrincipalOf(r).Subject }

func (h *REST) list(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r, &listParams)
	if err != nil {
		return err
	}
	items, total, err := h.Store.List(r.Context(), q)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, struct {
		TotalCount    int      `json:"totalCount"`
		Notifications []stored `json:"notifications"`
	}{total, h.wire(items)})
}

func (h *REST) get(w http.ResponseWriter, r *http.Request) error {
	n, err := h.Store.Get(r.Context(), user(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, h.wire([]notification.Notification{n})[0])
}

func (h *REST) status(w http.ResponseWriter, r *http.Request) error {
	unread, read, err := h.Store.Status(r.Context(), user(r))
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, struct {
		Unread int `json:"unread"`
		Read   int `json:"read"`
	}{unread, read})
}

func (h *REST) topics(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r, &topicParams)
	if err != nil {
		return err
	}
	topics, err := h.Store.Topics(r.Context(), q)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, map[string][]string{"topics": topics})
}

func (h *REST) update(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		IDs   []string `json:"ids"`
		Read  *bool    `json:"read"`
		Saved *bool    `json:"saved"`
	}
	if err := httpx.DecodeJSON(r, &updateSchema, &body); err != nil {
		return err
	}
	items, err := h.Service.Mark(r.Context(), user(r), body.IDs, body.Read, body.Saved)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, h.wire(items))
}

func (h *REST) settings(w http.ResponseWriter, r *http.Request) error {
	settings, err := h.Service.Settings(r.Context(), user(r))
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, settings)
}

func (h *REST) saveSettings(w http.ResponseWriter, r *http.Request) error {
	var settings service.Settings
	if err := httpx.DecodeJSON(r, &settingsSchema, &settings); err != nil {
		return err
	}
	saved, err := h.Service.SaveSettings(r.Context(), user(r), settings)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, saved)
}
