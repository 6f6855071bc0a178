package httpx

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Handler answers a request or returns the error that the client shall see.
// After it has written anything, an error is only logged and the connection is
// cut, so that the client does not take half an answer for a whole one.
type Handler func(w http.ResponseWriter, r *http.Request) error

// An error may say more about how it looks to the client than its code does.
type (
	wireNamer   interface{ WireName() string }
	wireCauser  interface{ WireCause() any }
	wireStatus  interface{ WireStatus() int }
	retryAfterS interface{ RetryAfter() int }
	coded       interface {
		error
		FaultCode() string
	}
)

// WireError is an error with an explicit outward form: a status, a name and a
// cause that the code alone would not give. Zero fields fall back to what the
// code says.
type WireError struct {
	Code    fault.Code
	Status  int
	Name    string
	Message string
	Cause   any
	// Err is the cause within the process, not shown to the client.
	Err error
	// RetrySeconds is sent as retry-after if not 0.
	RetrySeconds int
}

// Error returns the message.
func (e *WireError) Error() string { return e.Message }

// Unwrap returns Err.
func (e *WireError) Unwrap() error { return e.Err }

// FaultCode returns the code, internal if none is set.
func (e *WireError) FaultCode() string {
	if e.Code == "" {
		return string(fault.Internal)
	}
	return string(e.Code)
}

// WireStatus returns the status, 0 for that of the code.
func (e *WireError) WireStatus() int { return e.Status }

// WireName returns the name, empty for that of the code.
func (e *WireError) WireName() string { return e.Name }

// WireCause returns the cause shown to the client, or nil.
func (e *WireError) WireCause() any { return e.Cause }

// RetryAfter returns the seconds after which trying again makes sense, or 0.
func (e *WireError) RetryAfter() int { return e.RetrySeconds }

type kind struct {
	status int
	name   string
}

var kinds = map[fault.Code]kind{
	fault.Invalid:         {http.StatusBadRequest, "InputError"},
	fault.Unauthenticated: {http.StatusUnauthorized, "AuthenticationError"},
	fault.Forbidden:       {http.StatusForbidden, "NotAllowedError"},
	fault.NotFound:        {http.StatusNotFound, "NotFoundError"},
	fault.Conflict:        {http.StatusConflict, "ConflictError"},
	fault.NotModified:     {http.StatusNotModified, "NotModifiedError"},
	fault.TooLarge:        {http.StatusRequestEntityTooLarge, "PayloadTooLargeError"},
	fault.NotImplemented:  {http.StatusNotImplemented, "NotImplementedError"},
	fault.Unavailable:     {http.StatusServiceUnavailable, "ServiceUnavailableError"},
	fault.Internal:        {http.StatusInternalServerError, "Error"},
}

// Envelope is the JSON of an error answer.
type Envelope struct {
	Error struct {
		Name    string `json:"name"`
		Message string `json:"message"`
		Cause   any    `json:"cause,omitempty"`
	} `json:"error"`
	Request struct {
		Method string `json:"method"`
		URL    string `json:"url"`
	} `json:"request"`
	Response struct {
		StatusCode int `json:"statusCode"`
	} `json:"response"`
}

// WriteError answers with the error envelope. The message is that of the
// outermost error with a code; what callers wrapped around it is for the log.
// Internal errors that do not name themselves are logged under an id and the
// client only sees the id.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	s := scopeOf(r.Context())
	status, env := report(r, err)
	log := s.logger()
	if status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	env.Request.Method = r.Method
	env.Request.URL = s.relative(r)
	var retry retryAfterS
	if errors.As(err, &retry) && retry.RetryAfter() > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retry.RetryAfter()))
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close") // nobody reads the rest of the body
	}
	if err := JSONStatus(w, r, status, env); err != nil {
		log.DebugContext(r.Context(), "write error answer", slog.Any("error", err))
	}
}

// Outward logs the error and returns how [WriteError] would show it, for
// answers that are not the envelope, such as pages.
func Outward(r *http.Request, err error) (status int, name, message string) {
	status, env := report(r, err)
	return status, env.Error.Name, env.Error.Message
}

// Describe returns the outward name and message of an error without logging
// it, for errors that quote their cause. Internal errors say nothing more.
func Describe(err error) (name, message string) {
	_, env, hidden := describe(err)
	if hidden {
		env.Error.Message = "An internal error occurred"
	}
	return env.Error.Name, env.Error.Message
}

// report finds the outward form of a request's error and logs what the client
// is not told.
func report(r *http.Request, err error) (status int, env Envelope) {
	s := scopeOf(r.Context())
	status, env, hidden := describe(err)
	log := s.logger()
	switch {
	case status == http.StatusNotModified:
	case hidden:
		logID := newLogID()
		env.Error.Message = "An internal error occurred logId=" + logID
		log.ErrorContext(r.Context(), "request failed", slog.String("logId", logID), slog.String("requestId", s.id),
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		log.DebugContext(r.Context(), "the client went away", slog.String("requestId", s.id), slog.String("path", r.URL.Path))
	case status >= http.StatusInternalServerError:
		log.WarnContext(r.Context(), "request failed", slog.String("requestId", s.id), slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	return status, env
}

// describe finds the outward form of an error.
func describe(err error) (status int, env Envelope, hidden bool) {
	code := fault.CodeOf(err)
	k, known := kinds[code]
	if !known {
		k = kinds[fault.Internal]
	}
	env.Error.Message = err.Error()
	var c coded
	if errors.As(err, &c) {
		env.Error.Message = c.Error()
	}
	var mbe *http.MaxBytesError
	if errors.As(err, &mbe) {
		k, env.Error.Message = kinds[fault.TooLarge], "request entity too large"
	}
	hidden = k.status == http.StatusInternalServerError
	var n wireNamer
	if errors.As(err, &n) && n.WireName() != "" {
		k.name, hidden = n.WireName(), false
	}
	var st wireStatus
	if errors.As(err, &st) && st.WireStatus() != 0 {
		k.status, hidden = st.WireStatus(), false
	}
	var cause wireCauser
	if errors.As(err, &cause) {
		env.Error.Cause = cause.WireCause()
	}
	env.Error.Name = k.name
	env.Response.StatusCode = k.status
	return k.status, env, hidden
}

func newLogID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// scope is what the middlewares know of a request. There is one per request,
// used by its goroutine only.
type scope struct {
	id     string
	facts  Facts
	prefix string // where the plugin is mounted
	log    *slog.Logger
	stop   <-chan struct{}
}

type scopeKey struct{}

func scopeOf(ctx context.Context) *scope {
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok {
		return s
	}
	return &scope{}
}

func (s *scope) logger() *slog.Logger {
	if s.log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.log
}

// relative is the request's target as the plugin sees it, with the query as
// the client sent it.
func (s *scope) relative(r *http.Request) string {
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	if rest, ok := strings.CutPrefix(target, s.prefix); ok {
		target = rest
	}
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	return target
}

// RequestID returns the id of the request that ctx belongs to, or an empty
// string.
func RequestID(ctx context.Context) string { return scopeOf(ctx).id }

// Stopping returns a channel that is closed when the server has begun to stop,
// for handlers whose answer has no end of its own, such as event streams: they
// should return then, or the server waits for them until its time-out. It is
// nil, which is never ready, outside a [Root].
func Stopping(ctx context.Context) <-chan struct{} { return scopeOf(ctx).stop }
