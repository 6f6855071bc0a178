package service

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/notification"
	"github.com/stagedoor/stagedoor/notification/internal/store"
	"github.com/stagedoor/stagedoor/signal"
)

// Channel is the channel of the signals about notifications.
const Channel = "notifications"

// Web is the channel of notifications that the portal's pages show, in the
// settings of users.
const Web = "Web"

// Deps are what the service needs. All are required.
type Deps struct {
	Store   *store.Store
	Signals signal.Publisher
	Catalog func() catalog.Reader
	Logger  *slog.Logger
	Audit   audit.Log
	// Defaults are the settings of who has not set anything.
	Defaults func() Settings
}

// Service implements notification.Sender. It is safe for concurrent use.
type Service struct{ Deps }

// news is the message of the signal that there is a notification.
type news struct {
	Action string `json:"action"`
	ID     string `json:"notification_id"`
}

// deed is the message of the signal that a user read notifications, or took
// that back.
type deed struct {
	Action string   `json:"action"`
	IDs    []string `json:"notification_ids"`
}

// Send implements notification.Sender. The audit log learns who sent something
// to whom, not what.
func (s *Service) Send(ctx context.Context, m notification.Message) ([]notification.Notification, error) {
	e := audit.Event{
		Plugin: "notifications", Name: "notification-send", Severity: audit.Low, Target: "everyone",
		Meta: map[string]any{"origin": m.Origin, "topic": m.Payload.Topic},
	}
	if !m.Everyone {
		e.Target = strings.Join(m.Recipients, ", ")
	}
	ctx, end := s.Audit.Begin(ctx, e)
	sent, err := s.send(ctx, m)
	return sent, end(err)
}

// Refuse tells the audit log of a message that was not even one.
func (s *Service) Refuse(ctx context.Context, err error) {
	s.Audit.Note(ctx, audit.Event{
		Plugin: "notifications", Name: "notification-send", Severity: audit.Low, Status: audit.Failed, Reason: err.Error(),
	})
}

func (s *Service) send(ctx context.Context, m notification.Message) ([]notification.Notification, error) {
	if err := check(&m); err != nil {
		return nil, err
	}
	if m.Everyone {
		return s.add(ctx, m, []string{""})
	}
	users, err := s.resolve(ctx, m.Recipients, m.Except)
	if err != nil {
		return nil, err
	}
	if users, err = s.willing(ctx, users, m); err != nil {
		return nil, err
	}
	return s.add(ctx, m, users)
}

func (s *Service) add(ctx context.Context, m notification.Message, users []string) ([]notification.Notification, error) {
	if len(users) == 0 {
		return nil, nil
	}
	added, err := s.Store.Add(ctx, m.Origin, users, m.Payload)
	if err != nil {
		return nil, err
	}
	signals := make([]signal.Signal, len(added))
	for i, n := range added {
		signals[i] = signal.Signal{Channel: Channel, Message: news{"new_notification", n.ID}, Everyone: n.User == ""}
		if n.User != "" {
			signals[i].Recipients = []string{n.User}
		}
	}
	s.tell(ctx, signals...)
	return added, nil
}

// tell tells open pages. What they are told about holds whether they hear or
// not.
func (s *Service) tell(ctx context.Context, signals ...signal.Signal) {
	if err := s.Signals.Publish(ctx, signals...); err != nil {
		s.Logger.WarnContext(ctx, "pages do not hear of notifications", "error", err)
	}
}

// Mark notes what the user did with the notifications; nil leaves alone. It
// returns them as they are now.
func (s *Service) Mark(ctx context.Context, user string, ids []string, read, saved *bool) ([]notification.Notification, error) {
	if err := s.Store.Mark(ctx, user, ids, read, saved); err != nil {
		return nil, err
	}
	if read != nil && len(ids) > 0 {
		action := "notification_unread"
		if *read {
			action = "notification_read"
		}
		s.tell(ctx, signal.Signal{Recipients: []string{user}, Channel: Channel, Message: deed{action, ids}})
	}
	items, _, err := s.Store.List(ctx, store.Query{User: user, IDs: append([]string{}, ids...)})
	return items, err
}

// The bounds of what a notification may say.
const (
	maxTitle       = 1000
	maxDescription = 64 << 10
	maxLink        = 8 << 10
	maxName        = 500 // topic, scope and icon
)

// check checks the message and fills in what is left out.
func check(m *notification.Message) error {
	p := &m.Payload
	var missing []string
	if p.Title == "" {
		missing = append(missing, "title")
	}
	if !m.Everyone && m.Recipients == nil {
		missing = append(missing, "recipients")
	}
	if missing != nil {
		return fault.New(fault.Invalid, "Invalid notification request received: missing "+strings.Join(missing, ", "))
	}
	for _, text := range []struct {
		name  string
		value *string
		max   int
	}{
		{"title", &p.Title, maxTitle},
		{"description", &p.Description, maxDescription},
		{"link", &p.Link, maxLink},
		{"topic", &p.Topic, maxName},
		{"scope", &p.Scope, maxName},
		{"icon", &p.Icon, maxName},
	} {
		if len(*text.value) > text.max {
			return fault.Newf(fault.Invalid, "the %s of a notification may have %d bytes, this one has %d", text.name, text.max, len(*text.value))
		}
		// PostgreSQL stores neither.
		if strings.ContainsRune(*text.value, 0) || !utf8.ValidString(*text.value) {
			return fault.Newf(fault.Invalid, "the %s of a notification must be text", text.name)
		}
	}
	if p.Severity = notification.Severity(strings.ToLower(string(p.Severity))); !slices.Contains(notification.Severities(), p.Severity) {
		p.Severity = notification.Normal
	}
	return checkLink(p.Link)
}

// checkLink refuses what a click must not lead to, such as javascript:.
func checkLink(link string) error {
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil {
		return fault.New(fault.Invalid, "Invalid link provided; caused by TypeError: Invalid URL")
	}
	if u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return fault.New(fault.Invalid, "Invalid link provided; caused by Error: Only HTTP/HTTPS links are allowed")
	}
	return nil
}

// Sweep removes notifications older than the age.
func (s *Service) Sweep(ctx context.Context, now time.Time, age time.Duration) error {
	n, err := s.Store.Sweep(ctx, now.Add(-age))
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	if n > 0 {
		s.Logger.InfoContext(ctx, "old notifications removed", "count", n)
	}
	return nil
}

var _ notification.Sender = (*Service)(nil)
