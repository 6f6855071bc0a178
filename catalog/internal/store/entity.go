package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

const headColumns = `ref, uid, version, flags, parent, location_key, input_hash, output_hash, problem_since, updated_at, problems`

func (h *Head) scan(rows *sql.Rows, more ...any) error {
	var since, updated int64
	dest := append([]any{&h.Ref, &h.UID, &h.Version, &h.Flags, &h.Parent, &h.LocationKey, &h.InputHash, &h.OutputHash, &since, &updated, &h.Problems}, more...)
	if err := rows.Scan(dest...); err != nil {
		return fmt.Errorf("scan entity: %w", err)
	}
	h.ProblemSince, h.UpdatedAt = db.FromMicros(since), db.FromMicros(updated)
	return nil
}

// each runs a query and calls scan for every row.
func each(ctx context.Context, q db.Querier, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err //nolint:wrapcheck // callers say what they were reading
	}
	defer func() { _ = rows.Close() }() // rows.Err tells what matters
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err() //nolint:wrapcheck // callers say what they were reading
}

// Heads returns the heads of the refs that there are.
func (tx *Tx) Heads(ctx context.Context, refs []string) (map[string]*Head, error) {
	heads := make(map[string]*Head, len(refs))
	err := inChunks(refs, func(part []string) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			h := &Head{}
			if err := h.scan(rows); err != nil {
				return err
			}
			heads[h.Ref] = h
			return nil
		}, `SELECT `+headColumns+` FROM catalog_entity WHERE ref IN (`+db.Placeholders(1, len(part))+`)`, anys(part)...)
	})
	if err != nil {
		return nil, fmt.Errorf("read heads of entities: %w", err)
	}
	return heads, nil
}

// Rows returns the whole rows of the refs that there are, with all parents.
func (tx *Tx) Rows(ctx context.Context, refs []string) (map[string]*Row, error) {
	return rowsOf(ctx, tx, refs)
}

func rowsOf(ctx context.Context, q db.Querier, refs []string) (map[string]*Row, error) {
	found := make(map[string]*Row, len(refs))
	err := inChunks(refs, func(part []string) error {
		more := false
		err := each(ctx, q, func(rows *sql.Rows) error {
			r := &Row{}
			if err := r.scan(rows); err != nil {
				return err
			}
			found[r.Ref] = r
			more = more || r.Flags.Has(More)
			return nil
		}, `SELECT `+headColumns+`, relations, body, source FROM catalog_entity WHERE ref IN (`+db.Placeholders(1, len(part))+`)`, anys(part)...)
		if err != nil || !more {
			return err
		}
		return each(ctx, q, func(rows *sql.Rows) error {
			var child, parent string
			if err := rows.Scan(&child, &parent); err != nil {
				return fmt.Errorf("scan parent: %w", err)
			}
			if r := found[child]; r != nil {
				r.Parents = append(r.Parents, parent)
			}
			return nil
		}, `SELECT child, parent FROM catalog_parent WHERE child IN (`+db.Placeholders(1, len(part))+`) ORDER BY child, parent`, anys(part)...)
	})
	if err != nil {
		return nil, fmt.Errorf("read entities: %w", err)
	}
	return found, nil
}

func (r *Row) scan(rows *sql.Rows) error {
	var body, source sql.NullString
	if err := r.Head.scan(rows, &r.Relations, &body, &source); err != nil {
		return err
	}
	r.Body, r.Source = body.String, source.String
	if r.Parent != "" {
		r.Parents = []string{r.Parent}
	}
	return nil
}

// Entity returns the row of the ref, or an error with code not_found.
func (s *Store) Entity(ctx context.Context, ref string) (*Row, error) {
	found, err := rowsOf(ctx, s.db.Read(), []string{ref})
	if err != nil {
		return nil, err
	}
	if r := found[ref]; r != nil {
		return r, nil
	}
	return nil, fault.Newf(fault.NotFound, "there is no entity %s", ref)
}

// Entities returns the rows of the refs that there are.
func (s *Store) Entities(ctx context.Context, refs []string) (map[string]*Row, error) {
	return rowsOf(ctx, s.db.Read(), refs)
}

// RefOfUID returns the ref of the entity with the uid, or an error with code
// not_found. It reads the whole table: the read model is the place to look
// first.
func (s *Store) RefOfUID(ctx context.Context, uid string) (string, error) {
	var ref string
	err := s.db.Read().QueryRowContext(ctx, `SELECT ref FROM catalog_entity WHERE uid = $1`, uid).Scan(&ref)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fault.Newf(fault.NotFound, "there is no entity with the uid %s", uid)
	}
	if err != nil {
		return "", fmt.Errorf("read entity by uid: %w", err)
	}
	return ref, nil
}

var entityColumns = []string{
	"ref", "uid", "version", "flags", "parent", "location_key", "input_hash", "output_hash",
	"problem_since", "updated_at", "problems", "relations", "body", "source",
}

var entityUpsert = upsert("ref", entityColumns)

