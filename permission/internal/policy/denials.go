package policy

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
)

const (
	// quiet is how long the same denial is counted before it is noted again.
	quiet = 10 * time.Second
	// maxDenials bounds the denials that are counted at a time.
	maxDenials = 10_000
	// maxRef bounds what is remembered of a ref, which a caller may have made
	// up.
	maxRef = 500
)

// Denials notes denials in the audit log. The first of a burst is noted at
// once; what repeats it within ten seconds is noted once behind it, with the
// number in meta.count. Safe for concurrent use; a nil Denials notes nothing.
type Denials struct {
	log   audit.Log
	clock func() time.Time

	mu   sync.Mutex
	open map[denial]*burst
}

// denial is what makes two denials the same.
type denial struct{ kind, subject, via, permission, target string }

type burst struct {
	since time.Time
	more  int
	event audit.Event
}

// NewDenials returns a log of denials.
func NewDenials(log audit.Log, clock func() time.Time) *Denials {
	return &Denials{log: log, clock: clock, open: map[denial]*burst{}}
}

// Run notes bursts that are over, until ctx ends; then it notes all.
func (d *Denials) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			d.Flush(context.WithoutCancel(ctx), true)
			return nil
		case <-tick.C:
			d.Flush(ctx, false)
		}
	}
}

// Flush notes the bursts that are over, or all.
func (d *Denials) Flush(ctx context.Context, all bool) {
	now := d.clock()
	var events []audit.Event
	d.mu.Lock()
	for key, b := range d.open {
		if all || now.Sub(b.since) >= quiet {
			if b.more > 0 {
				b.event.Meta["count"] = b.more
				events = append(events, b.event)
			}
			delete(d.open, key)
		}
	}
	d.mu.Unlock()
	for _, e := range events {
		d.log.Note(ctx, e)
	}
}

// note takes a denial. The question of a user what it may do is no attempt to
// do it, and matters less.
//
// Whoever may ask can make up names of permissions: all of those that no
// plugin has count as the same, so that one request cannot fill the log.
func (d *Denials) note(ctx context.Context, who identity.Principal, req permission.Request, decision permission.Decision, asked, known bool) {
	if d == nil || who.Kind == identity.Anonymous {
		return
	}
	req.ResourceRef = strings.Clone(req.ResourceRef[:min(len(req.ResourceRef), maxRef)])
	req.Permission.Name = strings.Clone(req.Permission.Name[:min(len(req.Permission.Name), maxRef)])
	key := denial{string(who.Kind), who.Subject, who.Via, req.Permission.Name, req.ResourceRef}
	if !known {
		key.permission, key.target = "", ""
	}
	d.mu.Lock()
	if b := d.open[key]; b != nil && d.clock().Sub(b.since) < quiet {
		b.more++
		d.mu.Unlock()
		return
	}
	late := d.open[key]
	e := event(req, decision, asked)
	if late != nil || len(d.open) < maxDenials {
		// The actor of the first is filled in from its context; later ones are
		// noted when that is gone.
		repeated := e
		repeated.Actor = audit.Actor{Kind: string(who.Kind), Subject: who.Subject, Via: who.Via}
		repeated.Meta = maps.Clone(e.Meta)
		d.open[key] = &burst{since: d.clock(), event: repeated}
	}
	d.mu.Unlock()
	if late != nil && late.more > 0 {
		late.event.Meta["count"] = late.more
		d.log.Note(context.Background(), late.event) //nolint:contextcheck // it belongs to requests that are over
	}
	d.log.Note(ctx, e)
}

func event(req permission.Request, decision permission.Decision, asked bool) audit.Event {
	severity := audit.Medium
	switch {
	case asked || req.Permission.Action == "read":
		severity = audit.Low
	case req.Permission.Action != "":
		severity = audit.High
	}
	meta := map[string]any{"permission": req.Permission.Name}
	if decision.Source.File != "" {
		meta["statement"] = decision.Source.String()
	}
	if asked {
		meta["asked"] = true
	}
	return audit.Event{
		Plugin: "permission", Name: "permission-denied", Severity: severity, Status: audit.Failed,
		Target: req.ResourceRef, Reason: decision.Reason, Meta: meta,
	}
}
