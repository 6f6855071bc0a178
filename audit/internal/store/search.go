package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/internal/db"
)

// Query says which events are wanted. Empty fields do not narrow.
type Query struct {
	Plugin, Name, Actor, Target, Status, Severity string
	// From is the first time and To the time after the last one.
	From, To time.Time
	// Text holds words; an event is found when each is the beginning of one of
	// its own.
	Text string
}

// Place is a place in a list of events.
type Place struct {
	At  time.Time
	Seq int64
}

// Search returns up to limit events from the newest to the oldest, those that
// come after the place if there is one. The order of events never changes.
func (s *Store) Search(ctx context.Context, q Query, after *Place, limit int) ([]chain.Entry, error) {
	return s.page(ctx, s.db.Read(), q, after, limit, true)
}

// Each calls fn for every event from the oldest to the newest that is there
// when it is reached. It stops at the first error.
func (s *Store) Each(ctx context.Context, q Query, fn func(*chain.Entry) error) error {
	const size = 1000
	var after *Place
	for {
		page, err := s.page(ctx, s.db.Read(), q, after, size, false)
		if err != nil {
			return err
		}
		for i := range page {
			if err := fn(&page[i]); err != nil {
				return err
			}
		}
		if len(page) < size {
			return nil
		}
		last := &page[len(page)-1]
		after = &Place{last.Event.At, last.Seq}
	}
}

func (s *Store) page(ctx context.Context, r db.Querier, q Query, after *Place, limit int, newest bool) (entries []chain.Entry, err error) {
	text, args := s.statement(q, after, limit, newest)
	rows, err := r.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("search audit events: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

func (s *Store) statement(q Query, after *Place, limit int, newest bool) (string, []any) {
	var where []string
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	for _, c := range []struct{ column, value string }{
		{"target", q.Target}, {"actor", q.Actor}, {"name", q.Name}, {"plugin", q.Plugin}, {"status", q.Status}, {"severity", q.Severity},
	} {
		if c.value != "" {
			where = append(where, c.column+" = "+arg(c.value))
		}
	}
	if !q.From.IsZero() {
		where = append(where, "at >= "+arg(db.Micros(q.From)))
	}
	if !q.To.IsZero() {
		where = append(where, "at < "+arg(db.Micros(q.To)))
	}
	if words := split(q.Text); len(words) > 0 {
		where = append(where, s.found(arg(match(s.db.Dialect(), words))))
	} else if strings.TrimSpace(q.Text) != "" {
		where = append(where, "1 = 0") // text without a word is in no event
	}
	order, compare := "at, seq", ">"
	if newest {
		order, compare = "at DESC, seq DESC", "<"
	}
	if after != nil {
		where = append(where, "(at, seq) "+compare+" ("+arg(db.Micros(after.At))+", "+arg(after.Seq)+")")
	}
	text := "SELECT " + columnList + " FROM audit_event"
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	return text + " ORDER BY " + order + " LIMIT " + arg(limit), args
}

// found is the condition that the text matches. It is the one clause that
// differs between the engines.
func (s *Store) found(param string) string {
	if s.db.Dialect() == db.Postgres {
		return "seq IN (SELECT seq FROM audit_word WHERE words @@ to_tsquery('simple', " + param + "))"
	}
	return "seq IN (SELECT rowid FROM audit_word WHERE audit_word MATCH " + param + ")"
}
