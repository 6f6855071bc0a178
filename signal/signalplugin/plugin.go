// Package signalplugin builds the signal capability: the WebSocket below
// /api/signals, and the publisher that others send signals with.
//
// Start reading at [New].
package signalplugin

import (
	"context"
	"log/slog"
	"time"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/signal"
	"github.com/stagedoor/stagedoor/signal/internal/bus"
	"github.com/stagedoor/stagedoor/signal/internal/hub"
	"github.com/stagedoor/stagedoor/signal/internal/rest"
)

// lastWords is how long clients have to take notice that the replica stops.
const lastWords = 3 * time.Second

// Deps are what the capability needs from the portal. All are required.
type Deps struct {
	DB *db.DB
	// Auth says who connects. It is asked when clients come, not before.
	Auth  identity.Authenticator
	Clock func() time.Time
	NewID func() string
}

// Signals is the capability. It implements plugin.Plugin and signal.Publisher;
// others may publish as soon as there is one.
type Signals struct {
	auth identity.Authenticator
	hub  *hub.Hub
	bus  *bus.Bus
}

// New returns the capability without clients.
func New(d Deps) *Signals {
	h := hub.New(hub.Limits{})
	return &Signals{
		auth: d.Auth, hub: h,
		bus: &bus.Bus{DB: d.DB, Clock: d.Clock, NewID: d.NewID, Deliver: h.Deliver, Logger: slog.New(slog.DiscardHandler)},
	}
}

// ID is "signals".
func (*Signals) ID() string { return "signals" }

// Init registers the routes and starts to listen to the other replicas.
func (s *Signals) Init(_ context.Context, h *plugin.Host) error {
	s.bus.Logger = h.Logger
	(&rest.REST{Hub: s.hub, Auth: s.auth, Logger: h.Logger}).Register(h.HTTP)
	h.Actors.Go("signals", s.Run)
	h.Schedule.Add(plugin.Task{ID: "sweep", Every: 10 * time.Minute, Timeout: time.Minute, Run: s.bus.Sweep})
	return nil
}

// Publish implements signal.Publisher.
func (s *Signals) Publish(ctx context.Context, signals ...signal.Signal) error {
	return s.bus.Publish(ctx, signals...)
}

// Run carries signals to the clients of this replica until ctx ends, then
// sends the clients away.
func (s *Signals) Run(ctx context.Context) error {
	err := s.bus.Run(ctx)
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-s.hub.Close():
	case <-timer.C: // the rest is cut when the process ends
	}
	return err
}

var (
	_ plugin.Plugin    = (*Signals)(nil)
	_ signal.Publisher = (*Signals)(nil)
)
