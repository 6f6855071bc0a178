// Package telemetry sets up what operators see of the process: logs, metrics
// and traces.
//
// What: one slog logger in text or JSON from which registered secrets are cut
// out ([Redactor]); a Prometheus registry with a handler and the figures of
// the HTTP server; OpenTelemetry traces, sent only if an endpoint is
// configured. [Setup] makes all three and returns how to end them.
//
// What not: no global logger, registry or tracer provider is set; what wants
// to log, count or trace is handed the means.
//
// Start reading at [Setup].
package telemetry
