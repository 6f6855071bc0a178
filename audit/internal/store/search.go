package store

import (
	"context"
	"database/sql"
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
	// Text holds words; an event is found when it has all of them. A star
	// behind a word makes it the beginning of one.
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
	terms := termsOf(q.Text)
	if len(terms) == 0 && strings.TrimSpace(q.Text) != "" {
		return nil, nil // text without a word is in no event
	}
	f := found{match: match(s.db.Dialect(), terms)}
	if f.match == "" || s.db.Dialect() == db.Postgres { // which finds the best way by itself
		return s.page(ctx, q, f, after, limit, true)
	}
	// Words that are frequent stand in some of the events that come next, most
	// likely.
	if often, err := s.often(ctx, f); err != nil {
		return nil, err
	} else if often {
		page, done, err := s.walk(ctx, q, terms, after, limit)
		if err != nil || done {
			return page, err
		}
	}
	// If not, there are too many to look at all of them. The events that were
	// sealed last are enough if none of the others can be newer than the last
	// one of the page.
	for f.newest = max(1, s.frequent); ; f.newest *= 8 {
		page, err := s.page(ctx, q, f, after, limit, true)
		if err != nil {
			return nil, err
		}
		rest, err := s.newestBeyond(ctx, f)
		if err != nil {
			return nil, err
		}
		if rest.IsZero() || len(page) == limit && page[limit-1].Event.At.After(rest) {
			return page, nil
		}
	}
}

// often reports whether the words are in many events.
func (s *Store) often(ctx context.Context, f found) (bool, error) {
	var n int
	err := s.db.Read().QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM audit_word WHERE audit_word MATCH $1 LIMIT $2)`, f.match, s.frequent).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("count audit events: %w", err)
	}
	return n == s.frequent, nil
}

// walk goes through the events and looks for the words in each. It gives up,
// and is not done, when there are too many events without.
func (s *Store) walk(ctx context.Context, q Query, terms []term, after *Place, limit int) (entries []chain.Entry, done bool, err error) {
	const size = 500
	for looked := 0; looked < s.frequent; looked += size {
		page, err := s.page(ctx, q, found{}, after, size, true)
		if err != nil {
			return nil, false, err
		}
		for i := range page {
			if holds(&page[i], terms) {
				entries = append(entries, page[i])
			}
			if len(entries) == limit {
				return entries, true, nil
			}
		}
		if len(page) < size {
			return entries, true, nil
		}
		last := &page[len(page)-1]
		after = &Place{last.Event.At, last.Seq}
	}
	return nil, false, nil
}

// newestBeyond is the time of the newest event that was sealed before those
// that are found; zero when nothing more could be found.
func (s *Store) newestBeyond(ctx context.Context, f found) (time.Time, error) {
	var n int
	var first sql.NullInt64
	err := s.db.Read().QueryRowContext(ctx, `
		SELECT count(*), min(seq) FROM (SELECT rowid AS seq FROM audit_word WHERE audit_word MATCH $1 ORDER BY rowid DESC LIMIT $2)`, f.match, f.newest).Scan(&n, &first)
	if err != nil {
		return time.Time{}, fmt.Errorf("count audit events: %w", err)
	}
	if n < f.newest {
		return time.Time{}, nil
	}
	var at int64
	err = s.db.Read().QueryRowContext(ctx, `SELECT at FROM audit_event WHERE seq < $1 ORDER BY at DESC, seq DESC LIMIT 1`, first.Int64).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, fmt.Errorf("read the time of older audit events: %w", err)
	}
	return db.FromMicros(at), nil
}

// Each calls fn for every event from the oldest to the newest that is there
// when it is reached. It stops at the first error.
func (s *Store) Each(ctx context.Context, q Query, fn func(*chain.Entry) error) error {
	const size = 1000
	terms := termsOf(q.Text)
	if len(terms) == 0 && strings.TrimSpace(q.Text) != "" {
		return nil
	}
	var after *Place
	for {
		page, err := s.page(ctx, q, found{}, after, size, false)
		if err != nil {
			return err
		}
		for i := range page {
			if len(terms) > 0 && !holds(&page[i], terms) {
				continue
			}
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

func (s *Store) page(ctx context.Context, q Query, f found, after *Place, limit int, newest bool) (entries []chain.Entry, err error) {
	text, args := s.statement(q, f, after, limit, newest)
	rows, err := s.db.Read().QueryContext(ctx, text, args...)
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

func (s *Store) statement(q Query, f found, after *Place, limit int, newest bool) (string, []any) {
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
	if f.match != "" {
		where = append(where, f.condition(s.db.Dialect(), arg))
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

// frequent is from how many events on a word of SQLite's index is frequent.
const frequent = 10_000

// found narrows a search to events with certain words.
type found struct {
	match  string // as the engine wants it; empty for no words
	newest int    // only so many that were sealed last; 0 for all
}

// condition is the one clause that differs between the engines.
func (f found) condition(dialect db.Dialect, arg func(any) string) string {
	if dialect == db.Postgres {
		return "seq IN (SELECT seq FROM audit_word WHERE words @@ to_tsquery('simple', " + arg(f.match) + "))"
	}
	return "seq IN (SELECT rowid FROM audit_word WHERE audit_word MATCH " + arg(f.match) + " ORDER BY rowid DESC LIMIT " + arg(f.newest) + ")"
}
