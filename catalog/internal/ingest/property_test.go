package ingest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// world is what the catalog should hold: every entity stands in at most one
// place, which may change all the time.
type world struct {
	dir      string
	entities [24]struct{ place, revision int }
	lists    [subFiles]int // which root file lists the sub file; rootFiles: none
}

// The places: root files, sub files that a root file lists, a provider and a
// push source, and nowhere.
const (
	rootFiles   = 3
	subFiles    = 3
	placeOfSub  = rootFiles
	placeOfInv  = rootFiles + subFiles
	placeOfPush = placeOfInv + 1
	nowhere     = placeOfPush + 1
)

func (w *world) change(r *rand.Rand) {
	for range 1 + r.IntN(6) {
		e := &w.entities[r.IntN(len(w.entities))]
		switch r.IntN(3) {
		case 0:
			e.revision++
		default:
			e.place = r.IntN(nowhere + 1)
		}
	}
	if r.IntN(3) == 0 {
		w.lists[r.IntN(subFiles)] = r.IntN(rootFiles + 1)
	}
}

func (w *world) file(place int) string {
	if place < rootFiles {
		return filepath.Join(w.dir, fmt.Sprintf("root-%d.yaml", place))
	}
	return filepath.Join(w.dir, "sub", fmt.Sprintf("sub-%d.yaml", place-placeOfSub))
}

// text is the content of a file; empty means that there is none.
func (w *world) text(place int) string {
	var b strings.Builder
	for i, e := range w.entities {
		if e.place == place {
			b.WriteString(component(fmt.Sprintf("e%d", i), fmt.Sprintf("team-%d", e.revision)))
		}
	}
	for sub, root := range w.lists {
		if root == place {
			fmt.Fprintf(&b, "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: list-%d}\nspec: {target: ./sub/sub-%d.yaml, presence: optional}\n---\n", sub, sub)
		}
	}
	return b.String()
}

func (w *world) writeFiles(t *testing.T) {
	t.Helper()
	for place := range placeOfInv {
		path, text := w.file(place), w.text(place)
		if text == "" {
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			continue
		}
		if old, err := os.ReadFile(path); err != nil || string(old) != text {
			write(t, path, text)
		}
	}
}

func (w *world) handIn(t *testing.T, h *house, place int) {
	t.Helper()
	ctx := context.Background()
	var list []catalog.Entity
	for i, e := range w.entities {
		if e.place == place {
			list = append(list, service(fmt.Sprintf("e%d", i), fmt.Sprintf("team-%d", e.revision)))
		}
	}
	var err error
	if place == placeOfInv {
		err = h.Connection("inventory").Apply(ctx, catalog.Mutation{Full: true, Added: deferred(list...)})
	} else {
		// Pushed entities that others hold are refused then, and pushed again
		// by the next round, as a pipeline would.
		_, err = h.Push(ctx, "ci", pushAll(list))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// rereadAll makes every location due.
func (h *house) rereadAll() {
	h.t.Helper()
	for _, ref := range h.sink.refs() {
		if strings.HasPrefix(ref, "location:") {
			if err := h.Refresh(context.Background(), ref, catalogCause); err != nil && !strings.Contains(err.Error(), "no entity") {
				h.t.Fatal(err)
			}
		}
	}
}

// TestProperty_TheEndIsAsIfItHadAlwaysBeenSo changes files, providers and
// pushes at random, with and without waiting, and compares what the catalog
// holds in the end with what it holds when it sees the end only.
func TestProperty_TheEndIsAsIfItHadAlwaysBeenSo(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		rounds := 12
		if testing.Short() {
			rounds = 3
		}
		_ = d // each round has a database of its own
		for round := range rounds {
			seed := uint64(round)
			if round == rounds-1 {
				seed = rand.Uint64()
			}
			t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
				if d.Dialect() == db.Postgres {
					propertyRound(t, seed, dbtest.Postgres(t))
				} else {
					propertyRound(t, seed, dbtest.SQLite(t))
				}
			})
		}
	})
}

func propertyRound(t *testing.T, seed uint64, d *db.DB) {
	r := rand.New(rand.NewPCG(seed, 7))
	w := &world{dir: t.TempDir()}
	for i := range w.entities {
		w.entities[i].place = r.IntN(nowhere + 1)
	}
	h := open(t, d)
	glob := filepath.Join(w.dir, "*.yaml")
	h.config(glob)
	for range 12 {
		w.change(r)
		w.writeFiles(t)
		switch r.IntN(4) {
		case 0:
			h.handIn(w, placeOfInv)
		case 1:
			h.handIn(w, placeOfPush)
		case 2:
			h.reread(glob)
		default:
			h.rereadAll()
		}
		if r.IntN(2) == 0 {
			h.settle()
		}
	}
	for range 2 { // what moves over several places needs a round per place
		h.rereadAll()
		h.settle()
		h.handIn(w, placeOfInv)
		h.handIn(w, placeOfPush)
		h.settle()
	}
	h.rereadAll()
	h.settle()
	fresh := open(t, dbtest.SQLite(t))
	fresh.config(glob)
	fresh.handIn(w, placeOfInv)
	fresh.handIn(w, placeOfPush)
	fresh.settle()
	if diff := cmp.Diff(fresh.sink.content(), h.sink.content()); diff != "" {
		t.Errorf("seed %d: the catalog differs from a fresh one (-fresh +lived):\n%.3000s", seed, diff)
	}
	checkTables(t, d)
	if t.Failed() {
		for _, ref := range h.sink.refs() {
			if strings.HasPrefix(ref, "location:") {
				t.Logf("%+v", h.explain(ref))
			}
		}
		for place := range placeOfInv {
			t.Logf("%s:\n%s", w.file(place), w.text(place))
		}
	}
}

func (h *house) handIn(w *world, place int) { w.handIn(h.t.(*testing.T), h, place) }

// checkTables looks for rows that should not be there in a catalog at rest.
func checkTables(t *testing.T, d *db.DB) {
	t.Helper()
	for what, query := range map[string]string{
		"claims":                   `SELECT COUNT(*) FROM catalog_claim`,
		"further parents":          `SELECT COUNT(*) FROM catalog_parent`,
		"children of nobody":       `SELECT COUNT(*) FROM catalog_entity e WHERE parent NOT IN ('config', 'registered', 'provider:inventory', 'push:ci') AND NOT EXISTS (SELECT 1 FROM catalog_entity p WHERE p.ref = e.parent)`,
		"sources without entity":   `SELECT COUNT(*) FROM catalog_source WHERE ref NOT IN (SELECT ref FROM catalog_entity)`,
		"entities without content": `SELECT COUNT(*) FROM catalog_entity WHERE body IS NULL`,
		"versions that do not add up": `SELECT COUNT(*) FROM catalog_entity e
			WHERE e.version <> (SELECT MAX(c.version) FROM catalog_change c WHERE c.ref = e.ref AND c.op <> 'touch')`,
		"versions numbered twice": `SELECT COUNT(*) FROM (SELECT ref FROM catalog_change WHERE op <> 'touch' GROUP BY ref, version HAVING COUNT(*) > 1) twice`,
		"leases":                  `SELECT COUNT(*) FROM catalog_source WHERE lease_owner <> ''`,
	} {
		var n int
		if err := d.Read().QueryRowContext(context.Background(), query).Scan(&n); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if n != 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
}
