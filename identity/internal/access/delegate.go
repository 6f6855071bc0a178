package access

import (
	"context"
	"errors"
	"slices"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// PluginIssuer issues plugin tokens.
type PluginIssuer interface {
	Plugin(ctx context.Context, c token.Call) (token.Issued, error)
}

// Delegate issues the token with which the plugin source calls the plugin
// target for the principal: on a user's behalf, or for itself when a service
// asked. It returns an error with code forbidden when the restrictions of an
// external caller do not let the call be passed on, and with code
// unauthenticated when nobody asked.
func Delegate(ctx context.Context, issuer PluginIssuer, p identity.Principal, source, target string) (token.Issued, error) {
	call := token.Call{Source: source, Target: target}
	switch p.Kind {
	case identity.User:
		if p.Token == "" {
			return token.Issued{}, errors.New("the principal of a user carries no token to call on its behalf")
		}
		call.OnBehalfOf = p.Token
	case identity.Service:
	default:
		return token.Issued{}, fault.New(fault.Unauthenticated, "Refused to issue service token for credential type 'none'")
	}
	// The restrictions of an external caller hold for the users it calls for
	// too; the token of the next call would not carry them.
	if err := mayPassOn(p, target); err != nil {
		return token.Issued{}, err
	}
	return issuer.Plugin(ctx, call)
}

func mayPassOn(p identity.Principal, target string) error {
	if p.Access == nil {
		return nil
	}
	n := slices.IndexFunc(p.Access, func(a identity.Access) bool { return a.Plugin == target })
	switch {
	case n < 0:
		return fault.Newf(fault.Forbidden, "Access to target plugin '%s' is not included in token's access restrictions", target)
	case len(p.Access[n].Permissions) > 0 || len(p.Access[n].Actions) > 0:
		return fault.Newf(fault.Forbidden, "Access to target plugin '%s' is restricted and cannot be delegated", target)
	}
	return nil
}
