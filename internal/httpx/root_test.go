package httpx_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// ask sends one request; headers come in pairs.
func ask(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func newRoot(t testing.TB, opts httpx.RootOptions) *httpx.Root {
	t.Helper()
	root, err := httpx.NewRoot(opts)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func envelope(t *testing.T, w *httptest.ResponseRecorder) httpx.Envelope {
	t.Helper()
	var e httpx.Envelope
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatalf("no envelope in %q: %v", w.Body, err)
	}
	return e
}

func TestMux_FindsRoutesAsExpressDoes(t *testing.T) {
	t.Parallel()
	root := newRoot(t, httpx.RootOptions{})
	m := root.Plugin("p")
	echo := func(text string) httpx.Handler {
		return func(w http.ResponseWriter, r *http.Request) error {
			return httpx.JSON(w, r, text+r.PathValue("x")+r.PathValue("rest"))
		}
	}
	m.Handle("GET /", httpx.AllowAnonymous, echo("home"))
	m.Handle("GET /a/{x}", httpx.AllowAnonymous, echo("a:"))
	m.Handle("GET /files/{rest...}", httpx.AllowAnonymous, echo("file:"))
	m.Handle("/any", httpx.AllowAnonymous, echo("any"))
	root.Started()
	for target, want := range map[string]string{
		"GET /api/p":              `"home"`,
		"GET /api/p/":             `"home"`,
		"GET /api/p/a/1":          `"a:1"`,
		"GET /api/p/a/1/":         `"a:1"`,
		"GET /api/p/a/x%2Fy":      `"a:x/y"`,
		"GET /api/p/a/b?x=1":      `"a:b"`,
		"GET /api/p/files/a/b/":   `"file:a/b/"`,
		"PATCH /api/p/any":        `"any"`,
		"POST /api/p/a/1":         "404",
		"GET /api/p/a":            "404",
		"GET /api/p/a//":          "404",
		"GET /api/p/a/../a/1":     "404",
		"GET /api/p//a/1":         "404",
		"GET /api/pp/a/1":         "404",
		"GET /elsewhere":          "404",
		"OPTIONS /api/p/nowhere":  "404",
		"DELETE /api/p/files/x/y": "404",
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			method, path, _ := strings.Cut(target, " ")
			w := ask(root, method, path, "")
			got := w.Body.String()
			if w.Code != http.StatusOK {
				got = http.StatusText(w.Code)
				if w.Code == http.StatusNotFound && w.Body.Len() == 0 && w.Header().Get("Content-Type") == "" {
					got = "404"
				}
			}
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	if w := ask(root, "HEAD", "/api/p/a/1", ""); w.Code != http.StatusOK || w.Header().Get("Content-Length") != "5" {
		t.Errorf("HEAD gives %d, length %q", w.Code, w.Header().Get("Content-Length"))
	}
	want := []httpx.Route{{"GET", "/", httpx.AllowAnonymous}, {"GET", "/a/{x}", httpx.AllowAnonymous}, {"GET", "/files/{rest...}", httpx.AllowAnonymous}, {"", "/any", httpx.AllowAnonymous}}
	if diff := cmp.Diff(want, m.Routes()); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
}

func TestMux_AdmitsWhomTheRouteNames(t *testing.T) {
	t.Parallel()
	root := newRoot(t, httpx.RootOptions{Guard: guard})
	m := root.Plugin("p")
	ok := func(w http.ResponseWriter, _ *http.Request) error { return httpx.NoContent(w) }
	m.Handle("GET /default", httpx.Default, ok)
	m.Handle("GET /user", httpx.AllowUser, ok)
	m.Handle("GET /cookie", httpx.AllowUser|httpx.AllowCookie, ok)
	m.Handle("GET /public", httpx.AllowAnonymous, ok)
	m.Handle("GET /optional", httpx.AllowAnonymous|httpx.Default, ok)
	root.Started()
	for name, tc := range map[string]struct {
		path, token, cookie string
		status              int
		message             string
	}{
		"nobody at a default route":      {path: "default", status: 401, message: "Missing credentials"},
		"a user at a default route":      {path: "default", token: "user", status: 204},
		"a service at a default route":   {path: "default", token: "service", status: 204},
		"a bad token":                    {path: "default", token: "bad", status: 401, message: "Illegal token"},
		"a service at a user's route":    {path: "user", token: "service", status: 403, message: "This endpoint does not allow 'service' credentials"},
		"a cookie where it is not meant": {path: "default", cookie: "user", status: 401, message: "Missing credentials"},
		"a cookie where it is meant":     {path: "cookie", cookie: "user", status: 204},
		"nobody at a public route":       {path: "public", status: 204},
		"a bad token at a public route":  {path: "public", token: "bad", status: 204},
		"a bad token, optional sign-in":  {path: "optional", token: "bad", status: 401, message: "Illegal token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var headers []string
			if tc.token != "" {
				headers = append(headers, "Authorization", "bearer "+tc.token)
			}
			if tc.cookie != "" {
				headers = append(headers, "Cookie", "backstage-auth="+tc.cookie)
			}
			w := ask(root, "GET", "/api/p/"+tc.path, "", headers...)
			if w.Code != tc.status {
				t.Fatalf("status %d, want %d: %s", w.Code, tc.status, w.Body)
			}
			if tc.message != "" && envelope(t, w).Error.Message != tc.message {
				t.Errorf("message %q, want %q", envelope(t, w).Error.Message, tc.message)
			}
		})
	}
}

func TestWriteError_NamesAndHides(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err     error
		status  int
		name    string
		message string
	}{
		"invalid":                   {fault.New(fault.Invalid, "no"), 400, "InputError", "no"},
		"unavailable":               {fault.New(fault.Unavailable, "later"), 503, "ServiceUnavailableError", "later"},
		"too large":                 {&http.MaxBytesError{Limit: 3}, 413, "PayloadTooLargeError", "request entity too large"},
		"what callers wrapped":      {errors.Join(errors.New("x"), fault.New(fault.NotFound, "no y")), 404, "NotFoundError", "no y"},
		"an empty message":          {fault.New(fault.Forbidden, ""), 403, "NotAllowedError", ""},
		"a named internal error":    {&httpx.WireError{Name: "RangeError", Message: "Invalid array length"}, 500, "RangeError", "Invalid array length"},
		"a status of its own":       {&httpx.WireError{Status: 429, Name: "TooManyRequestsError", Message: "m"}, 429, "TooManyRequestsError", "m"},
		"an internal one is hidden": {errors.New("SELECT password"), 500, "Error", "An internal error occurred logId="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			root := newRoot(t, httpx.RootOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			root.Plugin("p").Handle("GET /x", httpx.AllowAnonymous, func(http.ResponseWriter, *http.Request) error { return tc.err })
			root.Started()
			w := ask(root, "GET", "/api/p/x?a=%20b", "")
			e := envelope(t, w)
			if w.Code != tc.status || e.Response.StatusCode != tc.status || e.Error.Name != tc.name || !strings.HasPrefix(e.Error.Message, tc.message) || (tc.message == "") != (e.Error.Message == "") {
				t.Errorf("got %d %+v", w.Code, e)
			}
			if e.Request.URL != "/x?a=%20b" {
				t.Errorf("url %q, want it relative to the plugin with the raw query", e.Request.URL)
			}
			if id, hidden := strings.CutPrefix(e.Error.Message, "An internal error occurred logId="); hidden {
				if !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "SELECT password") {
					t.Errorf("the log has not got id %s and cause: %s", id, &log)
				}
			}
		})
	}
}

