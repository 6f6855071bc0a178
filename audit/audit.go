package audit

import (
	"context"
	"time"
)

// Severity says how much an event matters. The names are those of Backstage's
// auditor.
type Severity string

// The severities.
const (
	Low      Severity = "low"      // reading what is not for everybody
	Medium   Severity = "medium"   // changes, sign-ins
	High     Severity = "high"     // denials, changes of policies and roles
	Critical Severity = "critical" // the log itself
)

// Status is how far an event got.
type Status string

// The statuses.
const (
	Succeeded Status = "succeeded"
	Failed    Status = "failed"
)

// Event is one entry of the log. Plugin, Name and Severity are required; the
// log fills in what is marked so when it is empty, and the log of a plugin.Host
// the Plugin too.
type Event struct {
	ID       string    // filled in
	At       time.Time // filled in
	Plugin   string
	Name     string // such as entity-mutate; unique within the plugin
	Severity Severity
	// Actor is who did it; filled in from the principal in the context.
	Actor Actor
	// Target is what it was done to: an entity ref, a location, a role.
	Target string
	Status Status // filled in: succeeded
	// Reason says why it failed or was denied.
	Reason string
	// Meta are further facts, JSON values: never secrets, tokens or bodies.
	Meta map[string]any
	// Request is filled in from the context of a request.
	Request Request
}

// Actor is who caused an event.
type Actor struct {
	Kind      string // user, service, or empty for the anonymous
	Subject   string // the user's ref or the service's subject
	Via       string // the plugin that acts for the user
	IP        string
	UserAgent string
}

// Request is the HTTP request that caused an event.
type Request struct {
	ID     string
	Method string
	Path   string // without the query, which may hold secrets
}

// Log takes events. Safe for concurrent use.
type Log interface {
	// Record stores the event and returns when it is durable.
	Record(ctx context.Context, e Event) error
	// Note takes an event that need not be durable before the caller goes on,
	// such as a denied read: it is stored within a second, by a writer that
	// the portal waits for when it stops.
	Note(ctx context.Context, e Event)
	// Begin announces a change. The event is stored, as succeeded, in the
	// transaction of the first write that is made with the returned context.
	// The caller calls end with the result of the change, on every path: it
	// stores the event as failed when there is an error, or as succeeded when
	// no write carried it, and returns the error it was given, or the one of
	// storing the event.
	Begin(ctx context.Context, e Event) (change context.Context, end func(error) error)
}

// Discard is a log that keeps nothing, for tests and for commands that change
// nothing.
var Discard Log = discard{}

type discard struct{}

func (discard) Record(context.Context, Event) error { return nil }
func (discard) Note(context.Context, Event)         {}
func (discard) Begin(ctx context.Context, _ Event) (context.Context, func(error) error) {
	return ctx, func(err error) error { return err }
}
