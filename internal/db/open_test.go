package db_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

func TestOpen_MemoryWorksWithManyConnectionsAndLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx := context.Background()
	d, err := db.Open(ctx, db.Options{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	writing, read := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO lease VALUES ('x', 'x', 1, 1)`)
			close(writing)
			<-read
			return err
		})
	}()
	<-writing
	var n int
	if err := d.Read().QueryRowContext(ctx, `SELECT count(*) FROM lease`).Scan(&n); err != nil || n != 0 {
		t.Errorf("reading beside a writer: %d, %v, want 0 rows", n, err)
	}
	close(read)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) != 0 {
		t.Errorf("Close left %v", left)
	}
}

func TestOpen_SQLiteKeepsAFileWithAnyNameAndRefusesToWriteThroughRead(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "new folder", "odd?name#50%.db")
	for range 2 {
		d, err := db.Open(ctx, db.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Read().ExecContext(ctx, `INSERT INTO lease VALUES ('x', 'x', 1, 1)`); err == nil {
			t.Error("the reading pool writes")
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is elsewhere: %v", err)
	}
}

func TestOpen_PostgresCreatesTheDatabaseOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dsn := strings.Fields(dbtest.PostgresDSN(t))
	name := fmt.Sprintf("made_%d", time.Now().UnixNano())
	missing := strings.Join(dsn, " ") + " dbname=" + name
	if _, err := db.Open(ctx, db.Options{Driver: db.Postgres, DSN: missing}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a missing database gives %v, want code unavailable", err)
	}
	for range 2 {
		d, err := db.Open(ctx, db.Options{Driver: db.Postgres, DSN: missing, EnsureExists: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpen_DoesNotTellThePassword(t *testing.T) {
	t.Parallel()
	_, err := db.Open(context.Background(), db.Options{Driver: db.Postgres, DSN: "postgres://u:hunter2@h:notaport/x"})
	if !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v, want code invalid without the password", err)
	}
}

func TestWrite_RunsAgainAfterADeadlock(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	ctx := context.Background()
	if err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO lease VALUES ('a', 'x', 1, 0), ('b', 'x', 1, 0)`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	// Two transactions take the rows in opposite orders, each after the other
	// has its first: only on the first try.
	met := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	cross := func(i int, first, second string) error {
		tries := 0
		return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			tries++
			if _, err := tx.ExecContext(ctx, `UPDATE lease SET fence = fence + 1 WHERE name = $1`, first); err != nil {
				return err
			}
			if tries == 1 {
				close(met[i])
				<-met[1-i]
			}
			_, err := tx.ExecContext(ctx, `UPDATE lease SET fence = fence + 1 WHERE name = $1`, second)
			return err
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- cross(0, "a", "b") }()
	go func() { errs <- cross(1, "b", "a") }()
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	var sum int
	if err := d.Read().QueryRowContext(ctx, `SELECT sum(fence) FROM lease`).Scan(&sum); err != nil || sum != 4 {
		t.Errorf("sum %d, %v, want both transactions exactly once", sum, err)
	}
}

func TestView_SeesOneStateThroughout(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		count := func(q db.Querier) (n int) {
			if err := q.QueryRowContext(ctx, `SELECT count(*) FROM lease`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		err := d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			before := count(tx)
			if err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.ExecContext(ctx, `INSERT INTO lease VALUES ('x', 'x', 1, 1)`)
				return err
			}); err != nil {
				return err
			}
			if after := count(tx); after != before {
				t.Errorf("within one View: %d rows, then %d", before, after)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := count(d.Read()); n != 1 {
			t.Errorf("after the View: %d rows, want 1", n)
		}
	})
}

func TestInsertRows_InsertsAnyNumberAndUpdatesOnConflict(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		columns := []string{"name", "owner", "until", "fence"}
		insert := func(n int, owner string) {
			rows := make([][]any, n)
			for i := range rows {
				rows[i] = []any{fmt.Sprintf("n%05d", i), owner, i, i}
			}
			err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				changed, err := db.InsertRows(ctx, tx, "lease", columns, rows, "ON CONFLICT (name) DO UPDATE SET owner = excluded.owner")
				if changed != int64(n) {
					t.Errorf("%d rows changed, want %d", changed, n)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		insert(0, "")
		insert(1001, "first")
		insert(700, "second")
		var got []string
		rows, err := d.Read().QueryContext(ctx, `SELECT owner || ' ' || count(*) FROM lease GROUP BY owner ORDER BY owner`)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			got = append(got, s)
		}
		if diff := cmp.Diff([]string{"first 301", "second 700"}, got); diff != "" || rows.Err() != nil {
			t.Errorf("rows (-want +got), %v:\n%s", rows.Err(), diff)
		}
		err = d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := db.InsertRows(ctx, tx, "lease", columns, [][]any{{"short"}}, "")
			return err
		})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("a row with too few values gives %v, want code invalid", err)
		}
	})
}

func TestMicros_RoundTrips(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 7, 0, 0, 123456000, time.FixedZone("x", 3600))
	if got := db.FromMicros(db.Micros(at)); !got.Equal(at) || got.Location() != time.UTC {
		t.Errorf("got %v, want %v in UTC", got, at)
	}
	if db.Micros(time.Time{}) != 0 || !db.FromMicros(0).IsZero() {
		t.Error("the zero time is not 0")
	}
}

func BenchmarkInsertRows(b *testing.B) {
	ctx := context.Background()
	for name, d := range map[string]*db.DB{"sqlite": dbtest.SQLite(b), "postgres": dbtest.Postgres(b)} {
		b.Run(name, func(b *testing.B) {
			rows := make([][]any, 2048)
			for i := range rows {
				rows[i] = []any{fmt.Sprintf("n%05d", i), strings.Repeat("x", 500), i, i}
			}
			for b.Loop() {
				err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
					_, err := db.InsertRows(ctx, tx, "lease", []string{"name", "owner", "until", "fence"}, rows, "ON CONFLICT (name) DO UPDATE SET owner = excluded.owner")
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*2048/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
