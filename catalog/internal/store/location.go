package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

const locationColumns = `id, type, target, entity_ref, created_by, created_at`

// AddLocation stores a registered location. It returns an error with code
// conflict if type and target are registered already.
func (tx *Tx) AddLocation(ctx context.Context, l Location) error {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO catalog_location (id, type, target, entity_ref, created_by, created_at, position)
		VALUES ($1, $2, $3, $4, $5, $6, (SELECT COALESCE(MAX(position), 0) + 1 FROM catalog_location))
		ON CONFLICT DO NOTHING`, l.ID, l.Type, l.Target, l.EntityRef, l.CreatedBy, micros(l.CreatedAt))
	return taken(result, err, l)
}

// SetLocation changes type and target of a registered location. It returns an
// error with code conflict if they are another one's.
func (tx *Tx) SetLocation(ctx context.Context, l Location) error {
	result, err := tx.ExecContext(ctx, `
		UPDATE catalog_location SET type = $2, target = $3
		WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM catalog_location WHERE type = $2 AND target = $3 AND id <> $1)`, l.ID, l.Type, l.Target)
	return taken(result, err, l)
}

func taken(result sql.Result, err error, l Location) error {
	if err != nil {
		return fmt.Errorf("store location %s:%s: %w", l.Type, l.Target, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("store location %s:%s: %w", l.Type, l.Target, err)
	}
	if n == 0 {
		return fault.Newf(fault.Conflict, "Location %s:%s already exists", l.Type, l.Target)
	}
	return nil
}

// DeleteLocation removes a registered location.
func (tx *Tx) DeleteLocation(ctx context.Context, id string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM catalog_location WHERE id = $1`, id); err != nil {
		return fmt.Errorf("delete location %s: %w", id, err)
	}
	return nil
}

// Location returns a registered location, or an error with code not_found.
func (tx *Tx) Location(ctx context.Context, id string) (Location, error) {
	return oneLocation(ctx, tx, id)
}

// Location returns a registered location, or an error with code not_found.
func (s *Store) Location(ctx context.Context, id string) (Location, error) {
	return oneLocation(ctx, s.db.Read(), id)
}

func oneLocation(ctx context.Context, q db.Querier, id string) (Location, error) {
	found, err := locations(ctx, q, `SELECT `+locationColumns+` FROM catalog_location WHERE id = $1`, id)
	if err != nil {
		return Location{}, err
	}
	if len(found) == 0 {
		return Location{}, fault.Newf(fault.NotFound, "Found no location with ID %s", id)
	}
	return found[0], nil
}

// LocationAt returns the registered location of the type and target; ok is
// false when there is none.
func (s *Store) LocationAt(ctx context.Context, kind, target string) (l Location, ok bool, err error) {
	found, err := locations(ctx, s.db.Read(), `SELECT `+locationColumns+` FROM catalog_location WHERE type = $1 AND target = $2`, kind, target)
	if err != nil || len(found) == 0 {
		return Location{}, false, err
	}
	return found[0], true, nil
}

// Locations returns all registered locations in the order of registration.
func (s *Store) Locations(ctx context.Context) ([]Location, error) {
	return locations(ctx, s.db.Read(), `SELECT `+locationColumns+` FROM catalog_location ORDER BY position`)
}

func locations(ctx context.Context, q db.Querier, query string, args ...any) ([]Location, error) {
	var found []Location
	err := each(ctx, q, func(rows *sql.Rows) error {
		var l Location
		var at int64
		if err := rows.Scan(&l.ID, &l.Type, &l.Target, &l.EntityRef, &l.CreatedBy, &at); err != nil {
			return fmt.Errorf("scan location: %w", err)
		}
		l.CreatedAt = db.FromMicros(at)
		found = append(found, l)
		return nil
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read locations: %w", err)
	}
	return found, nil
}
