package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// each runs one conformance test on both engines.
func each(t *testing.T, fn func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		fn(t, store.New(d))
	})
}

func update(t *testing.T, s *store.Store, fn func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := s.Write(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func row(ref, parent, key string) *store.Row {
	return &store.Row{
		Head: store.Head{
			Ref: ref, UID: "uid-" + ref, Version: 1, Parent: parent, LocationKey: key,
			InputHash: "in", OutputHash: "out", UpdatedAt: start,
		},
		Body: `{"name":"` + ref + `"}`,
	}
}

func TestPut_InsertsAndReplaces(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		a := row("component:default/a", "location:default/l", "file:/a")
		a.Problems, a.ProblemSince, a.Source, a.Relations = `[{"level":"error"}]`, start, `{"source":1}`, ">ownedBy\tgroup:default/g"
		pending := &store.Row{Head: store.Head{Ref: "component:default/b", UID: "u", Parent: "provider:x"}, Source: `{"name":"b"}`}
		update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.Put(ctx, []*store.Row{a, pending}) })
		got := must[*store.Row](t)(s.Entity(ctx, a.Ref))
		want := *a
		want.Parents = []string{"location:default/l"}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("entity (-want +got):\n%s", diff)
		}
		if p := must[*store.Row](t)(s.Entity(ctx, pending.Ref)); p.Valid() || p.Unprocessed() != `{"name":"b"}` {
			t.Errorf("pending %+v", p)
		}
		a.Version, a.Flags, a.Source = 2, store.Orphan|store.Failed, ""
		update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.Put(ctx, []*store.Row{a}) })
		if got := must[*store.Row](t)(s.Entity(ctx, a.Ref)); got.Version != 2 || !got.Flags.Has(store.Orphan|store.Failed) || got.Unprocessed() != a.Body {
			t.Errorf("replaced %+v", got)
		}
		if ref := must[string](t)(s.RefOfUID(ctx, "u")); ref != pending.Ref {
			t.Errorf("ref of uid: %s", ref)
		}
		if _, err := s.Entity(ctx, "nope:default/x"); !fault.Is(err, fault.NotFound) {
			t.Errorf("no entity: %v", err)
		}
		if _, err := s.RefOfUID(ctx, "nope"); !fault.Is(err, fault.NotFound) {
			t.Errorf("no uid: %v", err)
		}
		failed, waiting := must[[]*store.Row](t)(s.Problematic(ctx, true)), must[[]*store.Row](t)(s.Problematic(ctx, false))
		if len(failed) != 1 || failed[0].Ref != a.Ref || len(waiting) != 1 || waiting[0].Ref != pending.Ref {
			t.Errorf("failed %v, pending %v", failed, waiting)
		}
		n := 0
		if err := s.Records(ctx, func(r store.Row) bool { n++; return r.Ref == a.Ref && r.Body == a.Body }); err != nil || n != 1 {
			t.Errorf("records: %d %v", n, err)
		}
	})
}

func TestPut_TakesManyRows(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		const n = 3000
		var rows []*store.Row
		var refs []string
		for i := range n {
			r := row(fmt.Sprintf("component:default/c%d", i), "location:default/l", fmt.Sprintf("file:/%d", i%10))
			rows, refs = append(rows, r), append(refs, r.Ref)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.Put(ctx, rows); err != nil {
				return err
			}
			if heads := must[map[string]*store.Head](t)(tx.Heads(ctx, append(refs, "nope"))); len(heads) != n {
				t.Errorf("%d heads", len(heads))
			}
			if all := must[map[string]*store.Row](t)(tx.Rows(ctx, refs)); len(all) != n {
				t.Errorf("%d rows", len(all))
			}
			return nil
		})
		ctx := context.Background()
		if children := must[[]store.Child](t)(s.Children(ctx, "location:default/l")); len(children) != n || !children[0].Primary {
			t.Errorf("%d children", len(children))
		}
		if sources := must[[]string](t)(s.SourcesOfKeys(ctx, []string{"file:/3", "file:/nope"})); !slices.Equal(sources, []string{"location:default/l"}) {
			t.Errorf("sources %v", sources)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.Delete(ctx, refs[1:]) })
		if c := must[store.Counts](t)(s.Counts(ctx, start)); c.Entities != 1 {
			t.Errorf("counts %+v", c)
		}
	})
}

