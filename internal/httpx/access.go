package httpx

import (
	"context"
	"net/http"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Access says which callers a route admits.
type Access uint8

// The kinds of callers. [Default] is what a route should use unless it has a
// reason.
const (
	AllowUser      Access = 1 << iota // users with a full token
	AllowService                      // other plugins and external services
	AllowCookie                       // users who only present the limited token of a cookie
	AllowAnonymous                    // anybody

	Default = AllowUser | AllowService
)

// Guard knows how callers prove who they are. The functions are called
// concurrently. A zero Guard lets everybody in.
type Guard struct {
	// Authenticate returns the request's context with the caller in it. No
	// credentials are no error; bad ones are one with code unauthenticated.
	Authenticate func(r *http.Request) (context.Context, error)
	// Admit returns an error unless the caller in ctx may call a route of
	// the plugin that admits access. [Access.Check] does most of it.
	Admit func(ctx context.Context, plugin string, access Access) error
	// Caller names the caller in ctx, for the rate limit and the access log.
	// Empty means anonymous.
	Caller func(ctx context.Context) string
}

// Check says whether a caller of the kind "user", "service" or "" (anonymous)
// is admitted, in the words clients know. limited marks a user who only has
// the limited token of a cookie.
func (a Access) Check(kind string, limited bool) error {
	switch {
	case a&AllowAnonymous != 0:
		return nil
	case kind == "", limited && a&AllowCookie == 0:
		return fault.New(fault.Unauthenticated, "Missing credentials")
	case limited, kind == "user" && a&AllowUser != 0, kind == "service" && a&AllowService != 0:
		return nil
	}
	return fault.Newf(fault.Forbidden, "This endpoint does not allow '%s' credentials", kind)
}

// admit is what a route does before its handler runs.
func (g *Guard) admit(r *http.Request, plugin string, access Access) (context.Context, error) {
	ctx := r.Context()
	if g.Authenticate != nil {
		found, err := g.Authenticate(r)
		switch {
		case err == nil:
			ctx = found
		case access == AllowAnonymous: // bad credentials are as good as none
		default:
			return ctx, err
		}
	}
	if access&AllowAnonymous != 0 || g.Admit == nil {
		return ctx, nil
	}
	return ctx, g.Admit(ctx, plugin, access)
}
