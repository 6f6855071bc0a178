package httpx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Assets serves the files of a front-end build. Files whose name carries a
// hash of their content are kept by browsers for two weeks, others are asked
// for again each time. It serves the precompressed variant name.gz if there is
// one and the client accepts it.
type Assets struct {
	files fs.FS
	mu    sync.RWMutex
	known map[string]*asset
	// Hashed reports whether the file's name changes with its content; nil
	// means the usual forms name.<hash>.ext and name-<hash>.ext.
	Hashed func(name string) bool
}

type asset struct {
	body, gz []byte
	tag      string
	mime     string
	modified time.Time // zero for embedded files, which have none
}

// NewAssets returns a handler for the files, which must not change while it
// is used: contents are read once and kept.
func NewAssets(files fs.FS) *Assets {
	return &Assets{files: files, known: map[string]*asset{}}
}

// Serve answers with the named file, relative to the root. It returns an
// error with code not_found for what is no file.
func (a *Assets) Serve(w http.ResponseWriter, r *http.Request, name string) error {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	file, err := a.load(name)
	if err != nil {
		return err
	}
	h := w.Header()
	hashed := a.Hashed
	if hashed == nil {
		hashed = hashedName
	}
	if hashed(name) {
		h.Set("Cache-Control", "public, max-age=1209600")
	} else {
		h.Set("Cache-Control", "public, max-age=0")
	}
	h.Set("Etag", file.tag)
	addVary(h, "Accept-Encoding")
	if !file.modified.IsZero() {
		h.Set("Last-Modified", file.modified.UTC().Format(http.TimeFormat))
	}
	if Fresh(r, file.tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", file.mime)
	body := file.body
	if accept := r.Header["Accept-Encoding"]; file.gz != nil && len(accept) > 0 && acceptsGzip(accept[0]) && r.Header.Get("Range") == "" {
		h["Content-Encoding"] = gzipEncoding
		body = file.gz
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return nil
}

// Handler serves the files below prefix; what is no file is 404 with an empty
// body.
func (a *Assets) Handler(prefix string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.Path, prefix)
		if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		switch err := a.Serve(w, r, rest); {
		case err == nil:
		case fault.Is(err, fault.NotFound):
			w.WriteHeader(http.StatusNotFound)
		default:
			WriteError(w, r, err)
		}
	})
}

// Has reports whether there is such a file.
func (a *Assets) Has(name string) bool {
	_, err := a.load(strings.TrimPrefix(path.Clean("/"+name), "/"))
	return err == nil
}

func (a *Assets) load(name string) (*asset, error) {
	a.mu.RLock()
	file := a.known[name]
	a.mu.RUnlock()
	if file != nil {
		return file, nil
	}
	body, modified, err := readFile(a.files, name)
	if err != nil {
		return nil, err
	}
	file = &asset{body: body, tag: ETag(body), mime: contentType(name, body), modified: modified}
	if gz, _, err := readFile(a.files, name+".gz"); err == nil {
		file.gz = gz
	} else if len(body) >= minCompressed && compressible(file.mime) {
		file.gz = compress(body)
	}
	a.mu.Lock()
	a.known[name] = file
	a.mu.Unlock()
	return file, nil
}

func readFile(files fs.FS, name string) (body []byte, modified time.Time, err error) {
	if !fs.ValidPath(name) || name == "." {
		return nil, time.Time{}, fault.New(fault.NotFound, "no such file")
	}
	f, err := files.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, fault.New(fault.NotFound, "no such file")
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("open asset: %w", err)
	}
	defer func() { _ = f.Close() }() // opened to be read
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return nil, time.Time{}, fault.New(fault.NotFound, "no such file")
	}
	if body, err = io.ReadAll(f); err != nil {
		return nil, time.Time{}, fmt.Errorf("read asset: %w", err)
	}
	return body, info.ModTime(), nil
}

// contentType does not ask the system's tables for the types that matter:
// they differ from one machine to the next.
func contentType(name string, body []byte) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".js", ".mjs":
		return "text/javascript; charset=UTF-8"
	case ".css":
		return "text/css; charset=UTF-8"
	case ".html":
		return "text/html; charset=UTF-8"
	case ".json", ".map":
		return "application/json; charset=UTF-8"
	case ".txt":
		return "text/plain; charset=UTF-8"
	case ".svg":
		return "image/svg+xml"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".woff":
		return "font/woff"
	case ".wasm":
		return "application/wasm"
	case ".webmanifest":
		return "application/manifest+json"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return http.DetectContentType(body)
}

const minHash = 8

// hashedName recognises name.<hash>.ext and name-<hash>.ext, where the hash
// has eight characters or more, a digit among them.
func hashedName(name string) bool {
	base := path.Base(name)
	base = strings.TrimSuffix(base, ".map")
	base = strings.TrimSuffix(base, path.Ext(base))
	i := strings.LastIndexAny(base, ".-")
	if i <= 0 || len(base)-i-1 < minHash {
		return false
	}
	digit := false
	for _, c := range base[i+1:] {
		switch {
		case c >= '0' && c <= '9':
			digit = true
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		default:
			return false
		}
	}
	return digit
}
