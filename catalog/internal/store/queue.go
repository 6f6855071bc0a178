package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

// Never is the due time of what is processed only when somebody asks.
var Never = time.UnixMicro(1 << 61).UTC()

// front is before every moment that anything else is due at.
const front = 1

// Enqueue makes sources due at once, before everything that is merely due,
// and puts those into the queue that are not in it. With forget set the
// pipeline starts without its memory of the source, so that it reads
// everything again. A source that is being processed is processed once more.
func (tx *Tx) Enqueue(ctx context.Context, refs []string, cause string, forget bool) error {
	if len(refs) == 0 {
		return nil
	}
	var position int64
	err := tx.QueryRowContext(ctx, `
		UPDATE catalog_counter SET value = value + $1 WHERE name = 'position'
		RETURNING value`, len(refs)).Scan(&position)
	if err != nil {
		return fmt.Errorf("take positions in the queue: %w", err)
	}
	position -= int64(len(refs))
	suffix := `ON CONFLICT (ref) DO UPDATE SET due_at = excluded.due_at, wish = catalog_source.wish + 1, cause = excluded.cause`
	if forget {
		suffix += `, state = NULL`
	}
	rows := make([][]any, len(refs))
	for i, ref := range refs {
		rows[i] = []any{ref, int64(front), position + int64(i), 1, "", 0, 0, 0, "", cause}
	}
	columns := []string{"ref", "due_at", "position", "wish", "lease_owner", "lease_until", "fence", "finished_at", "fingerprint", "cause"}
	if _, err := db.InsertRows(ctx, tx.Tx, "catalog_source", columns, rows, suffix); err != nil {
		return fmt.Errorf("put sources into the queue: %w", err)
	}
	tx.due = true
	return nil
}

// EnqueueKnown is [Tx.Enqueue] for those of the refs that are in the queue
// already. It returns their number.
func (tx *Tx) EnqueueKnown(ctx context.Context, refs []string, cause string) (int, error) {
	var known []string
	err := inChunks(refs, func(part []string) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var ref string
			if err := rows.Scan(&ref); err != nil {
				return fmt.Errorf("scan source: %w", err)
			}
			known = append(known, ref)
			return nil
		}, `SELECT ref FROM catalog_source WHERE ref IN (`+db.Placeholders(1, len(part))+`) ORDER BY position`, anys(part)...)
	})
	if err != nil {
		return 0, fmt.Errorf("read sources: %w", err)
	}
	return len(known), tx.Enqueue(ctx, known, cause, false)
}

// Postpone makes sources that are in the queue due at a later time.
func (tx *Tx) Postpone(ctx context.Context, refs []string, at time.Time) error {
	err := inChunks(refs, func(part []string) error {
		_, err := tx.ExecContext(ctx, `UPDATE catalog_source SET due_at = $1 WHERE ref IN (`+db.Placeholders(2, len(part))+`)`,
			append([]any{micros(at)}, anys(part)...)...)
		return err
	})
	if err != nil {
		return fmt.Errorf("postpone sources: %w", err)
	}
	return nil
}

// Unqueue takes sources out of the queue.
func (tx *Tx) Unqueue(ctx context.Context, refs []string) error {
	err := inChunks(refs, func(part []string) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM catalog_source WHERE ref IN (`+db.Placeholders(1, len(part))+`)`, anys(part)...)
		return err
	})
	if err != nil {
		return fmt.Errorf("take sources out of the queue: %w", err)
	}
	return nil
}

// Lease takes up to n sources that are due for the owner. Two owners never
// have the same source, unless the first one's time is over.
func (s *Store) Lease(ctx context.Context, owner string, n int, now time.Time, ttl time.Duration) ([]Lease, error) {
	var due bool
	err := s.db.Read().QueryRowContext(ctx, `
		SELECT EXISTS (SELECT 1 FROM catalog_source WHERE due_at <= $1 AND lease_until <= $1)`, micros(now)).Scan(&due)
	if err != nil {
		return nil, fmt.Errorf("look for due sources: %w", err)
	}
	if !due {
		return nil, nil
	}
	type ordered struct {
		Lease
		due, position int64
	}
	var got []ordered
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		got = got[:0]
		return each(ctx, tx, func(rows *sql.Rows) error {
			var l ordered
			var finished int64
			if err := rows.Scan(&l.Ref, &l.Fence, &l.Wish, &l.Fingerprint, &l.Cause, &l.State, &finished, &l.due, &l.position); err != nil {
				return fmt.Errorf("scan source: %w", err)
			}
			l.FinishedAt = db.FromMicros(finished)
			got = append(got, l)
			return nil
		}, `UPDATE catalog_source SET lease_owner = $1, lease_until = $2, fence = fence + 1
			WHERE ref IN (
				SELECT ref FROM catalog_source
				WHERE due_at <= $3 AND lease_until <= $3
				ORDER BY due_at, position
				LIMIT $4`+s.db.ForUpdateSkipLocked()+`)
			RETURNING ref, fence, wish, fingerprint, cause, state, finished_at, due_at, position`,
			owner, micros(now.Add(ttl)), micros(now), n)
	})
	if err != nil {
		return nil, fmt.Errorf("lease sources: %w", err)
	}
	slices.SortFunc(got, func(a, b ordered) int {
		if a.due != b.due {
			return int(min(max(a.due-b.due, -1), 1))
		}
		return int(min(max(a.position-b.position, -1), 1))
	})
	leases := make([]Lease, len(got))
	for i := range got {
		leases[i] = got[i].Lease
	}
	return leases, nil
}

// Heartbeat extends all leases of the owner to ttl from now.
func (s *Store) Heartbeat(ctx context.Context, owner string, now time.Time, ttl time.Duration) error {
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE catalog_source SET lease_until = $2 WHERE lease_owner = $1`, owner, micros(now.Add(ttl)))
		return err
	})
	if err != nil {
		return fmt.Errorf("extend leases: %w", err)
	}
	return nil
}

