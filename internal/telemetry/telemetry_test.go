package telemetry_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/telemetry"
)

func noEnv(string) string { return "" }

func setup(t *testing.T, opts telemetry.Options) *telemetry.Telemetry {
	t.Helper()
	if opts.Getenv == nil {
		opts.Getenv = noEnv
	}
	tel, shutdown, err := telemetry.Setup(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return tel
}

func TestLogger_CutsSecretsOutWhereverTheyAre(t *testing.T) {
	t.Parallel()
	const plain, odd, pem = "s3cr3t-token", `qu"ote<d>\x`, "-----BEGIN KEY-----\nMIIBVwIBADANBgkqhkiG9w0\n-----END KEY-----"
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		tel := setup(t, telemetry.Options{Format: format, Output: &out, Meta: map[string]any{"meta": plain}})
		remove := tel.Redactor.Add(plain, odd, pem, "abc", "")
		tel.Logger.With("bound", plain).WithGroup("g").Error("message "+plain,
			"attribute", odd, "error", errors.New("call https://x/?t="+plain), "map", map[string]any{"deep": []string{odd}},
			"line", "MIIBVwIBADANBgkqhkiG9w0", "header", "czNjcjN0LXRva2Vu", "short", "abc")
		for _, leak := range []string{plain, `qu\"ote`, `qu"ote`, "MIIBVwIBADAN", "czNjcjN0LXRva2Vu"} {
			if strings.Contains(out.String(), leak) {
				t.Errorf("%s: %q leaks in %s", format, leak, &out)
			}
		}
		if !strings.Contains(out.String(), "abc") || !strings.Contains(out.String(), "https://x/?t=***") {
			t.Errorf("%s: too much or too little is cut: %s", format, &out)
		}
		remove()
		remove()
		out.Reset()
		tel.Logger.Info(plain)
		if !strings.Contains(out.String(), "msg") || strings.Count(out.String(), plain) != 2 {
			t.Errorf("%s: after removal: %s", format, &out)
		}
	}
}

func TestRedactor_KeepsAValueThatIsRegisteredTwiceUntilBothAreGone(t *testing.T) {
	t.Parallel()
	r := telemetry.NewRedactor()
	first, second := r.Add("secret-a"), r.Add("secret-a", "secret-abc")
	if got := r.Redact("secret-abc secret-a"); got != "*** ***" {
		t.Errorf("got %q, want the longer one whole", got)
	}
	first()
	if got := r.Redact("secret-a"); got != "***" {
		t.Errorf("one of two registrations is gone: %q", got)
	}
	second()
	if got := r.Redact("secret-a"); got != "secret-a" {
		t.Errorf("both registrations are gone: %q", got)
	}
}

func TestLogger_KnowsLevelsAndContext(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	type key struct{}
	tel := setup(t, telemetry.Options{Level: "warn", Output: &out, Attrs: func(ctx context.Context) []slog.Attr {
		if id, ok := ctx.Value(key{}).(string); ok {
			return []slog.Attr{slog.String("requestId", id)}
		}
		return nil
	}})
	ctx := context.WithValue(context.Background(), key{}, "r1")
	tel.Logger.InfoContext(ctx, "hidden")
	tel.Logger.WarnContext(ctx, "shown")
	tel.Level.Set(slog.LevelDebug)
	tel.Logger.DebugContext(ctx, "now shown")
	if got := out.String(); strings.Contains(got, "hidden") || strings.Count(got, "shown") != 2 || strings.Count(got, "requestId=r1") != 2 {
		t.Errorf("log:\n%s", got)
	}
	for _, bad := range []telemetry.Options{{Level: "loud"}, {Format: "xml"}} {
		if _, _, err := telemetry.Setup(ctx, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v gives %v, want code invalid", bad, err)
		}
	}
}

func TestMetrics_CountRequestsAndConnections(t *testing.T) {
	t.Parallel()
	tel := setup(t, telemetry.Options{Version: "1.2.3"})
	observe := tel.HTTPObserver()
	observe("catalog", "GET", 200, 3*time.Millisecond)
	observe("catalog", "BREW", 404, time.Second)
	tel.DBStats("write", func() sql.DBStats { return sql.DBStats{OpenConnections: 3} })
	w := httptest.NewRecorder()
	tel.MetricsHandler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`stagedoor_http_request_duration_seconds_count{method="GET",plugin="catalog",status="200"} 1`,
		`stagedoor_http_request_duration_seconds_count{method="other",plugin="catalog",status="404"} 1`,
		`stagedoor_db_connections_open{pool="write"} 3`,
		`stagedoor_build_info{version="1.2.3"} 1`,
		"go_goroutines ",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestTracing_IsOffUnlessThereIsAnEndpoint(t *testing.T) {
	t.Parallel()
	off := setup(t, telemetry.Options{})
	if off.Tracing() || off.Transport(http.DefaultTransport) != http.DefaultTransport {
		t.Error("something is traced without an endpoint")
	}
	if _, span := off.TracerProvider().Tracer("x").Start(t.Context(), "x"); span.IsRecording() {
		t.Error("a span is recorded without an endpoint")
	}
	disabled := setup(t, telemetry.Options{Endpoint: "http://127.0.0.1:1", Getenv: func(name string) string {
		return map[string]string{"OTEL_SDK_DISABLED": "true"}[name]
	}})
	if disabled.Tracing() {
		t.Error("OTEL_SDK_DISABLED does not count")
	}

	var sent atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, _ := io.Copy(io.Discard, r.Body); n > 0 && r.URL.Path == "/v1/traces" {
			sent.Add(1)
		}
	}))
	defer collector.Close()
	var out bytes.Buffer
	tel, shutdown, err := telemetry.Setup(t.Context(), telemetry.Options{Endpoint: collector.URL + "/v1/traces", Getenv: noEnv, Output: &out})
	if err != nil || !tel.Tracing() {
		t.Fatalf("tracing is off: %v", err)
	}
	h := tel.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { tel.Logger.InfoContext(r.Context(), "inside") }))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if !strings.Contains(out.String(), "traceId=0af7651916cd43dd8448eb211c80319c") {
		t.Errorf("the log does not name the trace: %s", &out)
	}
	if err := shutdown(context.Background()); err != nil || sent.Load() == 0 {
		t.Errorf("%d batches were sent, %v", sent.Load(), err)
	}
}