func TestParents_FurtherOnes(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		a := row("component:default/a", "location:default/one", "file:/a")
		a.Flags = store.More
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.Put(ctx, []*store.Row{a}); err != nil {
				return err
			}
			if isNew := must[bool](t)(tx.AddParent(ctx, a.Ref, "location:default/two")); !isNew {
				t.Error("not new")
			}
			if isNew := must[bool](t)(tx.AddParent(ctx, a.Ref, "location:default/two")); isNew {
				t.Error("new again")
			}
			return nil
		})
		want := []string{"location:default/one", "location:default/two"}
		if got := must[*store.Row](t)(s.Entity(ctx, a.Ref)); !slices.Equal(got.Parents, want) {
			t.Errorf("parents %v", got.Parents)
		}
		if err := s.Records(ctx, func(r store.Row) bool {
			if !slices.Equal(r.Parents, want) {
				t.Errorf("record has parents %v", r.Parents)
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if c := must[[]store.Child](t)(s.Children(ctx, "location:default/two")); len(c) != 1 || c[0].Primary {
			t.Errorf("children of the further parent: %+v", c)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			h := a.Head
			h.Parent, h.Flags = "location:default/two", 0
			return tx.RemoveParent(ctx, &h, "location:default/two")
		})
		if got := must[*store.Row](t)(s.Entity(ctx, a.Ref)); !slices.Equal(got.Parents, want[1:]) {
			t.Errorf("parents %v", got.Parents)
		}
		if p := must[[]string](t)(s.ParentsLike(ctx, "location:")); !slices.Equal(p, want[1:]) {
			t.Errorf("parents like: %v", p)
		}
	})
}

func lease(t *testing.T, s *store.Store, owner string, n int, now time.Time) []store.Lease {
	t.Helper()
	return must[[]store.Lease](t)(s.Lease(context.Background(), owner, n, now, 10*time.Second))
}

func refsOf(leases []store.Lease) []string {
	var refs []string
	for _, l := range leases {
		refs = append(refs, l.Ref)
	}
	return refs
}

func TestQueue_LeasesInOrderOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.Join(ctx, "later", start.Add(time.Minute), "f", nil); err != nil {
				return err
			}
			if err := tx.Join(ctx, "due", start.Add(-time.Minute), "f", nil); err != nil {
				return err
			}
			return tx.Enqueue(ctx, []string{"z", "y", "x"}, "because", false)
		})
		first := lease(t, s, "one", 3, start)
		if got := refsOf(first); !slices.Equal(got, []string{"z", "y", "x"}) || first[0].Cause != "because" {
			t.Errorf("first leases %v", got)
		}
		if got := refsOf(lease(t, s, "two", 9, start)); !slices.Equal(got, []string{"due"}) {
			t.Errorf("the other owner has %v", got)
		}
		if got := lease(t, s, "two", 9, start); len(got) != 0 {
			t.Errorf("leased twice: %v", got)
		}
		if !must[bool](t)(s.Busy(ctx, start)) {
			t.Error("not busy")
		}
		// Without a sign of life others take over; with one they do not.
		if err := s.Heartbeat(ctx, "one", start.Add(5*time.Second), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		over := lease(t, s, "three", 9, start.Add(11*time.Second))
		if got := refsOf(over); !slices.Equal(got, []string{"due"}) || over[0].Fence != 2 {
			t.Errorf("taken over: %+v", over)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			stale := over[0]
			stale.Fence--
			if must[bool](t)(tx.Holds(ctx, &stale)) || !must[bool](t)(tx.Holds(ctx, &over[0])) {
				t.Error("the fence does not hold")
			}
			return tx.Finish(ctx, &stale, start, start, "f", nil, true) // has no effect
		})
		if got := must[[]string](t)(s.Sources(ctx)); len(got) != 5 {
			t.Errorf("sources %v", got)
		}
		if err := s.Release(ctx, "one"); err != nil {
			t.Fatal(err)
		}
		if got := refsOf(lease(t, s, "two", 9, start)); !slices.Equal(got, []string{"z", "y", "x"}) {
			t.Errorf("after the release: %v", got)
		}
	})
}

