// Package rest lets people read the audit log below /api/audit.
//
// What not: there is no way to write or change events from outside.
//
// Start reading at [REST.Register].
package rest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/internal/export"
	"github.com/stagedoor/stagedoor/audit/internal/store"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/plugin"
)

// Read is the permission to read the audit log.
var Read = permission.Permission{Name: "audit.event.read", Action: "read"}

// REST holds what the routes need. All fields are required.
type REST struct {
	Store      *store.Store
	Log        audit.Log
	Authorizer permission.Authorizer
	Clock      func() time.Time

	openAPI   []byte
	verifying sync.Mutex
}

// Register adds the routes.
func (h *REST) Register(r plugin.Router) {
	h.openAPI = OpenAPI()
	r.Handle("GET /events", plugin.UsersAndServices, h.search)
	r.Handle("GET /events/{id}", plugin.UsersAndServices, h.get)
	r.Handle("GET /verify", plugin.UsersAndServices, h.verify)
	r.Handle("GET /export", plugin.UsersAndServices, h.export)
	r.Handle("GET /openapi.json", plugin.UsersAndServices, func(w http.ResponseWriter, r *http.Request) error {
		return httpx.JSONBytes(w, r, http.StatusOK, h.openAPI)
	})
}

// admit returns an error with code forbidden unless the caller may read the
// log, and notes the refusal.
func (h *REST) admit(ctx context.Context, event string) error {
	d, err := h.Authorizer.Authorize(ctx, permission.Request{Permission: Read})
	if err != nil {
		return err
	}
	if d.Result == permission.Allow {
		return nil
	}
	h.Log.Note(ctx, audit.Event{Name: event, Severity: audit.Medium, Status: audit.Failed, Reason: "not allowed: " + Read.Name})
	return fault.New(fault.Forbidden, "You may not read the audit log")
}

// The sizes of a page.
const (
	defaultLimit = 50
	maxLimit     = 500
)

var filters = []httpx.Param{
	{Name: "plugin"},
	{Name: "event"},
	{Name: "actor"},
	{Name: "target"},
	{Name: "status", Enum: []string{"succeeded", "failed"}},
	{Name: "severity", Enum: []string{"low", "medium", "high", "critical"}},
	{Name: "from"},
	{Name: "to"},
	{Name: "text"},
}

var searchParams = httpx.Params{List: append([]httpx.Param{
	{Name: "limit", Type: httpx.Integer, Min: httpx.Bound(1), Max: httpx.Bound(maxLimit)}, {Name: "cursor"},
}, filters...)}

// query reads the filters, and lists those that are set for the record.
func query(p httpx.Query) (q store.Query, told map[string]any, err error) {
	q = store.Query{
		Plugin: p.String("plugin"), Name: p.String("event"), Actor: p.String("actor"), Target: p.String("target"),
		Status: p.String("status"), Severity: p.String("severity"), Text: p.String("text"),
	}
	told = map[string]any{}
	for _, f := range filters {
		if p.Has(f.Name) {
			told[f.Name] = p.String(f.Name)
		}
	}
	if q.From, err = ParseTime("from", p.String("from")); err != nil {
		return q, nil, err
	}
	q.To, err = ParseTime("to", p.String("to"))
	return q, told, err
}

// ParseTime reads a time in RFC 3339 or a day, which begins at midnight UTC.
// An empty text is the zero time. It returns an error with code invalid that
// names the parameter.
func ParseTime(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.Newf(fault.Invalid, "%s: expected a time such as 2006-01-02T15:04:05Z or a day such as 2006-01-02, found %q", name, text)
}

// cursor is a place in a list, for clients to send back.
type cursor struct {
	At  int64 `json:"at"`
	Seq int64 `json:"seq"`
}

func parseCursor(text string) (*store.Place, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // the beginning
	}
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &c) != nil || c.Seq < 1 {
		return nil, fault.New(fault.Invalid, "Malformed cursor")
	}
	return &store.Place{At: time.UnixMicro(c.At).UTC(), Seq: c.Seq}, nil
}

