package httpx

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// minCompressed is the size below which compression costs more than it saves.
const minCompressed = 1024

var (
	gzipWriters = sync.Pool{New: func() any {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
		return w
	}}
	responses    = sync.Pool{New: func() any { return new(response) }}
	gzipEncoding = []string{"gzip"}
	varyEncoding = []string{"Accept-Encoding"}
)

// response notes what a handler answers and compresses it when the client
// accepts that and the content is worth it.
type response struct {
	http.ResponseWriter
	req    *http.Request
	gz     *gzip.Writer
	status int
	bytes  int64
	wrote  bool
}

func newResponse(w http.ResponseWriter, r *http.Request) *response {
	resp := responses.Get().(*response)
	*resp = response{ResponseWriter: w, req: r}
	return resp
}

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	if w.wrote {
		return
	}
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.wrote, w.status = true, status
	w.negotiate()
	w.ResponseWriter.WriteHeader(status)
}

// negotiate decides about compression when the headers are final.
func (w *response) negotiate() {
	h := w.Header()
	types := h["Content-Type"]
	if len(types) == 0 {
		if w.status == http.StatusNotModified {
			addVary(h, "Accept-Encoding")
		}
		return
	}
	if !compressible(types[0]) || strings.Contains(h.Get("Cache-Control"), "no-transform") {
		return
	}
	addVary(h, "Accept-Encoding")
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified || w.status == http.StatusPartialContent ||
		w.req.Method == http.MethodHead || len(h["Content-Encoding"]) > 0 || len(h["Content-Range"]) > 0 {
		return
	}
	if length := h["Content-Length"]; len(length) > 0 {
		if n, err := strconv.Atoi(length[0]); err == nil && n < minCompressed {
			return
		}
	}
	accept := w.req.Header["Accept-Encoding"]
	if len(accept) == 0 || !acceptsGzip(accept[0]) {
		return
	}
	delete(h, "Content-Length")
	h["Content-Encoding"] = gzipEncoding
	if tag := h.Get("Etag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		h["Etag"] = []string{"W/" + tag} // other bytes, same meaning
	}
	w.gz = gzipWriters.Get().(*gzip.Writer)
	w.gz.Reset(w.ResponseWriter)
}

// Write implements io.Writer.
func (w *response) Write(b []byte) (int, error) {
	if !w.wrote {
		if len(w.Header()["Content-Type"]) == 0 {
			w.Header().Set("Content-Type", http.DetectContentType(b))
		}
		w.WriteHeader(http.StatusOK)
	}
	var n int
	var err error
	if w.gz != nil {
		n, err = w.gz.Write(b)
	} else {
		n, err = w.ResponseWriter.Write(b)
	}
	w.bytes += int64(n)
	return n, err //nolint:wrapcheck // an io.Writer passes the error on
}

// Flush implements http.Flusher: what was written so far goes to the client.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError is the form that http.ResponseController looks for.
func (w *response) FlushError() error {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	if w.gz != nil {
		if err := w.gz.Flush(); err != nil {
			return err //nolint:wrapcheck // see Write
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush() //nolint:wrapcheck // see Write
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// close ends a compressed answer and gives the parts back.
func (w *response) close() {
	if w.gz != nil {
		_ = w.gz.Close() // the client is gone; nobody to tell
		w.gz.Reset(nil)
		gzipWriters.Put(w.gz)
	}
}

// compressible tells by content type whether gzip is worth it.
func compressible(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.TrimSpace(t)
	if t == "application/json" {
		return true
	}
	t = strings.ToLower(t)
	if strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "+json") || strings.HasSuffix(t, "+xml") {
		return true
	}
	switch t {
	case "application/json", "application/javascript", "application/x-javascript", "application/xml", "application/yaml",
		"application/x-yaml", "application/x-ndjson", "application/wasm", "application/graphql", "application/rtf",
		"application/vnd.ms-fontobject", "application/x-sh", "application/manifest+json",
		"font/ttf", "font/otf", "font/eot", "image/bmp", "image/x-icon", "image/vnd.microsoft.icon", "image/x-ms-bmp":
		return true
	}
	return false
}

// acceptsGzip reads an Accept-Encoding header.
func acceptsGzip(accept string) bool {
	if accept == "gzip" {
		return true
	}
	any := false
	for part := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "gzip" && name != "x-gzip" && name != "*" {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		ok := !found || err == nil && weight > 0
		if name != "*" {
			return ok
		}
		any = ok
	}
	return any
}

// addVary appends a name to the vary header unless it is there.
func addVary(h http.Header, name string) {
	old := h["Vary"]
	switch {
	case len(old) == 0 && name == "Accept-Encoding":
		h["Vary"] = varyEncoding
	case len(old) == 0:
		h["Vary"] = []string{name}
	case !strings.Contains(strings.ToLower(old[0]), strings.ToLower(name)):
		h["Vary"] = []string{old[0] + ", " + name}
	}
}

// compress is for content that is compressed once and sent often.
func compress(body []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(body); err != nil {
		return nil
	}
	if err := w.Close(); err != nil || b.Len() >= len(body) {
		return nil
	}
	return b.Bytes()
}
