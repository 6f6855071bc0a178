package process_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog/internal/process"
)

func TestPlaceholders_AreReplacedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "text.txt", "a text with $text: ./other and äöü\n")
	write(t, dir, "data.json", `{"n": 1.0, "list": [{"$text": "./text.txt"}]}`)
	write(t, dir, "data.yaml", "k: yes\nlist: [1, 2]\n")
	write(t, dir, "sub/deep.txt", "deep")
	file := write(t, dir, "catalog.yaml", component("c", `  text: {$text: ./text.txt}
  json: {$json: data.json}
  yaml: {$yaml: sub/../data.yaml}
  list: [plain, {$text: ./sub/deep.txt}, [{$text: sub/deep.txt}]]
  ref: {$ref: "#/components/x"}
  unknown: {$nope: ./text.txt}
  two: {$text: ./text.txt, other: {$text: ./text.txt}}
  number: {$text: 5}
  literal: "$text: ./text.txt"
`))
	p := newPipeline(t, process.Deps{Rules: allowAll(t)})
	got := ingest(t, p, fileAt(file))
	if len(got.problems) > 0 {
		t.Fatal(got.problems)
	}
	want := map[string]any{
		"type": "service", "lifecycle": "production", "owner": "team-a",
		"text":    "a text with $text: ./other and äöü\n",
		"json":    map[string]any{"n": 1.0, "list": []any{map[string]any{"$text": "./text.txt"}}},
		"yaml":    map[string]any{"k": "yes", "list": []any{1.0, 2.0}},
		"list":    []any{"plain", "deep", []any{"deep"}},
		"ref":     map[string]any{"$ref": "#/components/x"},
		"unknown": map[string]any{"$nope": "./text.txt"},
		"two":     map[string]any{"$text": "./text.txt", "other": map[string]any{"$text": "./text.txt"}},
		"number":  map[string]any{"$text": 5.0},
		"literal": "$text: ./text.txt",
	}
	if diff := cmp.Diff(want, got.entities["component:default/c"].Spec()); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	equal(t, got.results["component:default/c"].RefreshKeys,
		"file:"+filepath.Join(dir, "data.json"), "file:"+filepath.Join(dir, "data.yaml"),
		"file:"+filepath.Join(dir, "sub/deep.txt"), "file:"+filepath.Join(dir, "text.txt"))

	// A file with placeholders is handed out again, because what it includes
	// may have changed.
	root := process.LocationEntity(fileAt(file), "")
	state := got.results[root.Ref().String()].State
	if second, refs := again(t, p, root, state, true); second.Unchanged || len(refs) != 1 {
		t.Errorf("unchanged %v, emitted %v", second.Unchanged, refs)
	}
}

func TestPlaceholders_ThatCannotBeResolvedNameTheReason(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "outside.txt", "secret")
	write(t, dir, "in/bad.json", "{")
	write(t, dir, "in/bad.yaml", "a: [\n")
	write(t, dir, "in/two.yaml", "a: 1\n---\nb: 2\n")
	write(t, dir, "in/binary.txt", "a\xffb")
	if err := os.Symlink("../outside.txt", filepath.Join(dir, "in", "link.txt")); err != nil {
		t.Skipf("SKIP: no symbolic links here: %v", err)
	}
	for placeholder, want := range map[string]string{
		"$text: ./none.txt":                     "Placeholder $text could not read location " + filepath.Join(dir, "in/none.txt") + ", NotFoundError",
		"$text: ../outside.txt":                 "not below the folder " + filepath.Join(dir, "in"),
		"$text: /etc/passwd":                    "not below the folder",
		"$text: ./link.txt":                     "leads out of the folder",
		"$text: .":                              "is a folder",
		"$text: https://x.example/a.txt":        "can include local files only",
		"$text: file:///etc/passwd":             "can include local files only",
		"$json: ./bad.json":                     "failed to parse JSON data at ./bad.json",
		"$yaml: ./bad.yaml":                     "found an error in the data at ./bad.yaml",
		"$yaml: ./two.yaml":                     "expected to find exactly one document of data at ./two.yaml, found 2",
		"$text: \"./nul\\0.txt\"":               "Placeholder $text could not read location",
		"$text: ./../../../../../../etc/passwd": "not below the folder",
	} {
		t.Run(placeholder, func(t *testing.T) {
			t.Parallel()
			name := strings.Map(func(r rune) rune {
				if r >= 'a' && r <= 'z' {
					return r
				}
				return 'x'
			}, placeholder)
			file := write(t, filepath.Join(dir, "in"), "catalog-"+name+".yaml", component("bad", "  x: {"+placeholder+"}\n---\n")+component("good", ""))
			got := ingest(t, newPipeline(t, process.Deps{Rules: allowAll(t)}), fileAt(file))
			wantRefs(t, got, "good")
			wantProblem(t, got, "InputError: Processor PlaceholderProcessor threw an error while preprocessing; caused by Error: Placeholder", want, ":1)")
		})
	}
}