func TestWriteError_ShowsTheCause(t *testing.T) {
	t.Parallel()
	m := httpx.NewMux("p", "/api/p", httpx.Guard{})
	m.Handle("GET /x", httpx.AllowAnonymous, func(http.ResponseWriter, *http.Request) error {
		return &httpx.WireError{Code: fault.NotFound, Message: "outer", Cause: map[string]string{"name": "InputError", "message": "inner"}}
	})
	want := `{"error":{"name":"NotFoundError","message":"outer","cause":{"message":"inner","name":"InputError"}},"request":{"method":"GET","url":"/x"},"response":{"statusCode":404}}`
	if got := ask(m, "GET", "/api/p/x", "").Body.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRoot_SurvivesAPanic(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	root := newRoot(t, httpx.RootOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	root.Plugin("p").Handle("GET /x", httpx.AllowAnonymous, func(http.ResponseWriter, *http.Request) error { panic("bug 42") })
	root.Started()
	w := ask(root, "GET", "/api/p/x", "")
	if w.Code != 500 || strings.Contains(w.Body.String(), "bug 42") || !strings.Contains(log.String(), "bug 42") {
		t.Errorf("got %d %s, log %s", w.Code, w.Body, &log)
	}
}

func TestRoot_CutsTheConnectionWhenAnAnswerBreaksOff(t *testing.T) {
	t.Parallel()
	root := newRoot(t, httpx.RootOptions{})
	root.Plugin("p").Handle("GET /x", httpx.AllowAnonymous, func(w http.ResponseWriter, _ *http.Request) error {
		s := httpx.NewStreamJSON(w)
		s.Text(`{"items":[`)
		_ = s.Close()
		return errors.New("the database is gone")
	})
	root.Started()
	srv := httptest.NewServer(root)
	defer srv.Close()
	resp, err := srv.Client().Get(srv.URL + "/api/p/x")
	if err != nil {
		return // cut before the headers were out
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the client takes %q for a whole answer", body)
	}
}

func TestRoot_CompressesWhatIsWorthIt(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("stage door ", 1000)
	root := newRoot(t, httpx.RootOptions{})
	m := root.Plugin("p")
	m.Handle("GET /long", httpx.AllowAnonymous, func(w http.ResponseWriter, r *http.Request) error { return httpx.JSON(w, r, long) })
	m.Handle("GET /short", httpx.AllowAnonymous, func(w http.ResponseWriter, r *http.Request) error { return httpx.JSON(w, r, "x") })
	m.Handle("GET /image", httpx.AllowAnonymous, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "image/png")
		_, err := io.WriteString(w, long)
		return err
	})
	root.Started()
	for name, tc := range map[string]struct {
		method, path, accept string
		compressed, vary     bool
	}{
		"long JSON":             {"GET", "long", "gzip", true, true},
		"among others":          {"GET", "long", "br, gzip;q=0.5", true, true},
		"anything":              {"GET", "long", "*", true, true},
		"not wanted":            {"GET", "long", "gzip;q=0, *", false, true},
		"not asked for":         {"GET", "long", "", false, true},
		"too short":             {"GET", "short", "gzip", false, true},
		"compressed by nature":  {"GET", "image", "gzip", false, false},
		"a HEAD has no content": {"HEAD", "long", "gzip", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(root, tc.method, "/api/p/"+tc.path, "", "Accept-Encoding", tc.accept)
			if got := w.Header().Get("Content-Encoding") == "gzip"; got != tc.compressed {
				t.Fatalf("compressed %v, want %v", got, tc.compressed)
			}
			if got := w.Header().Get("Vary") == "Accept-Encoding"; got != tc.vary {
				t.Errorf("vary %q", w.Header().Get("Vary"))
			}
			if tc.compressed {
				z, err := gzip.NewReader(w.Body)
				if err != nil {
					t.Fatal(err)
				}
				if plain, err := io.ReadAll(z); err != nil || string(plain) != `"`+long+`"` {
					t.Errorf("the content is not what was sent: %v", err)
				}
			}
		})
	}
}

