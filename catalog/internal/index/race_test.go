package index

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stagedoor/stagedoor/catalog"
)

// TestReadersAndWriter lets readers ask everything while a writer changes the
// catalog. Each reader checks that what it holds does not move. Run it with
// -race.
func TestReadersAndWriter(t *testing.T) {
	t.Parallel()
	w := newWorld(42)
	x := New(Options{})
	done := make(chan struct{})
	var wg sync.WaitGroup
	for reader := range 4 {
		wg.Go(func() {
			w := newWorld(uint64(reader))
			for {
				select {
				case <-done:
					return
				default:
				}
				s := x.Snapshot()
				before := dump(s)
				for range 4 {
					q := w.query()
					page := s.Page(q)
					for _, id := range page.IDs {
						s.Project(nil, id, []string{"metadata.name", "relations", "spec"})
						if !json.Valid(s.AppendJSON(nil, id)) {
							t.Error("not JSON")
							return
						}
					}
					s.Facets([]string{w.key(), w.key()}, s.Eval(q.Filter))
					s.Ancestry(w.ref())
				}
				if after := dump(s); fmt.Sprint(before) != fmt.Sprint(after) || len(before) != s.Len() {
					t.Error("the snapshot moved")
					return
				}
			}
		})
	}
	cancel := x.Subscribe(func([]catalog.Change) { x.Snapshot() })
	defer cancel()
	for i := range 100 {
		var updates []Update
		for range 3 {
			u := Update{Seq: int64(i), Ref: w.ref()}
			if w.IntN(4) > 0 {
				r := w.entity(u.Ref)
				u.Record = &r
			}
			updates = append(updates, u)
		}
		x.Apply(updates)
	}
	close(done)
	wg.Wait()
}
