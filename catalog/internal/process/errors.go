package process

import (
	"errors"
	"fmt"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// WireError is an error as clients read it.
type WireError = catalog.StatusError

// statusType is the type of the status items that processing makes.
const statusType = "backstage.io/catalog-processing"

// named is an error with the name that clients see and the code that goes with
// it.
type named struct {
	name string
	code fault.Code
	msg  string
	err  error
}

func (e *named) Error() string     { return e.msg }
func (e *named) Unwrap() error     { return e.err }
func (e *named) FaultCode() string { return string(e.code) }
func (e *named) WireName() string  { return e.name }

// plainError is what JavaScript calls an Error: something went wrong outside
// of the entity itself.
func plainError(msg string, cause error) error {
	code := fault.Invalid
	if cause != nil {
		code = fault.CodeOf(cause)
	}
	return &named{name: "Error", code: code, msg: msg, err: cause}
}

func inputError(msg string) error { return &named{name: "InputError", code: fault.Invalid, msg: msg} }

func notAllowedError(msg string) error {
	return &named{name: "NotAllowedError", code: fault.Forbidden, msg: msg}
}

func notFoundError(msg string) error {
	return &named{name: "NotFoundError", code: fault.NotFound, msg: msg}
}

// nameOf is the name of any error in answers.
func nameOf(err error) string {
	var n interface{ WireName() string }
	if errors.As(err, &n) {
		return n.WireName()
	}
	var coded interface{ FaultCode() string }
	if !errors.As(err, &coded) {
		return "Error"
	}
	switch fault.CodeOf(err) {
	case fault.Invalid, fault.TooLarge:
		return "InputError"
	case fault.NotFound:
		return "NotFoundError"
	case fault.Forbidden:
		return "NotAllowedError"
	case fault.Unauthenticated:
		return "AuthenticationError"
	case fault.Conflict:
		return "ConflictError"
	case fault.NotModified:
		return "NotModifiedError"
	case fault.NotImplemented:
		return "NotImplementedError"
	case fault.Unavailable:
		return "ServiceUnavailableError"
	case fault.Internal:
	}
	return "Error"
}

// wire renders an error with its causes.
func wire(err error) WireError {
	out := WireError{Name: nameOf(err), Message: err.Error()}
	var own *model.Error
	if errors.As(err, &own) {
		var inner *model.Error
		if cause := errors.Unwrap(own); errors.As(cause, &inner) {
			below := wire(inner)
			out.Cause = &below
		}
	}
	return out
}

// status renders an error as a status item.
func status(err error) catalog.StatusItem {
	w := wire(err)
	return catalog.StatusItem{Type: statusType, Level: "error", Message: w.Name + ": " + w.Message, Error: &w}
}

// maxProblems is how many problems of one entity are shown.
const maxProblems = 100

func statuses(errs []error) []catalog.StatusItem {
	if len(errs) == 0 {
		return nil
	}
	shown := errs[:min(len(errs), maxProblems)]
	out := make([]catalog.StatusItem, 0, len(shown)+1)
	for _, err := range shown {
		out = append(out, status(err))
	}
	if more := len(errs) - len(shown); more > 0 {
		out = append(out, status(plainError(fmt.Sprintf("and %d more problems", more), nil)))
	}
	return out
}
