package db_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func TestAlong_CommitsWithTheWriteOfAnother(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		insert := func(ref string) func(context.Context, *db.Tx) error {
			return func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.ExecContext(ctx, `INSERT INTO identity_user (ref, ownership, updated_at) VALUES ($1, '[]', 0)`, ref)
				return err
			}
		}
		count := func() (n int) {
			if err := d.Read().QueryRowContext(ctx, `SELECT count(*) FROM identity_user`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		riding, rode := d.Along(ctx, insert("user:default/rider"))
		broken := errors.New("broken")
		if err := d.Write(riding, func(context.Context, *db.Tx) error { return broken }); !errors.Is(err, broken) {
			t.Fatalf("got %v, want the function's error", err)
		}
		if count() != 0 || rode() {
			t.Fatal("the rider was written though the write failed")
		}
		for _, ref := range []string{"user:default/a", "user:default/b"} {
			if err := d.Write(riding, insert(ref)); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(); n != 3 || !rode() {
			t.Errorf("%d rows, want both writes and the rider once", n)
		}
		failing, rode := d.Along(ctx, func(context.Context, *db.Tx) error { return broken })
		if err := d.Write(failing, insert("user:default/c")); !errors.Is(err, broken) || rode() || count() != 3 {
			t.Errorf("a rider that fails must take the write with it: %v, %d rows", err, count())
		}
	})
}
