package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/audit/internal/store"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/secret"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)

func event(n int) chain.Entry {
	return chain.Entry{
		Meta: fmt.Sprintf(`{"n":%d}`, n),
		Event: audit.Event{
			ID: fmt.Sprintf("id-%d", n), At: start.Add(time.Duration(n) * time.Minute), Plugin: []string{"catalog", "auth"}[n%2],
			Name: []string{"entity-mutate", "sign-in", "location-mutate"}[n%3], Severity: audit.Medium, Status: audit.Succeeded,
			Actor:  audit.Actor{Kind: "user", Subject: fmt.Sprintf("user:default/u%d", n%5), IP: "10.0.0.1", UserAgent: "Mozilla"},
			Target: fmt.Sprintf("component:default/c%d", n), Request: audit.Request{ID: fmt.Sprintf("r-%d", n), Method: "POST", Path: "/api/catalog/refresh"},
		},
	}
}

func add(t *testing.T, d *db.DB, s *store.Store, entries ...chain.Entry) {
	t.Helper()
	err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return s.Add(ctx, tx, entries...) })
	if err != nil {
		t.Fatal(err)
	}
}

func seal(t *testing.T, s *store.Store) (total int) {
	t.Helper()
	for {
		n, err := s.Seal(t.Context(), 7)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return total
		}
		total += n
	}
}

func fill(t *testing.T, d *db.DB, s *store.Store, n int) {
	t.Helper()
	for i := range n {
		add(t, d, s, event(i+1))
	}
	if got := seal(t, s); got != n {
		t.Fatalf("%d events were sealed, want %d", got, n)
	}
}

func verified(t *testing.T, s *store.Store) store.Verdict {
	t.Helper()
	v, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func exec(t *testing.T, d *db.DB, statement string, args ...any) {
	t.Helper()
	err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func key(t *testing.T, texts ...string) chain.Keys {
	t.Helper()
	var list []secret.Text
	for _, text := range texts {
		list = append(list, secret.New(strings.Repeat(text, 16)))
	}
	k, err := chain.NewKeys(list[0], list[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestStore_SealsWhatWasAddedInOrder(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := store.New(d, chain.Keys{})
		if v := verified(t, s); !v.OK || v.Checked != 0 {
			t.Errorf("an empty log: %+v", v)
		}
		add(t, d, s, event(1), event(2))
		if n, err := s.Pending(t.Context()); n != 2 || err != nil {
			t.Errorf("%d pending, %v", n, err)
		}
		if _, err := s.Get(t.Context(), "id-1"); !fault.Is(err, fault.NotFound) {
			t.Errorf("an unsealed event is found: %v", err)
		}
		if v := verified(t, s); !v.OK || v.Unsealed != 2 {
			t.Errorf("before sealing: %+v", v)
		}
		seal(t, s)
		got, err := s.Get(t.Context(), "id-2")
		if err != nil {
			t.Fatal(err)
		}
		want := event(2)
		want.Seq, want.Previous, want.Hash = 2, got.Previous, got.Hash
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		first, err := s.Get(t.Context(), "id-1")
		if err != nil || first.Hash != got.Previous {
			t.Errorf("not chained: %v %s %s", err, first.Hash, got.Previous)
		}
		if v := verified(t, s); !v.OK || v.Checked != 2 || v.Seq != 2 || v.Hash != got.Hash || v.Unsealed != 0 {
			t.Errorf("verdict %+v", v)
		}
	})
}

func TestStore_WhatIsRolledBackLeavesNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := store.New(d, chain.Keys{})
		broken := errors.New("broken")
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return errors.Join(s.Add(ctx, tx, event(1)), broken)
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		add(t, d, s, event(2))
		if n := seal(t, s); n != 1 {
			t.Errorf("%d sealed", n)
		}
		if e, err := s.Get(t.Context(), "id-2"); err != nil || e.Seq != 1 {
			t.Errorf("a gap: %d %v", e.Seq, err)
		}
	})
}

