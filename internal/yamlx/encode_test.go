package yamlx_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/yamlx"
)

func TestMarshal_WritesWhatAPersonWouldWrite(t *testing.T) {
	t.Parallel()
	value := map[string]any{
		"kind": "Component", "apiVersion": "backstage.io/v1alpha1",
		"metadata": map[string]any{
			"name": "pay", "tags": []any{"java", "yes", "1.10", "2001-01-01", ""},
			"annotations": map[string]any{"a.b/c": "dir:.", "n": "null", "colon": "a: b", "hash": "a #b", "tail": "x:"},
			"description": "one\ntwo\n\n  three\n",
		},
		"spec": map[string]any{
			"count": 3.0, "ratio": 0.5, "on": true, "nothing": nil, "list": []any{}, "map": map[string]any{},
			"nested": []any{[]any{1.0, "a"}, map[string]any{"k": "v", "l": []any{"m"}}}, "n": 7,
		},
	}
	order := func(_ []string, keys []string) []string {
		var head, rest []string
		for _, key := range []string{"apiVersion", "kind", "metadata"} {
			if slices.Contains(keys, key) {
				head = append(head, key)
			}
		}
		for _, key := range keys {
			if !slices.Contains(head, key) {
				rest = append(rest, key)
			}
		}
		return append(head, rest...)
	}
	got, err := yamlx.MarshalOrdered(value, order)
	if err != nil {
		t.Fatal(err)
	}
	want := `apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  annotations:
    a.b/c: dir:.
    colon: 'a: b'
    hash: 'a #b'
    'n': 'null'
    tail: 'x:'
  description: |
    one
    two

      three
  name: pay
  tags:
    - java
    - 'yes'
    - '1.10'
    - '2001-01-01'
    - ''
spec:
  count: 3
  list: []
  map: {}
  'n': 7
  nested:
    - - 1
      - a
    - k: v
      l:
        - m
  nothing: null
  'on': true
  ratio: 0.5
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("YAML (-want +got):\n%s", diff)
	}
}

func TestMarshal_ParseGivesTheValueBack(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		value := randomValue(random, 0)
		text, err := yamlx.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		docs := yamlx.Parse(text, yamlx.Options{})
		if len(docs) != 1 || docs[0].Err != nil {
			t.Fatalf("%#v is written as\n%s\nwhich reads as %+v", value, text, docs)
		}
		if diff := cmp.Diff(value, docs[0].Value); diff != "" {
			t.Fatalf("written as\n%s\n(-want +got):\n%s", text, diff)
		}
	}
}

func randomValue(random *rand.Rand, depth int) any {
	kind := random.IntN(8)
	if depth > 4 {
		kind = random.IntN(5)
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return random.IntN(2) == 0
	case 2:
		return []float64{0, 1, -1, 0.1, 1e21, 1e-7, 9007199254740993, 12345.678, -3e300}[random.IntN(9)]
	case 5:
		items := make([]any, random.IntN(4))
		for i := range items {
			items[i] = randomValue(random, depth+1)
		}
		return items
	case 6, 7:
		entries := map[string]any{}
		for range random.IntN(5) {
			entries[randomText(random)] = randomValue(random, depth+1)
		}
		return entries
	}
	return randomText(random)
}

var fragments = []string{
	"a", "b c", " ", "  ", "\n", "\n\n", "\t", "- ", "-", ":", ": ", " #", "#", "'", `"`, `\`, "{", "}", "[", "]", ",", "&x", "*x", "!t",
	"|", ">", "%", "@", "`", "?", "? ", "---", "...", "\n---\n", "\n...", "null", "~", "true", "yes", "1", "0x1f", "0o7", "1e3", ".inf", "1:30",
	"2001-01-01", "<<", "=", "é", "日本", "😀", "\u0001", "\u0085", "\u2028", "\ufeff", "\r", "\r\n", "\u00a0", strings.Repeat("long ", 150),
}

func randomText(random *rand.Rand) string {
	var b strings.Builder
	for range random.IntN(5) {
		b.WriteString(fragments[random.IntN(len(fragments))])
	}
	return b.String()
}