func TestJSON_AnswersNotModifiedToAMatchingTag(t *testing.T) {
	t.Parallel()
	root := newRoot(t, httpx.RootOptions{})
	root.Plugin("p").Handle("/x", httpx.AllowAnonymous, func(w http.ResponseWriter, r *http.Request) error {
		return httpx.JSON(w, r, map[string]string{"html": "<b>&</b>"})
	})
	root.Started()
	w := ask(root, "GET", "/api/p/x", "")
	if got := w.Body.String(); got != `{"html":"<b>&</b>"}` {
		t.Errorf("body %s", got)
	}
	tag := w.Header().Get("Etag")
	for name, tc := range map[string]struct {
		method string
		header []string
		want   int
	}{
		"same tag":             {"GET", []string{"If-None-Match", tag}, 304},
		"strong form":          {"GET", []string{"If-None-Match", strings.TrimPrefix(tag, "W/")}, 304},
		"one of several":       {"GET", []string{"If-None-Match", `"x", ` + tag}, 304},
		"any":                  {"GET", []string{"If-None-Match", "*"}, 304},
		"another tag":          {"GET", []string{"If-None-Match", `W/"x"`}, 200},
		"a forced reload":      {"GET", []string{"If-None-Match", tag, "Cache-Control", "no-cache"}, 200},
		"not a read":           {"POST", []string{"If-None-Match", tag}, 200},
		"without a tag at all": {"GET", nil, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(root, tc.method, "/api/p/x", "", tc.header...)
			if w.Code != tc.want || tc.want == 304 && (w.Body.Len() > 0 || w.Header().Get("Etag") != tag) {
				t.Errorf("got %d %q, want %d", w.Code, w.Body, tc.want)
			}
		})
	}
}