// The sealer dies after events were stored, and in the middle of a turn: who
// comes next seals each once.
func TestStore_SealingGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := store.New(d, chain.Keys{})
		for i := range 20 {
			add(t, d, s, event(i))
		}
		if n, err := s.Seal(t.Context(), 5); n != 5 || err != nil {
			t.Fatal(n, err)
		}
		dying, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Seal(dying, 5); err == nil {
			t.Fatal("a dead sealer seals")
		}
		next := store.New(d, chain.Keys{}) // another process
		if n := seal(t, next); n != 15 {
			t.Errorf("%d sealed after the crash", n)
		}
		if v := verified(t, next); !v.OK || v.Checked != 20 {
			t.Errorf("verdict %+v: %v", v, v.Problem)
		}
	})
}

func TestStore_SealersThatRaceSealEachEventOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const writers, each = 4, 25
		var wg sync.WaitGroup
		done := make(chan struct{})
		for w := range writers {
			wg.Go(func() {
				s := store.New(d, chain.Keys{})
				for i := range each {
					add(t, d, s, event(w*each+i))
				}
			})
		}
		var sealers sync.WaitGroup
		for range 3 {
			sealers.Go(func() {
				s := store.New(d, chain.Keys{})
				for {
					n, err := s.Seal(context.Background(), 3)
					if err != nil {
						t.Error(err)
						return
					}
					select {
					case <-done:
						if n == 0 {
							return
						}
					default:
					}
				}
			})
		}
		wg.Wait()
		close(done)
		sealers.Wait()
		if v := verified(t, store.New(d, chain.Keys{})); !v.OK || v.Checked != writers*each || v.Unsealed != 0 {
			t.Errorf("verdict %+v: %v", v, v.Problem)
		}
	})
}

func TestVerify_FindsWhatSomebodyDidToTheDatabase(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		do   string
		seq  int64
		keys bool // only a key finds it
	}{
		"changed plugin":           {do: `UPDATE audit_event SET plugin = 'x' WHERE seq = 4`, seq: 4},
		"changed name":             {do: `UPDATE audit_event SET name = 'x' WHERE seq = 4`, seq: 4},
		"changed severity":         {do: `UPDATE audit_event SET severity = 'low' WHERE seq = 4`, seq: 4},
		"changed status":           {do: `UPDATE audit_event SET status = 'failed' WHERE seq = 4`, seq: 4},
		"changed actor":            {do: `UPDATE audit_event SET actor = 'user:default/other' WHERE seq = 4`, seq: 4},
		"changed kind of actor":    {do: `UPDATE audit_event SET actor_kind = 'service' WHERE seq = 4`, seq: 4},
		"changed via":              {do: `UPDATE audit_event SET actor_via = 'x' WHERE seq = 4`, seq: 4},
		"changed address":          {do: `UPDATE audit_event SET ip = '1.1.1.1' WHERE seq = 4`, seq: 4},
		"changed agent":            {do: `UPDATE audit_event SET user_agent = 'x' WHERE seq = 4`, seq: 4},
		"changed target":           {do: `UPDATE audit_event SET target = '' WHERE seq = 4`, seq: 4},
		"changed reason":           {do: `UPDATE audit_event SET reason = 'x' WHERE seq = 4`, seq: 4},
		"changed meta":             {do: `UPDATE audit_event SET meta = '{}' WHERE seq = 4`, seq: 4},
		"broken meta":              {do: `UPDATE audit_event SET meta = '{' WHERE seq = 4`, seq: 4},
		"changed time":             {do: `UPDATE audit_event SET at = at + 1000 WHERE seq = 4`, seq: 4},
		"changed id":               {do: `UPDATE audit_event SET id = 'x' WHERE seq = 4`, seq: 4},
		"changed request":          {do: `UPDATE audit_event SET request_id = 'x' WHERE seq = 4`, seq: 4},
		"changed method":           {do: `UPDATE audit_event SET request_method = 'GET' WHERE seq = 4`, seq: 4},
		"changed path":             {do: `UPDATE audit_event SET request_path = '/' WHERE seq = 4`, seq: 4},
		"changed hash":             {do: `UPDATE audit_event SET hash = previous WHERE seq = 4`, seq: 4},
		"changed previous":         {do: `UPDATE audit_event SET previous = hash WHERE seq = 4`, seq: 4},
		"changed key":              {do: `UPDATE audit_event SET key_id = 'abcd' WHERE seq = 4`, seq: 4},
		"a deleted event":          {do: `DELETE FROM audit_event WHERE seq = 4`, seq: 4},
		"deleted first events":     {do: `DELETE FROM audit_event WHERE seq < 4`, seq: 1},
		"the tail cut off":         {do: `DELETE FROM audit_event WHERE seq > 8`, seq: 9},
		"everything deleted":       {do: `DELETE FROM audit_event`, seq: 1},
		"an event moved to behind": {do: `UPDATE audit_event SET seq = 99 WHERE seq = 4`, seq: 4},
		"an event moved to front":  {do: `UPDATE audit_event SET seq = 0 WHERE seq = 4`, seq: 0},
		"a head set back":          {do: `UPDATE audit_head SET seq = 8`, seq: 0},
		"a removed head":           {do: `DELETE FROM audit_head`, seq: 1},
		"a head set back with the hash it had": {
			do:  `UPDATE audit_head SET seq = 8, hash = (SELECT hash FROM audit_event WHERE seq = 8)`,
			seq: 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, k := range []chain.Keys{{}, key(t, "k")} {
				d := dbtest.SQLite(t)
				s := store.New(d, k)
				fill(t, d, s, 10)
				exec(t, d, tc.do)
				v := verified(t, s)
				if v.OK || v.Problem == nil || v.Problem.Seq != tc.seq {
					t.Errorf("key %q: %+v: %v", k.Current(), v, v.Problem)
				}
			}
		})
	}
}

