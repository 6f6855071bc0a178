package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// lockName makes sealing and removing one at a time on all replicas.
const lockName = "audit"

// Store is safe for concurrent use.
type Store struct {
	db   *db.DB
	keys chain.Keys
	// frequent is how many events with a word are looked at first.
	frequent int

	mu   sync.Mutex
	last chain.Head // the newest that this process has seen
}

// New returns a store over the migrated database. Its events are sealed and
// verified with the keys.
func New(d *db.DB, keys chain.Keys) *Store { return &Store{db: d, keys: keys, frequent: frequent} }

// Key names the key that new events are sealed with; empty for none.
func (s *Store) Key() string { return s.keys.Current() }

// Add stores events unsealed, as part of tx.
func (*Store) Add(ctx context.Context, tx *db.Tx, entries ...chain.Entry) error {
	rows := make([][]any, len(entries))
	for i := range entries {
		rows[i] = []any{string(entries[i].AppendCanonical(nil))}
	}
	if _, err := db.InsertRows(ctx, tx, "audit_pending", []string{"event"}, rows, ""); err != nil {
		return fmt.Errorf("store %d audit events: %w", len(entries), err)
	}
	return nil
}

// Pending returns how many events are not sealed yet.
func (s *Store) Pending(ctx context.Context) (int, error) {
	var n int
	if err := s.db.Read().QueryRowContext(ctx, `SELECT count(*) FROM audit_pending`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count unsealed audit events: %w", err)
	}
	return n, nil
}

// CheckKeys returns an error with code invalid when the log goes on with a key
// that is not configured: to seal on with another one would look like a
// forgery later.
func (s *Store) CheckKeys(ctx context.Context) error {
	head, err := readHead(ctx, s.db.Read())
	if err != nil || head == nil {
		return err
	}
	if head.Key != "" && (s.keys.Current() == "" || !s.keys.Knows(head.Key)) {
		return fault.Newf(fault.Invalid, "stagedoor.audit.key: the audit log is sealed with the key %s, which is not configured; "+
			"configure it, or name it below stagedoor.audit.previousKeys beside a new one", head.Key)
	}
	return nil
}

// HeadKey names the key that protects the head, empty for none, and whether
// there is a head.
func (s *Store) HeadKey(ctx context.Context) (key string, ok bool, err error) {
	head, err := readHead(ctx, s.db.Read())
	if err != nil || head == nil {
		return "", false, err
	}
	return head.Key, true, nil
}

// Head returns number and hash of the last event; 0 for an empty log.
func (s *Store) Head(ctx context.Context) (seq int64, hash string, err error) {
	head, err := readHead(ctx, s.db.Read())
	if err != nil || head == nil {
		return 0, "", err
	}
	return head.Seq, head.Hash, nil
}

// Get returns a sealed event, or an error with code not_found.
func (s *Store) Get(ctx context.Context, id string) (chain.Entry, error) {
	e, err := scanEntry(s.db.Read().QueryRowContext(ctx, `SELECT `+columnList+` FROM audit_event WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return e, fault.Newf(fault.NotFound, "There is no audit event %s", id)
	}
	return e, err
}

// columns of audit_event, in the order of [values] and [scanEntry].
var columns = []string{
	"seq", "id", "at", "plugin", "name", "severity", "status", "actor_kind", "actor", "actor_via", "ip", "user_agent",
	"target", "reason", "meta", "request_id", "request_method", "request_path", "key_id", "previous", "hash",
}

const columnList = `seq, id, at, plugin, name, severity, status, actor_kind, actor, actor_via, ip, user_agent,
	target, reason, meta, request_id, request_method, request_path, key_id, previous, hash`

func values(e *chain.Entry) []any {
	v := &e.Event
	return []any{
		e.Seq, v.ID, db.Micros(v.At), v.Plugin, v.Name, string(v.Severity), string(v.Status), v.Actor.Kind, v.Actor.Subject, v.Actor.Via,
		v.Actor.IP, v.Actor.UserAgent, v.Target, v.Reason, e.Meta, v.Request.ID, v.Request.Method, v.Request.Path, e.Key, e.Previous, e.Hash,
	}
}

type scanner interface{ Scan(into ...any) error }

func scanEntry(row scanner) (e chain.Entry, err error) {
	var at int64
	var severity, status string
	v := &e.Event
	err = row.Scan(
		&e.Seq, &v.ID, &at, &v.Plugin, &v.Name, &severity, &status, &v.Actor.Kind, &v.Actor.Subject, &v.Actor.Via,
		&v.Actor.IP, &v.Actor.UserAgent, &v.Target, &v.Reason, &e.Meta, &v.Request.ID, &v.Request.Method, &v.Request.Path, &e.Key, &e.Previous, &e.Hash,
	)
	if err != nil {
		return e, fmt.Errorf("read an audit event: %w", err)
	}
	v.At, v.Severity, v.Status = db.FromMicros(at), audit.Severity(severity), audit.Status(status)
	return e, nil
}

// readHead returns nil when nothing was ever sealed.
func readHead(ctx context.Context, q db.Querier) (*chain.Head, error) {
	var h chain.Head
	err := q.QueryRowContext(ctx, `SELECT seq, hash, from_seq, from_hash, key_id, seal FROM audit_head WHERE one = 1`).
		Scan(&h.Seq, &h.Hash, &h.FromSeq, &h.FromHash, &h.Key, &h.Seal)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil //nolint:nilnil // an empty log has no head
	case err != nil:
		return nil, fmt.Errorf("read the head of the audit log: %w", err)
	}
	return &h, nil
}

func (s *Store) writeHead(ctx context.Context, tx *db.Tx, h *chain.Head) error {
	if err := s.keys.SealHead(h); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO audit_head (one, seq, hash, from_seq, from_hash, key_id, seal) VALUES (1, $1, $2, $3, $4, $5, $6)
		ON CONFLICT (one) DO UPDATE SET
			seq = excluded.seq, hash = excluded.hash, from_seq = excluded.from_seq, from_hash = excluded.from_hash,
			key_id = excluded.key_id, seal = excluded.seal`, h.Seq, h.Hash, h.FromSeq, h.FromHash, h.Key, h.Seal)
	if err != nil {
		return fmt.Errorf("store the head of the audit log: %w", err)
	}
	return nil
}
