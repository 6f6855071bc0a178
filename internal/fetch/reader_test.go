package fetch_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

// site is a server and a reader that may read it.
type site struct {
	url   string
	host  string
	calls atomic.Int64
	slept []time.Duration
}

func newSite(t *testing.T, handler func(s *site) http.HandlerFunc, change ...func(*fetch.Deps)) (*site, *fetch.Reader) {
	t.Helper()
	s := &site{}
	h := handler(s)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		h(w, r)
	}))
	t.Cleanup(server.Close)
	s.url, s.host = server.URL, strings.TrimPrefix(server.URL, "http://")
	deps := fetch.Deps{
		Allow: []fetch.Allow{{Host: s.host}},
		Clock: func() time.Time { return noon },
		Sleep: func(_ context.Context, d time.Duration) error { s.slept = append(s.slept, d); return nil },
	}
	for _, c := range change {
		c(&deps)
	}
	r := fetch.New(deps)
	t.Cleanup(r.Close)
	return s, r
}

func text(body string) func(*site) http.HandlerFunc {
	return func(*site) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body) }
	}
}

func code(t *testing.T, err error, want fault.Code, parts ...string) {
	t.Helper()
	if fault.CodeOf(err) != want {
		t.Fatalf("code %q, want %q: %v", fault.CodeOf(err), want, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("message %q lacks %q", err, part)
		}
	}
}

func TestRead_KeepsToTheAllowedHostsAndPaths(t *testing.T) {
	t.Parallel()
	_, r := newSite(t, text("x"), func(d *fetch.Deps) {
		d.Allow = []fetch.Allow{
			{Host: "files.example"},
			{Host: "*.wild.example"},
			{Host: "port.example:8080"},
			{Host: "[2001:db8::5]:9000"},
			{Host: "paths.example", Paths: []string{"/open/", "/one.yaml"}},
		}
		d.Lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("reached the resolver") }
	})
	for target, allowed := range map[string]bool{
		"https://files.example/a": true, "http://files.example:80/a": true, "https://files.example:443/a": true,
		"https://FILES.example/a": true, "https://files.example:8443/a": false, "https://x.files.example/a": false,
		"https://a.wild.example/a": true, "https://a.b.wild.example/": true, "https://wild.example/": false,
		"https://evilwild.example/": false, "https://files.example.evil.example/": false,
		"http://port.example:8080/": true, "http://port.example/": false, "http://port.example:8081/": false,
		"https://paths.example/open/a": true, "https://paths.example/one.yaml": true, "https://paths.example/closed": false,
		"https://paths.example/open/../closed": false, "https://paths.example/open/%2e%2e/closed": false,
		"ftp://files.example/a": false, "file:///etc/passwd": false, "javascript:alert(1)": false,
	} {
		_, err := r.Read(t.Context(), target, fetch.Options{})
		if got := err != nil && strings.Contains(err.Error(), "reached the resolver"); got != allowed {
			t.Errorf("%s: allowed %v, want %v: %v", target, got, allowed, err)
		}
	}
}

func TestRead_NamesWhatIsWrongWithATarget(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, text("x"))
	_, err := r.Read(t.Context(), "not a url", fetch.Options{})
	code(t, err, fault.Invalid, "Invalid URL")
	_, err = r.Read(t.Context(), "http://user:secret@elsewhere.example/x", fetch.Options{})
	code(t, err, fault.Forbidden, "backend.reading.allow", "http://elsewhere.example/x")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the message tells the password: %v", err)
	}
	_, err = r.Search(t.Context(), s.url+"/**/x.yaml", fetch.Options{})
	code(t, err, fault.Invalid, "wildcard")
	_, err = r.Tree(t.Context(), s.url+"/folder", fetch.Options{})
	code(t, err, fault.NotImplemented, ".tar.gz")
}

func TestRead_DoesNotFollowRedirectsToWhereItMayNotGo(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, func(s *site) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/metadata":
				http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
			case "/file":
				w.Header().Set("Location", "file:///etc/passwd")
				w.WriteHeader(http.StatusFound)
			case "/inside":
				http.Redirect(w, r, "http://rebound.wild.example/", http.StatusFound)
			case "/loop":
				http.Redirect(w, r, "/loop", http.StatusFound)
			case "/fine":
				http.Redirect(w, r, "/goal", http.StatusFound)
			default:
				_, _ = fmt.Fprint(w, "goal")
			}
		}
	})
	r2 := fetch.New(fetch.Deps{
		Allow: []fetch.Allow{{Host: s.host}, {Host: "*.wild.example"}}, Clock: time.Now,
		Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			if host == "rebound.wild.example" {
				return []netip.Addr{netip.MustParseAddr("10.0.0.7")}, nil
			}
			addr, err := netip.ParseAddr(host)
			return []netip.Addr{addr}, err
		},
	})
	t.Cleanup(r2.Close)
	for path, want := range map[string]string{
		"/metadata": "169.254.169.254", "/file": "file:///etc/passwd", "/loop": "redirects more than", "/inside": "",
	} {
		_, err := r.Read(t.Context(), s.url+path, fetch.Options{})
		code(t, err, fault.Forbidden, want)
	}
	// Allowed by a wildcard, but it leads into the own network.
	_, err := r2.Read(t.Context(), s.url+"/inside", fetch.Options{})
	code(t, err, fault.Forbidden, "private address")
	file, err := r.Read(t.Context(), s.url+"/fine", fetch.Options{})
	if err != nil || string(file.Data) != "goal" {
		t.Errorf("got %q, %v", file.Data, err)
	}
}

