package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

// PutClaim stores a claim. An older one of the same parent and location key
// keeps its date; isNew tells whether there was none.
func (tx *Tx) PutClaim(ctx context.Context, c Claim) (isNew bool, err error) {
	var since int64
	err = tx.QueryRowContext(ctx, `
		INSERT INTO catalog_claim (ref, parent, location_key, since, source) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (ref, parent, location_key) DO UPDATE SET source = excluded.source
		RETURNING since`, c.Ref, c.Parent, c.LocationKey, micros(c.Since), c.Source).Scan(&since)
	if err != nil {
		return false, fmt.Errorf("store claim to %s: %w", c.Ref, err)
	}
	return since == micros(c.Since), nil
}

// DropClaim removes the claims of a parent to a ref.
func (tx *Tx) DropClaim(ctx context.Context, ref, parent string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM catalog_claim WHERE ref = $1 AND parent = $2`, ref, parent); err != nil {
		return fmt.Errorf("drop claim to %s: %w", ref, err)
	}
	return nil
}

// ClaimsTo returns the claims to the refs, the oldest first.
func (tx *Tx) ClaimsTo(ctx context.Context, refs []string) ([]Claim, error) {
	return claims(ctx, tx, "ref", refs)
}

// ClaimsBy returns the claims of the parent.
func (tx *Tx) ClaimsBy(ctx context.Context, parent string) ([]Claim, error) {
	return claims(ctx, tx, "parent", []string{parent})
}

// ClaimsTo returns the claims to the ref, the oldest first.
func (s *Store) ClaimsTo(ctx context.Context, ref string) ([]Claim, error) {
	return claims(ctx, s.db.Read(), "ref", []string{ref})
}

// ClaimsBy returns the claims of the parent that wait.
func (s *Store) ClaimsBy(ctx context.Context, parent string) ([]Claim, error) {
	return claims(ctx, s.db.Read(), "parent", []string{parent})
}

func claims(ctx context.Context, q db.Querier, column string, values []string) ([]Claim, error) {
	var found []Claim
	err := inChunks(values, func(part []string) error {
		return each(ctx, q, func(rows *sql.Rows) error {
			var c Claim
			var since int64
			if err := rows.Scan(&c.Ref, &c.Parent, &c.LocationKey, &since, &c.Source); err != nil {
				return fmt.Errorf("scan claim: %w", err)
			}
			c.Since = db.FromMicros(since)
			found = append(found, c)
			return nil
		}, `SELECT ref, parent, location_key, since, source FROM catalog_claim
			WHERE `+column+` IN (`+db.Placeholders(1, len(part))+`)
			ORDER BY ref, since, parent, location_key`, anys(part)...)
	})
	if err != nil {
		return nil, fmt.Errorf("read claims: %w", err)
	}
	return found, nil
}

// Traces says what there is of a source besides entities whose first parent
// it is. In most catalogs, for most sources, there is nothing.
type Traces struct {
	Claims, Refusals, Further, RefreshKeys bool
}

// Traces looks what there is of a source.
func (tx *Tx) Traces(ctx context.Context, source string) (Traces, error) {
	var t Traces
	err := tx.QueryRowContext(ctx, `
		SELECT
			EXISTS (SELECT 1 FROM catalog_claim WHERE parent = $1),
			EXISTS (SELECT 1 FROM catalog_refusal WHERE source = $1),
			EXISTS (SELECT 1 FROM catalog_parent WHERE parent = $1),
			EXISTS (SELECT 1 FROM catalog_refresh_key WHERE ref = $1)`, source).
		Scan(&t.Claims, &t.Refusals, &t.Further, &t.RefreshKeys)
	if err != nil {
		return Traces{}, fmt.Errorf("look for traces of %s: %w", source, err)
	}
	return t, nil
}

// SetRefusals replaces what was refused of a source. What was refused in the
// same words before keeps its date.
func (tx *Tx) SetRefusals(ctx context.Context, source string, refusals []Refusal, now time.Time) error {
	type id struct{ key, ref, code, message string }
	old := map[id]int64{}
	err := each(ctx, tx, func(rows *sql.Rows) error {
		var k id
		var since int64
		if err := rows.Scan(&k.key, &k.ref, &k.code, &k.message, &since); err != nil {
			return fmt.Errorf("scan refusal: %w", err)
		}
		old[k] = since
		return nil
	}, `SELECT location_key, ref, code, message, since FROM catalog_refusal WHERE source = $1`, source)
	if err != nil {
		return fmt.Errorf("read refusals of %s: %w", source, err)
	}
	if len(old) == 0 && len(refusals) == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM catalog_refusal WHERE source = $1`, source); err != nil {
		return fmt.Errorf("remove refusals of %s: %w", source, err)
	}
	rows := make([][]any, len(refusals))
	for i, r := range refusals {
		since, ok := old[id{r.LocationKey, r.Ref, r.Code, r.Message}]
		if !ok {
			since = micros(now)
		}
		rows[i] = []any{source, r.LocationKey, r.Line, r.Ref, r.Code, r.Message, since}
	}
	columns := []string{"source", "location_key", "line", "ref", "code", "message", "since"}
	if _, err := db.InsertRows(ctx, tx.Tx, "catalog_refusal", columns, rows, ""); err != nil {
		return fmt.Errorf("store refusals of %s: %w", source, err)
	}
	return nil
}

// Refusals returns what was refused for the ref, or of the source when ref is
// empty; of all sources when both are.
func (s *Store) Refusals(ctx context.Context, ref, source string) ([]Refusal, error) {
	var found []Refusal
	err := each(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var r Refusal
		var since int64
		if err := rows.Scan(&r.Source, &r.LocationKey, &r.Line, &r.Ref, &r.Code, &r.Message, &since); err != nil {
			return fmt.Errorf("scan refusal: %w", err)
		}
		r.Since = db.FromMicros(since)
		found = append(found, r)
		return nil
	}, `SELECT source, location_key, line, ref, code, message, since FROM catalog_refusal
		WHERE (ref = $1 OR $1 = '') AND (source = $2 OR $2 = '')
		ORDER BY source, location_key, line, message`, ref, source)
	if err != nil {
		return nil, fmt.Errorf("read refusals: %w", err)
	}
	return found, nil
}

// DropClaimOf removes one claim.
func (tx *Tx) DropClaimOf(ctx context.Context, c Claim) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM catalog_claim WHERE ref = $1 AND parent = $2 AND location_key = $3`, c.Ref, c.Parent, c.LocationKey)
	if err != nil {
		return fmt.Errorf("drop claim to %s: %w", c.Ref, err)
	}
	return nil
}
