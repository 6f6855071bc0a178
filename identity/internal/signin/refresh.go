package signin

import (
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// RefreshError is the error of a refresh, in the words that front-ends know. It
// is unauthenticated, except when it is not the person's fault: a provider that
// does not answer is unavailable, and the session may live on.
type RefreshError struct {
	Err error
	// Idle is set when nothing was tried: there was no session to renew.
	Idle bool
}

// Error tells the cause as far as it is meant for people.
func (e *RefreshError) Error() string {
	name, message := httpx.Describe(e.Err)
	return "Refresh failed; caused by " + name + ": " + message
}

// Unwrap returns the cause.
func (e *RefreshError) Unwrap() error { return e.Err }

// FaultCode returns unavailable or unauthenticated.
func (e *RefreshError) FaultCode() string {
	if fault.Is(e.Err, fault.Unavailable) {
		return string(fault.Unavailable)
	}
	return string(fault.Unauthenticated)
}

// WireCause returns the cause as clients see it.
func (e *RefreshError) WireCause() any {
	name, message := httpx.Describe(e.Err)
	return map[string]string{"name": name, "message": message}
}
