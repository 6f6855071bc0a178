package index

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
)

// grow applies random updates to an index and to the naive model alike and
// returns both, with the changes that were announced last.
func grow(t *testing.T, w world, strict bool, rounds int, check func(*Index, *naive, []catalog.Change)) {
	t.Helper()
	n := &naive{strict: strict, recs: map[string]Record{}}
	var recs []Record
	for range 8 {
		r := w.entity(w.ref())
		n.recs[r.Ref] = r
		recs = append(recs, r)
	}
	x := loaded(t, strict, recs...)
	x.w.slack = 5 + uint32(w.IntN(2))*200 // with 5 it is rebuilt often
	var seq int64
	var told []catalog.Change
	x.Subscribe(func(c []catalog.Change) { told = c })
	for range rounds {
		var updates []Update
		for range 1 + w.IntN(4) {
			seq++
			u := Update{Seq: seq, Ref: w.ref()}
			if w.IntN(3) > 0 {
				r := w.entity(u.Ref)
				if old, ok := n.recs[u.Ref]; ok && w.IntN(2) == 0 {
					r.UID = old.UID
				}
				u.Record = &r
				n.recs[u.Ref] = r
			} else {
				delete(n.recs, u.Ref)
			}
			updates = append(updates, u)
		}
		told = nil
		x.Apply(updates)
		check(x, n, told)
	}
}

func refs(s *Snapshot, ids []ID) []string {
	out := []string{}
	for _, id := range ids {
		out = append(out, s.Ref(id))
	}
	return out
}

func TestQueriesAgreeWithNaiveModel(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{false, true} {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("strict %v, seed %d", strict, seed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(seed)
				grow(t, w, strict, 25, func(x *Index, n *naive, _ []catalog.Change) {
					s := x.Snapshot()
					if s.Len() != len(n.recs) {
						t.Fatalf("%d entities, want %d", s.Len(), len(n.recs))
					}
					for range 8 {
						q := w.query()
						want, page := n.query(q), s.Page(q)
						if diff := cmp.Diff(want, refs(s, page.IDs)); diff != "" || page.Total != len(want) {
							t.Fatalf("%#v: total %d, want %d\n%s", q, page.Total, len(want), diff)
						}
						key, f := w.key(), w.filter(1)
						if diff := cmp.Diff(n.facet(key, f), s.Facets([]string{key}, s.Eval(f))[key]); diff != "" {
							t.Fatalf("facet %s of %#v:\n%s", key, f, diff)
						}
						walk(t, s, q, want, 1+w.IntN(4))
					}
				})
			})
		}
	}
}

// walk goes through the pages of a query forwards and backwards by cursors.
func walk(t *testing.T, s *Snapshot, q PageQuery, want []string, limit int) {
	t.Helper()
	q.Limit = limit
	var forward, backward []string
	var last Page
	for i := 0; ; i++ {
		page := s.Page(q)
		if page.HasBefore != (len(forward) > 0) {
			t.Fatalf("page %d of %#v: has before %v", i, q, page.HasBefore)
		}
		forward = append(forward, refs(s, page.IDs)...)
		if page.HasAfter != (len(forward) < len(want)) {
			t.Fatalf("page %d of %#v: has after %v", i, q, page.HasAfter)
		}
		last = page
		if !page.HasAfter {
			break
		}
		q.At = roundTrip(t, page.Last)
	}
	if diff := cmp.Diff(want, append([]string{}, forward...)); diff != "" {
		t.Fatalf("forward %#v:\n%s", q, diff)
	}
	if last.Last == nil {
		return
	}
	q.Previous = true
	backward = refs(s, last.IDs)
	for q.At = last.First; ; {
		page := s.Page(q)
		if len(page.IDs) == 0 {
			break
		}
		if !page.HasAfter {
			t.Fatalf("%#v: nothing behind", q)
		}
		backward = append(refs(s, page.IDs), backward...)
		q.At = roundTrip(t, page.First)
	}
	if diff := cmp.Diff(want, backward); diff != "" {
		t.Fatalf("backward %#v:\n%s", q, diff)
	}
}

func roundTrip(t *testing.T, p *Position) *Position {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	q := new(Position)
	if err := json.Unmarshal(b, q); err != nil || !p.Equal(q) {
		t.Fatalf("%s: %v", b, err)
	}
	return q
}

// dump renders everything that readers see of a snapshot.
func dump(s *Snapshot) map[string]string {
	out := map[string]string{}
	for _, id := range s.All().ToArray() {
		out[s.Ref(id)] = fmt.Sprint(string(s.AppendJSON(nil, id)), s.Version(id), s.Parents(id), s.LocationKey(id), s.Orphan(id))
	}
	return out
}

func TestApplyAndLoadGiveTheSame(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(100 + seed)
			before := map[string]string{}
			first := true
			grow(t, w, false, 40, func(x *Index, n *naive, told []catalog.Change) {
				s := x.Snapshot()
				recs := make([]Record, 0, len(n.recs))
				for _, r := range n.recs {
					recs = append(recs, r)
				}
				fresh := loaded(t, false, recs...).Snapshot()
				got, want := dump(s), dump(fresh)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatal(diff)
				}
				for _, ref := range refs(s, s.All().ToArray()) {
					id, _ := s.Lookup(ref)
					if diff := cmp.Diff(n.relations(ref), s.Relations(id)); diff != "" {
						t.Fatal(diff)
					}
					if by, ok := s.LookupUID(n.recs[ref].UID); !ok || by != id {
						t.Fatalf("%s is not found by uid", ref)
					}
					if !json.Valid(s.AppendJSON(nil, id)) {
						t.Fatalf("not JSON: %s", s.AppendJSON(nil, id))
					}
				}
				if !first {
					checkTold(t, before, got, told)
				}
				before, first = got, false
			})
		})
	}
}

// checkTold checks that exactly what looks different was announced.
func checkTold(t *testing.T, before, after map[string]string, told []catalog.Change) {
	t.Helper()
	names := map[string]bool{}
	for _, c := range told {
		names[c.Ref] = true
		if _, is := after[c.Ref]; is == c.Removed {
			t.Fatalf("%+v, but exists is %v", c, is)
		}
	}
	for ref, text := range after {
		if before[ref] != text && !names[ref] && !onlyVersion(before[ref], text) {
			t.Fatalf("%s changed silently:\n%s\n%s", ref, before[ref], text)
		}
	}
	for ref := range before {
		if _, is := after[ref]; !is && !names[ref] {
			t.Fatalf("%s went silently", ref)
		}
	}
	if !slices.IsSortedFunc(told, func(a, b catalog.Change) int { return int(a.Seq - b.Seq) }) {
		t.Fatalf("changes are not in order: %v", told)
	}
}

func onlyVersion(a, b string) bool {
	cut := func(s string) string {
		for i := len(s) - 1; i >= 0; i-- {
			if s[i] == '}' {
				return s[:i]
			}
		}
		return s
	}
	return cut(a) == cut(b)
}
