package place_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/place"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	missing := fail.New(fail.NotFound, "missing")
	for name, tc := range map[string]struct {
		rest  string
		names []string
		list  error
		there string // the ref and path that exist
		want  string
		looks int
	}{
		"the first part is the branch":    {"main/a/b", nil, nil, "main a/b", "", 0},
		"a branch with a slash":           {"feature/x/a", []string{"feature/x"}, nil, "feature/x a", "", 1},
		"the longest wins":                {"f/x/y/a", []string{"f/x", "f/x/y"}, nil, "f/x/y a", "", 1},
		"a name that only begins alike":   {"f/xy/a", []string{"f/x"}, nil, "", fail.NotFound, 1},
		"nothing":                         {"main/a", nil, nil, "", fail.NotFound, 1},
		"branches that cannot be listed":  {"main/a", nil, errors.New("no"), "", fail.NotFound, 1},
		"a commit is not looked up":       {strings.Repeat("a", 40) + "/x", nil, nil, "", fail.NotFound, 0},
		"a branch alone is not looked up": {"main", nil, nil, "", fail.NotFound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refs := place.NewRefs(func() time.Time { return now })
			looks := 0
			err := refs.Resolve(t.Context(), "o/r", strings.Split(tc.rest, "/"), func(_ context.Context, prefix string) ([]string, error) {
				looks++
				if first, _, _ := strings.Cut(tc.rest, "/"); prefix != first+"/" {
					t.Errorf("prefix %q", prefix)
				}
				return tc.names, tc.list
			}, func(ref, path string) error {
				if ref+" "+path != tc.there {
					return missing
				}
				return nil
			})
			if fail.Code(err) != tc.want || looks != tc.looks {
				t.Errorf("%v after %d looks", err, looks)
			}
		})
	}
}

func TestResolve_LooksAgainAfterAWhile(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	refs := place.NewRefs(func() time.Time { return now })
	looks := 0
	try := func() {
		_ = refs.Resolve(t.Context(), "o/r", []string{"a", "b"}, func(context.Context, string) ([]string, error) { looks++; return nil, nil },
			func(string, string) error { return fail.New(fail.NotFound, "missing") })
	}
	try()
	try()
	now = now.Add(11 * time.Minute)
	try()
	if looks != 2 {
		t.Errorf("%d looks", looks)
	}
}

func TestParts_RefusesWhatClimbs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{"a/b%2Fc": true, "/a/": true, "": false, "a//b": false, "a/%2e%2e/b": false, "a/./b": false, "a/%zz": false} {
		if _, ok := place.Parts(in); ok != want {
			t.Errorf("%q: %v", in, ok)
		}
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	if got := place.Escape("a b/@x/*/#?%"); got != "a%20b/@x/*/%23%3F%25" {
		t.Errorf("got %q", got)
	}
}

func TestResolve_DoesNotLookBelowWhatIsABranch(t *testing.T) {
	t.Parallel()
	refs := place.NewRefs(time.Now)
	looks := 0
	list := func(context.Context, string) ([]string, error) { looks++; return nil, nil }
	there := func(ref, path string) error {
		if ref == "main" && path == "a/b" {
			return nil
		}
		return fail.New(fail.NotFound, "missing")
	}
	if err := refs.Resolve(t.Context(), "o/r", []string{"main", "a", "b"}, list, there); err != nil {
		t.Fatal(err)
	}
	if err := refs.Resolve(t.Context(), "o/r", []string{"main", "a", "c"}, list, there); fail.Code(err) != fail.NotFound {
		t.Errorf("got %v", err)
	}
	if err := refs.ResolveFile(t.Context(), "o/new", []string{"x", "c"}, list, there); fail.Code(err) != fail.NotFound {
		t.Errorf("got %v", err)
	}
	if looks != 0 {
		t.Errorf("%d looks", looks)
	}
}