func TestQueue_FinishHeedsWishesOfTheMeantime(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		state := []byte{0, 1, 0xff}
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			return tx.Enqueue(ctx, []string{"a", "b", "c"}, "", false)
		})
		leases := lease(t, s, "one", 9, start)
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			if n := must[int](t)(tx.EnqueueKnown(ctx, []string{"b", "unknown"}, "again")); n != 1 {
				t.Errorf("%d known", n)
			}
			for i := range leases {
				leave := leases[i].Ref == "c"
				if err := tx.Finish(ctx, &leases[i], start, start.Add(time.Minute), "f", state, leave); err != nil {
					return err
				}
			}
			return nil
		})
		again := lease(t, s, "one", 9, start)
		if got := refsOf(again); !slices.Equal(got, []string{"b"}) || again[0].State != nil || again[0].Cause != "again" {
			t.Errorf("due again: %+v", again)
		}
		later := lease(t, s, "two", 9, start.Add(time.Minute))
		i := slices.IndexFunc(later, func(l store.Lease) bool { return l.Ref == "a" })
		if i < 0 || !slices.Equal(later[i].State, state) || later[i].Fingerprint != "f" || !later[i].FinishedAt.Equal(start) {
			t.Errorf("later: %+v", later)
		}
		if got := must[[]string](t)(s.Sources(context.Background())); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("sources %v", got)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.Enqueue(ctx, []string{"a"}, "", true) })
		if err := s.Abandon(context.Background(), &later[i]); err != nil {
			t.Fatal(err)
		}
		if got := lease(t, s, "three", 1, start.Add(time.Minute)); len(got) != 1 || got[0].Ref != "a" || got[0].State != nil {
			t.Errorf("after a wish for a fresh start: %+v", got)
		}
	})
}

func TestQueue_NewRulesMakeEverythingDueOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			rows := []*store.Row{row("a", "provider:x", ""), row("b", "push:x", ""), row("c", "location:default/l", "")}
			if err := tx.Put(ctx, rows); err != nil {
				return err
			}
			return tx.Join(ctx, "location:default/l", store.Never, "old", nil)
		})
		for _, want := range [][]string{{"a", "b", "location:default/l"}, nil} {
			update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.DueOthers(ctx, "new") })
			got := refsOf(lease(t, s, "one", 9, start))
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("due %v, want %v", got, want)
			}
		}
	})
}

func TestClaims_TheOldestFirst(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		claim := store.Claim{Ref: "r", Parent: "p", LocationKey: "k", Since: start.Add(time.Second), Source: "1"}
		older := store.Claim{Ref: "r", Parent: "q", LocationKey: "k", Since: start, Source: "2"}
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			for _, c := range []store.Claim{claim, older} {
				if !must[bool](t)(tx.PutClaim(ctx, c)) {
					t.Error("not new")
				}
			}
			again := claim
			again.Since, again.Source = start.Add(time.Hour), "3"
			if must[bool](t)(tx.PutClaim(ctx, again)) {
				t.Error("new again")
			}
			return nil
		})
		claim.Source = "3"
		if diff := cmp.Diff([]store.Claim{older, claim}, must[[]store.Claim](t)(s.ClaimsTo(ctx, "r"))); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.DropClaimOf(ctx, older) })
		if got := must[[]store.Claim](t)(s.ClaimsBy(ctx, "q")); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.DropClaim(ctx, "r", "p") })
		if got := must[[]store.Claim](t)(s.ClaimsTo(ctx, "r")); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
	})
}

func TestRefusals_KeepTheirDate(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		one := store.Refusal{Source: "l", LocationKey: "k", Line: 3, Ref: "r", Code: "rule", Message: "no"}
		two := store.Refusal{Source: "l", LocationKey: "k", Line: 9, Code: "syntax", Message: "what"}
		set := func(now time.Time, list ...store.Refusal) {
			update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.SetRefusals(ctx, "l", list, now) })
		}
		set(start, one)
		one.Line = 5 // the file grew above it
		set(start.Add(time.Hour), one, two)
		one.Since, two.Since = start, start.Add(time.Hour)
		if diff := cmp.Diff([]store.Refusal{one, two}, must[[]store.Refusal](t)(s.Refusals(ctx, "", "l"))); diff != "" {
			t.Errorf("refusals (-want +got):\n%s", diff)
		}
		if got := must[[]store.Refusal](t)(s.Refusals(ctx, "r", "")); len(got) != 1 {
			t.Errorf("of the ref: %v", got)
		}
		set(start)
		if got := must[[]store.Refusal](t)(s.Refusals(ctx, "", "")); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
	})
}

