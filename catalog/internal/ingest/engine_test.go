package ingest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// shadow is a read model of a few lines: what Apply was told, by ref. It
// checks what the engine promises: numbers of one entity only grow.
type shadow struct {
	mu      sync.Mutex
	rows    map[string]index.Record
	seqs    map[string]int64
	applied []index.Update
	bell    chan struct{}
}

func newShadow() *shadow {
	return &shadow{rows: map[string]index.Record{}, seqs: map[string]int64{}, bell: make(chan struct{})}
}

func (s *shadow) LoadAt(_ int64, each func(yield func(index.Record) bool) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.rows)
	return each(func(r index.Record) bool { s.rows[r.Ref] = r; return true })
}

func (s *shadow) Apply(updates []index.Update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range updates {
		if u.Seq < s.seqs[u.Ref] {
			continue
		}
		s.seqs[u.Ref] = u.Seq
		s.applied = append(s.applied, u)
		if u.Record == nil {
			delete(s.rows, u.Ref)
		} else {
			s.rows[u.Ref] = *u.Record
		}
	}
	close(s.bell)
	s.bell = make(chan struct{})
}

func (s *shadow) get(ref string) (index.Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows[ref]
	return r, ok
}

// content returns everything that a fresh ingestion must give as well.
func (s *shadow) content() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]string, len(s.rows))
	for ref, r := range s.rows {
		all[ref] = fmt.Sprintf("%s\n%v\n%v\n%v\n%s %v", r.JSON, r.Relations, r.Status, r.Parents, r.LocationKey, r.Orphan)
	}
	return all
}

func (s *shadow) refs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var refs []string
	for ref := range s.rows {
		refs = append(refs, ref)
	}
	slices.Sort(refs)
	return refs
}

// await returns when ok holds for the rows.
func (s *shadow) await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		bell := s.bell
		s.mu.Unlock()
		if ok() {
			return
		}
		select {
		case <-bell:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func newModel(tb testing.TB) *model.Model {
	tb.Helper()
	m, err := model.New(model.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func newPipeline(tb testing.TB) *process.Pipeline {
	tb.Helper()
	var allow []process.AllowedKind
	for _, kind := range []string{"Component", "API", "Location", "System", "Domain", "Resource", "Group", "User"} {
		allow = append(allow, process.AllowedKind{Kind: kind})
	}
	rules, err := process.NewRules([]process.Rule{{Allow: allow}}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return process.New(process.Deps{Model: newModel(tb), Rules: rules, Clock: time.Now})
}

// house is a running engine with its read model.
type house struct {
	*ingest.Engine
	t    testing.TB
	sink *shadow
	db   *db.DB
	stop func()
}

var catalogCause = catalog.Cause{Kind: "user", Actor: "user:default/test"}

func never() time.Duration { return -1 }

func open(t testing.TB, d *db.DB, change ...func(*ingest.Deps)) *house {
	t.Helper()
	sink := newShadow()
	deps := ingest.Deps{
		Store: store.New(d), Pipeline: newPipeline(t), Sink: sink, Clock: time.Now, NewID: uuid.NewString, Interval: never,
	}
	for _, c := range change {
		c(&deps)
	}
	h := &house{Engine: ingest.New(deps), t: t, sink: sink, db: d}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("engine ended with: %v", err)
		}
	})
	t.Cleanup(h.stop)
	return h
}

func (h *house) settle() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if err := h.WaitIdle(ctx); err != nil {
		stats, serr := h.Stats(context.Background())
		h.t.Fatalf("the engine is never idle: %v, %+v %v", err, stats, serr)
	}
}

func (h *house) config(targets ...string) {
	h.t.Helper()
	var list []ingest.ConfigLocation
	for _, target := range targets {
		list = append(list, ingest.ConfigLocation{Type: "file", Target: target})
	}
	if err := h.SetConfigLocations(context.Background(), list); err != nil {
		h.t.Fatal(err)
	}
}

// reread asks that the location of a file is read again.
func (h *house) reread(target string) {
	h.t.Helper()
	ref := ingest.LocationRef(catalog.Location{Type: "file", Target: target})
	if err := h.Refresh(context.Background(), ref, catalog.Cause{}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) want(refs ...string) {
	h.t.Helper()
	var got []string
	for _, ref := range h.sink.refs() {
		if !strings.HasPrefix(ref, "location:") {
			got = append(got, ref)
		}
	}
	slices.Sort(refs)
	if !slices.Equal(got, refs) {
		h.t.Fatalf("the catalog holds %v, want %v", got, refs)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		t.Fatal(err)
	}
}

func component(name, owner string) string {
	return fmt.Sprintf(`apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: %s}
spec: {type: service, lifecycle: production, owner: %s}
---
`, name, owner)
}

func TestEngine_FilesToReadModel(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		dir := t.TempDir()
		all, more := filepath.Join(dir, "all.yaml"), filepath.Join(dir, "more.yaml")
		write(t, all, component("a", "team-a")+component("b", "team-a")+`apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: more}
spec: {targets: [./more.yaml]}
`)
		write(t, more, component("c", "team-c"))
		h := open(t, d)
		h.config(all)
		h.settle()
		h.want("component:default/a", "component:default/b", "component:default/c")
		first, _ := h.sink.get("component:default/a")
		if !strings.Contains(string(first.JSON), `"backstage.io/managed-by-location":"file:`+all) {
			t.Errorf("no managed-by annotation in %s", first.JSON)
		}

		write(t, all, component("a", "team-b")+component("d", "team-a"))
		h.reread(all)
		h.settle()
		h.want("component:default/a", "component:default/d")
		second, _ := h.sink.get("component:default/a")
		if second.UID != first.UID || second.Version != 2 || !strings.Contains(string(second.JSON), "team-b") {
			t.Errorf("a changed to %+v, want the same uid and version 2", second)
		}

		h.config()
		h.settle()
		h.want()
		history, err := h.History(context.Background(), "component:default/a", 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		var ops []string
		for _, v := range history {
			ops = append(ops, v.Op)
		}
		if !slices.Equal(ops, []string{"delete", "update", "create"}) {
			t.Errorf("history is %v", ops)
		}
	})
}
