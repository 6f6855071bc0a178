package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/audit/internal/scrub"
	"github.com/stagedoor/stagedoor/audit/internal/store"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// Deps are what a journal needs. All but Redact and Levels are required.
type Deps struct {
	DB     *db.DB
	Store  *store.Store
	Clock  func() time.Time
	NewID  func() string
	Logger *slog.Logger
	// Redact replaces the secrets of the configuration; nil replaces nothing.
	Redact func(string) string
	// Levels are the levels of the lines in the process's log; nil means
	// Backstage's defaults.
	Levels func() Levels
	// HeadEvery is the time between lines that name the end of the chain; 0
	// writes none.
	HeadEvery time.Duration
}

// Journal stores events. Safe for concurrent use. It works without
// [Journal.Run], which seals and batches.
type Journal struct {
	Deps

	queue  queue
	kicked chan struct{} // this process has stored something to be sealed
	heard  chan struct{} // another one has
}

// New returns a journal.
func New(d Deps) *Journal {
	if d.Levels == nil {
		d.Levels = DefaultLevels
	}
	return &Journal{Deps: d, queue: queue{entries: make(chan chain.Entry, queueSize)}, kicked: make(chan struct{}, 1), heard: make(chan struct{}, 1)}
}

// For returns the log for a plugin, whose id is filled in where an event does
// not name one.
func (j *Journal) For(plugin string) *Log { return &Log{j, plugin} }

// Log implements audit.Log.
type Log struct {
	j      *Journal
	plugin string
}

var _ audit.Log = (*Log)(nil)

// Record implements audit.Log.
func (l *Log) Record(ctx context.Context, e audit.Event) error {
	entry, err := l.entry(ctx, e)
	if err != nil {
		return err
	}
	return l.j.store(ctx, entry)
}

// Begin implements audit.Log.
func (l *Log) Begin(ctx context.Context, e audit.Event) (context.Context, func(error) error) {
	j := l.j
	e.Status = audit.Succeeded
	entry, invalid := l.entry(ctx, e)
	if invalid != nil { // a change that cannot be told of must not happen
		change, _ := j.DB.Along(ctx, func(context.Context, *db.Tx) error { return invalid })
		return change, func(err error) error { return errors.Join(err, invalid) }
	}
	j.line(ctx, &entry, "initiated")
	change, rode := j.DB.Along(ctx, func(ctx context.Context, tx *db.Tx) error {
		return j.add(ctx, tx, entry)
	})
	return change, func(err error) error {
		if err == nil && rode() {
			return nil
		}
		// The caller may be gone; what happened has happened.
		storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
		defer cancel()
		if err == nil {
			return j.store(storing, entry)
		}
		failed := entry
		if rode() { // part of it was done, and that was told
			failed.Event.ID = j.NewID()
		}
		failed.Event.Status, failed.Event.Reason = audit.Failed, l.scrubber(ctx).Text(reason(err), maxReason)
		if serr := j.store(storing, failed); serr != nil {
			j.lost(storing, serr, failed)
		}
		return err
	}
}

// storePatience is how long an event is tried to be stored that nobody waits
// for any more.
const storePatience = 10 * time.Second

// reason says in words why a change failed.
func reason(err error) string { return cmp.Or(err.Error(), string(fault.CodeOf(err))) }

// store stores an event in a transaction of its own.
func (j *Journal) store(ctx context.Context, entries ...chain.Entry) error {
	return j.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return j.add(ctx, tx, entries...) })
}

// add stores events in a transaction, and tells of them when it is committed.
func (j *Journal) add(ctx context.Context, tx *db.Tx, entries ...chain.Entry) error {
	if err := j.Store.Add(ctx, tx, entries...); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		for i := range entries {
			j.line(ctx, &entries[i], string(entries[i].Event.Status))
		}
		j.kick()
	})
	return nil
}

// lost writes events that cannot be stored where somebody may still find them.
func (j *Journal) lost(ctx context.Context, err error, entries ...chain.Entry) {
	for i := range entries {
		j.Logger.ErrorContext(ctx, "an audit event could not be stored", "error", err, "event", string(entries[i].AppendCanonical(nil)))
	}
}

// The bounds of what an event holds, in bytes.
const (
	maxName   = 200
	maxText   = 2000
	maxReason = 4000
)