func TestRefreshKeys(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		set := func(ref string, keys ...string) {
			update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.SetRefreshKeys(ctx, ref, keys) })
		}
		set("a", "file:/x", "url:https://y")
		set("b", "file:/x", "file:/x")
		set("a", "file:/x")
		if got := must[[]string](t)(s.RefsOfRefreshKeys(ctx, []string{"file:/x", "url:https://y"})); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("refs %v", got)
		}
	})
}

func TestLocations_AreUnique(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		one := store.Location{ID: "2", Type: "url", Target: "https://one", EntityRef: "location:default/one", CreatedBy: "user:default/u", CreatedAt: start}
		two := store.Location{ID: "1", Type: "url", Target: "https://two", EntityRef: "location:default/two", CreatedAt: start}
		add := func(l store.Location) error {
			return s.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.AddLocation(ctx, l) })
		}
		for _, l := range []store.Location{one, two} {
			if err := add(l); err != nil {
				t.Fatal(err)
			}
		}
		again := one
		again.ID = "3"
		if err := add(again); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "url:https://one already exists") {
			t.Errorf("twice: %v", err)
		}
		if diff := cmp.Diff([]store.Location{one, two}, must[[]store.Location](t)(s.Locations(ctx))); diff != "" {
			t.Errorf("locations (-want +got):\n%s", diff)
		}
		set := func(l store.Location) error {
			return s.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.SetLocation(ctx, l) })
		}
		two.Target = one.Target
		if err := set(two); !fault.Is(err, fault.Conflict) {
			t.Errorf("to another's target: %v", err)
		}
		two.Target = "https://three"
		if err := set(two); err != nil {
			t.Error(err)
		}
		if l, ok, err := s.LocationAt(ctx, "url", "https://three"); err != nil || !ok || l.ID != "1" {
			t.Errorf("at: %+v %v %v", l, ok, err)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteLocation(ctx, "1") })
		if _, err := s.Location(ctx, "1"); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleted: %v", err)
		}
	})
}

