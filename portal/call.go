package portal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/stagedoor/stagedoor/identity"
)

// Call makes a request of the portal to itself, as the principal, through the
// same routes and checks that everybody uses. The command line works through
// it when no server runs.
func (p *Portal) Call(ctx context.Context, who identity.Principal, method, path string, body io.Reader) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(context.WithValue(ctx, presetKey{}, who), method, path, body)
	if err != nil {
		return 0, nil, fmt.Errorf("call %s %s: %w", method, path, err)
	}
	req.RequestURI = path
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	w := &recorder{header: http.Header{}}
	p.root.ServeHTTP(w, req)
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.status, w.body.Bytes(), nil
}

// recorder keeps an answer in memory.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// Flush implements http.Flusher.
func (r *recorder) Flush() {}
