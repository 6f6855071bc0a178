package auditplugin

import (
	"context"
	"io"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/internal/export"
	"github.com/stagedoor/stagedoor/audit/internal/rest"
	"github.com/stagedoor/stagedoor/audit/internal/store"
)

// Verdict is the result of [Audit.Verify].
type Verdict struct {
	// Checked is how many events are in order, Seq and Hash are the last one's.
	Checked, Seq int64
	Hash         string
	// Unsealed is how many events are stored but not in the chain.
	Unsealed int
	// Problem says what is wrong; empty when nothing is.
	Problem string
}

// Verify checks the whole log. An error means that it could not be read.
func (a *Audit) Verify(ctx context.Context) (Verdict, error) {
	v, err := a.store.Verify(ctx)
	if err != nil {
		return Verdict{}, err
	}
	out := Verdict{Checked: v.Checked, Seq: v.Seq, Hash: v.Hash, Unsealed: v.Unsealed}
	if v.Problem != nil {
		out.Problem = v.Problem.String()
	}
	return out, nil
}

// Export writes the events of a time, the oldest first, as ndjson or csv. from
// and to are in RFC 3339 or days; empty ones do not narrow. The export is an
// event itself. It returns how many events were written.
func (a *Audit) Export(ctx context.Context, w io.Writer, format, from, to string) (int64, error) {
	var q store.Query
	var err error
	if q.From, err = rest.ParseTime("from", from); err != nil {
		return 0, err
	}
	if q.To, err = rest.ParseTime("to", to); err != nil {
		return 0, err
	}
	meta := map[string]any{"format": format, "from": from, "to": to}
	if err := a.For("audit").Record(ctx, audit.Event{Name: "event-export", Severity: audit.Medium, Meta: meta}); err != nil {
		return 0, err
	}
	return export.Write(ctx, w, a.store, q, format)
}
