package ingest_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// The names of what the killed process is told.
const (
	crashDB   = "STAGEDOOR_TEST_CRASH_DB"
	crashFile = "STAGEDOOR_TEST_CRASH_FILE"
)

// teller is a read model that tells on standard output how far it is, so that
// the parent can choose its moment.
type teller struct {
	*shadow
	n int
}

func (s *teller) LoadAt(seq int64, each func(yield func(index.Record) bool) error) error {
	err := s.shadow.LoadAt(seq, each)
	s.n = len(s.refs())
	fmt.Println(s.n)
	return err
}

func (s *teller) Apply(updates []index.Update) {
	s.shadow.Apply(updates)
	s.n += len(updates)
	fmt.Println(s.n)
}

// TestCrash_Child is the process that is killed; it does nothing otherwise.
func TestCrash_Child(t *testing.T) {
	path := os.Getenv(crashDB)
	if path == "" {
		t.Skip("runs only as a part of TestCrash_NothingIsLostOrDoubled")
	}
	d, err := db.Open(context.Background(), db.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, d, tellTo(newShadow()))
	h.config(os.Getenv(crashFile))
	h.settle()
	h.stop()
	fmt.Println("done")
}

func TestCrash_NothingIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	n := 10_000
	if testing.Short() {
		n = 2_000
	}
	all := generate(t, t.TempDir(), n, 50)
	path := filepath.Join(t.TempDir(), "crash.sqlite")
	d, err := db.Open(context.Background(), db.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	const kills = 6
	for i := range kills {
		// Each life ends somewhere behind the one before.
		at := (i*n + rand.IntN(n)) / kills
		if killed := crashRun(t, path, all, at); !killed {
			t.Logf("life %d ended by itself before %d entities", i, at)
		}
	}
	crashRun(t, path, all, -1)

	d, err = db.Open(context.Background(), db.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	checkCrash(t, d, n)
	h := open(t, d)
	h.settle()
	fresh := open(t, dbtest.SQLite(t))
	fresh.config(all)
	fresh.settle()
	if diff := cmp.Diff(fresh.sink.content(), h.sink.content()); diff != "" {
		t.Errorf("after the crashes the catalog differs from a fresh one (-fresh +crashed):\n%.2000s", diff)
	}
}

// crashRun starts a process and kills it when it has taken in so many
// entities; negative lets it end. It reports whether it was killed.
func crashRun(t *testing.T, path, all string, at int) (killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrash_Child$", "-test.v")
	cmd.Env = append(os.Environ(), crashDB+"="+path, crashFile+"="+all)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		got, err := strconv.Atoi(lines.Text())
		if at >= 0 && err == nil && got >= at {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	if err := cmd.Wait(); err != nil && !killed {
		t.Fatalf("the process that was to end by itself: %v", err)
	}
	return killed
}

// checkCrash looks at the tables themselves.
func checkCrash(t *testing.T, d *db.DB, n int) {
	t.Helper()
	for _, c := range []struct {
		what, query string
		want        int
	}{
		{"valid entities", `SELECT COUNT(*) FROM catalog_entity WHERE version = 1 AND body IS NOT NULL`, n + 2},
		{"entities", `SELECT COUNT(*) FROM catalog_entity`, n + 2},
		{"children of the list", `SELECT COUNT(*) FROM catalog_entity WHERE parent = 'location:default/all'`, n},
		{"different uids", `SELECT COUNT(DISTINCT uid) FROM catalog_entity`, n + 2},
		{"versions", `SELECT COUNT(*) FROM catalog_change WHERE op <> 'touch'`, n + 2},
		{"versions that are no first ones", `SELECT COUNT(*) FROM catalog_change WHERE op <> 'create' OR version <> 1`, 0},
		{"versions of other uids", `SELECT COUNT(*) FROM catalog_change c JOIN catalog_entity e ON e.ref = c.ref WHERE e.uid <> c.uid`, 0},
		{"changes beyond the counter", `SELECT COUNT(*) FROM catalog_change WHERE seq > (SELECT value FROM catalog_counter WHERE name = 'change')`, 0},
		{"gaps in the change log", `SELECT MAX(seq) - COUNT(*) FROM catalog_change`, 0},
		{"sources", `SELECT COUNT(*) FROM catalog_source`, 2},
		{"leases", `SELECT COUNT(*) FROM catalog_source WHERE lease_owner <> ''`, 0},
		{"sources without entity", `SELECT COUNT(*) FROM catalog_source WHERE ref NOT IN (SELECT ref FROM catalog_entity)`, 0},
		{"further parents", `SELECT COUNT(*) FROM catalog_parent`, 0},
		{"claims", `SELECT COUNT(*) FROM catalog_claim`, 0},
		{"problems", `SELECT COUNT(*) FROM catalog_entity WHERE problem_since > 0`, 0},
	} {
		var got int
		if err := d.Read().QueryRowContext(context.Background(), c.query).Scan(&got); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
}