func TestVerify_FindsAChangeOnPostgresToo(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	s := store.New(d, key(t, "k"))
	fill(t, d, s, 10)
	if v := verified(t, s); !v.OK || v.Checked != 10 {
		t.Fatalf("%+v: %v", v, v.Problem)
	}
	exec(t, d, `UPDATE audit_event SET target = 'x' WHERE seq = 4`)
	if v := verified(t, s); v.OK || v.Problem.Seq != 4 || v.Checked != 3 {
		t.Errorf("%+v: %v", v, v.Problem)
	}
}

// A running portal notices when the end of its log goes away, and goes on
// without covering it up.
func TestSeal_TellsOfALogThatWasCutOff(t *testing.T) {
	t.Parallel()
	for name, do := range map[string][]string{
		"cut off and set back": {
			`DELETE FROM audit_event WHERE seq > 8`, `DELETE FROM audit_word WHERE rowid > 8`, "head",
		},
		"the head set back alone": {"head"},
		"the head was removed":    {`DELETE FROM audit_head`},
		"everything was removed":  {`DELETE FROM audit_event`, `DELETE FROM audit_word WHERE rowid > 0`, `DELETE FROM audit_head`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dbtest.SQLite(t)
			s := store.New(d, chain.Keys{})
			fill(t, d, s, 8)
			var seq int64
			var hash, sum string
			if err := d.Read().QueryRowContext(t.Context(), `SELECT seq, hash, seal FROM audit_head`).Scan(&seq, &hash, &sum); err != nil {
				t.Fatal(err)
			}
			add(t, d, s, event(9), event(10))
			seal(t, s)
			for _, statement := range do {
				if statement == "head" { // as it was, with its seal
					exec(t, d, `UPDATE audit_head SET seq = $1, hash = $2, seal = $3`, seq, hash, sum)
					continue
				}
				exec(t, d, statement)
			}
			add(t, d, s, event(11))
			add(t, d, s, event(12))
			if n := seal(t, s); n != 3 {
				t.Errorf("%d sealed, want the two and the complaint", n)
			}
			v := verified(t, s)
			if v.OK || !strings.Contains(v.Problem.Message, "the portal found the log changed") {
				t.Errorf("%+v: %v", v, v.Problem)
			}
		})
	}
}

