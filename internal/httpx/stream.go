package httpx

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// StreamJSON writes an answer from pieces that are JSON already, without
// encoding or hashing: such answers have no entity tag. Errors of the
// connection are kept and returned by Close, so that the pieces can be
// written without a check each.
type StreamJSON struct {
	w   http.ResponseWriter
	buf []byte
	err error
	n   int  // elements in the list that is being written
	out bool // a part is on its way
}

const streamBuffer = 32 << 10

var streamBuffers = sync.Pool{New: func() any { b := make([]byte, 0, streamBuffer+4096); return &b }}

// NewStreamJSON starts an answer with status 200.
func NewStreamJSON(w http.ResponseWriter) *StreamJSON {
	w.Header()["Content-Type"] = jsonType
	return &StreamJSON{w: w, buf: (*streamBuffers.Get().(*[]byte))[:0]}
}

// Raw appends a piece of JSON.
func (s *StreamJSON) Raw(b []byte) {
	if len(s.buf)+len(b) > streamBuffer {
		s.send()
		if len(b) > streamBuffer {
			s.write(b)
			return
		}
	}
	s.buf = append(s.buf, b...)
}

// Text appends a piece of JSON.
func (s *StreamJSON) Text(t string) {
	if len(s.buf)+len(t) > streamBuffer {
		s.send()
	}
	s.buf = append(s.buf, t...)
}

// Value appends a value that must be encoded, such as a cursor.
func (s *StreamJSON) Value(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		if s.err == nil {
			s.err = fmt.Errorf("encode part of an answer: %w", err)
		}
		return
	}
	s.Raw(b)
}

// Begin opens a list and restarts the count of elements.
func (s *StreamJSON) Begin() {
	s.n = 0
	s.Text("[")
}

// Element appends an element to the list, with a comma where one is due.
func (s *StreamJSON) Element(b []byte) {
	if s.n > 0 {
		s.Text(",")
	}
	s.n++
	s.Raw(b)
}

// End closes the list.
func (s *StreamJSON) End() { s.Text("]") }

// Close sends the rest and returns the first error. The stream is not usable
// afterwards.
func (s *StreamJSON) Close() error {
	if !s.out && s.err == nil { // all of it is here: no need for chunks
		s.w.Header()["Content-Length"] = []string{strconv.Itoa(len(s.buf))}
	}
	s.send()
	buf := s.buf
	s.buf = nil
	streamBuffers.Put(&buf)
	return s.err
}

func (s *StreamJSON) send() {
	if len(s.buf) > 0 {
		s.write(s.buf)
		s.buf = s.buf[:0]
	}
}

func (s *StreamJSON) write(b []byte) {
	s.out = true
	if s.err == nil {
		s.err = writeAll(s.w, b)
	}
}

// EventStream writes server-sent events. Its methods may be called from
// several goroutines.
type EventStream struct {
	mu   sync.Mutex
	w    http.ResponseWriter
	ctrl *http.ResponseController
}

// NewEventStream starts an answer of server-sent events and lifts the
// server's time-out for writing it.
func NewEventStream(w http.ResponseWriter) (*EventStream, error) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no") // proxies must not collect events
	ctrl := http.NewResponseController(w)
	_ = ctrl.SetWriteDeadline(time.Time{}) // not every writer has one
	w.WriteHeader(http.StatusOK)
	if err := ctrl.Flush(); err != nil {
		return nil, fmt.Errorf("begin event stream: %w", err)
	}
	return &EventStream{w: w, ctrl: ctrl}, nil
}

// Send writes one event with data as JSON and flushes it.
func (e *EventStream) Send(event string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return e.SendText(event, "", string(b))
}

// SendText writes one event with the text as it is and flushes it. An empty
// event name or id is left out.
func (e *EventStream) SendText(event, id, text string) error {
	var b strings.Builder
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	if event != "" {
		b.WriteString("event: " + event + "\n")
	}
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString("data: " + line + "\n")
	}
	b.WriteByte('\n')
	return e.write(b.String())
}

// Comment writes a line that clients ignore, to keep the connection open.
func (e *EventStream) Comment(text string) error { return e.write(": " + text + "\n\n") }

func (e *EventStream) write(s string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := writeAll(e.w, []byte(s)); err != nil {
		return err
	}
	if err := e.ctrl.Flush(); err != nil {
		return fmt.Errorf("flush event: %w", err)
	}
	return nil
}
