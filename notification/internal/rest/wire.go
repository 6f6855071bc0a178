package rest

import (
	"time"

	"github.com/stagedoor/stagedoor/notification"
)

// millis is how JavaScript writes a date.
const millis = "2006-01-02T15:04:05.000Z"

// stored is a notification as it is read: what is not set is null.
type stored struct {
	ID      string        `json:"id"`
	User    *string       `json:"user"`
	Created string        `json:"created"`
	Saved   any           `json:"saved"`
	Read    any           `json:"read"`
	Updated any           `json:"updated"`
	Origin  string        `json:"origin"`
	Payload storedPayload `json:"payload"`
}

type storedPayload struct {
	Title       string                `json:"title"`
	Description *string               `json:"description"`
	Link        *string               `json:"link"`
	Topic       *string               `json:"topic"`
	Severity    notification.Severity `json:"severity"`
	Scope       *string               `json:"scope"`
	Icon        *string               `json:"icon"`
	Metadata    map[string]any        `json:"metadata,omitempty"`
}

// fresh is a notification as its sender gets it back: what is not set is left
// out.
type fresh struct {
	Payload freshPayload `json:"payload"`
	Origin  string       `json:"origin"`
	Created string       `json:"created"`
	ID      string       `json:"id"`
	User    *string      `json:"user"`
}

type freshPayload struct {
	Title       string                `json:"title"`
	Description string                `json:"description,omitempty"`
	Link        string                `json:"link,omitempty"`
	Severity    notification.Severity `json:"severity"`
	Topic       string                `json:"topic,omitempty"`
	Scope       string                `json:"scope,omitempty"`
	Icon        string                `json:"icon,omitempty"`
	Metadata    map[string]any        `json:"metadata,omitempty"`
}

func asFresh(n notification.Notification) fresh {
	p := n.Payload
	return fresh{
		Payload: freshPayload{p.Title, p.Description, p.Link, p.Severity, p.Topic, p.Scope, p.Icon, p.Metadata},
		Origin:  n.Origin, Created: n.Created.UTC().Format(millis), ID: n.ID, User: orNull(n.User),
	}
}

func (h *REST) wire(items []notification.Notification) []stored {
	out := make([]stored, len(items))
	for i, n := range items {
		p := n.Payload
		out[i] = stored{
			ID: n.ID, User: orNull(n.User), Created: n.Created.UTC().Format(millis),
			Saved: h.when(n.Saved), Read: h.when(n.Read), Updated: h.when(n.Updated), Origin: n.Origin,
			Payload: storedPayload{
				Title: p.Title, Description: orNull(p.Description), Link: orNull(p.Link), Topic: orNull(p.Topic),
				Severity: p.Severity, Scope: orNull(p.Scope), Icon: orNull(p.Icon), Metadata: p.Metadata,
			},
		}
	}
	return out
}

func (h *REST) when(t time.Time) any {
	switch {
	case t.IsZero():
		return nil
	case h.Strict:
		return t.UnixMilli()
	}
	return t.UTC().Format(millis)
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
