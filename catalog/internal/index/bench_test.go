package index

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
)

// benchSize is the number of entities of the bars.
const benchSize = 100_000

var benchWords = []string{
	"payment", "billing", "ledger", "checkout", "cart", "order", "inventory", "shipping", "catalog", "search", "identity",
	"session", "token", "audit", "metrics", "tracing", "logging", "gateway", "proxy", "router", "edge", "cache", "queue",
	"stream", "event", "batch", "report", "export", "import", "media", "image", "video", "audio", "playlist", "artist",
}

// benchWorld makes a catalog like that of a large company: half components,
// with owners, systems, APIs and dependencies.
func benchWorld(n int) []Record {
	w := rand.New(rand.NewPCG(1, 2))
	word := func() string { return benchWords[w.IntN(len(benchWords))] }
	uid := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", w.Uint32(), w.Uint32()&0xffff, w.Uint32()&0xfff, w.Uint32()&0xfff, w.Uint64()&0xffffffffffff)
	}
	kinds := []struct {
		kind  string
		share int
	}{{"Domain", 1}, {"System", 6}, {"Group", 4}, {"User", 15}, {"API", 14}, {"Resource", 10}, {"Component", 50}}
	names := map[string][]string{}
	for _, k := range kinds {
		for i := range n * k.share / 100 {
			names[k.kind] = append(names[k.kind], fmt.Sprintf("%s-%s-%s-%s%d", word(), word(), word(), k.kind[:3], i))
		}
	}
	some := func(kind string) string { return names[kind][w.IntN(len(names[kind]))] }
	recs := make([]Record, 0, n)
	for _, k := range kinds {
		for _, name := range names[k.kind] {
			ref := catalog.Ref{Kind: k.kind, Namespace: "default", Name: name}.String()
			r := Record{Ref: ref, UID: uid(), Version: 1, LocationKey: fmt.Sprintf("file:/srv/catalog/part-%04d.yaml", len(recs)/500), Parents: []string{"location:default/bench-all"}}
			relate := func(typ, reverse, kind, target string) string {
				to := catalog.Ref{Kind: kind, Namespace: "default", Name: target}.String()
				r.Relations = append(r.Relations, catalog.Relation{Source: ref, Type: typ, Target: to}, catalog.Relation{Source: to, Type: reverse, Target: ref})
				return to
			}
			meta := map[string]any{
				"namespace": "default", "name": name,
				"description": fmt.Sprintf("The %s handles %s and %s for the %s team; it talks to %s over gRPC.", name, word(), word(), word(), word()),
				"annotations": map[string]any{
					"backstage.io/managed-by-location":        r.LocationKey,
					"backstage.io/managed-by-origin-location": "file:/srv/catalog/all.yaml",
					"backstage.io/source-location":            "url:https://github.com/example/" + name + "/tree/main/",
					"example.com/project-slug":                "org/" + name,
				},
			}
			spec := map[string]any{"type": "service", "lifecycle": "production"}
			if k.kind != "User" && k.kind != "Group" {
				meta["tags"] = []any{word(), word(), word()}
				meta["labels"] = map[string]any{"example.com/tier": fmt.Sprint(w.IntN(3)), "example.com/cost-center": fmt.Sprint("cc-", w.IntN(50))}
				meta["links"] = []any{
					map[string]any{"url": "https://dash.example.com/" + name, "title": "Dashboard", "icon": "dashboard"},
					map[string]any{"url": "https://runbooks.example.com/" + name, "title": "Runbook"},
				}
				if w.IntN(10) < 6 {
					meta["title"] = "The " + name
				}
				owner := some("Group")
				spec["owner"] = owner
				relate("ownedBy", "ownerOf", "group", owner)
			}
			switch k.kind {
			case "User":
				team := some("Group")
				spec["memberOf"] = []any{team}
				relate("memberOf", "hasMember", "group", team)
			case "Component", "API", "Resource":
				system := some("System")
				spec["system"] = system
				relate("partOf", "hasPart", "system", system)
			}
			switch k.kind {
			case "API":
				spec["type"] = []string{"openapi", "grpc", "asyncapi"}[w.IntN(3)]
				def := "openapi: \"3.0.0\"\n"
				for range 12 {
					def += fmt.Sprintf("  /v1/%s/{id}:\n    get:\n      summary: get one %s\n", word(), word())
				}
				spec["definition"] = def
			case "Component":
				spec["type"] = []string{"service", "website", "library"}[w.IntN(3)]
				var provides, consumes, depends []any
				for range w.IntN(3) {
					api := some("API")
					provides = append(provides, api)
					relate("providesApi", "apiProvidedBy", "api", api)
				}
				for range 1 + w.IntN(4) {
					api := some("API")
					consumes = append(consumes, api)
					relate("consumesApi", "apiConsumedBy", "api", api)
				}
				for range 1 + w.IntN(4) {
					depends = append(depends, relate("dependsOn", "dependencyOf", "component", some("Component")))
				}
				spec["providesApis"], spec["consumesApis"], spec["dependsOn"] = provides, consumes, depends
				spec["notes"] = fmt.Sprintf("%0300d", w.Uint64())
			}
			metaJSON, _ := json.Marshal(meta)
			specJSON, _ := json.Marshal(spec)
			r.JSON = fmt.Appendf(nil, `{"metadata":%s,"apiVersion":"backstage.io/v1alpha1","kind":%q,"spec":%s}`, metaJSON, k.kind, specJSON)
			recs = append(recs, r)
		}
	}
	return recs
}

