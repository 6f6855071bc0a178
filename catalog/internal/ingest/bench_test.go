package ingest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
	"github.com/stagedoor/stagedoor/internal/db"
)

// generate writes a catalog of n entities in files of perFile and returns the
// file that lists them all: systems with owners, components that depend on
// each other and provide and consume APIs.
func generate(tb testing.TB, dir string, n, perFile int) string {
	tb.Helper()
	var all strings.Builder
	all.WriteString("apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: all}\nspec:\n  targets:\n")
	for start, file := 0, 0; start < n; start, file = start+perFile, file+1 {
		var b strings.Builder
		for i := start; i < min(n, start+perFile); i++ {
			b.WriteString(generated(i))
		}
		name := fmt.Sprintf("part%d/catalog-%05d.yaml", file%64, file)
		write(tb, filepath.Join(dir, name), b.String())
		fmt.Fprintf(&all, "    - ./%s\n", name)
	}
	path := filepath.Join(dir, "all.yaml")
	write(tb, path, all.String())
	return path
}

func generated(i int) string {
	team := fmt.Sprintf("team-%d", i%97)
	switch {
	case i%50 == 0:
		return fmt.Sprintf("apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata:\n  name: system-%d\n  description: The system number %d of many, with a description of usual length.\nspec:\n  owner: %s\n  domain: domain-%d\n---\n", i/50, i, team, i%11)
	case i%5 == 1:
		return fmt.Sprintf("apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata:\n  name: api-%d\n  title: API %d\n  tags: [rest, generated]\nspec:\n  type: openapi\n  lifecycle: production\n  owner: %s\n  system: system-%d\n  definition: |\n    openapi: 3.0.0\n    info: {title: Number %d, version: 1.0.0}\n    paths: {}\n---\n", i, i, team, i/50, i)
	}
	return fmt.Sprintf(`apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: component-%d
  title: Component number %d
  description: A generated component that does what generated components do, day in, day out.
  annotations:
    github.com/project-slug: example/component-%d
    backstage.io/techdocs-ref: dir:.
  tags: [go, tier-%d, generated]
  links:
    - {url: "https://dashboards.example.com/d/%d", title: Dashboard, icon: dashboard}
spec:
  type: service
  lifecycle: production
  owner: %s
  system: system-%d
  providesApis: [api-%d]
  dependsOn: ["component:component-%d", "resource:database-%d"]
---
`, i, i, i, i%4, i, team, i/50, i-i%5+1, i+1, i%300)
}

// BenchmarkIngest takes catalogs in from files until every relation can be
// queried, on a SQLite file, and then starts again from that database.
func BenchmarkIngest(b *testing.B) {
	for _, size := range []struct{ n, perFile int }{{10_000, 100}, {10_000, 1}, {100_000, 100}} {
		b.Run(fmt.Sprintf("%d in files of %d", size.n, size.perFile), func(b *testing.B) {
			if testing.Short() && size.n > 10_000 {
				b.Skip("SKIP: -short")
			}
			all := generate(b, b.TempDir(), size.n, size.perFile)
			for range b.N {
				benchIngest(b, all, size.n)
			}
		})
	}
}

func benchIngest(b *testing.B, all string, n int) {
	b.Helper()
	ctx := context.Background()
	dir, err := os.MkdirTemp(b.TempDir(), "db")
	if err != nil {
		b.Fatal(err)
	}
	d, err := db.Open(ctx, db.Options{Path: filepath.Join(dir, "bench.sqlite")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if _, err := d.Migrate(ctx); err != nil {
		b.Fatal(err)
	}
	x := index.New(index.Options{})
	deps := ingest.Deps{Store: store.New(d), Pipeline: newPipeline(b), Sink: x, Clock: time.Now, NewID: uuid.NewString, Interval: never}
	g := ingest.New(deps)
	run, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	start := time.Now()
	go func() { done <- g.Run(run) }()
	if err := g.SetConfigLocations(ctx, []ingest.ConfigLocation{{Type: "file", Target: all}}); err != nil {
		b.Fatal(err)
	}
	if err := g.WaitIdle(ctx); err != nil {
		b.Fatal(err)
	}
	took := time.Since(start)
	if got := x.Snapshot().Len(); got != n+2 {
		b.Fatalf("%d entities, want %d", got, n+2)
	}
	start = time.Now()
	if err := g.Refresh(ctx, "location:default/all", catalogCause); err != nil {
		b.Fatal(err)
	}
	if err := g.WaitIdle(ctx); err != nil {
		b.Fatal(err)
	}
	again := time.Since(start)
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	start = time.Now()
	rows := 0
	if err := deps.Store.Records(ctx, func(r store.Row) bool {
		rows += len(store.DecodeRelations(r.Ref, r.Relations))
		return true
	}); err != nil {
		b.Fatal(err)
	}
	read := time.Since(start)
	start = time.Now()
	deps.Sink = index.New(index.Options{})
	if err := ingest.New(deps).Load(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(took.Seconds(), "ingest-s")
	b.ReportMetric(again.Seconds(), "again-s")
	b.ReportMetric(read.Seconds(), "rows-s")
	b.ReportMetric(time.Since(start).Seconds(), "load-s")
	b.Logf("%d entities on %d processors: ingest %v (%.0f/s), read again %v, rows with %d relations %v, start %v",
		n, runtime.GOMAXPROCS(0), took, float64(n)/took.Seconds(), again, rows, read, time.Since(start))
}