func (l *Log) scrubber(ctx context.Context) scrub.Scrubber {
	return scrub.Scrubber{Known: l.j.Redact, Token: identity.FromContext(ctx).Token}
}

// entry fills an event in and cleans it. It returns an error with code
// internal for an event that lacks what is required, which is a bug.
func (l *Log) entry(ctx context.Context, e audit.Event) (chain.Entry, error) {
	e.Plugin = cmp.Or(e.Plugin, l.plugin)
	switch e.Severity {
	case audit.Low, audit.Medium, audit.High, audit.Critical:
	default:
		return chain.Entry{}, fault.Newf(fault.Internal, "the audit event %s.%s has the severity %q", e.Plugin, e.Name, e.Severity)
	}
	if e.Plugin == "" || e.Name == "" {
		return chain.Entry{}, fault.Newf(fault.Internal, "the audit event %q.%q has no plugin or no name", e.Plugin, e.Name)
	}
	l.fillIn(ctx, &e)
	s := l.scrubber(ctx)
	for _, f := range []struct {
		text *string
		max  int
	}{
		{&e.ID, maxName},
		{&e.Plugin, maxName},
		{&e.Name, maxName},
		{&e.Actor.Kind, maxName},
		{&e.Actor.Subject, maxText},
		{&e.Actor.Via, maxName},
		{&e.Actor.IP, maxName},
		{&e.Actor.UserAgent, maxText},
		{&e.Target, maxText},
		{&e.Reason, maxReason},
		{&e.Request.ID, maxName},
		{&e.Request.Method, maxName},
		{&e.Request.Path, maxText},
	} {
		*f.text = s.Text(*f.text, f.max)
	}
	entry := chain.Entry{Event: e, Meta: s.Meta(e.Meta)}
	entry.Event.Meta = nil
	return entry, nil
}

// fillIn fills in what the context knows.
func (l *Log) fillIn(ctx context.Context, e *audit.Event) {
	e.ID = cmp.Or(e.ID, l.j.NewID())
	if e.At.IsZero() {
		e.At = l.j.Clock()
	}
	e.At = e.At.UTC().Truncate(time.Millisecond)
	e.Status = cmp.Or(e.Status, audit.Succeeded)
	who := identity.FromContext(ctx)
	facts, requested := httpx.FactsOf(ctx)
	if who.Kind == identity.Anonymous && !requested {
		who = identity.System(e.Plugin) // nobody asked for it
	}
	if e.Actor.Kind == "" && e.Actor.Subject == "" {
		e.Actor.Kind, e.Actor.Subject, e.Actor.Via = string(who.Kind), who.Subject, cmp.Or(e.Actor.Via, who.Via)
	}
	if requested {
		e.Actor.IP = cmp.Or(e.Actor.IP, facts.IP)
		e.Actor.UserAgent = cmp.Or(e.Actor.UserAgent, facts.UserAgent)
		e.Request.ID = cmp.Or(e.Request.ID, httpx.RequestID(ctx))
		e.Request.Method = cmp.Or(e.Request.Method, facts.Method)
		e.Request.Path = cmp.Or(e.Request.Path, facts.Path)
	}
	e.Request.Path, _, _ = strings.Cut(e.Request.Path, "?")
}

// Remove removes events from before the time, the oldest first, and records
// that. It returns how many went.
func (j *Journal) Remove(ctx context.Context, before time.Time) (n int64, err error) {
	const batch = 5000
	log := j.For(chain.RetentionPlugin)
	for {
		var told error
		r, err := j.Store.Remove(ctx, before, batch, func(r chain.Removal) chain.Entry {
			var e chain.Entry
			e, told = log.entry(ctx, audit.Event{
				Name: chain.RetentionName, Severity: audit.Critical,
				Meta: map[string]any{"removed": r.Removed, "lastSeq": r.Seq, "lastHash": r.Hash, "before": before.UTC().Format(chain.TimeFormat)},
			})
			return e
		})
		if err = errors.Join(err, told); err != nil {
			return n, err
		}
		if r.Removed > 0 {
			j.Logger.InfoContext(ctx, "old audit events removed", "count", r.Removed, "lastSeq", r.Seq, "lastHash", r.Hash)
			j.kick()
		}
		if n += r.Removed; r.Removed < batch {
			return n, nil
		}
		if ctx.Err() != nil {
			return n, fmt.Errorf("remove old audit events: %w", ctx.Err())
		}
	}
}