func TestRoot_AnswersPreflightsOfAllowedOrigins(t *testing.T) {
	t.Parallel()
	root := newRoot(t, httpx.RootOptions{CORS: httpx.CORS{
		Origins: []string{"https://app.example.com", "https://*.preview.example.com"}, Credentials: true, MaxAge: 60,
		Methods: []string{"GET", "POST"}, ExposedHeaders: []string{"link"},
	}})
	root.Plugin("p").Handle("GET /x", httpx.AllowAnonymous, func(w http.ResponseWriter, _ *http.Request) error { return httpx.NoContent(w) })
	root.Started()
	w := ask(root, "OPTIONS", "/api/p/x", "", "Origin", "https://b7.preview.example.com", "Access-Control-Request-Headers", "authorization,content-type")
	got := map[string]string{}
	for name := range w.Header() {
		if strings.HasPrefix(name, "Access-Control") || name == "Vary" {
			got[name] = w.Header().Get(name)
		}
	}
	want := map[string]string{
		"Access-Control-Allow-Origin": "https://b7.preview.example.com", "Access-Control-Allow-Credentials": "true",
		"Access-Control-Allow-Methods": "GET,POST", "Access-Control-Allow-Headers": "authorization,content-type",
		"Access-Control-Max-Age": "60", "Access-Control-Expose-Headers": "link", "Vary": "Origin, Access-Control-Request-Headers",
	}
	if diff := cmp.Diff(want, got); diff != "" || w.Code != 204 {
		t.Errorf("%d (-want +got):\n%s", w.Code, diff)
	}
	for _, origin := range []string{"https://evil.example.com", "https://a.b.preview.example.com.evil.com", "http://app.example.com"} {
		if w := ask(root, "GET", "/api/p/x", "", "Origin", origin); w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is allowed", origin)
		}
	}
}

func TestRoot_RefusesForeignSitesThatUseTheCookie(t *testing.T) {
	t.Parallel()
	root := newRoot(t, httpx.RootOptions{TrustedOrigins: []string{"https://portal.example.com"}})
	root.Plugin("p").Handle("/x", httpx.AllowAnonymous, func(w http.ResponseWriter, _ *http.Request) error { return httpx.NoContent(w) })
	root.Started()
	for name, tc := range map[string]struct {
		method  string
		headers []string
		want    int
	}{
		"a foreign site with a cookie":      {"POST", []string{"Cookie", "a=b", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.com"}, 403},
		"a trusted site with a cookie":      {"POST", []string{"Cookie", "a=b", "Sec-Fetch-Site", "cross-site", "Origin", "https://portal.example.com"}, 204},
		"our own page":                      {"POST", []string{"Cookie", "a=b", "Sec-Fetch-Site", "same-origin"}, 204},
		"a foreign site only reading":       {"GET", []string{"Cookie", "a=b", "Sec-Fetch-Site", "cross-site"}, 204},
		"a foreign site with its own token": {"POST", []string{"Authorization", "Bearer x", "Cookie", "a=b", "Sec-Fetch-Site", "cross-site"}, 204},
		"a program":                         {"POST", nil, 204},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if w := ask(root, tc.method, "/api/p/x", "", tc.headers...); w.Code != tc.want {
				t.Errorf("got %d, want %d: %s", w.Code, tc.want, w.Body)
			}
		})
	}
}

