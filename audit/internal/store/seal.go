package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/internal/db"
)

// Seal numbers and chains up to limit events, the oldest first, and returns
// how many. Several callers at once, on any replica, take turns; an event is
// sealed once whatever happens.
func (s *Store) Seal(ctx context.Context, limit int) (n int, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n = 0
		if err := s.db.Lock(ctx, tx, lockName); err != nil {
			return err
		}
		places, entries, err := s.unsealed(ctx, tx, limit)
		if err != nil || len(entries) == 0 {
			return err
		}
		if err := distinguish(ctx, tx, places, entries); err != nil {
			return err
		}
		head, reason, err := s.base(ctx, tx)
		if err != nil {
			return err
		}
		if reason != "" {
			entries = append([]chain.Entry{complaint(head, reason, entries[0].Event.At)}, entries...)
		}
		rows := make([][]any, len(entries))
		for i := range entries {
			if err := s.keys.Seal(head, &entries[i]); err != nil {
				return fmt.Errorf("seal an audit event: %w", err)
			}
			rows[i] = values(&entries[i])
		}
		if _, err := db.InsertRows(ctx, tx, "audit_event", columns, rows, ""); err != nil {
			return err
		}
		if err := indexWords(ctx, tx, entries); err != nil {
			return err
		}
		if err := forget(ctx, tx, places); err != nil {
			return err
		}
		n = len(entries)
		tx.AfterCommit(func() { s.saw(head) })
		return s.writeHead(ctx, tx, head)
	})
	if err != nil {
		return 0, fmt.Errorf("seal audit events: %w", err)
	}
	return n, nil
}

// base reads the head to go on from. When somebody has changed it, the reason
// says how.
func (s *Store) base(ctx context.Context, tx *db.Tx) (head *chain.Head, reason string, err error) {
	if head, err = readHead(ctx, tx); err != nil {
		return nil, "", err
	}
	var end chain.Head // what the events themselves say
	err = tx.QueryRowContext(ctx, `SELECT seq, hash FROM audit_event ORDER BY seq DESC LIMIT 1`).Scan(&end.Seq, &end.Hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, "", fmt.Errorf("read the last audit event: %w", err)
	}
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	switch {
	case head == nil && (last.Seq > 0 || end.Seq > 0):
		head, reason = &chain.Head{}, "the head was removed"
	case head == nil:
		return &chain.Head{}, "", nil
	case !s.keys.Intact(head):
		reason = "the head was changed"
	case end.Seq > head.Seq:
		reason = fmt.Sprintf("events were added behind the end, or the head was set back, to event %d", head.Seq)
	case head.Seq < last.Seq || head.Seq == last.Seq && head.Hash != last.Hash:
		reason = fmt.Sprintf("the head was set back, to event %d", head.Seq)
	}
	if reason != "" && last.Seq > 0 {
		reason += fmt.Sprintf("; the last event was %d, %s", last.Seq, last.Hash)
	}
	if end.Seq > head.Seq { // their numbers are taken
		head.Seq, head.Hash = end.Seq, end.Hash
	}
	return head, reason, nil
}

// complaint is the event that the log was changed.
func complaint(head *chain.Head, reason string, at time.Time) chain.Entry {
	return chain.Entry{Event: audit.Event{
		ID: fmt.Sprintf("%s-%d", chain.BrokenName, head.Seq+1), At: at, Plugin: chain.RetentionPlugin, Name: chain.BrokenName,
		Severity: audit.Critical, Status: audit.Failed, Reason: reason,
	}}
}

// saw remembers the newest head.
func (s *Store) saw(h *chain.Head) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = *h
}

// unsealed reads the oldest events that are not sealed.
func (s *Store) unsealed(ctx context.Context, tx *db.Tx, limit int) (places []any, entries []chain.Entry, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT n, event FROM audit_pending ORDER BY n LIMIT $1`, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("read unsealed audit events: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n int64
		var text string
		if err := rows.Scan(&n, &text); err != nil {
			return nil, nil, fmt.Errorf("read unsealed audit events: %w", err)
		}
		e, err := chain.Decode([]byte(text))
		if err != nil {
			e = unreadable(n, text)
		}
		places, entries = append(places, n), append(entries, e)
	}
	return places, entries, rows.Err()
}

// distinguish gives events a new id whose id is taken. That happens when a
// connection breaks while a transaction is committed: the change is there, but
// taken for failed. Neither event must keep the others from being sealed.
func distinguish(ctx context.Context, tx *db.Tx, places []any, entries []chain.Entry) error {
	const chunk = 128
	taken := map[string]bool{}
	for start := 0; start < len(entries); start += chunk {
		part := make([]any, 0, chunk)
		for i := range entries[start:min(start+chunk, len(entries))] {
			part = append(part, entries[start+i].Event.ID)
		}
		if err := takenIDs(ctx, tx, part, taken); err != nil {
			return err
		}
	}
	for i := range entries {
		id := &entries[i].Event.ID
		if taken[*id] {
			*id = fmt.Sprintf("%s-%v", *id, places[i])
		}
		taken[*id] = true
	}
	return nil
}

// takenIDs adds those of the ids to taken that a sealed event has.
func takenIDs(ctx context.Context, tx *db.Tx, ids []any, taken map[string]bool) (err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id FROM audit_event WHERE id IN (`+db.Placeholders(1, len(ids))+`)`, ids...)
	if err != nil {
		return fmt.Errorf("look for the ids of audit events: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("look for the ids of audit events: %w", err)
		}
		taken[id] = true
	}
	return rows.Err()
}

// unreadable stands for an unsealed event that somebody has broken: it must
// neither vanish nor keep the others from being sealed.
func unreadable(n int64, text string) chain.Entry {
	const most = 2000
	return chain.Entry{Event: audit.Event{
		ID: fmt.Sprintf("unreadable-%d", n), Plugin: "audit", Name: "unreadable-event", Severity: audit.Critical, Status: audit.Failed,
		Reason: "an event could not be read when it was sealed: " + strings.ToValidUTF8(text[:min(len(text), most)], "\uFFFD"),
	}}
}

// forget removes what is sealed from the unsealed.
func forget(ctx context.Context, tx *db.Tx, places []any) error {
	const chunk = 128
	for start := 0; start < len(places); start += chunk {
		part := places[start:min(start+chunk, len(places))]
		_, err := tx.ExecContext(ctx, `DELETE FROM audit_pending WHERE n IN (`+db.Placeholders(1, len(part))+`)`, part...)
		if err != nil {
			return fmt.Errorf("remove sealed audit events from the unsealed: %w", err)
		}
	}
	return nil
}
