package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

// tracing is the part that exists only when traces are wanted.
type tracing struct {
	provider   *trace.TracerProvider
	propagator propagation.TextMapPropagator
}

// newTracing starts exporting if anybody says where to. The exporter connects
// when it has something to send, so a collector that is away is no error.
func newTracing(ctx context.Context, opts Options, log *slog.Logger) (*tracing, error) {
	wanted := opts.Endpoint != "" || opts.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || opts.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	if !wanted || opts.Getenv("OTEL_SDK_DISABLED") == "true" {
		return &tracing{}, nil
	}
	var settings []otlptracehttp.Option // the rest comes from OTEL_EXPORTER_OTLP_*
	if opts.Endpoint != "" {
		settings = append(settings, otlptracehttp.WithEndpointURL(opts.Endpoint))
	}
	exporter, err := otlptracehttp.New(ctx, settings...)
	if err != nil {
		return nil, fmt.Errorf("make exporter: %w", err)
	}
	about := []attribute.KeyValue{attribute.String("service.name", opts.Service)}
	if opts.Version != "" {
		about = append(about, attribute.String("service.version", opts.Version))
	}
	res, err := resource.New(ctx, resource.WithAttributes(about...), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, errors.Join(fmt.Errorf("describe the process: %w", err), exporter.Shutdown(ctx))
	}
	// The library has one process-wide place for errors of the background
	// export; without this they go to standard error unformatted.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.WarnContext(context.Background(), "sending traces", "error", err)
	}))
	return &tracing{
		provider:   trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(res)),
		propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}, nil
}

func (t *tracing) shutdown(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("end tracing: %w", err)
	}
	return nil
}

func (t *tracing) options() []otelhttp.Option {
	return []otelhttp.Option{otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(t.propagator)}
}

func (t *tracing) handler(h http.Handler) http.Handler {
	if t.provider == nil {
		return h
	}
	name := otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method })
	return otelhttp.NewHandler(h, "", append(t.options(), name)...)
}

func (t *tracing) transport(rt http.RoundTripper) http.RoundTripper {
	if t.provider == nil {
		return rt
	}
	return otelhttp.NewTransport(rt, t.options()...)
}
