package chain

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/stagedoor/stagedoor/audit"
)

// Entry is an event with its place in the chain.
type Entry struct {
	// Seq is its number from 1; 0 means that it is not sealed yet.
	Seq int64
	// Event is the event. Its Meta is not used: see Meta.
	Event audit.Event
	// Meta is Event.Meta as compact JSON; empty means {}.
	Meta string
	// Key names the key of Hash; empty for none.
	Key string
	// Previous and Hash are in lower-case hexadecimal digits.
	Previous, Hash string
}

// TimeFormat is how times are written. Events have milliseconds, so that a
// time as it is shown is the whole time.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// AppendCanonical appends the bytes that are hashed.
func (e *Entry) AppendCanonical(b []byte) []byte {
	b = e.appendFields(b)
	return append(b, '}')
}

// AppendJSON appends the entry as clients see it.
func (e *Entry) AppendJSON(b []byte) []byte {
	b = e.appendFields(b)
	if e.Key != "" {
		b = appendText(append(b, `,"key":`...), e.Key)
	}
	b = appendText(append(b, `,"previous":`...), e.Previous)
	b = appendText(append(b, `,"hash":`...), e.Hash)
	return append(b, '}')
}

func (e *Entry) appendFields(b []byte) []byte {
	v := &e.Event
	b = appendText(append(b, `{"id":`...), v.ID)
	b = strconv.AppendInt(append(b, `,"seq":`...), e.Seq, 10)
	b = append(b, `,"at":"`...)
	b = v.At.UTC().AppendFormat(b, TimeFormat)
	b = appendText(append(b, `","plugin":`...), v.Plugin)
	b = appendText(append(b, `,"name":`...), v.Name)
	b = appendText(append(b, `,"severity":`...), string(v.Severity))
	b = appendText(append(b, `,"status":`...), string(v.Status))
	b = appendText(append(b, `,"actor":{"kind":`...), v.Actor.Kind)
	b = appendText(append(b, `,"subject":`...), v.Actor.Subject)
	b = appendText(append(b, `,"via":`...), v.Actor.Via)
	b = appendText(append(b, `,"ip":`...), v.Actor.IP)
	b = appendText(append(b, `,"userAgent":`...), v.Actor.UserAgent)
	b = appendText(append(b, `},"target":`...), v.Target)
	b = appendText(append(b, `,"reason":`...), v.Reason)
	b = append(b, `,"meta":`...)
	if e.Meta == "" {
		b = append(b, '{', '}')
	} else {
		b = append(b, e.Meta...)
	}
	b = appendText(append(b, `,"request":{"id":`...), v.Request.ID)
	b = appendText(append(b, `,"method":`...), v.Request.Method)
	b = appendText(append(b, `,"path":`...), v.Request.Path)
	return append(b, '}')
}

// Decode reads what [Entry.AppendCanonical] or [Entry.AppendJSON] wrote.
func Decode(data []byte) (Entry, error) {
	var w struct {
		ID       string         `json:"id"`
		Seq      int64          `json:"seq"`
		At       time.Time      `json:"at"`
		Plugin   string         `json:"plugin"`
		Name     string         `json:"name"`
		Severity audit.Severity `json:"severity"`
		Status   audit.Status   `json:"status"`
		Actor    struct {
			Kind      string `json:"kind"`
			Subject   string `json:"subject"`
			Via       string `json:"via"`
			IP        string `json:"ip"`
			UserAgent string `json:"userAgent"`
		} `json:"actor"`
		Target  string          `json:"target"`
		Reason  string          `json:"reason"`
		Meta    json.RawMessage `json:"meta"`
		Request struct {
			ID     string `json:"id"`
			Method string `json:"method"`
			Path   string `json:"path"`
		} `json:"request"`
		Key      string `json:"key"`
		Previous string `json:"previous"`
		Hash     string `json:"hash"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return Entry{}, fmt.Errorf("read an event: %w", err)
	}
	return Entry{
		Seq: w.Seq, Meta: string(w.Meta), Key: w.Key, Previous: w.Previous, Hash: w.Hash,
		Event: audit.Event{
			ID: w.ID, At: w.At.UTC(), Plugin: w.Plugin, Name: w.Name, Severity: w.Severity, Status: w.Status,
			Actor:  audit.Actor{Kind: w.Actor.Kind, Subject: w.Actor.Subject, Via: w.Actor.Via, IP: w.Actor.IP, UserAgent: w.Actor.UserAgent},
			Target: w.Target, Reason: w.Reason, Request: audit.Request(w.Request),
		},
	}, nil
}

// appendText appends a JSON string: quotes, backslashes and control characters
// are escaped, everything else stands as it is.
func appendText(b []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
