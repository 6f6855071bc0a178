package telemetry

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Mask stands where a secret was.
const Mask = "***"

// minSecret is the length below which a value is not worth hiding: every log
// is full of it.
const minSecret = 4

// Redactor replaces registered values in text, wherever they came from: the
// message, an attribute, the inside of an error. It is safe for concurrent
// use.
type Redactor struct {
	mu       sync.Mutex
	forms    map[string]int // by how many registrations
	replacer atomic.Pointer[strings.Replacer]
}

// NewRedactor returns a redactor that knows no secret.
func NewRedactor() *Redactor { return &Redactor{forms: map[string]int{}} }

// Add registers values, together with the forms they take in JSON, in URLs
// and in base64, and every line of those with several. Values shorter than
// four characters are ignored. The returned function takes them back, once.
func (r *Redactor) Add(values ...string) (remove func()) {
	var forms []string
	for _, v := range values {
		forms = append(forms, formsOf(v)...)
	}
	r.change(forms, 1)
	var once sync.Once
	return func() { once.Do(func() { r.change(forms, -1) }) }
}

func (r *Redactor) change(forms []string, by int) {
	if len(forms) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range forms {
		if r.forms[f] += by; r.forms[f] <= 0 {
			delete(r.forms, f)
		}
	}
	if len(r.forms) == 0 {
		r.replacer.Store(nil)
		return
	}
	known := make([]string, 0, len(r.forms))
	for f := range r.forms {
		known = append(known, f)
	}
	// The longest first, so that no secret is left with its tail showing.
	slices.SortFunc(known, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	pairs := make([]string, 0, 2*len(known))
	for _, f := range known {
		pairs = append(pairs, f, Mask)
	}
	r.replacer.Store(strings.NewReplacer(pairs...))
}

// Redact returns text with the secrets replaced.
func (r *Redactor) Redact(text string) string {
	if replacer := r.replacer.Load(); replacer != nil {
		return replacer.Replace(text)
	}
	return text
}

// Writer returns a writer that redacts what is written to w. Every Write is
// looked at by itself, so a record must come in one, as slog's do.
func (r *Redactor) Writer(w io.Writer) io.Writer { return &redactingWriter{redactor: r, w: w} }

type redactingWriter struct {
	redactor *Redactor
	w        io.Writer
}

// Write implements io.Writer.
func (w *redactingWriter) Write(b []byte) (int, error) {
	if w.redactor.replacer.Load() == nil {
		return w.w.Write(b) //nolint:wrapcheck // an io.Writer passes the error on
	}
	if _, err := io.WriteString(w.w, w.redactor.Redact(string(b))); err != nil {
		return 0, err //nolint:wrapcheck // see above
	}
	return len(b), nil
}

// formsOf lists how a value may look in a log.
func formsOf(value string) []string {
	value = strings.TrimSpace(value)
	if len(value) < minSecret {
		return nil
	}
	forms := []string{value, url.QueryEscape(value), url.PathEscape(value), base64.StdEncoding.EncodeToString([]byte(value))}
	quoted := strconv.Quote(value)
	forms = append(forms, quoted[1:len(quoted)-1])
	for _, escape := range []bool{true, false} {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(escape)
		if enc.Encode(value) == nil {
			text := strings.TrimSpace(b.String())
			forms = append(forms, text[1:len(text)-1])
		}
	}
	const minLine = 12 // shorter ones are "-----" and the like
	if strings.Contains(value, "\n") {
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= minLine && !strings.HasPrefix(line, "-----") {
				forms = append(forms, line)
			}
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}