func upsert(key string, columns []string) string {
	var b strings.Builder
	b.WriteString("ON CONFLICT (" + key + ") DO UPDATE SET ")
	first := true
	for _, c := range columns {
		if strings.Contains(key, c) {
			continue
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		b.WriteString(c + " = excluded." + c)
	}
	return b.String()
}

// Put inserts or replaces entity rows. A ref may occur once. Further parents
// are not touched.
func (tx *Tx) Put(ctx context.Context, rows []*Row) error {
	values := make([][]any, len(rows))
	for i, r := range rows {
		values[i] = []any{
			r.Ref, r.UID, r.Version, int64(r.Flags), r.Parent, r.LocationKey, r.InputHash, r.OutputHash,
			micros(r.ProblemSince), micros(r.UpdatedAt), r.Problems, r.Relations, nullable(r.Body), nullable(r.Source),
		}
	}
	if _, err := db.InsertRows(ctx, tx.Tx, "catalog_entity", entityColumns, values, entityUpsert); err != nil {
		return fmt.Errorf("put entities: %w", err)
	}
	return nil
}

// SetInput stores, for an entity whose output stays, what came in.
func (tx *Tx) SetInput(ctx context.Context, h *Head) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE catalog_entity SET flags = $2, parent = $3, location_key = $4, input_hash = $5
		WHERE ref = $1`, h.Ref, int64(h.Flags), h.Parent, h.LocationKey, h.InputHash)
	if err != nil {
		return fmt.Errorf("set input of %s: %w", h.Ref, err)
	}
	return nil
}

// Delete removes entities with everything that hangs on them: the queue,
// refresh keys, refusals, further parents, and claims by and to them. Their
// children stay.
func (tx *Tx) Delete(ctx context.Context, refs []string) error {
	err := inChunks(refs, func(part []string) error {
		in := ` IN (` + db.Placeholders(1, len(part)) + `)`
		for _, where := range []string{
			`catalog_entity WHERE ref`, `catalog_source WHERE ref`, `catalog_refresh_key WHERE ref`,
			`catalog_refusal WHERE source`, `catalog_parent WHERE child`, `catalog_claim WHERE parent`, `catalog_claim WHERE ref`,
		} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+where+in, anys(part)...); err != nil {
				return fmt.Errorf("from %s: %w", where, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete entities: %w", err)
	}
	return nil
}

// Records calls yield for every valid entity, in no order, until it returns
// false. Rows share nothing and are the callee's.
func (s *Store) Records(ctx context.Context, yield func(Row) bool) error {
	more := map[string][]string{}
	read := s.db.Read()
	err := each(ctx, read, func(rows *sql.Rows) error {
		var child, parent string
		if err := rows.Scan(&child, &parent); err != nil {
			return fmt.Errorf("scan parent: %w", err)
		}
		more[child] = append(more[child], parent)
		return nil
	}, `SELECT child, parent FROM catalog_parent ORDER BY child, parent`)
	if err != nil {
		return fmt.Errorf("read parents: %w", err)
	}
	rows, err := read.QueryContext(ctx, `
		SELECT ref, uid, version, flags, parent, location_key, problems, relations, body
		FROM catalog_entity
		WHERE version > 0`)
	if err != nil {
		return fmt.Errorf("read entities: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells what matters
	var r Row
	dest := []any{&r.Ref, &r.UID, &r.Version, &r.Flags, &r.Parent, &r.LocationKey, &r.Problems, &r.Relations, &r.Body}
	parents := map[string][]string{}
	for rows.Next() {
		r.Parents = nil
		if err := rows.Scan(dest...); err != nil {
			return fmt.Errorf("scan entity: %w", err)
		}
		if r.Parent != "" {
			list, ok := parents[r.Parent]
			if !ok { // most entities share their parent with many
				list = []string{r.Parent}
				parents[r.Parent] = list
			}
			r.Parents, r.Parent = list, list[0]
		}
		if r.Flags.Has(More) {
			r.Parents = append(append([]string(nil), r.Parents...), more[r.Ref]...)
		}
		if !yield(r) {
			return nil
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read entities: %w", err)
	}
	return nil
}

// Problematic returns entities that have problems (failed), or that were never
// processed (pending), in the order of refs, without bodies of other rows.
func (s *Store) Problematic(ctx context.Context, failed bool) ([]*Row, error) {
	where := `problem_since > 0`
	if !failed {
		where = `version = 0 AND problem_since = 0`
	}
	var found []*Row
	err := each(ctx, s.db.Read(), func(rows *sql.Rows) error {
		r := &Row{}
		if err := r.scan(rows); err != nil {
			return err
		}
		found = append(found, r)
		return nil
	}, `SELECT `+headColumns+`, relations, body, source FROM catalog_entity WHERE `+where+` ORDER BY ref`)
	if err != nil {
		return nil, fmt.Errorf("read unprocessed entities: %w", err)
	}
	return found, nil
}

// Counts are figures for operators.
type Counts struct {
	Entities int64 // valid or not
	Failed   int64 // with problems
	Sources  int64 // in the queue, due or not
	Due      int64 // in the queue and due
	Leased   int64 // being processed
	Claims   int64
	Refused  int64
	LastSeq  int64
}

// Counts counts, at the time now.
func (s *Store) Counts(ctx context.Context, now time.Time) (Counts, error) {
	var c Counts
	err := s.db.Read().QueryRowContext(ctx, `
		SELECT
			(SELECT COUNT(*) FROM catalog_entity),
			(SELECT COUNT(*) FROM catalog_entity WHERE problem_since > 0),
			(SELECT COUNT(*) FROM catalog_source),
			(SELECT COUNT(*) FROM catalog_source WHERE due_at <= $1),
			(SELECT COUNT(*) FROM catalog_source WHERE lease_until > $1),
			(SELECT COUNT(*) FROM catalog_claim),
			(SELECT COUNT(*) FROM catalog_refusal),
			(SELECT value FROM catalog_counter WHERE name = 'change')`, micros(now)).
		Scan(&c.Entities, &c.Failed, &c.Sources, &c.Due, &c.Leased, &c.Claims, &c.Refused, &c.LastSeq)
	if err != nil {
		return Counts{}, fmt.Errorf("count: %w", err)
	}
	return c, nil
}