func TestRoot_LimitsBodiesAndRates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	root := newRoot(t, httpx.RootOptions{
		MaxBody: 20, Now: func() time.Time { return now }, Guard: guard,
		RateLimit: &httpx.RateLimit{Window: time.Minute, Requests: 3},
	})
	root.Plugin("p").Handle("POST /x", httpx.Default, body(&httpx.Schema{Type: httpx.Object}))
	root.Started()
	post := func(token, body string) *httptest.ResponseRecorder {
		return ask(root, "POST", "/api/p/x", body, "Authorization", "Bearer "+token, "Content-Type", "application/json")
	}
	if w := post("user", `{"a":"`+strings.Repeat("x", 20)+`"}`); w.Code != 413 || envelope(t, w).Error.Name != "PayloadTooLargeError" {
		t.Errorf("a large body gives %d %s", w.Code, w.Body)
	}
	for range 3 {
		if w := post("user", `{}`); w.Code != 200 {
			t.Fatalf("within the rate: %d %s", w.Code, w.Body)
		}
	}
	w := post("user", `{}`)
	if w.Code != 429 || w.Header().Get("Retry-After") != "20" || envelope(t, w).Response.StatusCode != 429 {
		t.Errorf("one too many gives %d, retry-after %q", w.Code, w.Header().Get("Retry-After"))
	}
	if w := post("service", `{}`); w.Code != 200 {
		t.Errorf("another caller is limited too: %d", w.Code)
	}
	now = now.Add(20 * time.Second)
	if w := post("user", `{}`); w.Code != 200 {
		t.Errorf("after the wait: %d", w.Code)
	}
}

func TestRoot_HoldsRequestsBackWhileStarting(t *testing.T) {
	t.Parallel()
	root := newRoot(t, httpx.RootOptions{StartupPause: time.Millisecond, HealthHeaders: map[string]string{"X-Portal": "one"}})
	root.Plugin("p").Handle("GET /x", httpx.AllowAnonymous, func(w http.ResponseWriter, _ *http.Request) error { return httpx.NoContent(w) })
	ready := func() (int, string) {
		w := ask(root, "GET", "/.backstage/health/v1/readiness", "")
		if w.Header().Get("X-Portal") != "one" {
			t.Errorf("the configured header is missing")
		}
		return w.Code, w.Body.String()
	}
	if code, body := ready(); code != 503 || body != `{"message":"Backend has not started yet","status":"error"}` {
		t.Errorf("before the start: %d %s", code, body)
	}
	if w := ask(root, "GET", "/api/p/x", ""); w.Code != 503 {
		t.Errorf("a plugin answers %d before the start", w.Code)
	}
	if w := ask(root, "GET", "/.backstage/health/v1/liveness", ""); w.Code != 200 {
		t.Errorf("liveness is %d before the start", w.Code)
	}
	root.Started()
	if code, body := ready(); code != 200 || body != `{"status":"ok"}` {
		t.Errorf("after the start: %d %s", code, body)
	}
	if w := ask(root, "GET", "/api/p/x", ""); w.Code != 204 {
		t.Errorf("a plugin answers %d after the start", w.Code)
	}
	root.Stopping()
	if code, _ := ready(); code != 503 {
		t.Errorf("readiness is %d while stopping", code)
	}
}

func TestRoot_LogsAndObservesEveryRequestOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var seen []string
	root := newRoot(t, httpx.RootOptions{
		AccessLog: slog.New(slog.NewJSONHandler(&log, nil)),
		Observe: func(plugin, method string, status int, _ time.Duration) {
			seen = append(seen, plugin+" "+method+" "+http.StatusText(status))
		},
	})
	var id string
	root.Plugin("p").Handle("GET /x", httpx.AllowAnonymous, func(w http.ResponseWriter, r *http.Request) error {
		id = httpx.RequestID(r.Context())
		return httpx.NoContent(w)
	})
	root.Started()
	ask(root, "GET", "/api/p/x?secret=1", "", "X-Request-Id", "given-id")
	if id != "given-id" {
		t.Errorf("request id %q, want the caller's", id)
	}
	ask(root, "GET", "/api/p/x", "", "X-Request-Id", "two words")
	if id == "" || id == "two words" {
		t.Errorf("request id %q, want a new one", id)
	}
	ask(root, "GET", "/.backstage/health/v1/liveness", "")
	if diff := cmp.Diff([]string{"p GET No Content", "p GET No Content", " GET OK"}, seen); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
	if n := strings.Count(log.String(), "\n"); n != 2 || strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), `"requestId":"given-id"`) {
		t.Errorf("%d lines: %s", n, &log)
	}
}

func TestServer_FinishesRunningRequestsAndEndsStreams(t *testing.T) {
	t.Parallel()
	root := newRoot(t, httpx.RootOptions{})
	entered, finish := make(chan struct{}), make(chan struct{})
	m := root.Plugin("p")
	m.Handle("GET /slow", httpx.AllowAnonymous, func(w http.ResponseWriter, r *http.Request) error {
		close(entered)
		<-finish
		return httpx.JSON(w, r, "done")
	})
	m.Handle("GET /events", httpx.AllowAnonymous, func(w http.ResponseWriter, r *http.Request) error {
		events, err := httpx.NewEventStream(w)
		if err != nil {
			return err
		}
		if err := events.Send("log", map[string]int{"n": 1}); err != nil {
			return err
		}
		select {
		case <-r.Context().Done():
		case <-httpx.Stopping(r.Context()):
		}
		return events.SendText("end", "7", "two\nlines")
	})
	root.Started()
	srv := httpx.NewServer(root, httpx.ServerOptions{Host: "127.0.0.1"})
	ctx, stop := context.WithCancel(context.Background())
	addr, err := srv.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	base := "http://" + addr.String() + "/api/p"
	slow := make(chan string, 1)
	go func() { slow <- get(base + "/slow") }()
	<-entered
	req, _ := http.NewRequest(http.MethodGet, base+"/events", nil)
	req.Header.Set("Accept-Encoding", "gzip") // read by hand: flushed while compressed
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, len("event: log\ndata: {\"n\":1}\n\n"))
	if _, err := io.ReadFull(z, first); err != nil || string(first) != "event: log\ndata: {\"n\":1}\n\n" {
		t.Fatalf("first event %q, %v", first, err)
	}
	stop()
	if rest, err := io.ReadAll(z); err != nil || string(rest) != "id: 7\nevent: end\ndata: two\ndata: lines\n\n" {
		t.Errorf("last event %q, %v", rest, err)
	}
	close(finish)
	if got := <-slow; got != `"done"` {
		t.Errorf("the running request got %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func get(url string) string {
	resp, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	return string(body)
}

func TestServer_SaysThatThePortIsTaken(t *testing.T) {
	t.Parallel()
	first := httpx.NewServer(http.NotFoundHandler(), httpx.ServerOptions{Host: "127.0.0.1"})
	addr, err := first.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- first.Run(ctx) }()
	_, portText, _ := strings.Cut(addr.String(), ":")
	port := 0
	for _, c := range portText {
		port = port*10 + int(c-'0')
	}
	err = httpx.NewServer(http.NotFoundHandler(), httpx.ServerOptions{Host: "127.0.0.1", Port: port}).Run(ctx)
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("error %v, want code unavailable", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