func (h *REST) search(w http.ResponseWriter, r *http.Request) error {
	p, err := searchParams.Parse(r)
	if err != nil {
		return err
	}
	if err := h.admit(r.Context(), "event-read"); err != nil {
		return err
	}
	q, told, err := query(p)
	if err != nil {
		return err
	}
	after, err := parseCursor(p.String("cursor"))
	if err != nil {
		return err
	}
	limit, ok := p.Int("limit")
	if !ok {
		limit = defaultLimit
	}
	entries, err := h.Store.Search(r.Context(), q, after, limit+1)
	if err != nil {
		return err
	}
	h.Log.Note(r.Context(), audit.Event{Name: "event-read", Severity: audit.Low, Meta: told})
	var next string
	if len(entries) > limit {
		entries = entries[:limit]
		last := &entries[limit-1]
		raw, err := json.Marshal(cursor{last.Event.At.UnixMicro(), last.Seq})
		if err != nil {
			return err
		}
		next = base64.RawURLEncoding.EncodeToString(raw)
	}
	out := httpx.NewStreamJSON(w)
	out.Text(`{"items":`)
	out.Begin()
	var item []byte
	for i := range entries {
		item = entries[i].AppendJSON(item[:0])
		out.Element(item)
	}
	out.End()
	if next != "" {
		out.Text(`,"nextCursor":`)
		out.Value(next)
	}
	out.Text("}")
	return out.Close()
}

func (h *REST) get(w http.ResponseWriter, r *http.Request) error {
	if err := h.admit(r.Context(), "event-read"); err != nil {
		return err
	}
	e, err := h.Store.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	h.Log.Note(r.Context(), audit.Event{Name: "event-read", Severity: audit.Low, Target: e.Event.ID})
	return httpx.JSONBytes(w, r, http.StatusOK, e.AppendJSON(nil))
}

// verdict is the answer to a verification.
type verdict struct {
	OK       bool  `json:"ok"`
	Checked  int64 `json:"checked"`
	First    int64 `json:"first"`
	Unsealed int   `json:"unsealed"`
	Head     struct {
		Seq  int64  `json:"seq"`
		Hash string `json:"hash"`
	} `json:"head"`
	Problem any `json:"problem,omitempty"`
}

func (h *REST) verify(w http.ResponseWriter, r *http.Request) error {
	if err := h.admit(r.Context(), "log-verify"); err != nil {
		return err
	}
	if !h.verifying.TryLock() { // it reads the whole log
		return &httpx.WireError{Code: fault.Unavailable, Message: "The audit log is being verified already; try again later", RetrySeconds: 5}
	}
	defer h.verifying.Unlock()
	v, err := h.Store.Verify(r.Context())
	if err != nil {
		return err
	}
	answer := verdict{OK: v.OK, Checked: v.Checked, First: v.First, Unsealed: v.Unsealed}
	answer.Head.Seq, answer.Head.Hash = v.Seq, v.Hash
	e := audit.Event{Name: "log-verify", Severity: audit.Medium, Meta: map[string]any{"checked": v.Checked}}
	if v.Problem != nil {
		answer.Problem = v.Problem
		e.Severity, e.Status, e.Reason = audit.Critical, audit.Failed, v.Problem.String()
	}
	if err := h.Log.Record(r.Context(), e); err != nil {
		return err
	}
	return httpx.JSON(w, r, answer)
}

var exportParams = httpx.Params{List: append([]httpx.Param{{Name: "format", Enum: []string{export.NDJSON, export.CSV}}}, filters...)}

func (h *REST) export(w http.ResponseWriter, r *http.Request) error {
	p, err := exportParams.Parse(r)
	if err != nil {
		return err
	}
	if err := h.admit(r.Context(), "event-export"); err != nil {
		return err
	}
	q, told, err := query(p)
	if err != nil {
		return err
	}
	format, mime := export.NDJSON, "application/x-ndjson"
	if p.String("format") == export.CSV {
		format, mime = export.CSV, "text/csv; charset=utf-8"
	}
	// Recorded before the first event leaves the house.
	told["format"] = format
	if err := h.Log.Record(r.Context(), audit.Event{Name: "event-export", Severity: audit.Medium, Meta: told}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", mime)
	w.Header().Set("Content-Disposition", `attachment; filename="audit-`+h.Clock().UTC().Format("20060102-150405")+"."+format+`"`)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // a long log takes long; not every writer has one
	w.WriteHeader(http.StatusOK)
	_, err = export.Write(r.Context(), w, h.Store, q, format)
	return err
}
