package change_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog/internal/service/change"
)

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestValues_ListsChangesByPointer(t *testing.T) {
	t.Parallel()
	from := decode(t, `{"a":1,"b":{"x/y":"old","same":true},"tags":["go","api"],"links":[{"url":"1"}],"gone":null}`)
	to := decode(t, `{"a":2,"b":{"x/y":"new","same":true},"tags":["go","grpc","api"],"links":[{"url":"2"},{"url":"3"}],"fresh":{"k":"v"}}`)
	want := []change.Value{
		{Op: "replace", Path: "/a", Old: 1.0, New: 2.0},
		{Op: "replace", Path: "/b/x~1y", Old: "old", New: "new"},
		{Op: "add", Path: "/fresh", New: map[string]any{"k": "v"}},
		{Op: "remove", Path: "/gone"},
		{Op: "replace", Path: "/links/0/url", Old: "1", New: "2"},
		{Op: "add", Path: "/links/1", New: map[string]any{"url": "3"}},
		{Op: "add", Path: "/tags/1", New: "grpc"},
	}
	if diff := cmp.Diff(want, change.Values(from, to)); diff != "" {
		t.Error(diff)
	}
}

func TestUnified_ShowsHunksWithContext(t *testing.T) {
	t.Parallel()
	from := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n"
	to := "1\n2\n3\nfour\n5\n6\n7\n8\n9\n10\n11\n12\n13\n"
	want := `--- a
+++ b
@@ -1,7 +1,7 @@
 1
 2
 3
-4
+four
 5
 6
 7
@@ -10,3 +10,4 @@
 10
 11
 12
+13
`
	if diff := cmp.Diff(want, change.Unified("a", "b", from, to)); diff != "" {
		t.Error(diff)
	}
	if got := change.Unified("a", "b", from, from); got != "" {
		t.Errorf("equal texts differ: %s", got)
	}
	if got := change.Unified("a", "b", "", "x\n"); got != "--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n" {
		t.Errorf("a text out of nothing: %q", got)
	}
}

func TestUnified_RebuildsTheSecondText(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		var b strings.Builder
		for range random.IntN(30) {
			fmt.Fprintf(&b, "%d\n", random.IntN(6))
		}
		return b.String()
	}
	for range 300 {
		from, to := text(), text()
		var rebuilt []string
		a := strings.Split(strings.TrimSuffix(from, "\n"), "\n")
		if from == "" {
			a = nil
		}
		next := 0
		for _, line := range strings.Split(change.Unified("a", "b", from, to), "\n") {
			var start, n int
			if strings.HasPrefix(line, "@@") {
				fmt.Sscanf(line, "@@ -%d,%d", &start, &n)
				if !strings.Contains(strings.Fields(line)[1], ",") {
					n = 1
				}
				if n > 0 {
					start--
				}
				rebuilt = append(rebuilt, a[next:start]...)
				next = start
				continue
			}
			if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "+++") {
				continue
			}
			switch line[0] {
			case ' ':
				rebuilt = append(rebuilt, line[1:])
				next++
			case '-':
				next++
			case '+':
				rebuilt = append(rebuilt, line[1:])
			}
		}
		rebuilt = append(rebuilt, a[next:]...)
		got := strings.Join(rebuilt, "\n")
		if got != "" {
			got += "\n"
		}
		if got != to {
			t.Fatalf("from %q to %q: rebuilt %q", from, to, got)
		}
	}
}
