package fault

import (
	"context"
	"errors"
	"fmt"
)

// Code says what kind of problem an error is, seen from the caller.
type Code string

// The codes. A new one needs a row in internal/httpx, where codes become
// statuses, so think twice.
const (
	Invalid         Code = "invalid"         // the input is wrong; the message names field, expectation and value
	Unauthenticated Code = "unauthenticated" // no or no valid credentials
	Forbidden       Code = "forbidden"       // valid credentials, but not allowed
	NotFound        Code = "not_found"       // no such thing, or the caller may not know of it
	Conflict        Code = "conflict"        // the state of the system does not allow it now
	NotModified     Code = "not_modified"    // what the caller holds is still current
	TooLarge        Code = "too_large"       // the input exceeds a stated limit
	NotImplemented  Code = "not_implemented" // a known call that this server does not serve
	Unavailable     Code = "unavailable"     // a dependency does not answer; trying again may help
	Internal        Code = "internal"        // everything else: a bug or a broken environment
)

// coded is the convention by which an error of any package, also one that may
// not import this one, carries a code.
type coded interface{ FaultCode() string }

// Error is an error with a code. Make one with [New], [Newf] or [Wrap].
type Error struct {
	code Code
	msg  string
	err  error
}

// New returns an error with the code and the message. The message is shown to
// the user: say what is wrong and what to do, without secrets or file-system
// internals.
func New(code Code, msg string) error { return &Error{code: code, msg: msg} }

// Newf is [New] with a format. A %w verb keeps the cause reachable for
// errors.Is and errors.As.
func Newf(code Code, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{code: code, msg: err.Error(), err: errors.Unwrap(err)}
}

// Wrap gives err the code and puts msg before its text. It returns nil when
// err is nil.
func Wrap(code Code, err error, msg string) error {
	if err == nil {
		return nil
	}
	return &Error{code: code, msg: msg + ": " + err.Error(), err: err}
}

// Error returns the message.
func (e *Error) Error() string { return e.msg }

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.err }

// FaultCode returns the code as a string, which is the convention that lets
// packages outside the module carry codes.
func (e *Error) FaultCode() string { return string(e.code) }

// CodeOf returns the code of the outermost error in err's chain that carries
// one. Errors without a code are [Internal], a cancelled or timed-out context
// is [Unavailable], nil is the empty code.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var c coded
	if errors.As(err, &c) {
		return Code(c.FaultCode())
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Unavailable
	}
	return Internal
}

// Is reports whether [CodeOf] of err is code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }

// Position is a place in a file, counted from 1. The zero value means unknown.
type Position struct {
	File   string
	Line   int
	Column int
}

// String renders file:line:column and leaves out what is unknown.
func (p Position) String() string {
	switch {
	case p.File == "" && p.Line == 0:
		return ""
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// At returns an [Invalid] error whose message starts with the position.
func At(pos Position, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{code: Invalid, msg: pos.String() + ": " + err.Error(), err: errors.Unwrap(err)}
}
