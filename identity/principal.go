package identity

import (
	"context"
	"net/http"
	"slices"
)

// Kind says what sort of caller a principal is.
type Kind string

// The kinds of callers. The zero Kind is an anonymous caller.
const (
	Anonymous Kind = ""
	User      Kind = "user"
	Service   Kind = "service"
)

// Principal is the authenticated caller of a request. Nothing behind the
// authentication reads headers to learn who is asking.
type Principal struct {
	Kind Kind
	// Subject is the user's entity ref, or the subject of a service such as
	// external:ci or plugin:search.
	Subject string
	// Ownership holds the refs a user owns things by: itself and its groups.
	Ownership []string
	// Limited is set when the caller came with a cookie or a limited token,
	// which opens only routes that say so.
	Limited bool
	// Via is the plugin that calls on the user's behalf, where one does.
	Via string
	// Access restricts a service to some plugins and permissions; nil means
	// no restriction.
	Access []Access
	// Token is the bearer token of the request, for calls on its behalf. Never
	// log it.
	Token string
}

// Access is one thing that a restricted service may do.
type Access struct {
	Plugin      string
	Permissions []string // names; empty means all
	Actions     []string // create, read, update, delete; empty means all
}

// MayUsePlugin reports whether the principal's restrictions, if any, admit the
// plugin.
func (p Principal) MayUsePlugin(id string) bool {
	return p.Access == nil || slices.ContainsFunc(p.Access, func(a Access) bool { return a.Plugin == id })
}

// System is the portal itself, for work that no caller asked for.
func System(plugin string) Principal {
	return Principal{Kind: Service, Subject: "plugin:" + plugin}
}

type contextKey struct{}

// NewContext returns a context that carries the principal.
func NewContext(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// FromContext returns the principal, or an anonymous one.
func FromContext(ctx context.Context) Principal {
	p, _ := ctx.Value(contextKey{}).(Principal)
	return p
}

// Authenticator turns the credentials of a request into a principal. A request
// without credentials gives an anonymous principal and no error; bad
// credentials give an error with code unauthenticated. Safe for concurrent
// use.
type Authenticator interface {
	Authenticate(r *http.Request) (Principal, error)
}

// Directory tells what users own things by.
type Directory interface {
	// OwnershipOf returns the refs that the user owns things by, as a sign-in
	// now would find: the user, its groups, and what the configuration gives
	// to everybody. Safe for concurrent use.
	OwnershipOf(ctx context.Context, userRef string) ([]string, error)
}
