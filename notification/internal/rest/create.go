package rest

import (
	"encoding/json"
	"net/http"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/notification"
	"github.com/stagedoor/stagedoor/plugin"
)

// sendRequest is the body of POST /notifications.
type sendRequest struct {
	Recipients struct {
		Type    string `json:"type"`
		Refs    refs   `json:"entityRef"`
		Exclude refs   `json:"excludeEntityRef"`
	} `json:"recipients"`
	Payload struct {
		Title       string         `json:"title"`
		Description string         `json:"description"`
		Link        string         `json:"link"`
		Severity    string         `json:"severity"`
		Topic       string         `json:"topic"`
		Scope       string         `json:"scope"`
		Icon        string         `json:"icon"`
		Metadata    map[string]any `json:"metadata"`
	} `json:"payload"`
}

// refs is one entity ref or a list of them.
type refs []string

// UnmarshalJSON reads either form.
func (r *refs) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*r = refs{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(r))
}

func (h *REST) create(w http.ResponseWriter, r *http.Request) error {
	var body sendRequest
	if err := httpx.DecodeJSON(r, &sendSchema, &body); err != nil {
		h.Service.Refuse(r.Context(), err)
		return err
	}
	m := notification.Message{Origin: plugin.PrincipalOf(r).Subject}
	switch body.Recipients.Type {
	case "broadcast":
		m.Everyone = true
	case "entity":
		if body.Recipients.Refs == nil {
			return fault.New(fault.Invalid, "request/body/recipients must have required property 'entityRef'")
		}
		m.Recipients, m.Except = body.Recipients.Refs, body.Recipients.Exclude
	}
	p := body.Payload
	m.Payload = notification.Payload{
		Title: p.Title, Description: p.Description, Link: p.Link, Severity: notification.Severity(p.Severity),
		Topic: p.Topic, Scope: p.Scope, Icon: p.Icon, Metadata: p.Metadata,
	}
	sent, err := h.Service.Send(r.Context(), m)
	if err != nil {
		return err
	}
	answer := make([]any, len(sent))
	for i, n := range sent {
		if n.Updated.IsZero() {
			answer[i] = asFresh(n)
		} else {
			answer[i] = h.wire([]notification.Notification{n})[0]
		}
	}
	return httpx.JSON(w, r, answer)
}