func TestRead_AWildcardDoesNotOpenTheOwnNetwork(t *testing.T) {
	t.Parallel()
	_, r := newSite(t, text("x"), func(d *fetch.Deps) {
		d.Allow = []fetch.Allow{{Host: "*.wild.example"}}
		d.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}
	})
	_, err := r.Read(t.Context(), "http://a.wild.example/", fetch.Options{})
	code(t, err, fault.Forbidden, "loopback address")
}

func TestRead_AsksConditionallyAndKnowsUnchangedContent(t *testing.T) {
	t.Parallel()
	body, etag := "one", `"v1"`
	s, r := newSite(t, func(*site) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if etag != "" {
				w.Header().Set("ETag", etag)
				if r.Header.Get("If-None-Match") == etag {
					w.WriteHeader(http.StatusNotModified)
					return
				}
			}
			w.Header().Set("Last-Modified", "Tue, 01 Jan 2030 10:00:00 GMT")
			_, _ = fmt.Fprint(w, body)
		}
	})
	first, err := r.Read(t.Context(), s.url+"/x", fetch.Options{})
	if err != nil || first.ETag != `"v1"` || first.Modified.Hour() != 10 {
		t.Fatalf("got %+v, %v", first, err)
	}
	_, err = r.Read(t.Context(), s.url+"/x", fetch.Options{ETag: first.ETag})
	code(t, err, fault.NotModified)
	again, err := r.Read(t.Context(), s.url+"/x", fetch.Options{})
	if err != nil || string(again.Data) != "one" {
		t.Errorf("what is in the cache was not given: %q, %v", again.Data, err)
	}
	body, etag = "two", `"v2"`
	changed, err := r.Read(t.Context(), s.url+"/x", fetch.Options{ETag: first.ETag})
	if err != nil || string(changed.Data) != "two" {
		t.Errorf("got %q, %v", changed.Data, err)
	}
	etag = ""
	plain, err := r.Read(t.Context(), s.url+"/y", fetch.Options{})
	if err != nil || !strings.HasPrefix(plain.ETag, "content:") {
		t.Fatalf("got %+v, %v", plain, err)
	}
	_, err = r.Read(t.Context(), s.url+"/y", fetch.Options{ETag: plain.ETag})
	code(t, err, fault.NotModified)
}

func TestRead_GivesEveryAnswerItsCode(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, func(*site) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var status int
			_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
			w.WriteHeader(status)
		}
	})
	for status, want := range map[int]fault.Code{
		404: fault.NotFound, 410: fault.NotFound, 401: fault.Forbidden, 403: fault.Forbidden, 418: fault.Unavailable,
		500: fault.Unavailable, 502: fault.Unavailable, 501: fault.Unavailable,
	} {
		_, err := r.Read(t.Context(), fmt.Sprintf("%s/%d", s.url, status), fetch.Options{})
		code(t, err, want, fmt.Sprintf("could not read %s/%d, %d ", s.url, status, status))
	}
}

func TestRead_WaitsWhenItIsAskedTo(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, func(s *site) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if s.calls.Load() == 1 {
				w.Header().Set("Retry-After", "3")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			_, _ = fmt.Fprint(w, "at last")
		}
	}, func(d *fetch.Deps) {
		now := noon
		d.Clock = func() time.Time { return now }
		d.Sleep = func(_ context.Context, wait time.Duration) error { now = now.Add(wait); return nil }
	})
	file, err := r.Read(t.Context(), s.url+"/", fetch.Options{})
	if err != nil || string(file.Data) != "at last" {
		t.Errorf("got %q, %v", file.Data, err)
	}
}

