package process_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
)

// BenchmarkIngest10000 reads and processes the synthetic catalog of 10,000
// entities, children right in the sink as ingestion does, on one processor.
func BenchmarkIngest10000(b *testing.B) {
	gen := filepath.Join(shared(b), "oracle", "backstage", "bench", "gen.mjs")
	dir := b.TempDir()
	if out, err := exec.Command("node", gen, "10000", dir).CombinedOutput(); err != nil {
		b.Skipf("SKIP: node gen.mjs: %v: %s", err, out)
	}
	p := newPipeline(b, process.Deps{Rules: allowAll(b)})
	root := catalog.Location{Type: "file", Target: filepath.Join(dir, "all.yaml")}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	b.ReportAllocs()
	n, relations := 0, 0
	var buf []byte
	for b.Loop() {
		n, relations = 0, 0
		var sink func(d catalog.Deferred) error
		sink = func(d catalog.Deferred) error {
			got := p.Process(b.Context(), process.Input{Entity: d.Entity, Owned: true, LocationKey: d.LocationKey, Line: d.Line}, sink)
			if !got.OK || len(got.Problems) > 0 {
				b.Fatalf("%s: %+v", d.Entity.Ref(), got.Problems)
			}
			buf = model.AppendEntity(buf[:0], got.Entity)
			n++
			relations += len(got.Relations)
			return nil
		}
		if err := sink(catalog.Deferred{Entity: process.LocationEntity(root, ""), LocationKey: root.String()}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n), "entities")
	b.ReportMetric(float64(relations), "relations")
}

// BenchmarkUnchanged10000 looks whether anything changed in the same catalog.
func BenchmarkUnchanged10000(b *testing.B) {
	gen := filepath.Join(shared(b), "oracle", "backstage", "bench", "gen.mjs")
	dir := b.TempDir()
	if out, err := exec.Command("node", gen, "10000", dir).CombinedOutput(); err != nil {
		b.Skipf("SKIP: node gen.mjs: %v: %s", err, out)
	}
	p := newPipeline(b, process.Deps{Rules: allowAll(b)})
	root := catalog.Location{Type: "file", Target: filepath.Join(dir, "all.yaml")}
	var all catalog.Deferred
	p.Process(b.Context(), process.Input{Entity: process.LocationEntity(root, ""), LocationKey: root.String()}, func(d catalog.Deferred) error {
		all = d
		return nil
	})
	// Old files are not read at all, so age them.
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range files {
		if err := os.Chtimes(file, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
	in := process.Input{Entity: all.Entity, LocationKey: all.LocationKey}
	first := p.Process(b.Context(), in, func(catalog.Deferred) error { return nil })
	in.State = first.State
	for b.Loop() {
		if got := p.Process(b.Context(), in, nil); !got.Unchanged {
			b.Fatalf("changed: %+v", got)
		}
	}
}
