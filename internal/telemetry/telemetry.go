package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Options configure [Setup]. Zero values are defaults.
type Options struct {
	// Level is debug, info, warn or error; default info.
	Level string
	// Format is text or json; default text.
	Format string
	// Output receives the log; default standard error.
	Output io.Writer
	// Meta are attributes of every line.
	Meta map[string]any
	// Attrs adds what the context of a call knows, such as a request id.
	Attrs func(ctx context.Context) []slog.Attr
	// Service and Version name the process in traces and metrics; default
	// stagedoor.
	Service, Version string
	// Endpoint is the URL of an OTLP/HTTP collector. Without it, and without
	// OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT in the
	// environment, nothing is traced.
	Endpoint string
	// Getenv reads the environment; nil is os.Getenv.
	Getenv func(string) string
}

// Telemetry is what [Setup] made. Its parts are safe for concurrent use.
type Telemetry struct {
	Logger *slog.Logger
	// Level can be changed while the process runs.
	Level *slog.LevelVar
	// Redactor cuts secrets out of everything that Logger writes.
	Redactor *Redactor
	Registry *prometheus.Registry
	tracing  *tracing
}

// Setup makes logger, metrics and traces. The returned function flushes and
// ends tracing and should be called with a context that still has time. Setup
// returns an error with code invalid for an unknown level or format.
func Setup(ctx context.Context, opts Options) (*Telemetry, func(context.Context) error, error) {
	if opts.Output == nil {
		opts.Output = os.Stderr
	}
	if opts.Getenv == nil {
		opts.Getenv = os.Getenv
	}
	if opts.Service == "" {
		opts.Service = "stagedoor"
	}
	t := &Telemetry{Level: &slog.LevelVar{}, Redactor: NewRedactor()}
	level, err := ParseLevel(opts.Level)
	if err != nil {
		return nil, nil, err
	}
	t.Level.Set(level)
	if t.Logger, err = newLogger(opts, t.Level, t.Redactor); err != nil {
		return nil, nil, err
	}
	t.Registry = newRegistry(opts)
	if t.tracing, err = newTracing(ctx, opts, t.Logger); err != nil {
		return nil, nil, fmt.Errorf("set up tracing: %w", err)
	}
	return t, t.tracing.shutdown, nil
}

// Tracing reports whether traces are sent anywhere.
func (t *Telemetry) Tracing() bool { return t.tracing.provider != nil }

// TracerProvider gives out tracers; they do nothing unless traces are sent.
func (t *Telemetry) TracerProvider() trace.TracerProvider {
	if t.tracing.provider == nil {
		return noop.NewTracerProvider()
	}
	return t.tracing.provider
}

// Handler makes h continue the traces of its callers. It returns h itself
// when nothing is traced.
func (t *Telemetry) Handler(h http.Handler) http.Handler { return t.tracing.handler(h) }

// Transport makes calls through rt part of the trace they are made in. It
// returns rt itself when nothing is traced.
func (t *Telemetry) Transport(rt http.RoundTripper) http.RoundTripper { return t.tracing.transport(rt) }
