// Package auditplugin builds the audit log: what capabilities write events to,
// what seals and removes them, and the routes below /api/audit.
//
// What not: the parts are in audit/internal.
//
// Start reading at [New].
package auditplugin

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/internal/journal"
	"github.com/stagedoor/stagedoor/audit/internal/rest"
	"github.com/stagedoor/stagedoor/audit/internal/store"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/plugin"
)

// Deps are what the capability needs from the portal. All but Redact are
// required.
type Deps struct {
	DB     *db.DB
	Config plugin.Config
	Clock  func() time.Time
	NewID  func() string
	// Logger gets a line for every event.
	Logger *slog.Logger
	// Redact replaces the secrets of the configuration in a text.
	Redact func(string) string
}

// Audit is the capability. It implements plugin.Plugin. Its log works from the
// beginning; events are sealed once its actor runs.
type Audit struct {
	deps    Deps
	store   *store.Store
	journal *journal.Journal
	levels  atomic.Pointer[journal.Levels]
}

// New returns the capability. It returns an error with code invalid for a
// configuration that it cannot start with.
func New(d Deps) (*Audit, error) {
	keys, err := readKeys(d.Config)
	if err != nil {
		return nil, err
	}
	headEvery := time.Hour
	if err := decodeDuration(d.Config, "stagedoor.audit.headInterval", &headEvery); err != nil {
		return nil, err
	}
	if _, err := retention(d.Config); err != nil {
		return nil, err
	}
	a := &Audit{deps: d, store: store.New(d.DB, keys)}
	if err := a.readLevels(); err != nil {
		return nil, err
	}
	a.journal = journal.New(journal.Deps{
		DB: d.DB, Store: a.store, Clock: d.Clock, NewID: d.NewID, Logger: d.Logger, Redact: d.Redact,
		Levels: func() journal.Levels { return *a.levels.Load() }, HeadEvery: headEvery,
	})
	return a, nil
}

// For returns the log as the plugin with the id writes to it.
func (a *Audit) For(id string) audit.Log { return a.journal.For(id) }

// ID is "audit".
func (*Audit) ID() string { return "audit" }

// Init registers the routes, the actor and the daily removal of old events. It
// returns an error with code invalid when the log goes on with a key that is
// not configured.
func (a *Audit) Init(ctx context.Context, h *plugin.Host) error {
	if err := a.store.CheckKeys(ctx); err != nil {
		return err
	}
	h.Permissions.Define(permission.Definition{Permissions: []permission.Permission{rest.Read}})
	(&rest.REST{Store: a.store, Log: a.For("audit"), Authorizer: h.Permissions, Clock: h.Clock}).Register(h.HTTP)
	h.Config.Subscribe(func() {
		if err := a.readLevels(); err != nil {
			h.Logger.ErrorContext(context.WithoutCancel(ctx), "lines of the audit log keep their levels", "error", err)
		}
	})
	owner := a.deps.NewID()
	h.Actors.Go("audit", func(ctx context.Context) error { return a.journal.Run(ctx, owner) })
	h.Schedule.Add(plugin.Task{
		ID: "retention", Every: 24 * time.Hour, InitialDelay: 5 * time.Minute, Timeout: time.Hour, Run: a.removeOld,
	})
	return nil
}

// removeOld removes events that are older than the configuration wants.
func (a *Audit) removeOld(ctx context.Context) error {
	age, err := retention(a.deps.Config)
	if err != nil || age == 0 {
		return err
	}
	_, err = a.journal.Remove(ctx, a.deps.Clock().Add(-age))
	return err
}

func (a *Audit) readLevels() error {
	var mappings map[string]string
	if err := a.deps.Config.Decode("backend.auditor.severityLogLevelMappings", &mappings); err != nil {
		return err
	}
	levels, err := journal.ParseLevels(mappings)
	if err != nil {
		return err
	}
	a.levels.Store(&levels)
	return nil
}

var _ plugin.Plugin = (*Audit)(nil)
