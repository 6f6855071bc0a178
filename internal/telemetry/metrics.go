package telemetry

import (
	"database/sql"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func newRegistry(opts Options) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "stagedoor_build_info", Help: "Always 1; the label says what is running.",
		ConstLabels: prometheus.Labels{"version": opts.Version},
	})
	build.Set(1)
	registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// MetricsHandler answers with all metrics in the format that Prometheus reads.
// Compression is left to the server.
func (t *Telemetry) MetricsHandler() http.Handler {
	return promhttp.HandlerFor(t.Registry, promhttp.HandlerOpts{DisableCompression: true})
}

// HTTPObserver registers the figures of an HTTP server and returns the
// function to call after every request, such as httpx.RootOptions.Observe. It
// may be called once per Telemetry.
func (t *Telemetry) HTTPObserver() func(plugin, method string, status int, took time.Duration) {
	labels := []string{"plugin", "method", "status"}
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "stagedoor_http_request_duration_seconds", Help: "How long requests took, until the end of the answer.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, labels)
	t.Registry.MustRegister(took)
	return func(plugin, method string, status int, d time.Duration) {
		took.WithLabelValues(plugin, knownMethod(method), strconv.Itoa(status)).Observe(d.Seconds())
	}
}

// DBStats registers the figures of a connection pool under a name.
func (t *Telemetry) DBStats(pool string, stats func() sql.DBStats) {
	labels := prometheus.Labels{"pool": pool}
	gauge := func(name, help string, value func(sql.DBStats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels},
			func() float64 { return value(stats()) })
	}
	t.Registry.MustRegister(
		gauge("stagedoor_db_connections_open", "Connections to the database.", func(s sql.DBStats) float64 { return float64(s.OpenConnections) }),
		gauge("stagedoor_db_connections_in_use", "Connections that are working.", func(s sql.DBStats) float64 { return float64(s.InUse) }),
		gauge("stagedoor_db_wait_seconds_total", "Time spent waiting for a connection.", func(s sql.DBStats) float64 { return s.WaitDuration.Seconds() }),
	)
}

// knownMethod keeps callers from inventing label values.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
