package httpx

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

var jsonType = []string{"application/json; charset=utf-8"}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const keptBuffer = 1 << 20 // larger ones go to the garbage collector

func putBuffer(b *bytes.Buffer) {
	if b.Cap() <= keptBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// JSON answers 200 with v as JSON, with a weak entity tag, or 304 if the
// client has that already.
func JSON(w http.ResponseWriter, r *http.Request, v any) error {
	return JSONStatus(w, r, http.StatusOK, v)
}

// JSONStatus is [JSON] with a status. Only a 2xx can turn into a 304.
func JSONStatus(w http.ResponseWriter, r *http.Request, status int, v any) error {
	b := buffers.Get().(*bytes.Buffer)
	defer putBuffer(b)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return JSONBytes(w, r, status, bytes.TrimSuffix(b.Bytes(), []byte{'\n'}))
}

// JSONBytes is [JSONStatus] for JSON that is already encoded. body may be
// reused when it returns.
func JSONBytes(w http.ResponseWriter, r *http.Request, status int, body []byte) error {
	tag := ETag(body)
	h := w.Header()
	h["Etag"] = []string{tag}
	if status/100 == 2 && Fresh(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	return writeAll(w, body)
}

// ETag is the weak entity tag of a body: its length and hash.
func ETag(body []byte) string {
	sum := sha1.Sum(body) //nolint:gosec // names content, guards nothing
	b := make([]byte, 0, 48)
	b = append(b, `W/"`...)
	b = strconv.AppendInt(b, int64(len(body)), 16)
	b = append(b, '-')
	b = base64.StdEncoding.AppendEncode(b, sum[:])
	b = b[:len(b)-1] // the padding
	return string(append(b, '"'))
}

// Fresh reports whether a GET or HEAD request says that the client holds what
// tag names and does not insist on a new copy.
func Fresh(r *http.Request, tag string) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	match := r.Header["If-None-Match"]
	if len(match) == 0 || strings.Contains(r.Header.Get("Cache-Control"), "no-cache") {
		return false
	}
	want := strings.TrimPrefix(tag, "W/")
	for part := range strings.SplitSeq(match[0], ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == want {
			return true
		}
	}
	return false
}

// NoContent answers 204.
func NoContent(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func writeAll(w io.Writer, b []byte) error {
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}