func TestSeal_AnUnsealedEventThatWasBrokenStopsNobody(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := store.New(d, chain.Keys{})
		add(t, d, s, event(1), event(2), event(3))
		exec(t, d, `UPDATE audit_pending SET event = 'rubbish' WHERE event LIKE '%id-2%'`)
		if n := seal(t, s); n != 3 {
			t.Errorf("%d sealed", n)
		}
		found, err := s.Search(t.Context(), store.Query{Name: "unreadable-event", Severity: "critical"}, nil, 10)
		if err != nil || len(found) != 1 || !strings.Contains(found[0].Event.Reason, "rubbish") {
			t.Errorf("%+v %v", found, err)
		}
	})
}

// A connection that breaks while a change is committed leaves its event, and
// one that it failed, with the same id.
func TestSeal_AnIdThatIsTakenStopsNobody(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := store.New(d, chain.Keys{})
		again := event(1)
		again.Event.Status, again.Event.Reason = audit.Failed, "the connection broke"
		add(t, d, s, event(1), again, event(2))
		if n := seal(t, s); n != 3 {
			t.Fatalf("%d events were sealed", n)
		}
		add(t, d, s, again, event(3))
		if n := seal(t, s); n != 2 {
			t.Fatalf("%d events were sealed behind one whose id is taken", n)
		}
		if v := verified(t, s); !v.OK || v.Checked != 5 || v.Unsealed != 0 {
			t.Errorf("got %+v", v)
		}
		if e, err := s.Get(t.Context(), "id-1"); err != nil || e.Seq != 1 || e.Event.Status != audit.Succeeded {
			t.Errorf("the first one: %+v, %v", e, err)
		}
	})
}

func TestKeys_AreFollowedAcrossTheirChange(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		none, first, second := store.New(d, chain.Keys{}), store.New(d, key(t, "a")), store.New(d, key(t, "b", "a"))
		fill(t, d, none, 3)
		if v := verified(t, first); v.OK || !strings.Contains(v.Problem.Message, "start the portal") {
			t.Errorf("a new key before its first event: %+v", v)
		}
		add(t, d, first, event(4))
		seal(t, first)
		add(t, d, second, event(5))
		seal(t, second)
		if v := verified(t, second); !v.OK || v.Checked != 5 {
			t.Errorf("%+v: %v", v, v.Problem)
		}
		if err := second.CheckKeys(t.Context()); err != nil {
			t.Error(err)
		}
		for name, s := range map[string]*store.Store{"no key": none, "an old key": first, "another key": store.New(d, key(t, "x"))} {
			if err := s.CheckKeys(t.Context()); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
			if v := verified(t, s); v.OK {
				t.Errorf("%s verifies", name)
			}
		}
	})
}

func ids(entries []chain.Entry) (out []string) {
	for i := range entries {
		out = append(out, strings.TrimPrefix(entries[i].Event.ID, "id-"))
	}
	return out
}

