package httpx_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

func validJSON(text []byte) bool { return json.Valid(text) }

func TestETag_IsThatOfExpress(t *testing.T) {
	t.Parallel()
	if got, want := httpx.ETag([]byte(`{"status":"ok"}`)), `W/"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStreamJSON_PutsPiecesTogether(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	s := httpx.NewStreamJSON(w)
	s.Text(`{"items":`)
	s.Begin()
	large := `"` + strings.Repeat("x", 100_000) + `"`
	s.Element([]byte(`{"a":1}`))
	s.Element([]byte(large))
	s.Element([]byte(`2`))
	s.End()
	s.Text(`,"cursor":`)
	s.Value(map[string]string{"k": "v"})
	s.Text("}")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if want := `{"items":[{"a":1},` + large + `,2],"cursor":{"k":"v"}}`; w.Body.String() != want {
		t.Errorf("got %d bytes, want %d", w.Body.Len(), len(want))
	}
	if w.Header().Get("Etag") != "" || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("headers %v", w.Header())
	}
	s = httpx.NewStreamJSON(w)
	s.Value(func() {})
	s.Text("x")
	if err := s.Close(); err == nil {
		t.Error("a value that can not be encoded is no error")
	}
}

func TestAssets_ServesFilesWithTheRightLifetime(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("console.log(1);", 200)
	a := httpx.NewAssets(fstest.MapFS{
		"index.html":              {Data: []byte("<html>")},
		"static/main.3f2a9c1b.js": {Data: []byte(long)},
		"static/app-BxY12_zq.css": {Data: []byte("a{}")},
		"static/pre.js":           {Data: []byte(long)},
		"static/pre.js.gz":        {Data: []byte("packed")},
		"favicon.ico":             {Data: []byte{0, 0, 1, 0}},
	})
	h := a.Handler("/")
	for name, tc := range map[string]struct {
		target, accept string
		status         int
		mime, cache    string
		encoding, body string
	}{
		"a page":                     {target: "/index.html", status: 200, mime: "text/html; charset=UTF-8", cache: "public, max-age=0", body: "<html>"},
		"a hash behind a dot":        {target: "/static/main.3f2a9c1b.js", status: 200, mime: "text/javascript; charset=UTF-8", cache: "public, max-age=1209600", body: long},
		"a hash behind a dash":       {target: "/static/app-BxY12_zq.css", status: 200, mime: "text/css; charset=UTF-8", cache: "public, max-age=1209600", body: "a{}"},
		"compressed on the way in":   {target: "/static/main.3f2a9c1b.js", accept: "gzip", status: 200, mime: "text/javascript; charset=UTF-8", cache: "public, max-age=1209600", encoding: "gzip"},
		"compressed by the build":    {target: "/static/pre.js", accept: "gzip", status: 200, mime: "text/javascript; charset=UTF-8", cache: "public, max-age=0", encoding: "gzip", body: "packed"},
		"an icon":                    {target: "/favicon.ico", status: 200, mime: "image/x-icon", cache: "public, max-age=0"},
		"a folder":                   {target: "/static/", status: 404},
		"nothing":                    {target: "/static/nope.js", status: 404},
		"a path that leads upstairs": {target: "/static/../../etc/passwd", status: 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(h, "GET", tc.target, "", "Accept-Encoding", tc.accept)
			if w.Code != tc.status || w.Header().Get("Content-Type") != tc.mime || w.Header().Get("Cache-Control") != tc.cache || w.Header().Get("Content-Encoding") != tc.encoding {
				t.Errorf("got %d %v", w.Code, w.Header())
			}
			if tc.body != "" && w.Body.String() != tc.body {
				t.Errorf("body %.40q", w.Body)
			}
			if tag := w.Header().Get("Etag"); tag != "" {
				if again := ask(h, "GET", tc.target, "", "If-None-Match", tag); again.Code != http.StatusNotModified {
					t.Errorf("the same tag again gives %d", again.Code)
				}
			}
		})
	}
	if !a.Has("/index.html") || a.Has("static") {
		t.Error("Has is wrong about a file or a folder")
	}
}

func TestContentSecurityPolicy_OverridesAndAppends(t *testing.T) {
	t.Parallel()
	directives, err := httpx.ParseCSP(map[string]any{
		"upgrade-insecure-requests": false, "img-src": []any{"'self'", "https:"}, "connect-src": "'self'",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "default-src 'self';base-uri 'self';font-src 'self' https: data:;frame-ancestors 'self';img-src 'self' https:;object-src 'none';" +
		"script-src 'self' 'unsafe-eval';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';connect-src 'self'"
	if got := httpx.ContentSecurityPolicy(directives); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, bad := range []map[string]any{{"img-src": []any{1}}, {"img-src": 1}, {"img-src": "x; script-src *"}} {
		if _, err := httpx.ParseCSP(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v gives %v, want code invalid", bad, err)
		}
	}
}

// The trivial route over loopback: what httpx itself costs.
func BenchmarkServe(b *testing.B) {
	for name, headers := range map[string][2]string{"plain": {"", ""}, "gzip": {"Accept-Encoding", "gzip"}} {
		b.Run(name, func(b *testing.B) {
			root := newRoot(b, httpx.RootOptions{Guard: guard})
			payload := []byte(`{"items":[` + strings.Repeat(`{"kind":"Component","metadata":{"name":"x"}},`, 50) + `{}]}`)
			root.Plugin("p").Handle("GET /x", httpx.Default, func(w http.ResponseWriter, _ *http.Request) error {
				s := httpx.NewStreamJSON(w)
				s.Raw(payload)
				return s.Close()
			})
			root.Started()
			srv := httptest.NewServer(root)
			defer srv.Close()
			request := "GET /api/p/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user\r\n"
			if headers[0] != "" {
				request += headers[0] + ": " + headers[1] + "\r\n"
			}
			request += "\r\n"
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				// A bare connection, so that the client costs next to nothing.
				conn, err := net.Dial("tcp", srv.Listener.Addr().String())
				if err != nil {
					b.Error(err)
					return
				}
				defer func() { _ = conn.Close() }()
				buf := make([]byte, 64<<10)
				size := 0
				for pb.Next() {
					if _, err := io.WriteString(conn, request); err != nil {
						b.Error(err)
						return
					}
					if size == 0 { // the first answer tells the size of all
						head, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, counter{&size})), nil)
						if err != nil || head.StatusCode != 200 {
							b.Errorf("%v %v", head, err)
							return
						}
						_, _ = io.Copy(io.Discard, head.Body)
						continue
					}
					if _, err := io.ReadFull(conn, buf[:size]); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// What one request costs without the network.
func BenchmarkRoot(b *testing.B) {
	root := newRoot(b, httpx.RootOptions{Guard: guard})
	root.Plugin("p").Handle("GET /entities/by-name/{kind}/{namespace}/{name}", httpx.Default, func(w http.ResponseWriter, r *http.Request) error {
		return httpx.JSON(w, r, struct {
			Status string `json:"status"`
		}{"ok"})
	})
	root.Started()
	r := httptest.NewRequest("GET", "/api/p/entities/by-name/component/default/x", nil)
	r.Header.Set("Authorization", "Bearer user")
	w := &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		root.ServeHTTP(w, r)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

type counter struct{ n *int }

func (c counter) Write(b []byte) (int, error) {
	*c.n += len(b)
	return len(b), nil
}

type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}
