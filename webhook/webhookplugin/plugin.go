// Package webhookplugin builds the webhook capability: POST
// /api/events/http/<topic>.
//
// Start reading at [New] and [Webhook.Receive].
package webhookplugin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/internal/events"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/plugin"
)

// maxBody is the largest message that is read. GitHub's own limit is 25 MB.
const maxBody = 25 << 20

// Check refuses a message whose signature is wrong.
type Check func(ctx context.Context, header http.Header, body []byte) error

// Webhook is the capability. It implements plugin.Plugin.
type Webhook struct {
	bus    *events.Bus
	log    *slog.Logger
	audit  audit.Log
	checks map[string]Check
	clock  func() time.Time

	mu      sync.Mutex
	refused map[string]*burst // by topic
}

// quiet is how long refused messages are only counted after one was noted:
// anybody may send some, and must not fill the audit log with them.
const quiet = 10 * time.Second

// burst is the refused messages of one topic.
type burst struct {
	since time.Time
	more  int // not noted since
}

// New returns the capability, which publishes on the bus.
func New(bus *events.Bus) *Webhook {
	return &Webhook{bus: bus, checks: map[string]Check{}, refused: map[string]*burst{}}
}

// ID is "events".
func (*Webhook) ID() string { return "events" }

// Receive opens a topic. Only before the portal serves.
func (h *Webhook) Receive(topic string, check func(context.Context, http.Header, []byte) error) {
	h.checks[topic] = check
}

// Init registers the route. Topics of events.http.topics that no integration
// checks are opened too: that is what the key asks for.
func (h *Webhook) Init(ctx context.Context, host *plugin.Host) error {
	h.log, h.audit, h.clock = host.Logger, host.Audit, host.Clock
	var topics []string
	if err := host.Config.Decode("events.http.topics", &topics); err != nil {
		return err
	}
	for _, topic := range topics {
		if h.checks[topic] == nil {
			h.log.WarnContext(ctx, "events of this topic are accepted without a signature", "topic", topic)
			h.checks[topic] = func(context.Context, http.Header, []byte) error { return nil }
		}
	}
	host.HTTP.Handle("POST /http/{topic}", plugin.Unauthenticated, h.receive)
	return nil
}

func (h *Webhook) receive(w http.ResponseWriter, r *http.Request) error {
	topic := r.PathValue("topic")
	check, ok := h.checks[topic]
	if !ok {
		return fault.Newf(fault.NotFound, "No such topic: %s", topic)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return fault.Newf(fault.TooLarge, "The message is larger than %d bytes", maxBody)
		}
		return fault.Wrap(fault.Invalid, err, "read message")
	}
	// Noted, not recorded: hooks come by the thousands.
	e := audit.Event{Plugin: "events", Name: "event-receive", Severity: audit.Low, Target: topic, Meta: map[string]any{"bytes": len(body)}}
	if err := h.take(r, topic, check, body); err != nil {
		e.Severity, e.Status, e.Reason = audit.Medium, audit.Failed, err.Error()
		if more, tell := h.tell(topic); tell {
			if more > 0 {
				e.Meta["notToldBefore"] = more
			}
			h.audit.Note(r.Context(), e)
		}
		return err
	}
	h.audit.Note(r.Context(), e)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// tell reports whether a refused message of the topic is to be noted, and how
// many were not since the last one.
func (h *Webhook) tell(topic string) (more int, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.refused[topic]
	if now := h.clock(); b == nil || now.Sub(b.since) >= quiet {
		if b != nil {
			more = b.more
		}
		h.refused[topic] = &burst{since: now}
		return more, true
	}
	b.more++
	return 0, false
}

// take checks a message and hands it to those who wait for it.
func (h *Webhook) take(r *http.Request, topic string, check Check, body []byte) error {
	if err := check(r.Context(), r.Header, body); err != nil {
		return err
	}
	var payload any
	if err := json.Unmarshal(body, &payload); err != nil {
		return fault.Newf(fault.Invalid, "The message is not JSON: %w", err)
	}
	metadata := map[string]string{}
	for name := range maps.Keys(r.Header) {
		metadata[strings.ToLower(name)] = r.Header.Get(name)
	}
	if err := h.bus.Publish(r.Context(), events.Event{Topic: topic, Payload: payload, Metadata: metadata}); err != nil {
		// The sender repeats what it gets no 2xx for.
		return fault.Wrap(fault.Unavailable, err, "take in the event")
	}
	return nil
}

var _ plugin.Plugin = (*Webhook)(nil)