func TestPlaceholders_StrictModeKnowsNoLocalFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.txt", "x")
	file := write(t, dir, "catalog.yaml", component("bad", "  x: {$text: ./x.txt}\n---\n")+component("good", ""))
	got := ingest(t, newPipeline(t, process.Deps{Rules: allowAll(t), Strict: true}), fileAt(file))
	wantRefs(t, got, "good")
	wantProblem(t, got, "Placeholder $text could not form a URL out of "+file+" and ./x.txt")
}

func TestPlaceholders_StayInTheRepository(t *testing.T) {
	t.Parallel()
	base := "https://forge.example/o/r/blob/main/"
	w := &world{files: map[string]string{
		base + "dir/x.txt": "x", base + "rooted.txt": "rooted",
		"https://forge.example/o/other/blob/main/secret.txt": "secret",
		"https://plain.example/a/x.txt":                      "plain",
		"http://plain.example/a/x.txt":                       "downgraded",
		base + "dir/catalog.yaml": component("same", "  a: {$text: ./x.txt}\n  b: {$text: /rooted.txt}\n  c: {$text: '"+base+"dir/x.txt'}\n---\n") +
			component("other-repo", "  a: {$text: 'https://forge.example/o/other/blob/main/secret.txt'}\n---\n") +
			component("climbing", "  a: {$text: ../../../../other/blob/main/secret.txt}\n---\n") +
			component("dotted", "  a: {$text: '"+base+"../../../other/blob/main/secret.txt'}\n---\n") +
			component("encoded", "  a: {$text: '"+base+"%2e%2e/%2e%2e/%2e%2e/other/blob/main/secret.txt'}\n---\n") +
			component("other-host", "  a: {$text: 'https://plain.example/a/x.txt'}\n---\n") +
			component("gone", "  a: {$text: ./none.txt}\n"),
		"https://plain.example/catalog.yaml": component("plain", "  a: {$text: a/x.txt}\n---\n") +
			component("plain-to-forge", "  a: {$text: '"+base+"dir/x.txt'}\n---\n") +
			component("plain-downgrade", "  a: {$text: 'http://plain.example/a/x.txt'}\n"),
	}}
	p := newPipeline(t, process.Deps{Rules: allowAll(t), Reader: w})
	got := ingest(t, p, urlAt(base+"dir/catalog.yaml"), urlAt("https://plain.example/catalog.yaml"))
	wantRefs(t, got, "same", "plain")
	spec := got.entities["component:default/same"].Spec()
	if spec["a"] != "x" || spec["b"] != "rooted" || spec["c"] != "x" {
		t.Errorf("spec: %v", spec)
	}
	for _, name := range []string{"other-repo", "climbing", "dotted", "encoded", "other-host", "plain-to-forge", "plain-downgrade"} {
		messages := got.problems["component:default/"+name]
		if len(messages) != 1 || !strings.Contains(messages[0], "is not in the same repository as") {
			t.Errorf("%s: %v", name, messages)
		}
	}
	wantProblem(t, got, "Placeholder $text could not read location "+base+"dir/none.txt, NotFoundError: could not read "+base+"dir/none.txt, 404 Not Found")
	if keys := got.results["component:default/gone"].RefreshKeys; !slices.Contains(keys, "url:"+base+"dir/none.txt") {
		t.Errorf("the key of the missing file is missing: %v", keys)
	}
	for _, read := range w.reads {
		if strings.Contains(read, "secret") || strings.HasPrefix(read, "http:") {
			t.Errorf("%s was read", read)
		}
	}
}

func TestPlaceholders_AreLimited(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var list strings.Builder
	list.WriteString("  list:\n")
	for i := range 201 {
		name := "f" + strings.Repeat("i", i) + ".txt"
		write(t, dir, name, "x")
		list.WriteString("    - {$text: ./" + name + "}\n")
	}
	file := write(t, dir, "many.yaml", component("many", list.String()))
	got := ingest(t, newPipeline(t, process.Deps{Rules: allowAll(t)}), fileAt(file))
	wantProblem(t, got, "includes more than 200 files")
	for _, name := range []string{"a", "b", "c", "d"} {
		write(t, dir, name+".big", strings.Repeat("x", 9<<20))
	}
	file = write(t, dir, "big.yaml", component("big", "  l: [{$text: a.big}, {$text: b.big}, {$text: c.big}, {$text: d.big}]\n"))
	got = ingest(t, newPipeline(t, process.Deps{Rules: allowAll(t)}), fileAt(file))
	wantProblem(t, got, "includes more than 32 MB")
}