var benchRecords = sync.OnceValue(func() []Record { return benchWorld(benchSize) })

func benchLoad(tb testing.TB, recs []Record) *Index {
	tb.Helper()
	x := New(Options{})
	if err := x.Load(func(yield func(Record) bool) error {
		for _, r := range recs {
			yield(r)
		}
		return nil
	}); err != nil {
		tb.Fatal(err)
	}
	return x
}

var benchIndex = sync.OnceValue(func() *Index {
	x := New(Options{})
	if err := x.Load(func(yield func(Record) bool) error {
		for _, r := range benchRecords() {
			yield(r)
		}
		return nil
	}); err != nil {
		panic(err)
	}
	return x
})

// cpuTime returns what the process has used of all cores, which says more than
// the clock where others are at work.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkLoad(b *testing.B) {
	recs := benchRecords()
	size, relations := 0, 0
	for _, r := range recs {
		size += len(r.JSON)
		relations += len(r.Relations)
	}
	before := heap()
	var x *Index
	cpu := cpuTime()
	for b.Loop() {
		x = benchLoad(b, recs)
	}
	b.ReportMetric(float64((cpuTime()-cpu).Milliseconds())/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(heap()-before)/(1<<20), "MB-heap")
	b.ReportMetric(float64(size)/float64(len(recs)), "B/entity")
	b.ReportMetric(float64(relations)/float64(len(recs)), "relations/entity")
	runtime.KeepAlive(x)
}

var componentFilter = catalog.Match{Key: "kind", Values: []string{"component"}}

func BenchmarkPage(b *testing.B) {
	s := benchIndex().Snapshot()
	q := PageQuery{Filter: componentFilter, Order: []catalog.Order{{Field: "metadata.name"}}, Limit: 20}
	first := s.Page(q)
	run := func(name string, q PageQuery) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if p := s.Page(q); len(p.IDs) == 0 {
					b.Fatal("empty")
				}
			}
		})
	}
	run("first", q)
	next := q
	next.At = first.Last
	run("next", next)
	prev := q
	prev.At, prev.Previous = s.Page(next).First, true
	run("previous", prev)
	deep := q
	deep.Offset = 20_000
	run("deep", deep)
	few := q
	few.Filter = catalog.And{componentFilter, catalog.Match{Key: "relations.ownedBy", Values: []string{benchOwner(s)}}}
	run("owned", few)
	text := q
	text.Text.Term = "payment-led"
	run("text", text)
	b.Run("uncached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.cache.filters.Store(new(cacheMap))
			s.cache.results.Store(new(cacheMap))
			s.Page(q)
		}
	})
	b.Run("uncached text", func(b *testing.B) {
		for b.Loop() {
			s.cache.filters.Store(new(cacheMap))
			s.cache.results.Store(new(cacheMap))
			s.Page(text)
		}
	})
	b.Run("first with JSON", func(b *testing.B) {
		buf := make([]byte, 0, 1<<20)
		b.ReportAllocs()
		for b.Loop() {
			buf = buf[:0]
			for _, id := range s.Page(q).IDs {
				buf = s.AppendJSON(buf, id)
			}
		}
		b.ReportMetric(float64(len(buf))/20, "B/entity")
	})
	b.Run("first with fields", func(b *testing.B) {
		buf := make([]byte, 0, 1<<20)
		fields := []string{"kind", "metadata.name", "metadata.namespace", "spec.type", "relations"}
		b.ReportAllocs()
		for b.Loop() {
			buf = buf[:0]
			for _, id := range s.Page(q).IDs {
				buf = s.Project(buf, id, fields)
			}
		}
	})
	b.Run("first order", func(b *testing.B) {
		for b.Loop() {
			s.buildOrder("metadata.name")
		}
	})
}

