package hosttest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Forge is a server that answers only what the test told it to.
type Forge struct {
	URL  string
	Host string

	t      T
	mu     sync.Mutex
	routes map[string]http.HandlerFunc
	calls  []string
}

// Serve starts a forge that ends with the test.
func Serve(t T) *Forge {
	t.Helper()
	f := &Forge{t: t, routes: map[string]http.HandlerFunc{}}
	server := httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(server.Close)
	f.URL, f.Host = server.URL, server.Listener.Addr().String()
	return f
}

// On answers one call, named by method, path and query with sorted keys, such
// as "GET /repos/o/r?page=2".
func (f *Forge) On(call string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.routes[call] = h
}

// Calls returns the calls since the last time.
func (f *Forge) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.calls
	f.calls = nil
	return out
}

func (f *Forge) serve(w http.ResponseWriter, r *http.Request) {
	call := r.Method + " " + r.URL.EscapedPath()
	if q := r.URL.Query().Encode(); q != "" {
		call += "?" + q
	}
	f.mu.Lock()
	f.calls = append(f.calls, call)
	h := f.routes[call]
	f.mu.Unlock()
	if h == nil {
		f.t.Errorf("unexpected call: %s", call)
		http.Error(w, "unexpected call", http.StatusTeapot)
		return
	}
	h(w, r)
}

// JSON answers with a value as JSON.
func JSON(v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(v) // to a test's client
	}
}

// Text answers with a text that has an ETag, 304 when the client has it.
func Text(contentType, etag, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if etag != "" {
			w.Header().Set("ETag", etag)
			if r.Header.Get("If-None-Match") == etag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = fmt.Fprint(w, text) // to a test's client
	}
}

// Status answers with a status and a message as forges phrase it.
func Status(status int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"message": message}) // to a test's client
	}
}

// With checks a header before it goes on; the test fails when it differs.
func (f *Forge) With(header, want string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get(header); got != want {
			f.t.Errorf("%s %s: %s is %q, want %q", r.Method, r.URL, header, got, want)
		}
		h(w, r)
	}
}

// Entry is one entry of an archive. Link makes a symbolic link.
type Entry struct{ Name, Body, Link string }

// Tarball packs entries as forges do.
func Tarball(entries ...Entry) []byte {
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for _, e := range entries {
		h := &tar.Header{Name: e.Name, Mode: 0o644, Size: int64(len(e.Body)), Typeflag: tar.TypeReg, ModTime: Now}
		if e.Link != "" {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, e.Link, 0
		}
		if w.WriteHeader(h) == nil && e.Link == "" {
			_, _ = w.Write([]byte(e.Body)) // into memory
		}
	}
	_ = w.Close()      // into memory
	_ = zipped.Close() // into memory
	return out.Bytes()
}

// Bytes answers with bytes.
func Bytes(contentType string, data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(data) // to a test's client
	}
}
