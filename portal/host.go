package portal

import (
	"context"
	"net/http"
	"sync"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/events"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/internal/schedule"
	"github.com/stagedoor/stagedoor/plugin"
)

// router gives a plugin its part of the HTTP server.
type router struct{ mux *httpx.Mux }

// accesses translates the contract's accesses to the server's.
var accesses = map[plugin.Access]httpx.Access{
	plugin.UsersAndServices: httpx.Default,
	plugin.UsersOnly:        httpx.AllowUser,
	plugin.ServicesOnly:     httpx.AllowService,
	plugin.AnyoneWithCookie: httpx.Default | httpx.AllowCookie,
	plugin.Unauthenticated:  httpx.AllowAnonymous,
}

// Handle implements plugin.Router.
func (r router) Handle(pattern string, access plugin.Access, h func(http.ResponseWriter, *http.Request) error) {
	r.mux.Handle(pattern, accesses[access], h)
}

// actor is one function that runs as long as the portal does.
type actor struct {
	name string
	run  func(context.Context) error
}

// check is one condition of readiness.
type check struct {
	name  string
	ready func() bool
}

// actors collects what the plugins want to run.
type actors struct {
	mu     sync.Mutex
	list   []actor
	checks []check
}

// Go implements plugin.Actors.
func (a *actors) Go(name string, fn func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, actor{name, fn})
}

// Ready implements plugin.Actors.
func (a *actors) Ready(name string, fn func() bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.checks = append(a.checks, check{name, fn})
}

// waiting returns the names of the checks that do not pass yet.
func (a *actors) waiting() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for _, c := range a.checks {
		if !c.ready() {
			names = append(names, c.name)
		}
	}
	return names
}

// scheduler gives a plugin its tasks. A task that cannot be added is kept as
// an error, which stops the start.
type scheduler struct {
	owner string
	inner *schedule.Scheduler
	errs  *[]error
}

// Add implements plugin.Scheduler.
func (s scheduler) Add(t plugin.Task) {
	err := s.inner.Add(schedule.Task{
		Owner: s.owner, ID: t.ID, Every: t.Every, Timeout: t.Timeout,
		InitialDelay: t.InitialDelay, Local: t.Local, Run: t.Run,
	})
	if err != nil {
		*s.errs = append(*s.errs, err)
	}
}

// Trigger implements plugin.Scheduler.
func (s scheduler) Trigger(ctx context.Context, id string) error {
	return s.inner.Trigger(ctx, s.owner, id)
}

// receiver opens the topics of events that come over HTTP.
type receiver interface {
	Receive(topic string, check func(context.Context, http.Header, []byte) error)
}

// exchange gives plugins the event bus.
type exchange struct {
	bus *events.Bus
	in  receiver
}

// Publish implements plugin.Events.
func (x exchange) Publish(ctx context.Context, e plugin.Event) error {
	return x.bus.Publish(ctx, events.Event(e))
}

// Subscribe implements plugin.Events.
func (x exchange) Subscribe(topic string, fn func(context.Context, plugin.Event) error) {
	x.bus.Subscribe(topic, func(ctx context.Context, e events.Event) error { return fn(ctx, plugin.Event(e)) })
}

// Receive implements plugin.Events.
func (x exchange) Receive(topic string, check func(context.Context, http.Header, []byte) error) {
	x.in.Receive(topic, check)
}

// guard tells the HTTP server who is calling and whether that is enough.
func guard(auth identity.Authenticator) httpx.Guard {
	return httpx.Guard{
		Authenticate: func(r *http.Request) (context.Context, error) {
			if p, ok := r.Context().Value(presetKey{}).(identity.Principal); ok {
				return identity.NewContext(r.Context(), p), nil
			}
			p, err := auth.Authenticate(r)
			if err != nil {
				return r.Context(), err
			}
			return identity.NewContext(r.Context(), p), nil
		},
		Admit:  admit,
		Caller: func(ctx context.Context) string { return identity.FromContext(ctx).Subject },
	}
}

// presetKey marks requests that the portal makes to itself for a caller that
// it has authenticated already.
type presetKey struct{}

func admit(ctx context.Context, pluginID string, access httpx.Access) error {
	p := identity.FromContext(ctx)
	if !p.MayUsePlugin(pluginID) {
		return restricted(p)
	}
	return access.Check(string(p.Kind), p.Limited)
}
