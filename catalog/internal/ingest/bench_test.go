//go:build unix

package ingest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
	"github.com/stagedoor/stagedoor/internal/db"
)

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

// cpu is the processor time of the process: on a machine that others use too
// it tells more than the clock.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
	start, busy := time.Now(), cpu(b)
	go func() { done <- g.Run(run) }()
	if err := g.SetConfigLocations(ctx, []ingest.ConfigLocation{{Type: "file", Target: all}}); err != nil {
		b.Fatal(err)
	}
	if err := g.WaitIdle(ctx); err != nil {
		b.Fatal(err)
	}
	took, work := time.Since(start), cpu(b)-busy
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
	b.ReportMetric(work.Seconds(), "ingest-cpu-s")
	b.ReportMetric(again.Seconds(), "again-s")
	b.ReportMetric(read.Seconds(), "rows-s")
	b.ReportMetric(time.Since(start).Seconds(), "load-s")
	b.Logf("%d entities on %d processors: ingest %v (%.0f/s, %v of processor time), read again %v, rows with %d relations %v, start %v",
		n, runtime.GOMAXPROCS(0), took, float64(n)/took.Seconds(), work, again, rows, read, time.Since(start))
}

// BenchmarkLocations takes in many locations with an entity each, as in a
// company where every repository is registered by itself.
func BenchmarkLocations(b *testing.B) {
	const n = 5_000
	dir := b.TempDir()
	var list []ingest.ConfigLocation
	for i := range n {
		path := filepath.Join(dir, fmt.Sprint(i%50), fmt.Sprintf("catalog-%d.yaml", i))
		write(b, path, generated(i))
		list = append(list, ingest.ConfigLocation{Type: "file", Target: path})
	}
	for range b.N {
		ctx := context.Background()
		d, err := db.Open(ctx, db.Options{Path: filepath.Join(b.TempDir(), "bench.sqlite")})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := d.Migrate(ctx); err != nil {
			b.Fatal(err)
		}
		x := index.New(index.Options{})
		g := ingest.New(ingest.Deps{Store: store.New(d), Pipeline: newPipeline(b), Sink: x, Clock: time.Now, NewID: uuid.NewString, Interval: never})
		run, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		start, busy := time.Now(), cpu(b)
		go func() { done <- g.Run(run) }()
		if err := g.SetConfigLocations(ctx, list); err != nil {
			b.Fatal(err)
		}
		if err := g.WaitIdle(ctx); err != nil {
			b.Fatal(err)
		}
		b.Logf("%d locations: %v, %v of processor time", n, time.Since(start), cpu(b)-busy)
		if got := x.Snapshot().Len(); got != 2*n {
			b.Fatalf("%d entities, want %d", got, 2*n)
		}
		stop()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
