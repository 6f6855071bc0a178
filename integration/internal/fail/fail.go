// Package fail is the errors of the integrations: a message with a code that
// the portal understands.
//
// What: the convention is one method, FaultCode, so that an integration needs
// nothing of the portal's inside.
//
// What not: it keeps no stack and no positions.
//
// Start reading at [New].
package fail

import (
	"errors"
	"fmt"
)

// The codes that integrations use.
const (
	Invalid     = "invalid"
	Forbidden   = "forbidden"
	NotFound    = "not_found"
	NotModified = "not_modified"
	TooLarge    = "too_large"
	Unavailable = "unavailable"
)

// Error is a message with a code.
type Error struct {
	code string
	msg  string
	err  error
}

// New returns an error with the code. A %w verb keeps the cause reachable.
func New(code, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{code: code, msg: err.Error(), err: errors.Unwrap(err)}
}

// Error returns the message.
func (e *Error) Error() string { return e.msg }

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.err }

// FaultCode returns the code.
func (e *Error) FaultCode() string { return e.code }

// Code returns the code of the outermost error in the chain that has one, and
// the empty string when none has.
func Code(err error) string {
	var c interface{ FaultCode() string }
	if errors.As(err, &c) {
		return c.FaultCode()
	}
	return ""
}

// Is reports whether err has the code.
func Is(err error, code string) bool { return err != nil && Code(err) == code }