func TestSearch_FindsByEveryFieldTheNewestFirst(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := store.New(d, chain.Keys{})
		fill(t, d, s, 12)
		odd := event(13)
		odd.Event.Status, odd.Event.Severity, odd.Event.Reason, odd.Meta = audit.Failed, audit.High, "Größe 'x' & <y>: not allowed!", `{"deep":[{"wörd":"Needle42"}],"n":7.5}`
		late := event(5) // sealed late: its place is by its time
		late.Event.ID = "id-late"
		add(t, d, s, odd, late)
		seal(t, s)
		for name, tc := range map[string]struct {
			q    store.Query
			want string
		}{
			"everything":             {store.Query{}, "13 12 11 10 9 8 7 6 late 5 4 3 2 1"},
			"a plugin":               {store.Query{Plugin: "auth"}, "13 11 9 7 late 5 3 1"},
			"a name":                 {store.Query{Name: "sign-in"}, "13 10 7 4 1"},
			"an actor":               {store.Query{Actor: "user:default/u1"}, "11 6 1"},
			"a target":               {store.Query{Target: "component:default/c5"}, "late 5"},
			"a status":               {store.Query{Status: "failed"}, "13"},
			"a severity":             {store.Query{Severity: "medium", Plugin: "auth", Name: "sign-in"}, "7 1"},
			"a time":                 {store.Query{From: start.Add(4 * time.Minute), To: start.Add(6 * time.Minute)}, "late 5 4"},
			"a word":                 {store.Query{Text: "needle42"}, "13"},
			"the beginning of words": {store.Query{Text: "NEED* größ*"}, "13"},
			"words of many fields":   {store.Query{Text: "not allowed auth u3 r-13"}, "13"},
			"not the beginning":      {store.Query{Text: "needle"}, ""},
			"a ref as text":          {store.Query{Text: "component:default/c12"}, "12"},
			"a word and a field":     {store.Query{Text: "entity mutate", Actor: "user:default/u1"}, "6"},
			"a word that is nowhere": {store.Query{Text: "needle43"}, ""},
			"no word at all":         {store.Query{Text: "'\"*:&|!()"}, ""},
			"nothing but space":      {store.Query{Text: "  ", Target: "component:default/c1"}, "1"},
			"operators are words":    {store.Query{Text: "catalog OR NOT"}, ""},
			"a field without events": {store.Query{Plugin: "none"}, ""},
		} {
			got, err := s.Search(t.Context(), tc.q, nil, 100)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if diff := cmp.Diff(tc.want, strings.Join(ids(got), " ")); diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
			s.SetFrequent(1) // as if every word were, so that events are gone through
			walked, err := s.Search(t.Context(), tc.q, nil, 100)
			if diff := cmp.Diff(ids(got), ids(walked)); diff != "" || err != nil {
				t.Errorf("%s, frequent words: %v (-want +got)\n%s", name, err, diff)
			}
			s.SetFrequent(0) // and as if that were in vain, so that the index is asked in parts
			windowed, err := s.Search(t.Context(), tc.q, nil, 100)
			if diff := cmp.Diff(ids(got), ids(windowed)); diff != "" || err != nil {
				t.Errorf("%s, in parts: %v (-want +got)\n%s", name, err, diff)
			}
			s.SetFrequent(-1)
			// In pages of any size the same, and backwards for an export.
			for _, size := range []int{1, 3} {
				var pages []chain.Entry
				var after *store.Place
				for {
					page, err := s.Search(t.Context(), tc.q, after, size)
					if err != nil {
						t.Fatal(err)
					}
					if len(page) == 0 {
						break
					}
					pages = append(pages, page...)
					after = &store.Place{At: page[len(page)-1].Event.At, Seq: page[len(page)-1].Seq}
				}
				if diff := cmp.Diff(ids(got), ids(pages)); diff != "" {
					t.Errorf("%s in pages of %d (-want +got)\n%s", name, size, diff)
				}
			}
			var each []chain.Entry
			if err := s.Each(t.Context(), tc.q, func(e *chain.Entry) error { each = append(each, *e); return nil }); err != nil {
				t.Fatal(err)
			}
			slices.Reverse(each)
			if diff := cmp.Diff(ids(got), ids(each)); diff != "" {
				t.Errorf("%s one by one (-want +got)\n%s", name, diff)
			}
		}
	})
}

