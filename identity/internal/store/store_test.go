package store_test

import (
	"fmt"
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
