package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Log numbers the changes and appends them to the change log.
func (tx *Tx) Log(ctx context.Context, changes []Change) error {
	rows := make([][]any, len(changes))
	for i := range changes {
		c := &changes[i]
		tx.last++
		c.Seq = tx.last
		if c.Op == OpDelete {
			tx.deleted++
		}
		rows[i] = []any{c.Seq, c.Ref, c.Version, string(c.Op), micros(c.At), c.UID, c.Cause, nullable(c.Previous)}
	}
	columns := []string{"seq", "ref", "version", "op", "at", "uid", "cause", "previous"}
	if _, err := db.InsertRows(ctx, tx.Tx, "catalog_change", columns, rows, ""); err != nil {
		return fmt.Errorf("append to the change log: %w", err)
	}
	return nil
}

// LastVersions returns the last version numbers of refs that were there before
// and are not now: nothing has them while nothing was ever deleted. Of other
// refs it may return them or not.
func (tx *Tx) LastVersions(ctx context.Context, refs []string) (map[string]int64, error) {
	versions := map[string]int64{}
	if tx.deletes+tx.deleted == 0 {
		return versions, nil
	}
	err := inChunks(refs, func(part []string) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var ref string
			var version int64
			if err := rows.Scan(&ref, &version); err != nil {
				return fmt.Errorf("scan version: %w", err)
			}
			versions[ref] = version
			return nil
		}, `SELECT ref, MAX(version) FROM catalog_change WHERE ref IN (`+db.Placeholders(1, len(part))+`) GROUP BY ref`, anys(part)...)
	})
	if err != nil {
		return nil, fmt.Errorf("read last versions: %w", err)
	}
	return versions, nil
}

// LastSeq returns the number of the last change.
func (s *Store) LastSeq(ctx context.Context) (int64, error) { return s.counter(ctx, "change") }

// Trimmed returns the number up to which the change log may have gaps. Who
// follows it from before must read everything.
func (s *Store) Trimmed(ctx context.Context) (int64, error) { return s.counter(ctx, "trimmed") }

func (s *Store) counter(ctx context.Context, name string) (int64, error) {
	var n int64
	if err := s.db.Read().QueryRowContext(ctx, `SELECT value FROM catalog_counter WHERE name = $1`, name).Scan(&n); err != nil {
		return 0, fmt.Errorf("read counter %s: %w", name, err)
	}
	return n, nil
}

