// Package export writes events as lines: JSON, with everything that is needed
// to check the chain, or CSV for spreadsheets.
//
// Start reading at [Write].
package export

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/audit/internal/store"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// The formats.
const (
	NDJSON = "ndjson"
	CSV    = "csv"
)

// Write writes the events of the query from the oldest to the newest, as they
// are read: no more than a page of them is in memory. It returns how many, and
// an error with code invalid for an unknown format.
func Write(ctx context.Context, w io.Writer, s *store.Store, q store.Query, format string) (n int64, err error) {
	out := bufio.NewWriterSize(w, 64<<10)
	var put func(*chain.Entry) error
	flush := out.Flush
	switch format {
	case NDJSON:
		var line []byte
		put = func(e *chain.Entry) error {
			line = append(e.AppendJSON(line[:0]), '\n')
			_, err := out.Write(line)
			return err
		}
	case CSV:
		table := csv.NewWriter(out)
		if err := table.Write(header); err != nil {
			return 0, fmt.Errorf("write audit events: %w", err)
		}
		put = func(e *chain.Entry) error { return table.Write(row(e)) }
		flush = func() error {
			table.Flush()
			if err := table.Error(); err != nil {
				return err
			}
			return out.Flush()
		}
	default:
		return 0, fault.Newf(fault.Invalid, "format: expected %s or %s, found %q", NDJSON, CSV, format)
	}
	err = s.Each(ctx, q, func(e *chain.Entry) error {
		n++
		return put(e)
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return n, fmt.Errorf("write audit events: %w", err)
	}
	return n, nil
}

var header = []string{
	"seq", "at", "plugin", "event", "severity", "status", "actorKind", "actor", "via", "ip", "userAgent", "target", "reason", "meta",
	"requestId", "method", "path", "id", "key", "previous", "hash",
}

func row(e *chain.Entry) []string {
	v := &e.Event
	cells := []string{
		strconv.FormatInt(e.Seq, 10), v.At.UTC().Format(chain.TimeFormat), v.Plugin, v.Name, string(v.Severity), string(v.Status),
		v.Actor.Kind, v.Actor.Subject, v.Actor.Via, v.Actor.IP, v.Actor.UserAgent, v.Target, v.Reason, e.Meta,
		v.Request.ID, v.Request.Method, v.Request.Path, v.ID, e.Key, e.Previous, e.Hash,
	}
	for i, c := range cells {
		// Spreadsheets compute what begins so, and others choose these texts.
		if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
			cells[i] = "'" + c
		}
	}
	return cells
}