// Release gives up all leases of the owner, or everybody's when owner is
// empty, without any result.
func (s *Store) Release(ctx context.Context, owner string) error {
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE catalog_source SET lease_owner = '', lease_until = 0
			WHERE lease_owner <> '' AND (lease_owner = $1 OR $1 = '')`, owner)
		return err
	})
	if err != nil {
		return fmt.Errorf("release leases: %w", err)
	}
	return nil
}

// Holds reports whether the lease is still its holder's.
func (tx *Tx) Holds(ctx context.Context, l *Lease) (bool, error) {
	var ok bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM catalog_source WHERE ref = $1 AND fence = $2)`, l.Ref, l.Fence).Scan(&ok)
	if err != nil {
		return false, fmt.Errorf("check lease of %s: %w", l.Ref, err)
	}
	return ok, nil
}

// Finish ends a lease with a result: the source is due again at next, or at
// once if somebody wished for it in the meantime. With leave set the source
// leaves the queue instead, unless there was such a wish. It does nothing when
// the lease is somebody else's by now.
func (tx *Tx) Finish(ctx context.Context, l *Lease, now, next time.Time, fingerprint string, state []byte, leave bool) error {
	if leave {
		result, err := tx.ExecContext(ctx, `DELETE FROM catalog_source WHERE ref = $1 AND fence = $2 AND wish = $3`, l.Ref, l.Fence, l.Wish)
		if err != nil {
			return fmt.Errorf("finish %s: %w", l.Ref, err)
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
	}
	// After a wish in the meantime nothing may be remembered: not this round,
	// if the wish was for a fresh start, and not the one before, whose memory
	// does not know what this round has changed. NULLIF is a null of the
	// column's type on both engines.
	_, err := tx.ExecContext(ctx, `
		UPDATE catalog_source
		SET lease_owner = '', lease_until = 0, finished_at = $4, fingerprint = $5,
			due_at = CASE WHEN wish = $3 THEN $6 ELSE due_at END,
			cause = CASE WHEN wish = $3 THEN '' ELSE cause END,
			state = CASE WHEN wish = $3 THEN $7 ELSE NULLIF(state, state) END
		WHERE ref = $1 AND fence = $2`, l.Ref, l.Fence, l.Wish, micros(now), fingerprint, micros(next), state)
	if err != nil {
		return fmt.Errorf("finish %s: %w", l.Ref, err)
	}
	return nil
}

// Busy reports whether anything is due, in work or not, at the time now.
func (s *Store) Busy(ctx context.Context, now time.Time) (bool, error) {
	var busy bool
	if err := s.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM catalog_source WHERE due_at <= $1)`, micros(now)).Scan(&busy); err != nil {
		return false, fmt.Errorf("look for due sources: %w", err)
	}
	return busy, nil
}

// Sources returns the refs of the queue in order of position.
func (s *Store) Sources(ctx context.Context) ([]string, error) {
	var refs []string
	err := each(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var ref string
		if err := rows.Scan(&ref); err != nil {
			return fmt.Errorf("scan source: %w", err)
		}
		refs = append(refs, ref)
		return nil
	}, `SELECT ref FROM catalog_source ORDER BY position, ref`)
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	return refs, nil
}

// DueOthers makes all sources due that another fingerprint processed last, and
// puts the entities of providers and of the push API, which nobody reads
// again, into the queue. It does so once per fingerprint.
func (tx *Tx) DueOthers(ctx context.Context, fingerprint string) error {
	var last string
	err := each(ctx, tx, func(rows *sql.Rows) error { return rows.Scan(&last) },
		`SELECT value FROM catalog_setting WHERE name = 'fingerprint'`)
	if err != nil {
		return fmt.Errorf("read the last fingerprint: %w", err)
	}
	if last == fingerprint {
		return nil
	}
	for _, do := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO catalog_setting (name, value) VALUES ('fingerprint', $1)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, []any{fingerprint}},
		{`UPDATE catalog_source SET due_at = $1, wish = wish + 1 WHERE fingerprint <> $2 AND due_at > $1`, []any{int64(front), fingerprint}},
		{`INSERT INTO catalog_source (ref, due_at, position, wish, lease_owner, lease_until, fence, finished_at, fingerprint, cause)
			SELECT ref, 1, 0, 1, '', 0, 0, 0, '', '' FROM catalog_entity
			WHERE (parent >= 'provider:' AND parent < 'provider;') OR (parent >= 'push:' AND parent < 'push;')
			ON CONFLICT DO NOTHING`, nil},
	} {
		if _, err := tx.ExecContext(ctx, do.text, do.args...); err != nil {
			return fmt.Errorf("make everything due for new rules: %w", err)
		}
	}
	tx.due = true
	return nil
}

// SetRefreshKeys replaces the refresh keys of an entity.
func (tx *Tx) SetRefreshKeys(ctx context.Context, ref string, keys []string) error {
	var old []string
	err := each(ctx, tx, func(rows *sql.Rows) error {
		var k string
		if err := rows.Scan(&k); err != nil {
			return fmt.Errorf("scan refresh key: %w", err)
		}
		old = append(old, k)
		return nil
	}, `SELECT key FROM catalog_refresh_key WHERE ref = $1`, ref)
	if err != nil {
		return fmt.Errorf("read refresh keys of %s: %w", ref, err)
	}
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	slices.Sort(old)
	if slices.Equal(old, keys) {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM catalog_refresh_key WHERE ref = $1`, ref); err != nil {
		return fmt.Errorf("remove refresh keys of %s: %w", ref, err)
	}
	rows := make([][]any, len(keys))
	for i, k := range keys {
		rows[i] = []any{k, ref}
	}
	if _, err := db.InsertRows(ctx, tx.Tx, "catalog_refresh_key", []string{"key", "ref"}, rows, "ON CONFLICT DO NOTHING"); err != nil {
		return fmt.Errorf("set refresh keys of %s: %w", ref, err)
	}
	return nil
}

