package yamlx_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

func TestParse_OneBrokenDocumentSpoilsNoOther(t *testing.T) {
	t.Parallel()
	text := "# head\na: 1\n---\nb: [1\n---\nc: \"open\n...\n---\n---\nd: |\n  text\n"
	var got []string
	for _, doc := range yamlx.Parse([]byte(text), yamlx.Options{File: "s.yaml"}) {
		got = append(got, fmt.Sprintf("%d line %d empty %t: %v, %v", doc.Index, doc.Line, doc.Empty, doc.Value, doc.Err))
	}
	want := []string{
		"0 line 2 empty false: map[a:1], <nil>",
		"1 line 3 empty false: <nil>, s.yaml:5:1: while parsing a flow sequence: did not find expected ',' or ']'",
		"2 line 5 empty false: <nil>, s.yaml:7:1: while scanning a quoted scalar: the text ends before the closing quote",
		"3 line 8 empty true: <nil>, <nil>",
		"4 line 10 empty false: map[d:text\n], <nil>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
}

func TestParse_LimitsHold(t *testing.T) {
	t.Parallel()
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'j'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 10), ","))
	}
	for name, tc := range map[string]struct {
		text string
		opts yamlx.Options
		want string
	}{
		"an alias bomb":           {bomb, yamlx.Options{}, "aliases expand to more than 100000 values"},
		"a text that is too long": {"a: 1\n", yamlx.Options{MaxBytes: 4}, "x.yaml:1: the text has 5 bytes, more than the limit of 4"},
		"too many documents":      {"---\n---\n---\n", yamlx.Options{MaxDocuments: 2}, "x.yaml:3: more than the limit of 2 documents"},
		"too deep nesting":        {strings.Repeat("[", 600) + strings.Repeat("]", 600), yamlx.Options{}, "collections nest deeper than 500 levels"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.opts.File = "x.yaml"
			docs := yamlx.Parse([]byte(tc.text), tc.opts)
			err := docs[len(docs)-1].Err
			if !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q with code too_large", err, tc.want)
			}
		})
	}
}

func TestParse_VeryDeepNestingIsAnErrorNotACrash(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"[", "{a: ", "- ", "? "} {
		docs := yamlx.Parse([]byte(strings.Repeat(unit, 50_000)), yamlx.Options{})
		if docs[0].Err == nil {
			t.Errorf("50,000 times %q must be refused", unit)
		}
	}
}

func TestParse_AliasesShareNoMemory(t *testing.T) {
	t.Parallel()
	docs := yamlx.Parse([]byte("a: &x {k: v}\nb: *x\n"), yamlx.Options{})
	value := docs[0].Value.(map[string]any)
	value["a"].(map[string]any)["k"] = "changed"
	if got := value["b"].(map[string]any)["k"]; got != "v" {
		t.Errorf("the other use of the alias became %v", got)
	}
}

func TestParse_MergeKeysWorkWhenSwitchedOn(t *testing.T) {
	t.Parallel()
	text := "base: &b {p: 1, q: 2}\nmore: &m {r: 3, p: 9}\na:\n  q: own\n  <<: [*b, *m]\n  <<: {s: 4}\n"
	got := yamlx.Parse([]byte(text), yamlx.Options{Merge: true})[0]
	want := map[string]any{"p": 1.0, "q": "own", "r": 3.0, "s": 4.0}
	if diff := cmp.Diff(want, got.Value.(map[string]any)["a"]); got.Err != nil || diff != "" {
		t.Errorf("error %v, merged (-want +got):\n%s", got.Err, diff)
	}
	bad := yamlx.Parse([]byte("a:\n  <<: text\n"), yamlx.Options{Merge: true})[0]
	if want := "2:7: a merge key (<<) needs a mapping or a list of mappings"; bad.Err == nil || !strings.HasSuffix(bad.Err.Error(), want) {
		t.Errorf("error %v, want …%s", bad.Err, want)
	}
}

