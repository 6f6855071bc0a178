package ingest_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func tellTo(s *shadow) func(*ingest.Deps) {
	return func(d *ingest.Deps) { d.Sink = &teller{shadow: s} }
}

// stage is a pipeline that two replicas share and that sees whether they ever
// do the same at the same time. A location emits as many components as its
// target says.
type stage struct {
	mu     sync.Mutex
	active map[string]bool
	twice  []string
	units  int
	hold   chan struct{} // when set, units wait for it
	held   chan struct{} // told when one waits
}

func (s *stage) Fingerprint() string { return "stage" }

func (s *stage) Process(ctx context.Context, in process.Input, sink func(catalog.Deferred) error) process.Result {
	res := process.Result{OK: true, Entity: in.Entity}
	if in.Entity.Kind() != "Location" {
		return res
	}
	name := in.Entity.SpecString("target")
	s.mu.Lock()
	if s.active[name] {
		s.twice = append(s.twice, name)
	}
	s.active[name] = true
	s.units++
	hold := s.hold
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.active, name)
		s.mu.Unlock()
	}()
	if hold != nil {
		select {
		case s.held <- struct{}{}:
		case <-ctx.Done():
			return process.Result{}
		}
		select {
		case <-hold:
		case <-ctx.Done():
			return process.Result{}
		}
	}
	for i := range 10 {
		e := service(fmt.Sprintf("%s-%d", filepath.Base(name), i), "t")
		if err := sink(catalog.Deferred{Entity: e, LocationKey: in.LocationKey}); err != nil {
			return process.Result{}
		}
	}
	return res
}

func replicas(t *testing.T, n int, change ...func(*ingest.Deps)) []*house {
	t.Helper()
	dsn := dbtest.PostgresDSN(t)
	houses := make([]*house, n)
	for i := range houses {
		d, err := db.Open(context.Background(), db.Options{Driver: db.Postgres, DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		houses[i] = open(t, d, change...)
		houses[i].settle() // listening
	}
	return houses
}

func TestReplicas_ShareTheQueueAndSeeEachOther(t *testing.T) {
	t.Parallel()
	s := &stage{active: map[string]bool{}}
	two := replicas(t, 2, func(d *ingest.Deps) { d.Pipeline = s })
	const locations = 60
	var targets []string
	for i := range locations {
		targets = append(targets, fmt.Sprintf("/unit-%d", i))
	}
	two[0].config(targets...)
	for range 3 { // both wake, both want everything
		two[0].settle()
		two[1].settle()
		for i, target := range targets {
			two[i%2].reread(target)
		}
	}
	two[0].settle()
	two[1].settle()
	if len(s.twice) > 0 {
		t.Errorf("done twice at the same time: %v", s.twice)
	}
	for i, h := range two {
		if got := len(h.sink.refs()); got != locations*11 {
			t.Errorf("replica %d has %d entities, want %d", i, got, locations*11)
		}
		stats, err := h.Stats(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("replica %d did %d of %d units", i, stats.Units, s.units)
	}
	if diff := cmp.Diff(two[0].sink.content(), two[1].sink.content()); diff != "" {
		t.Errorf("the replicas differ:\n%.2000s", diff)
	}
}

func TestReplicas_SeeAWriteWithinASecond(t *testing.T) {
	t.Parallel()
	two := replicas(t, 2)
	ctx := context.Background()
	for i := range 10 {
		writer, reader := two[i%2], two[(i+1)%2]
		ref := fmt.Sprintf("component:default/c%d", i)
		began := time.Now()
		if _, err := writer.Push(ctx, "ci", ingest.PushRequest{Upsert: []catalog.Entity{service(fmt.Sprintf("c%d", i), "t")}}); err != nil {
			t.Fatal(err)
		}
		if _, ok := writer.sink.get(ref); !ok {
			t.Fatalf("%s is not readable where it was written", ref)
		}
		reader.sink.await(t, ref, func() bool { _, ok := reader.sink.get(ref); return ok })
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s was visible on the other replica after %v", ref, took)
		} else {
			t.Logf("visible on the other replica after %v", took)
		}
	}
}

func TestReplicas_TakeOverFromTheDead(t *testing.T) {
	t.Parallel()
	s := &stage{active: map[string]bool{}, hold: make(chan struct{}), held: make(chan struct{}, 1)}
	dsn := dbtest.PostgresDSN(t)
	connect := func() *db.DB {
		d, err := db.Open(context.Background(), db.Options{Driver: db.Postgres, DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	brief := func(d *ingest.Deps) { d.Pipeline, d.Lease, d.Poll = s, 500*time.Millisecond, 50*time.Millisecond }
	dying := connect()
	first := open(t, dying, brief)
	first.config("/one")
	<-s.held // the unit is in work
	s.mu.Lock()
	s.hold = nil
	s.active = map[string]bool{}
	s.mu.Unlock()
	if err := dying.Close(); err != nil { // no heartbeat, no release: dead to the others
		t.Fatal(err)
	}
	heir := connect()
	t.Cleanup(func() { _ = heir.Close() })
	second := open(t, heir, brief)
	second.sink.await(t, "the heir does the unit", func() bool {
		_, ok := second.sink.get("component:default/one-9")
		return ok
	})
	second.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(second.sink.refs()) != 11 {
		t.Errorf("the heir has %v", second.sink.refs())
	}
}

func TestFencing_AStaleUnitWritesNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		s := &stage{active: map[string]bool{}, hold: make(chan struct{}), held: make(chan struct{}, 1)}
		h := open(t, d, func(d *ingest.Deps) { d.Pipeline = s })
		h.config("/one")
		<-s.held
		// Somebody else takes the source over and finishes it.
		err := d.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE catalog_source SET fence = fence + 1, lease_owner = '', lease_until = 0, due_at = $1`, int64(1)<<61)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		close(s.hold)
		h.settle()
		for _, ref := range h.sink.refs() {
			if strings.HasPrefix(ref, "component:") {
				t.Errorf("%s was written under a lost lease", ref)
			}
		}
	})
}

func pushAll(list []catalog.Entity) ingest.PushRequest {
	return ingest.PushRequest{Replace: true, Upsert: list}
}
