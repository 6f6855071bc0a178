package db_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func TestWrite_CommitsOnNilAndRollsBackOnError(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		insert := func(name string, result error) error {
			return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				if _, err := tx.ExecContext(ctx, `INSERT INTO lease (name, owner, until, fence) VALUES ($1, $1, $2, $2)`, name, 7); err != nil {
					return err
				}
				return result
			})
		}
		if err := insert("kept", nil); err != nil {
			t.Fatal(err)
		}
		boom := errors.New("boom")
		if err := insert("lost", boom); !errors.Is(err, boom) {
			t.Fatalf("Write returned %v, want fn's error", err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, _ = tx.ExecContext(ctx, `INSERT INTO lease VALUES ('panicked', 'x', 1, 1)`)
				panic("bug")
			})
		}()
		var names string
		if err := d.Read().QueryRowContext(ctx, `SELECT string_agg(name, ',') FROM lease`).Scan(&names); err != nil {
			t.Fatal(err)
		}
		if names != "kept" {
			t.Errorf("rows after commit, error and panic: %q, want only kept", names)
		}
		if err := insert("kept", nil); !db.IsUniqueViolation(err) {
			t.Errorf("a repeated key gives %v, want a unique violation", err)
		}
	})
}
