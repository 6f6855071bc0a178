package model

import (
	"errors"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Error is a refused entity, in the words that clients of Backstage know. It
// has code invalid, a name and possibly a cause; the message ends in the
// cause's.
type Error struct {
	name  string
	msg   string
	cause *Error
}

// NewError returns an error with a name such as InputError or TypeError.
func NewError(name, msg string) *Error { return &Error{name: name, msg: msg} }

// Wrap returns an InputError with the message and the cause: what processing
// makes of an error inside a processor. The cause's name is what its WireName
// method says, or Error.
func Wrap(msg string, cause error) *Error {
	inner := &Error{name: "Error", msg: cause.Error()}
	var own *Error
	var named interface{ WireName() string }
	switch {
	case errors.As(cause, &own):
		inner = own
	case errors.As(cause, &named):
		inner.name = named.WireName()
	}
	return &Error{name: "InputError", msg: msg, cause: inner}
}

// Error renders the message, followed by that of the cause.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.msg
	}
	var b strings.Builder
	b.WriteString(e.msg)
	b.WriteString("; caused by ")
	b.WriteString(e.cause.name)
	b.WriteString(": ")
	b.WriteString(e.cause.Error())
	return b.String()
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error {
	if e.cause == nil {
		return nil
	}
	return e.cause
}

// FaultCode is "invalid".
func (e *Error) FaultCode() string { return string(fault.Invalid) }

// WireName is the name of the error in answers.
func (e *Error) WireName() string { return e.name }

// WireCause is the cause in answers, {"name","message"[,"cause"]}, or nil.
func (e *Error) WireCause() any {
	if e.cause == nil {
		return nil
	}
	out := map[string]any{"name": e.cause.name, "message": e.cause.Error()}
	if inner := e.cause.WireCause(); inner != nil {
		out["cause"] = inner
	}
	return out
}
