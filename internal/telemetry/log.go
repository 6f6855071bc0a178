package telemetry

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// ParseLevel reads debug, info, warn or error; an empty name is info. It
// returns an error with code invalid for any other.
func ParseLevel(name string) (slog.Level, error) {
	switch strings.ToLower(name) {
	case "debug":
		return slog.LevelDebug, nil
	case "", "info":
		return slog.LevelInfo, nil
	case "warn", "warning":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fault.Newf(fault.Invalid, "log level: expected debug, info, warn or error, found %q", name)
}

func newLogger(opts Options, level slog.Leveler, redactor *Redactor) (*slog.Logger, error) {
	out := redactor.Writer(opts.Output)
	handlerOptions := &slog.HandlerOptions{Level: level}
	var handler slog.Handler
	switch opts.Format {
	case "", "text":
		handler = slog.NewTextHandler(out, handlerOptions)
	case "json":
		handler = slog.NewJSONHandler(out, handlerOptions)
	default:
		return nil, fault.Newf(fault.Invalid, "log format: expected text or json, found %q", opts.Format)
	}
	names := make([]string, 0, len(opts.Meta))
	for name := range opts.Meta {
		names = append(names, name)
	}
	slices.Sort(names)
	var attrs []slog.Attr
	for _, name := range names {
		attrs = append(attrs, slog.Any(name, opts.Meta[name]))
	}
	if len(attrs) > 0 {
		handler = handler.WithAttrs(attrs)
	}
	return slog.New(&contextHandler{Handler: handler, attrs: opts.Attrs}), nil
}

// contextHandler adds what the context knows: the trace, and what the process
// says with Options.Attrs.
type contextHandler struct {
	slog.Handler
	attrs func(context.Context) []slog.Attr
}

// Handle implements slog.Handler.
func (h *contextHandler) Handle(ctx context.Context, record slog.Record) error {
	span := trace.SpanContextFromContext(ctx)
	if h.attrs != nil || span.IsValid() {
		record = record.Clone()
		if span.IsValid() {
			record.AddAttrs(slog.String("traceId", span.TraceID().String()), slog.String("spanId", span.SpanID().String()))
		}
		if h.attrs != nil {
			record.AddAttrs(h.attrs(ctx)...)
		}
	}
	return h.Handler.Handle(ctx, record) //nolint:wrapcheck // a handler passes the error on
}

// WithAttrs implements slog.Handler.
func (h *contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &contextHandler{Handler: h.Handler.WithAttrs(attrs), attrs: h.attrs}
}

// WithGroup implements slog.Handler.
func (h *contextHandler) WithGroup(name string) slog.Handler {
	return &contextHandler{Handler: h.Handler.WithGroup(name), attrs: h.attrs}
}
