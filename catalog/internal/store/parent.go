package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/stagedoor/stagedoor/internal/db"
)

// Children returns what the parents emit, by parent, in the order of refs.
func (tx *Tx) Children(ctx context.Context, parents []string) (map[string][]Child, error) {
	return childrenOf(ctx, tx, parents)
}

// FirstChildren returns, in the order of refs, the entities of which the parent
// is the first one.
func (tx *Tx) FirstChildren(ctx context.Context, parent string) ([]Child, error) {
	found, err := childrenFrom(ctx, tx, []string{parent}, true)
	return found[parent], err
}

// Children returns what the parent emits, in the order of refs.
func (s *Store) Children(ctx context.Context, parent string) ([]Child, error) {
	all, err := childrenOf(ctx, s.db.Read(), []string{parent})
	return all[parent], err
}

func childrenOf(ctx context.Context, q db.Querier, parents []string) (map[string][]Child, error) {
	return childrenFrom(ctx, q, parents, false)
}

func childrenFrom(ctx context.Context, q db.Querier, parents []string, firstOnly bool) (map[string][]Child, error) {
	found := map[string][]Child{}
	for _, from := range []struct {
		primary bool
		text    string
	}{
		{true, `SELECT parent, ref, location_key, input_hash, flags FROM catalog_entity WHERE parent IN (%s) ORDER BY parent, ref`},
		{false, `SELECT p.parent, e.ref, e.location_key, e.input_hash, e.flags FROM catalog_parent p JOIN catalog_entity e ON e.ref = p.child WHERE p.parent IN (%s) ORDER BY p.parent, e.ref`},
	} {
		if firstOnly && !from.primary {
			continue
		}
		err := inChunks(parents, func(part []string) error {
			return each(ctx, q, func(rows *sql.Rows) error {
				c := Child{Primary: from.primary}
				var parent string
				if err := rows.Scan(&parent, &c.Ref, &c.LocationKey, &c.InputHash, &c.Flags); err != nil {
					return fmt.Errorf("scan child: %w", err)
				}
				found[parent] = append(found[parent], c)
				return nil
			}, fmt.Sprintf(from.text, db.Placeholders(1, len(part))), anys(part)...)
		})
		if err != nil {
			return nil, fmt.Errorf("read children: %w", err)
		}
	}
	return found, nil
}

// AddParent gives an entity a further parent, if it has not got it yet, and
// reports whether it was new. The caller sets [More].
func (tx *Tx) AddParent(ctx context.Context, child, parent string) (bool, error) {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO catalog_parent (child, parent) VALUES ($1, $2)
		ON CONFLICT DO NOTHING`, child, parent)
	if err != nil {
		return false, fmt.Errorf("add parent of %s: %w", child, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("add parent of %s: %w", child, err)
	}
	return n > 0, nil
}

// MoreParents returns the further parents of an entity, in order.
func (tx *Tx) MoreParents(ctx context.Context, child string) ([]string, error) {
	var parents []string
	err := each(ctx, tx, func(rows *sql.Rows) error {
		var p string
		if err := rows.Scan(&p); err != nil {
			return fmt.Errorf("scan parent: %w", err)
		}
		parents = append(parents, p)
		return nil
	}, `SELECT parent FROM catalog_parent WHERE child = $1 ORDER BY parent`, child)
	if err != nil {
		return nil, fmt.Errorf("read parents of %s: %w", child, err)
	}
	return parents, nil
}

// RemoveParent takes a further parent away and stores flags and parent of the
// head.
func (tx *Tx) RemoveParent(ctx context.Context, h *Head, parent string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM catalog_parent WHERE child = $1 AND parent = $2`, h.Ref, parent); err != nil {
		return fmt.Errorf("remove parent of %s: %w", h.Ref, err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE catalog_entity SET parent = $2, flags = $3 WHERE ref = $1`, h.Ref, h.Parent, int64(h.Flags)); err != nil {
		return fmt.Errorf("store parent of %s: %w", h.Ref, err)
	}
	return nil
}

// ParentsLike returns the different parents that begin with the prefix, such
// as provider:.
func (s *Store) ParentsLike(ctx context.Context, prefix string) ([]string, error) {
	var parents []string
	err := each(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var p string
		if err := rows.Scan(&p); err != nil {
			return fmt.Errorf("scan parent: %w", err)
		}
		parents = append(parents, p)
		return nil
	}, `SELECT DISTINCT parent FROM catalog_entity WHERE parent >= $1 AND parent < $2
		UNION SELECT DISTINCT parent FROM catalog_parent WHERE parent >= $1 AND parent < $2
		UNION SELECT DISTINCT parent FROM catalog_claim WHERE parent >= $1 AND parent < $2
		ORDER BY 1`, prefix, prefix+"\U0010FFFF")
	if err != nil {
		return nil, fmt.Errorf("read parents %s…: %w", prefix, err)
	}
	return parents, nil
}

// SourcesOfKeys returns the parents of the entities with one of the location
// keys, and the entities themselves that are due on their own.
func (s *Store) SourcesOfKeys(ctx context.Context, keys []string) ([]string, error) {
	seen := map[string]bool{}
	var refs []string
	err := inChunks(keys, func(part []string) error {
		return each(ctx, s.db.Read(), func(rows *sql.Rows) error {
			var p string
			if err := rows.Scan(&p); err != nil {
				return fmt.Errorf("scan parent: %w", err)
			}
			if p != "" && !seen[p] {
				seen[p] = true
				refs = append(refs, p)
			}
			return nil
		}, `SELECT DISTINCT parent FROM catalog_entity WHERE location_key IN (`+db.Placeholders(1, len(part))+`)
			UNION SELECT DISTINCT source FROM catalog_refusal WHERE location_key IN (`+db.Placeholders(1, len(part))+`)
			UNION SELECT DISTINCT parent FROM catalog_claim WHERE location_key IN (`+db.Placeholders(1, len(part))+`)`, anys(part)...)
	})
	if err != nil {
		return nil, fmt.Errorf("read sources of location keys: %w", err)
	}
	return refs, nil
}
