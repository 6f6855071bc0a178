package signin

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity"
)

// The names of the audit events.
const (
	eventSignIn  = "user-sign-in"
	eventRefresh = "user-refresh"
	eventSignOut = "user-sign-out"
)

// quiet is how long the same person's recognition by a gateway is one sign-in,
// and the renewals of a session are one: the front-end asks on every page.
const quiet = time.Hour

// Failed tells the audit log of a sign-in that failed before anybody was
// recognised, such as one that the person denied.
func (s *Service) Failed(ctx context.Context, provider, env string, err error) {
	s.log().Note(ctx, event(eventSignIn, audit.Medium, Account{Provider: provider, Env: env}, Session{}, err))
}

// SignedOut tells the audit log that the caller signed out.
func (s *Service) SignedOut(ctx context.Context, provider, env string) {
	e := event(eventSignOut, audit.Low, Account{Provider: provider, Env: env}, Session{}, nil)
	e.Target = identity.FromContext(ctx).Subject
	s.log().Note(ctx, e)
}

func (s *Service) log() audit.Log {
	if s.Audit == nil {
		return audit.Discard
	}
	return s.Audit
}

// recordSignIn stores the event of an interactive sign-in. Calls for access to
// the provider alone sign nobody in and leave none.
func (s *Service) recordSignIn(ctx context.Context, a Account, session Session, err error) error {
	if err == nil && session.Identity.Token == "" {
		return nil
	}
	return s.log().Record(ctx, event(eventSignIn, audit.Medium, a, session, err))
}

func (s *Service) noteRenewal(ctx context.Context, a Account, session Session, err error) {
	switch {
	case err == nil && session.Identity.Token == "":
	case a.Renewed:
		if err != nil || s.noted.first(eventRefresh+"\n"+a.Provider+"\n"+session.Identity.Identity.UserRef, s.Clock()) {
			s.log().Note(ctx, event(eventRefresh, audit.Low, a, session, err))
		}
	default:
		key := a.Provider + "\n" + session.Identity.Identity.UserRef + "\n" + a.name()
		if err == nil {
			key += "\nok"
		}
		if s.noted.first(key, s.Clock()) {
			s.log().Note(ctx, event(eventSignIn, audit.Medium, a, session, err))
		}
	}
}

func event(name string, severity audit.Severity, a Account, session Session, err error) audit.Event {
	e := audit.Event{Plugin: "auth", Name: name, Severity: severity, Status: audit.Succeeded, Meta: map[string]any{"provider": a.Provider}}
	if a.Env != "" {
		e.Meta["env"] = a.Env
	}
	if who := a.name(); who != "" {
		e.Meta["account"] = who
	}
	if ref := session.Identity.Identity.UserRef; ref != "" {
		e.Actor, e.Target = audit.Actor{Kind: string(identity.User), Subject: ref}, ref
	}
	if err != nil {
		e.Status, e.Reason, e.Severity = audit.Failed, reason(err), audit.Medium
	}
	return e
}

// name is what the provider calls the person.
func (a Account) name() string {
	for _, s := range []string{a.Username, a.Email, a.ID} {
		if s != "" {
			return s
		}
	}
	return ""
}

// reason is the part of an error that is meant for people: for those who read
// the audit log, or, if the error does not distinguish, for everybody. What is
// wrapped around it or inside of it may hold anything.
//
// An error that has more to say to those who look after the portal than to the
// person has a method Detail.
func reason(err error) string {
	var detailed interface{ Detail() string }
	if errors.As(err, &detailed) {
		return detailed.Detail()
	}
	var c interface {
		error
		FaultCode() string
	}
	if errors.As(err, &c) {
		return c.Error()
	}
	return "internal error"
}

// maxNoted bounds the memory of [recently].
const maxNoted = 16384

// recently remembers what was noted within the last while. The zero value is
// ready.
type recently struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

// first reports whether the key was not seen within the quiet time.
func (r *recently) first(key string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.seen[key]; ok && now.Sub(at) < quiet {
		return false
	}
	if r.seen == nil || len(r.seen) >= maxNoted {
		r.seen = map[string]time.Time{}
	}
	r.seen[key] = now
	return true
}