// Changed returns the last change of every ref that changed after the number,
// in order, at most limit changes of the log, and the number it got to.
func (s *Store) Changed(ctx context.Context, after int64, limit int) (changes []Change, upTo int64, err error) {
	upTo = after
	last := map[string]int{}
	err = each(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var c Change
		if err := rows.Scan(&c.Seq, &c.Ref); err != nil {
			return fmt.Errorf("scan change: %w", err)
		}
		upTo = c.Seq
		if i, ok := last[c.Ref]; ok {
			changes[i].Ref = "" // the later change counts
		}
		last[c.Ref] = len(changes)
		changes = append(changes, c)
		return nil
	}, `SELECT seq, ref FROM catalog_change WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limit)
	if err != nil {
		return nil, after, fmt.Errorf("follow the change log: %w", err)
	}
	kept := changes[:0]
	for _, c := range changes {
		if c.Ref != "" {
			kept = append(kept, c)
		}
	}
	return kept, upTo, nil
}

// History returns the versions of the ref before a version number, the newest
// first, without content. before 0 means all.
func (s *Store) History(ctx context.Context, ref string, before int64, limit int) ([]Change, error) {
	if before <= 0 {
		before = 1 << 62
	}
	var found []Change
	err := each(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var c Change
		var at int64
		if err := rows.Scan(&c.Seq, &c.Ref, &c.Version, &c.Op, &at, &c.UID, &c.Cause); err != nil {
			return fmt.Errorf("scan change: %w", err)
		}
		c.At = db.FromMicros(at)
		found = append(found, c)
		return nil
	}, `SELECT seq, ref, version, op, at, uid, cause FROM catalog_change
		WHERE ref = $1 AND version < $2 AND op <> 'touch'
		ORDER BY version DESC, seq DESC LIMIT $3`, ref, before, limit)
	if err != nil {
		return nil, fmt.Errorf("read history of %s: %w", ref, err)
	}
	return found, nil
}

// Version returns one version with its content in Previous, which for a
// deletion is empty. It returns an error with code not_found when there is no
// such version, or its content was trimmed.
func (s *Store) Version(ctx context.Context, ref string, version int64) (Change, error) {
	var c Change
	err := s.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		c = Change{}
		var at int64
		err := tx.QueryRowContext(ctx, `
			SELECT seq, ref, version, op, at, uid, cause FROM catalog_change
			WHERE ref = $1 AND version = $2 AND op <> 'touch'
			ORDER BY seq DESC LIMIT 1`, ref, version).Scan(&c.Seq, &c.Ref, &c.Version, &c.Op, &at, &c.UID, &c.Cause)
		if err != nil {
			return err
		}
		c.At = db.FromMicros(at)
		if c.Op == OpDelete {
			return nil
		}
		// A version's content stands with the one that replaced it, and the
		// current one's in the entity.
		var body sql.NullString
		err = tx.QueryRowContext(ctx, `
			SELECT previous FROM catalog_change
			WHERE ref = $1 AND version > $2 AND op <> 'touch'
			ORDER BY version, seq LIMIT 1`, ref, version).Scan(&body)
		if errors.Is(err, sql.ErrNoRows) {
			err = tx.QueryRowContext(ctx, `SELECT body FROM catalog_entity WHERE ref = $1 AND version = $2`, ref, version).Scan(&body)
		}
		c.Previous = body.String
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Change{}, fault.Newf(fault.NotFound, "there is no version %d of %s", version, ref)
	}
	if err != nil {
		return Change{}, fmt.Errorf("read version %d of %s: %w", version, ref, err)
	}
	return c, nil
}

// Retention says how much of the history stays. Zero fields mean no limit.
type Retention struct {
	Versions int           // per entity
	Age      time.Duration // of versions that were replaced
	Touches  time.Duration // of changes that are no versions
}

// Trim removes what the retention does not keep and returns how many changes
// went. The newest version of an entity always stays.
func (tx *Tx) Trim(ctx context.Context, keep Retention, now time.Time) (int64, error) {
	var total int64
	run := func(text string, args ...any) error {
		result, err := tx.ExecContext(ctx, text, args...)
		if err != nil {
			return fmt.Errorf("trim the change log: %w", err)
		}
		n, err := result.RowsAffected()
		total += n
		return err
	}
	if keep.Touches > 0 {
		if err := run(`DELETE FROM catalog_change WHERE op = 'touch' AND at < $1`, micros(now.Add(-keep.Touches))); err != nil {
			return 0, err
		}
	}
	if keep.Age > 0 {
		err := run(`DELETE FROM catalog_change WHERE op <> 'touch' AND at < $1
			AND EXISTS (SELECT 1 FROM catalog_change newer WHERE newer.ref = catalog_change.ref AND newer.version > catalog_change.version)`,
			micros(now.Add(-keep.Age)))
		if err != nil {
			return 0, err
		}
	}
	if keep.Versions > 0 {
		err := run(`DELETE FROM catalog_change WHERE op <> 'touch' AND version <= (
				SELECT MAX(newer.version) - $1 FROM catalog_change newer WHERE newer.ref = catalog_change.ref)`, keep.Versions)
		if err != nil {
			return 0, err
		}
	}
	if total == 0 {
		return 0, nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE catalog_counter SET value = $1 WHERE name = 'trimmed'`, tx.base); err != nil {
		return 0, fmt.Errorf("trim the change log: %w", err)
	}
	return total, nil
}

// Recause replaces a cause in the changes from a number on: the commit of a
// large source is known only after its first entities were stored.
func (tx *Tx) Recause(ctx context.Context, from int64, old, cause string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE catalog_change SET cause = $3 WHERE seq >= $1 AND cause = $2`, from, old, cause); err != nil {
		return fmt.Errorf("name the cause of changes: %w", err)
	}
	return nil
}