func TestChanges_AreNumberedFollowedAndTrimmed(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		const ref = "component:default/a"
		log := func(changes ...store.Change) {
			update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.Log(ctx, changes) })
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			r := row(ref, "p", "k")
			r.Version, r.Body = 4, "four"
			return tx.Put(ctx, []*store.Row{r})
		})
		log(store.Change{Ref: ref, Version: 1, Op: store.OpCreate, At: start, Cause: "c"}, store.Change{Ref: "other", Version: 1, Op: store.OpCreate, At: start})
		log(store.Change{Ref: ref, Version: 2, Op: store.OpUpdate, At: start.Add(time.Hour), Previous: "one"})
		log(store.Change{Ref: ref, Version: 2, Op: store.OpTouch, At: start.Add(time.Hour)})
		log(store.Change{Ref: ref, Version: 3, Op: store.OpDelete, At: start.Add(2 * time.Hour), Previous: "two"})
		log(store.Change{Ref: ref, Version: 4, Op: store.OpCreate, At: start.Add(3 * time.Hour), Cause: "c"})
		if n := must[int64](t)(s.LastSeq(ctx)); n != 6 {
			t.Errorf("last number %d", n)
		}
		changes, upTo, err := s.Changed(ctx, 0, 3)
		if err != nil || upTo != 3 || len(changes) != 2 || changes[0].Ref != "other" || changes[1].Seq != 3 {
			t.Errorf("changed: %+v %d %v", changes, upTo, err)
		}
		if changes, upTo, err = s.Changed(ctx, 6, 9); err != nil || upTo != 6 || len(changes) != 0 {
			t.Errorf("nothing changed: %+v %d %v", changes, upTo, err)
		}
		var versions []int64
		for _, c := range must[[]store.Change](t)(s.History(ctx, ref, 4, 9)) {
			versions = append(versions, c.Version)
		}
		if !slices.Equal(versions, []int64{3, 2, 1}) {
			t.Errorf("history %v", versions)
		}
		for version, want := range map[int64]string{1: "one", 2: "two", 3: "", 4: "four"} {
			if c := must[store.Change](t)(s.Version(ctx, ref, version)); c.Previous != want || c.Version != version {
				t.Errorf("version %d: %+v", version, c)
			}
		}
		if _, err := s.Version(ctx, ref, 5); !fault.Is(err, fault.NotFound) {
			t.Errorf("version 5: %v", err)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			if v := must[map[string]int64](t)(tx.LastVersions(ctx, []string{ref, "nope"})); len(v) != 1 || v[ref] != 4 {
				t.Errorf("last versions %v", v)
			}
			if err := tx.Recause(ctx, 6, "c", "d"); err != nil {
				return err
			}
			n, err := tx.Trim(ctx, store.Retention{Versions: 2, Touches: time.Hour, Age: 24 * time.Hour}, start.Add(4*time.Hour))
			if n != 3 {
				t.Errorf("trimmed %d", n)
			}
			return err
		})
		left := must[[]store.Change](t)(s.History(ctx, ref, 0, 9))
		if len(left) != 2 || left[0].Cause != "d" || left[1].Version != 3 {
			t.Errorf("left: %+v", left)
		}
		if n := must[int64](t)(s.Trimmed(ctx)); n != 6 {
			t.Errorf("trimmed up to %d", n)
		}
		// The newest version stays, however old.
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Trim(ctx, store.Retention{Age: time.Hour}, start.Add(100*time.Hour))
			return err
		})
		if left := must[[]store.Change](t)(s.History(ctx, ref, 0, 9)); len(left) != 1 || left[0].Version != 4 {
			t.Errorf("left: %+v", left)
		}
	})
}

func TestWrite_ErrorsUndoEverything(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		err := s.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.Put(ctx, []*store.Row{row("a", "p", "k")}); err != nil {
				return err
			}
			if err := tx.Log(ctx, []store.Change{{Ref: "a", Version: 1, Op: store.OpCreate}}); err != nil {
				return err
			}
			return fault.New(fault.Conflict, "no")
		})
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("error %v", err)
		}
		if c := must[store.Counts](t)(s.Counts(ctx, start)); c != (store.Counts{}) {
			t.Errorf("counts %+v", c)
		}
	})
}

func TestRelations_SurviveTheText(t *testing.T) {
	t.Parallel()
	const ref = "component:default/a"
	for name, want := range map[string][]catalog.Relation{
		"none":          nil,
		"both ways":     {{Source: ref, Type: "ownedBy", Target: "group:default/g"}, {Source: "group:default/g", Type: "ownerOf", Target: ref}},
		"of itself":     {{Source: ref, Type: "dependsOn", Target: ref}},
		"of others":     {{Source: "a:b/c", Type: "x", Target: "d:e/f"}},
		"odd names":     {{Source: ref, Type: "t\tt", Target: "group:default/a\nb\\c\x00d"}, {Source: "группа:ä/\\t", Type: "x", Target: ref}},
		"empty strings": {{Source: ref, Type: "", Target: ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := store.EncodeRelations(ref, want)
			if strings.ContainsRune(text, 0) {
				t.Error("PostgreSQL takes no NUL")
			}
			if diff := cmp.Diff(want, store.DecodeRelations(ref, text)); diff != "" {
				t.Errorf("relations (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzRelations(f *testing.F) {
	f.Add("ownedBy", "group:default/g")
	f.Add("a\tb", "\\n\n")
	f.Add("\x1c", "0")
	f.Fuzz(func(t *testing.T, kind, target string) {
		kind, target = strings.ToValidUTF8(kind, "?"), strings.ToValidUTF8(target, "?")
		want := []catalog.Relation{{Source: "a:b/c", Type: kind, Target: target}, {Source: target, Type: kind, Target: "x"}}
		if diff := cmp.Diff(want, store.DecodeRelations("a:b/c", store.EncodeRelations("a:b/c", want))); diff != "" {
			t.Error(diff)
		}
	})
}
