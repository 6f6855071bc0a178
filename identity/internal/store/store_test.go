package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity/internal/store"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		now := time.Unix(1_800_000_000, 0)
		clock := func() time.Time { return now }
		one, other := store.New(d, clock), store.New(d, clock)
		ctx := t.Context()

		for i, life := range []time.Duration{time.Hour, 2 * time.Hour} {
			if err := one.AddKey(ctx, fmt.Sprint("k", i), fmt.Appendf(nil, `{"n":%d}`, i), now.Add(life)); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(time.Hour)
		keys, err := other.Keys(ctx, now)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]byte{[]byte(`{"n":1}`)}, keys); diff != "" {
			t.Errorf("another replica sees the keys that have not expired (-want +got):\n%s", diff)
		}

		const jane = "user:default/jane"
		refs, err := other.Ownership(ctx, jane)
		if diff := cmp.Diff([]string{jane}, refs); err != nil || diff != "" {
			t.Errorf("an unknown user owns by itself (%v, -want +got):\n%s", err, diff)
		}
		want := []string{jane, "group:default/team"}
		if err := one.SetOwnership(ctx, jane, want); err != nil {
			t.Fatal(err)
		}
		if refs, err = one.Ownership(ctx, jane); err != nil || !cmp.Equal(want, refs) {
			t.Errorf("after a sign-in: %v, %v", refs, err)
		}
		now = now.Add(11 * time.Second)
		if refs, err = other.Ownership(ctx, jane); err != nil || !cmp.Equal(want, refs) {
			t.Errorf("on another replica, later: %v, %v", refs, err)
		}
	})
}

func TestKeys_AreKeptUntilTheyExpire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		now := time.Unix(1_800_000_000, 0)
		clock := func() time.Time { return now }
		s := store.New(d, clock)
		add := func(kid string, life time.Duration) error {
			return s.AddKey(t.Context(), kid, fmt.Appendf(nil, `{"kid":%q}`, kid), now.Add(life))
		}
		if err := add("short", time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := add("long", time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := add("long", 2*time.Hour); err == nil {
			t.Error("a key replaces another of its name")
		}
		rows := func() (n int) {
			t.Helper()
			if err := d.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM identity_key`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		// To the microsecond: what expires now has expired.
		for _, tc := range []struct {
			at   time.Duration
			want []string
		}{
			{0, []string{"short", "long"}},
			{time.Minute - time.Microsecond, []string{"short", "long"}},
			{time.Minute, []string{"long"}},
			{time.Hour, nil},
		} {
			keys, err := s.Keys(t.Context(), now.Add(tc.at))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, k := range keys {
				got = append(got, strings.Split(string(k), `"`)[3])
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("after %v (-want +got):\n%s", tc.at, diff)
			}
		}
		now = now.Add(30 * time.Minute)
		if err := add("third", time.Hour); err != nil {
			t.Fatal(err)
		}
		if n := rows(); n != 2 {
			t.Errorf("with a new key the expired one goes: %d rows, want 2", n)
		}
	})
}