func TestRemove_LeavesALogThatVerifies(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := store.New(d, key(t, "k"))
		record := func(r chain.Removal) chain.Entry {
			return chain.Entry{
				Event: audit.Event{ID: fmt.Sprintf("gone-%d", r.Seq), At: start.Add(time.Hour), Plugin: chain.RetentionPlugin, Name: chain.RetentionName},
				Meta:  fmt.Sprintf(`{"lastSeq":%d,"lastHash":%q}`, r.Seq, r.Hash),
			}
		}
		remove := func(before time.Time, limit int, want int64) {
			t.Helper()
			r, err := s.Remove(t.Context(), before, limit, record)
			if err != nil || r.Removed != want {
				t.Fatalf("%d removed, want %d: %v", r.Removed, want, err)
			}
			for _, when := range []string{"before", "after"} {
				if v := verified(t, s); !v.OK {
					t.Errorf("%s sealing that %d went: %v", when, want, v.Problem)
				}
				seal(t, s)
			}
		}
		remove(start.Add(24*time.Hour), 10, 0)
		fill(t, d, s, 10)
		remove(start, 10, 0)
		remove(start.Add(4*time.Minute), 10, 3)
		if v := verified(t, s); v.First != 4 || v.Checked != 8 {
			t.Errorf("%+v", v)
		}
		if found, err := s.Search(t.Context(), store.Query{Text: "c2"}, nil, 10); err != nil || len(found) != 0 {
			t.Errorf("a removed event is found: %v %v", ids(found), err)
		}
		remove(start.Add(7*time.Minute), 2, 2)
		remove(start.Add(7*time.Minute), 2, 1)
		if found, err := s.Search(t.Context(), store.Query{Text: "component"}, nil, 10); err != nil || len(found) != 4 {
			t.Errorf("what is left: %v %v", ids(found), err)
		}
		// What somebody else removed is not covered up.
		exec(t, d, `DELETE FROM audit_event WHERE seq = 7`)
		if _, err := s.Remove(t.Context(), start.Add(24*time.Hour), 10, record); !fault.Is(err, fault.Conflict) {
			t.Errorf("a broken log: %v", err)
		}
		if v := verified(t, s); v.OK || v.Problem.Seq != 7 {
			t.Errorf("%+v: %v", v, v.Problem)
		}
	})
}

// Whatever the portal does in whatever order, the log verifies.
func TestVerify_AcceptsEveryHonestHistory(t *testing.T) {
	t.Parallel()
	for seed := range uint64(25) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 9))
			d := dbtest.SQLite(t)
			keys := []chain.Keys{{}, key(t, "a"), key(t, "b", "a"), key(t, "c", "b", "a")}
			turn, n := r.IntN(2), 0
			s := store.New(d, keys[turn])
			for range 40 {
				switch r.IntN(6) {
				case 0, 1, 2:
					for range r.IntN(4) {
						n++
						add(t, d, s, event(n))
					}
				case 3:
					if _, err := s.Seal(t.Context(), 1+r.IntN(5)); err != nil {
						t.Fatal(err)
					}
				case 4:
					_, err := s.Remove(t.Context(), start.Add(time.Duration(r.IntN(n+1))*time.Minute), 1+r.IntN(5), func(r chain.Removal) chain.Entry {
						n++
						e := event(n)
						e.Event.Plugin, e.Event.Name = chain.RetentionPlugin, chain.RetentionName
						e.Meta = fmt.Sprintf(`{"lastSeq":%d,"lastHash":%q}`, r.Seq, r.Hash)
						return e
					})
					if err != nil {
						t.Fatal(err)
					}
				case 5: // another process, perhaps with a newer key
					if r.IntN(3) == 0 && turn+1 < len(keys) {
						turn++
					}
					s = store.New(d, keys[turn])
					n++ // as the portal does when it starts with another key
					add(t, d, s, event(n))
					seal(t, s)
				}
				if v := verified(t, s); !v.OK {
					t.Fatalf("%+v: %v", v, v.Problem)
				}
			}
		})
	}
}