func TestDocument_PositionFindsKeysAndItems(t *testing.T) {
	t.Parallel()
	text := "a: 1\n---\n# c\nspec:\n  owner: me\n  links:\n    - x\n    -   url: y\n  a/b: 1\n  copy: &c {k: v}\n  also: *c\n"
	doc := yamlx.Parse([]byte(text), yamlx.Options{File: "p.yaml"})[1]
	for pointer, want := range map[string]string{
		"":                   "p.yaml:4:1",
		"/spec/owner":        "p.yaml:5:3",
		"/spec/links/1/url":  "p.yaml:8:9",
		"/spec/links/1":      "p.yaml:8:9",
		"/spec/links/0":      "p.yaml:7:7",
		"/spec/a~1b":         "p.yaml:9:3",
		"/spec/missing/more": "p.yaml:4:1",
		"/spec/also/k":       "p.yaml:10:13",
		"/spec/links/7":      "p.yaml:6:3",
	} {
		if got := doc.PositionOf(pointer).String(); got != want {
			t.Errorf("PositionOf(%q) = %s, want %s", pointer, got, want)
		}
	}
}

func TestOne_WantsASingleDocument(t *testing.T) {
	t.Parallel()
	if doc, err := yamlx.One([]byte("# nothing\n"), yamlx.Options{}); err != nil || !doc.Empty {
		t.Errorf("a comment gives %+v, %v", doc, err)
	}
	_, err := yamlx.One([]byte("a: 1\n---\nb: 2\n"), yamlx.Options{File: "c.yaml"})
	if err == nil || err.Error() != "c.yaml:3: a second document begins here, but the file must hold only one" {
		t.Errorf("two documents give %v", err)
	}
}

func TestParse_StrayBytesAndMarksDoNotEndAFile(t *testing.T) {
	t.Parallel()
	docs := yamlx.Parse([]byte("\xef\xbb\xbfa: \"caf\xe9\"\n"), yamlx.Options{})
	if got := docs[0].Value.(map[string]any)["a"]; docs[0].Err != nil || got != "caf\uFFFD" {
		t.Errorf("got %q, %v", got, docs[0].Err)
	}
}

func BenchmarkParse_TenThousandDocuments(b *testing.B) {
	data := stream(10_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for doc := range yamlx.Documents(data, yamlx.Options{}) {
			if doc.Err != nil {
				b.Fatal(doc.Err)
			}
			n++
		}
		if n != 10_000 {
			b.Fatal(n)
		}
	}
}

// stream makes about 6 MB of documents like those of a catalog.
func stream(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: service-%[1]d
  title: Service %[1]d
  description: Takes orders from the shops of region %[1]d and passes them on to whoever has the goods
  annotations:
    github.com/project-slug: org/service-%[1]d
    backstage.io/techdocs-ref: dir:.
    example.com/dashboard: https://dash.example.com/d/%[1]d?orgId=1
  tags: [java, "tag-%[2]d"]
  labels: {tier: backend, region: north}
  links:
    - url: https://example.com/%[1]d
      title: Dashboard
      icon: dashboard
spec:
  type: service
  lifecycle: production
  owner: group:default/team-%[2]d
  system: system-%[2]d
  providesApis:
    - api-%[1]d
`, i, i%100)
	}
	return b.Bytes()
}

func TestDocument_TreeKnowsThePlaceOfEveryValue(t *testing.T) {
	t.Parallel()
	doc := yamlx.Parse([]byte("---\nb: &x\n  c: [1, {d: e}]\n'a': *x\n"), yamlx.Options{File: "t.yaml"})[0]
	tree := doc.Tree()
	if diff := cmp.Diff([]string{"b", "a"}, tree.Keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	d := tree.Fields["b"].Fields["c"].Items[1].Fields["d"]
	if d.At.String() != "t.yaml:3:11" || d.Value != "e" {
		t.Errorf("d is %v at %s", d.Value, d.At)
	}
	if at := tree.Fields["a"].At.String(); at != "t.yaml:4:1" {
		t.Errorf("a is at %s", at)
	}
}