func benchOwner(s *Snapshot) string {
	for _, r := range s.Relations(s.Page(PageQuery{Filter: componentFilter, Limit: 1}).IDs[0]) {
		if r.Type == "ownedBy" {
			return r.Target
		}
	}
	return ""
}

func BenchmarkFacets(b *testing.B) {
	s := benchIndex().Snapshot()
	for name, keys := range map[string][]string{
		"kind": {"kind"}, "type and tags": {"spec.type", "metadata.tags"}, "owner": {"spec.owner"},
		"owner relations": {"relations.ownedBy"}, "names": {"metadata.name"},
	} {
		b.Run(name, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				start := time.Now()
				s.Facets(keys, s.Eval(componentFilter))
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	s := benchIndex().Snapshot()
	recs := benchRecords()
	b.Run("ref", func(b *testing.B) {
		i := 0
		for b.Loop() {
			if _, ok := s.Lookup(recs[i%len(recs)].Ref); !ok {
				b.Fatal("missing")
			}
			i += 7919
		}
	})
	b.Run("ref and copy", func(b *testing.B) {
		i, buf := 0, make([]byte, 0, 1<<20)
		for b.Loop() {
			id, _ := s.Lookup(recs[i%len(recs)].Ref)
			buf = s.AppendJSON(buf[:0], id)
			i += 7919
		}
	})
	b.Run("uid", func(b *testing.B) {
		i := 0
		for b.Loop() {
			if _, ok := s.LookupUID(recs[i%len(recs)].UID); !ok {
				b.Fatal("missing")
			}
			i += 7919
		}
	})
}

func BenchmarkApply(b *testing.B) {
	recs := benchRecords()
	for _, size := range []int{1, 500} {
		b.Run(fmt.Sprintf("%d of 100000", size), func(b *testing.B) {
			x := benchLoad(b, recs)
			x.Snapshot().Warm("metadata.name", "metadata.uid")
			w := rand.New(rand.NewPCG(3, 4))
			seq := int64(0)
			var times []time.Duration
			for b.Loop() {
				updates := make([]Update, size)
				for i := range updates {
					r := recs[w.IntN(len(recs))]
					seq++
					r.JSON = replaceDescription(r.JSON, seq)
					updates[i] = Update{Seq: seq, Ref: r.Ref, Record: &r}
				}
				start := time.Now()
				x.Apply(updates)
				times = append(times, time.Since(start))
				x.Snapshot().Warm("metadata.name", "metadata.uid")
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
		})
	}
}

func replaceDescription(js []byte, n int64) []byte {
	const at = `"description":"The `
	for i := range js {
		if string(js[i:i+len(at)]) == at {
			return fmt.Appendf(nil, "%s%s%d %s", js[:i], at, n, js[i+len(at):])
		}
	}
	return js
}

func BenchmarkIngest(b *testing.B) {
	recs := benchRecords()
	for b.Loop() {
		x := New(Options{})
		seq := int64(0)
		var slowest time.Duration
		for from := 0; from < len(recs); from += 500 {
			var updates []Update
			for i := from; i < from+500; i++ {
				seq++
				updates = append(updates, Update{Seq: seq, Ref: recs[i].Ref, Record: &recs[i]})
			}
			start := time.Now()
			x.Apply(updates)
			slowest = max(slowest, time.Since(start))
		}
		b.ReportMetric(float64(slowest.Milliseconds()), "ms-slowest-batch")
	}
}
