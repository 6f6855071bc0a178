package store_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/audit/internal/store"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// benchEvents is how many events the benchmarks search; STAGEDOOR_BENCH_EVENTS
// sets another number.
func benchEvents(b *testing.B) int {
	b.Helper()
	n := 1_000_000
	if text := os.Getenv("STAGEDOOR_BENCH_EVENTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

// lifelike is an event of a portal that is used: many denials and reads, some
// changes, few sign-ins that fail.
func lifelike(n int) chain.Entry {
	e := event(n)
	e.Event.At = start.Add(time.Duration(n) * 30 * time.Second)
	e.Event.ID = fmt.Sprintf("%08x-4b1d-4c5e-8f60-%012x", n, n*7919)
	e.Event.Actor.Subject = fmt.Sprintf("user:default/u%d", n%2000)
	e.Event.Target = fmt.Sprintf("component:default/service-%d", n%50_000)
	e.Event.Actor.UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	e.Event.Plugin = []string{"permission", "catalog", "auth", "notifications"}[n%4]
	if n%1000 == 0 {
		e.Event.Status, e.Event.Severity, e.Event.Reason = audit.Failed, audit.High, "the sign-in was refused: no user"
	}
	return e
}

// BenchmarkStore fills a log and measures what people and the portal do with
// it. With a million events, filling takes a minute or two.
func BenchmarkStore(b *testing.B) {
	n := benchEvents(b)
	d := dbtest.SQLite(b)
	s := store.New(d, chain.Keys{})
	began := time.Now()
	const batch = 500
	for i := 0; i < n; i += batch {
		entries := make([]chain.Entry, 0, batch)
		for k := range min(batch, n-i) {
			entries = append(entries, lifelike(i+k+1))
		}
		err := d.Write(b.Context(), func(ctx context.Context, tx *db.Tx) error { return s.Add(ctx, tx, entries...) })
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Seal(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d events added and sealed in %v: %.0f a second", n, time.Since(began).Round(time.Millisecond), float64(n)/time.Since(began).Seconds())
	middle := start.Add(time.Duration(n/2) * 30 * time.Second)
	for _, c := range []struct {
		name string
		q    store.Query
	}{
		{"newest", store.Query{}},
		{"plugin", store.Query{Plugin: "auth"}},
		{"actor", store.Query{Actor: "user:default/u77"}},
		{"target", store.Query{Target: "component:default/service-123"}},
		{"failed", store.Query{Status: "failed"}},
		{"severity and plugin", store.Query{Severity: "high", Plugin: "permission"}},
		{"two that never meet", store.Query{Plugin: "auth", Status: "failed"}},
		{"a day in the middle", store.Query{From: middle, To: middle.Add(24 * time.Hour)}},
		{"actor on a day", store.Query{Actor: "user:default/u77", From: middle, To: middle.Add(24 * time.Hour)}},
		{"a rare word", store.Query{Text: "service-4711"}},
		{"a frequent word", store.Query{Text: "refused"}},
		{"a word of every event", store.Query{Text: "default"}},
		{"a word of every event on a day", store.Query{Text: "default", From: middle, To: middle.Add(24 * time.Hour)}},
		{"a word that is nowhere", store.Query{Text: "xyzzy"}},
	} {
		b.Run("search/"+c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Search(b.Context(), c.q, nil, 50); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("search/page in the middle", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Search(b.Context(), store.Query{}, &store.Place{At: middle, Seq: int64(n / 2)}, 50); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			v, err := s.Verify(b.Context())
			if err != nil || !v.OK {
				b.Fatalf("%+v %v", v, err)
			}
			b.ReportMetric(float64(v.Checked), "events")
		}
	})
	b.Run("add and seal one", func(b *testing.B) {
		k := n
		for b.Loop() {
			k++
			err := d.Write(b.Context(), func(ctx context.Context, tx *db.Tx) error { return s.Add(ctx, tx, lifelike(k)) })
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.Seal(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
	})
}
