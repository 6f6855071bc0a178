package dbtest_test

import (
	"context"
	"os"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func TestEach_GivesEverySubtestADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for range 2 {
		dbtest.Each(t, func(t *testing.T, d *db.DB) {
			err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.ExecContext(ctx, `INSERT INTO lease VALUES ('mine', 'x', 1, 1)`)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	d := dbtest.SQLite(t)
	if d.Dialect() != db.SQLite {
		t.Errorf("SQLite gives %s", d.Dialect())
	}
}

// Run with STAGEDOOR_TEST_HANG=1 and kill the process to see the watchdog work.
func TestWatchdog_Hang(t *testing.T) {
	if os.Getenv("STAGEDOOR_TEST_HANG") != "1" {
		t.Skip("only by hand")
	}
	dbtest.Postgres(t)
	println("hanging")
	select {}
}