// RefsOfRefreshKeys returns the entities with one of the keys.
func (s *Store) RefsOfRefreshKeys(ctx context.Context, keys []string) ([]string, error) {
	seen := map[string]bool{}
	var refs []string
	err := inChunks(keys, func(part []string) error {
		return each(ctx, s.db.Read(), func(rows *sql.Rows) error {
			var ref string
			if err := rows.Scan(&ref); err != nil {
				return fmt.Errorf("scan ref: %w", err)
			}
			if !seen[ref] {
				seen[ref] = true
				refs = append(refs, ref)
			}
			return nil
		}, `SELECT DISTINCT ref FROM catalog_refresh_key WHERE key IN (`+db.Placeholders(1, len(part))+`) ORDER BY ref`, anys(part)...)
	})
	if err != nil {
		return nil, fmt.Errorf("read refresh keys: %w", err)
	}
	return refs, nil
}

// Join puts an entity into the queue for a later time, or changes its time
// and memory if it is there.
func (tx *Tx) Join(ctx context.Context, ref string, due time.Time, fingerprint string, state []byte) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO catalog_source (ref, due_at, position, wish, lease_owner, lease_until, fence, finished_at, fingerprint, cause, state)
		VALUES ($1, $2, 0, 0, '', 0, 0, 0, $3, '', $4)
		ON CONFLICT (ref) DO UPDATE SET due_at = excluded.due_at, wish = catalog_source.wish + 1,
			fingerprint = excluded.fingerprint, state = excluded.state`, ref, micros(due), fingerprint, state)
	if err != nil {
		return fmt.Errorf("put %s into the queue: %w", ref, err)
	}
	return nil
}

// Abandon gives a lease back without a result; the source is due as before.
func (s *Store) Abandon(ctx context.Context, l *Lease) error {
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE catalog_source SET lease_owner = '', lease_until = 0 WHERE ref = $1 AND fence = $2`, l.Ref, l.Fence)
		return err
	})
	if err != nil {
		return fmt.Errorf("abandon %s: %w", l.Ref, err)
	}
	return nil
}

// FileSources returns the sources in the queue that stand for local files.
func (s *Store) FileSources(ctx context.Context) ([]string, error) {
	var refs []string
	err := each(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var ref string
		if err := rows.Scan(&ref); err != nil {
			return fmt.Errorf("scan source: %w", err)
		}
		refs = append(refs, ref)
		return nil
	}, `SELECT s.ref FROM catalog_source s JOIN catalog_entity e ON e.ref = s.ref
		WHERE e.location_key >= 'file:' AND e.location_key < 'file;'
		ORDER BY s.position`)
	if err != nil {
		return nil, fmt.Errorf("read file sources: %w", err)
	}
	return refs, nil
}
