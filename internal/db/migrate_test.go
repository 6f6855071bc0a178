package db_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func TestMigrate_SeveralReplicasAtOnceApplyEachMigrationOnce(t *testing.T) {
	t.Parallel()
	dsn := dbtest.EmptyPostgresDSN(t)
	ctx := context.Background()
	var mu sync.Mutex
	applied := map[string]int{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			d, err := db.Open(ctx, db.Options{Driver: db.Postgres, DSN: dsn})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = d.Close() }()
			names, err := d.Migrate(ctx)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, name := range names {
				applied[name]++
			}
		})
	}
	wg.Wait()
	if len(applied) == 0 {
		t.Error("nothing was applied")
	}
	for name, n := range applied {
		if n != 1 {
			t.Errorf("%s was applied %d times", name, n)
		}
	}
}

func TestMigrate_AppliesOnceAndReportsTheState(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		names, err := d.Migrate(ctx)
		if err != nil || len(names) != 0 {
			t.Fatalf("Migrate on a migrated database applied %v, %v", names, err)
		}
		states, err := d.MigrationStatus(ctx)
		if err != nil || len(states) == 0 {
			t.Fatalf("MigrationStatus = %v, %v", states, err)
		}
		for _, s := range states {
			if s.Applied.IsZero() {
				t.Errorf("%s is reported as not applied", s.Name)
			}
		}
	})
}

func TestMigrateFrom_TakesTheFileOfTheEngineAndCountsForItself(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"00001_own_table.sql":           {Data: []byte("-- +goose Up\nCREATE TABLE own (engine text);")},
		"00002_own_engine.sqlite.sql":   {Data: []byte("-- +goose Up\nINSERT INTO own VALUES ('sqlite');")},
		"00002_own_engine.postgres.sql": {Data: []byte("-- +goose Up\nINSERT INTO own SELECT 'postgres'::text;")},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		names, err := d.MigrateFrom(ctx, "thirdparty", files)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"00001_own_table.sql", "00002_own_engine." + string(d.Dialect()) + ".sql"}, names); diff != "" {
			t.Errorf("applied (-want +got):\n%s", diff)
		}
		var engine string
		if err := d.Read().QueryRowContext(ctx, `SELECT engine FROM own`).Scan(&engine); err != nil || engine != string(d.Dialect()) {
			t.Errorf("the engine's own file wrote %q, %v", engine, err)
		}
	})
}

func TestMigrations_HaveNamesThatSayWhoseTheyAreAndTwinsForBothEngines(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`^\d{5}_[a-z]+(_[a-z0-9]+)*(\.sqlite|\.postgres)?\.sql$`)
	numbers := map[string]string{}
	for _, file := range files {
		name := filepath.Base(file)
		if !form.MatchString(name) {
			t.Errorf("%s is not named NNNNN_<capability>_<what>[.sqlite|.postgres].sql", name)
		}
		stem := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, ".sql"), ".sqlite"), ".postgres")
		if other, taken := numbers[name[:5]]; taken && other != stem {
			t.Errorf("%s and %s have the same number", other, stem)
		}
		numbers[name[:5]] = stem
		for from, to := range map[string]string{".sqlite.sql": ".postgres.sql", ".postgres.sql": ".sqlite.sql"} {
			if base, ok := strings.CutSuffix(file, from); ok {
				if _, err := os.Stat(base + to); err != nil {
					t.Errorf("%s has no twin for the other engine", name)
				}
			}
		}
	}
}
