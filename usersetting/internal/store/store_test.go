package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/usersetting"
)

func TestSet_BoundsWhatOneUserHas(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		s := New(d, time.Now)
		s.max = 3
		set := func(user string, n int) error {
			return s.Set(t.Context(), user, usersetting.Key{Bucket: "b", Key: fmt.Sprint(n)}, []byte("1"))
		}
		for n := range 3 {
			for range 2 { // the second time it is no further one
				if err := set("jane", n); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := set("jane", 3); !fault.Is(err, fault.TooLarge) {
			t.Errorf("one too many: %v", err)
		}
		if _, err := s.Get(t.Context(), "jane", usersetting.Key{Bucket: "b", Key: "3"}); !fault.Is(err, fault.NotFound) {
			t.Errorf("it is there: %v", err)
		}
		if err := set("john", 1); err != nil {
			t.Errorf("another user: %v", err)
		}
	})
}