func TestRead_NamesWhenToComeBackAndLeavesTheHostAlone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		header map[string]string
		until  string
	}{
		"seconds":        {429, map[string]string{"Retry-After": "3600"}, "2030-01-02T13:00:00Z"},
		"a date":         {503, map[string]string{"Retry-After": "Wed, 02 Jan 2030 14:00:00 GMT"}, "2030-01-02T14:00:00Z"},
		"epoch of reset": {403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(noon.Add(30 * time.Minute).Unix())}, "2030-01-02T12:30:00Z"},
		"reset from now": {429, map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": "900"}, "2030-01-02T12:15:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := newSite(t, func(*site) http.HandlerFunc {
				return func(w http.ResponseWriter, _ *http.Request) {
					for k, v := range tc.header {
						w.Header().Set(k, v)
					}
					w.WriteHeader(tc.status)
				}
			})
			_, err := r.Read(t.Context(), s.url+"/a", fetch.Options{})
			code(t, err, fault.Unavailable, "try again after "+tc.until)
			_, err = r.Read(t.Context(), s.url+"/b", fetch.Options{})
			code(t, err, fault.Unavailable, "try again after "+tc.until)
			if s.calls.Load() != 1 {
				t.Errorf("the host was asked %d times", s.calls.Load())
			}
			if len(s.slept) != 0 {
				t.Errorf("it waited %v for what is too long", s.slept)
			}
		})
	}
}

func TestRead_BacksOffAndGivesUp(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, func(*site) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	})
	_, err := r.Read(t.Context(), s.url+"/", fetch.Options{})
	code(t, err, fault.Unavailable, "502 Bad Gateway")
	if s.calls.Load() != 4 || len(s.slept) != 3 || s.slept[2] <= s.slept[0] {
		t.Errorf("%d calls, waits %v", s.calls.Load(), s.slept)
	}
}

func TestRead_LimitsSizeAndTime(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, func(*site) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/announced":
				w.Header().Set("Content-Length", "5000")
				_, _ = w.Write(make([]byte, 5000))
			case "/endless":
				for r.Context().Err() == nil {
					if _, err := w.Write(make([]byte, 1000)); err != nil {
						return
					}
				}
			case "/slow":
				w.WriteHeader(http.StatusOK)
				_, _ = w.Write([]byte("begin"))
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}
		}
	}, func(d *fetch.Deps) { d.Limits = fetch.Limits{MaxFileBytes: 4096, Timeout: 200 * time.Millisecond} })
	for path, want := range map[string]fault.Code{"/announced": fault.TooLarge, "/endless": fault.TooLarge, "/slow": fault.Unavailable} {
		_, err := r.Read(t.Context(), s.url+path, fetch.Options{})
		code(t, err, want, path)
	}
}

func TestRead_SendsTheTokenAndKeepsAnswersApart(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, func(*site) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"same"`)
			_, _ = fmt.Fprint(w, r.Header.Get("Authorization")+r.Header.Get("If-None-Match"))
		}
	})
	for _, token := range []string{"", "a", "b"} {
		file, err := r.Read(t.Context(), s.url+"/", fetch.Options{Token: token})
		want := ""
		if token != "" {
			want = "Bearer " + token
		}
		if err != nil || string(file.Data) != want {
			t.Errorf("token %q: got %q, %v", token, file.Data, err)
		}
	}
}

func TestTree_UnpacksAnArchive(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	entries := tar.NewWriter(zipped)
	_ = entries.WriteHeader(&tar.Header{Name: "docs/index.md", Size: 5, Mode: 0o644, Typeflag: tar.TypeReg})
	_, _ = entries.Write([]byte("hello"))
	_ = entries.Close()
	_ = zipped.Close()
	s, r := newSite(t, text(packed.String()))
	tree, err := r.Tree(t.Context(), s.url+"/site.tar.gz", fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if data, err := fs.ReadFile(tree.FS, "docs/index.md"); err != nil || string(data) != "hello" {
		t.Errorf("got %q, %v", data, err)
	}
}

// forge is a registered host.
type forge struct{ fetch.Host }

func (forge) Serves(u *url.URL) bool         { return u.Host == "forge.example" }
func (forge) Describe(u *url.URL) fetch.Info { return fetch.Info{Integration: "forge", Path: u.Path} }

func (forge) Read(_ context.Context, u *url.URL, _ fetch.Options) (fetch.File, error) {
	return fetch.File{URL: u.String(), Data: []byte("from the forge")}, nil
}

func TestReader_AsksRegisteredHostsFirst(t *testing.T) {
	t.Parallel()
	_, r := newSite(t, text("x"), func(d *fetch.Deps) { d.Allow = append(d.Allow, fetch.Allow{Host: "forge.example"}) })
	r.Add(forge{})
	file, err := r.Read(t.Context(), "https://forge.example/a/b", fetch.Options{})
	if err != nil || string(file.Data) != "from the forge" {
		t.Errorf("got %q, %v", file.Data, err)
	}
	if info, ok := r.Describe("https://forge.example/a"); !ok || info.Integration != "forge" {
		t.Errorf("got %+v, %v", info, ok)
	}
	if _, ok := r.Describe("https://other.example/a"); ok {
		t.Error("an unknown host was described")
	}
}
