package process_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

// wantRefs compares the components that were found.
func wantRefs(t *testing.T, got *ingested, names ...string) {
	t.Helper()
	var have []string
	for _, ref := range got.order {
		if name, ok := strings.CutPrefix(ref, "component:default/"); ok {
			have = append(have, name)
		}
	}
	slices.Sort(have)
	slices.Sort(names)
	if diff := cmp.Diff(names, have); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
}

// wantProblem looks for one message that has all parts.
func wantProblem(t *testing.T, got *ingested, parts ...string) {
	t.Helper()
	var all []string
	for _, messages := range got.problems {
		for _, message := range messages {
			missing := slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(message, part) })
			if !missing {
				return
			}
			all = append(all, message)
		}
	}
	t.Errorf("no problem with %q among:\n%s", parts, strings.Join(all, "\n"))
}

func TestProcess_OneBadDocumentSpoilsNoOther(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 3000) + strings.Repeat("]", 3000)
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n" +
		"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
	for name, tc := range map[string]struct {
		bad  string
		want []string
	}{
		"broken YAML":         {"this: is: not: yaml: [\n", []string{"InputError: ", "catalog.yaml:11:"}},
		"a list":              {"- a\n- b\n", []string{"Error: Expected object at root, got object", "catalog.yaml:11"}},
		"a text":              {"<html></html>\n", []string{"Error: Expected object at root, got string", "catalog.yaml:11"}},
		"no metadata":         {"apiVersion: backstage.io/v1alpha1\nkind: Component\n", []string{"TypeError: ", "metadata", "catalog.yaml:11"}},
		"no kind":             {"apiVersion: backstage.io/v1alpha1\nmetadata:\n  name: x\n", []string{"TypeError: ", "kind", "catalog.yaml:11"}},
		"no name":             {"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {}\n", []string{"TypeError: ", "name", "catalog.yaml:11"}},
		"a forbidden kind":    {"apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata:\n  name: sneaky\n", []string{"NotAllowedError: Entity group:default/sneaky at file:", "is not of an allowed kind", "catalog.yaml:11)"}},
		"the same ref again":  {component("first", ""), []string{"component:default/first stands twice", "lines 1 and 11"}},
		"duplicate keys":      {"kind: A\nkind: B\n", []string{"catalog.yaml:12:1", "occurs twice"}},
		"an alias bomb":       {bomb, []string{"catalog.yaml:"}},
		"nesting without end": {"a: " + deep + "\n", []string{"catalog.yaml:"}},
		"a wrong entity":      {"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: bad\nspec:\n  type: service\n", []string{"InputError: Processor BuiltinKindsEntityProcessor threw an error while validating the entity component:default/bad", "lifecycle", "catalog.yaml:11"}},
		"an unknown kind":     {"apiVersion: example.com/v1\nkind: Component\nmetadata:\n  name: bad\n", []string{"No processor recognized the entity component:default/bad", "catalog.yaml:11"}},
		"annotations that are a list": {
			"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: bad\n  annotations: [a]\n",
			[]string{"Policy check failed for component:default/bad", "annotations", "catalog.yaml:11"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(t, t.TempDir(), "catalog.yaml", component("first", "\n---\n")+tc.bad+"\n---\n"+component("last", ""))
			rules, err := process.NewRules(nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := ingest(t, newPipeline(t, process.Deps{Rules: rules}), fileAt(file))
			wantRefs(t, got, "first", "last")
			wantProblem(t, got, tc.want...)
		})
	}
}

func TestProcess_StrictModeIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]string{
		"broken YAML":      "this: is: not: yaml: [\n",
		"no metadata":      "apiVersion: backstage.io/v1alpha1\nkind: Component\n",
		"a forbidden kind": "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata:\n  name: sneaky\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(t, t.TempDir(), "catalog.yaml", component("first", "\n---\n")+bad)
			rules, err := process.NewRules(nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := ingest(t, newPipeline(t, process.Deps{Rules: rules, Strict: true}), fileAt(file))
			wantRefs(t, got)
			if len(got.problems) != 1 {
				t.Errorf("problems: %v", got.problems)
			}
		})
	}
}

func TestProcess_StrictModeTakesTheLastOfTheSameRefInSilence(t *testing.T) {
	t.Parallel()
	file := write(t, t.TempDir(), "catalog.yaml", component("twice", "  n: 1\n---\n")+component("twice", "  n: 2\n"))
	for _, strict := range []bool{true, false} {
		got := ingest(t, newPipeline(t, process.Deps{Rules: allowAll(t), Strict: strict}), fileAt(file))
		if n := got.entities["component:default/twice"].Spec()["n"]; n != 2.0 {
			t.Errorf("strict %v: took n: %v", strict, n)
		}
		if silent := len(got.problems) == 0; silent != strict {
			t.Errorf("strict %v: problems %v", strict, got.problems)
		}
	}
}

func TestProcess_ReadsTargetsOfEveryShape(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "one.yaml", component("one", ""))
	write(t, dir, "two.yaml", component("two", ""))
	write(t, dir, "many/a.yaml", component("a", ""))
	write(t, dir, "many/b.yaml", component("b", ""))
	write(t, dir, "many/.c.yaml", component("hidden", ""))
	write(t, dir, "empty.yaml", "")
	all := write(t, dir, "all.yaml", `apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: root}
spec:
  target: ./one.yaml
  targets: [two.yaml, ./many/*.yaml, ./one.yaml, `+filepath.Join(dir, "empty.yaml")+`]
---
apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: optional}
spec: {presence: optional, targets: [./nothing.yaml, ./no/*.yaml]}
---
apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: missing}
spec: {targets: [./nothing.yaml, ./no/*.yaml, ./many/]}
`)
	got := ingest(t, newPipeline(t, process.Deps{Rules: allowAll(t)}), fileAt(all))
	wantRefs(t, got, "one", "two", "a", "b")
	if p := got.problems["location:default/optional"]; p != nil {
		t.Errorf("optional: %v", p)
	}
	want := []string{
		"NotFoundError: file " + filepath.Join(dir, "nothing.yaml") + " does not exist",
		"NotFoundError: file " + filepath.Join(dir, "no/*.yaml") + " does not exist",
		"InputError: LocationEntityProcessor cannot handle file type location with target " + all + " that ends with a path separator",
	}
	if diff := cmp.Diff(want, got.problems["location:default/missing"]); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	one := got.entities["component:default/one"]
	if one.Annotation(catalog.AnnotationManagedByLocation) != "file:"+filepath.Join(dir, "one.yaml") ||
		one.Annotation(catalog.AnnotationManagedByOriginLocation) != "file:"+all {
		t.Errorf("annotations: %v", one.Metadata()["annotations"])
	}
}

func TestProcess_FilesAreReadOnlyWhereTheyMayBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "outside/secret.yaml", component("secret", ""))
	if err := os.MkdirAll(filepath.Join(dir, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../outside/secret.yaml", filepath.Join(dir, "in", "link.yaml")); err != nil {
		t.Skipf("SKIP: no symbolic links here: %v", err)
	}
	location := func(kind, target string) string {
		return "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: l}\nspec: {type: " + kind + ", target: '" + target + "'}\n"
	}
	p := func(w *world) *process.Pipeline { return newPipeline(t, process.Deps{Rules: allowAll(t), Reader: w}) }
	t.Run("a link that a file names may not leave its folder", func(t *testing.T) {
		t.Parallel()
		got := ingest(t, p(&world{}), fileAt(write(t, dir, "in/a.yaml", location("file", "./link.yaml"))))
		wantRefs(t, got)
		wantProblem(t, got, "leads out of the folder")
	})
	t.Run("a link that the configuration names may", func(t *testing.T) {
		t.Parallel()
		wantRefs(t, ingest(t, p(&world{}), fileAt(filepath.Join(dir, "in", "link.yaml"))), "secret")
	})
	t.Run("a location behind a URL cannot name local files", func(t *testing.T) {
		t.Parallel()
		w := &world{files: map[string]string{"https://x.example/a.yaml": location("file", filepath.Join(dir, "outside/secret.yaml"))}}
		got := ingest(t, p(w), urlAt("https://x.example/a.yaml"))
		wantRefs(t, got)
		wantProblem(t, got, "NotAllowedError", "only locations in local files may name local files")
	})
	t.Run("a folder is no file", func(t *testing.T) {
		t.Parallel()
		got := ingest(t, p(&world{}), fileAt(write(t, dir, "b.yaml", location("file", "./in"))))
		wantProblem(t, got, "could not be read", "is a folder")
	})
	t.Run("a huge file is refused and harms nothing", func(t *testing.T) {
		t.Parallel()
		write(t, dir, "huge/huge.yaml", "# "+strings.Repeat("x", 11<<20))
		write(t, dir, "huge/fine.yaml", component("fine", ""))
		got := ingest(t, p(&world{}), fileAt(filepath.Join(dir, "huge", "*.yaml")))
		wantRefs(t, got, "fine")
		wantProblem(t, got, "huge.yaml", "larger than the limit of 10 MB")
	})
}

func TestProcess_URLLocations(t *testing.T) {
	t.Parallel()
	base := "https://forge.example/o/r/blob/main/"
	w := &world{
		files: map[string]string{
			base + "all.yaml": "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: l}\n" +
				"spec: {targets: [./dir/a.yaml, /rooted.yaml, ./glob/**/x.yaml, ./gone.yaml, ./down.yaml]}\n",
			base + "dir/a.yaml":      component("a", "") + "---\n" + strings.Replace(component("own", ""), "  name: own", "  name: own\n  annotations: {backstage.io/edit-url: \"https://own\", backstage.io/view-url: \" java\\tscript:alert(1)\"}", 1),
			base + "rooted.yaml":     component("rooted", ""),
			base + "glob/1/x.yaml":   component("x1", ""),
			base + "glob/2/3/x.yaml": component("x2", ""),
		},
		fail: map[string]error{base + "down.yaml": fault.New(fault.Unavailable, "forge.example limits the rate of requests; try again after noon")},
	}
	got := ingest(t, newPipeline(t, process.Deps{Rules: allowAll(t), Reader: w}), urlAt(base+"all.yaml"))
	wantRefs(t, got, "a", "own", "rooted", "x1", "x2")
	wantProblem(t, got, "NotFoundError: Unable to read url, could not read "+base+"gone.yaml, 404 Not Found")
	wantProblem(t, got, "Error: Unable to read url, forge.example limits the rate of requests; try again after noon")
	want := map[string]any{
		catalog.AnnotationManagedByLocation:       "url:" + base + "dir/a.yaml",
		catalog.AnnotationManagedByOriginLocation: "url:" + base + "all.yaml",
		catalog.AnnotationViewURL:                 base + "dir/a.yaml",
		catalog.AnnotationEditURL:                 "https://forge.example/o/r/edit/main/dir/a.yaml",
		catalog.AnnotationSourceLocation:          "url:https://forge.example/o/r/tree/main/dir/",
	}
	if diff := cmp.Diff(want, got.entities["component:default/a"].Metadata()["annotations"]); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	own := got.entities["component:default/own"]
	if own.Annotation(catalog.AnnotationEditURL) != "https://own" {
		t.Errorf("the author's edit URL was lost: %s", own.Annotation(catalog.AnnotationEditURL))
	}
	if own.Annotation(catalog.AnnotationViewURL) != "https://backstage.io/annotation-rejected-for-security-reasons" {
		t.Errorf("a script was let through: %s", own.Annotation(catalog.AnnotationViewURL))
	}
	l := got.results["location:default/l"]
	if l.Revision != "c0ffee" {
		t.Errorf("revision %q", l.Revision)
	}
	for _, key := range []string{"url:" + base + "dir/a.yaml", "url:" + base + "glob/1/x.yaml", "url:" + base + "gone.yaml"} {
		if !slices.Contains(l.RefreshKeys, key) {
			t.Errorf("refresh keys lack %s: %v", key, l.RefreshKeys)
		}
	}
	if diff := cmp.Diff([]string{"url:" + base + "down.yaml", "url:" + base + "gone.yaml"}, l.Kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

// again processes a location once more with the state of the last time.
func again(t *testing.T, p *process.Pipeline, entity catalog.Entity, state []byte, keep bool) (process.Result, []string) {
	t.Helper()
	var refs []string
	got := p.Process(t.Context(), process.Input{
		Entity: entity, LocationKey: entity.Annotation(catalog.AnnotationManagedByLocation), State: state, KeepUnchanged: keep,
	}, func(d catalog.Deferred) error {
		refs = append(refs, d.Entity.Name())
		return nil
	})
	if got.Err != nil || !got.OK {
		t.Fatalf("%v %v", got.Err, got.Problems)
	}
	return got, refs
}

func TestProcess_EmitsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		write(t, dir, name+".yaml", component(name, ""))
	}
	root := process.LocationEntity(fileAt(filepath.Join(dir, "*.yaml")), "")
	key := func(name string) string { return "file:" + filepath.Join(dir, name+".yaml") }
	p := newPipeline(t, process.Deps{Rules: allowAll(t)})
	first, refs := again(t, p, root, nil, false)
	equal(t, refs, "a", "b", "c")

	second, refs := again(t, p, root, first.State, false)
	equal(t, refs)
	if !second.Unchanged {
		t.Error("nothing changed, but it was not noticed")
	}

	write(t, dir, "b.yaml", component("b2", ""))
	kept, refs := again(t, p, root, second.State, true)
	equal(t, refs, "b2")
	equal(t, kept.Kept, key("a"), key("c"))
	_, refs = again(t, p, root, second.State, false)
	equal(t, refs, "a", "b2", "c")

	if err := os.Remove(filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	removed, refs := again(t, p, root, kept.State, true)
	equal(t, refs)
	equal(t, removed.Kept, key("b"), key("c"))
	if removed.Unchanged {
		t.Error("a file that went was not noticed")
	}
	gone, refs := again(t, p, root, kept.State, false)
	equal(t, refs, "b2", "c")

	write(t, dir, "c.yaml", "broken: [\n---\n"+component("c2", ""))
	broken, refs := again(t, p, root, gone.State, true)
	equal(t, refs, "c2")
	equal(t, broken.Kept, key("b"), key("c"))
	stillBroken, refs := again(t, p, root, broken.State, true)
	equal(t, refs, "c2")
	if stillBroken.Unchanged || len(stillBroken.Problems) != 1 {
		t.Errorf("a problem was forgotten: %+v", stillBroken.Problems)
	}

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	away, refs := again(t, p, root, stillBroken.State, true)
	equal(t, refs)
	equal(t, away.Kept, key("b"), key("c"))
	awayAgain, _ := again(t, p, root, away.State, true)
	equal(t, awayAgain.Kept, key("b"), key("c"))
	blind, _ := again(t, p, root, nil, true)
	if !blind.KeepAll {
		t.Error("a pattern that cannot be read lost its children")
	}
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Helper()
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProcess_URLsAreAskedWithTheirETags(t *testing.T) {
	t.Parallel()
	w := &world{files: map[string]string{"https://x.example/a.yaml": component("a", ""), "https://x.example/d/1.yaml": component("b", "")}}
	root := catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": "Location",
		"metadata": map[string]any{"name": "l", "annotations": map[string]any{
			catalog.AnnotationManagedByLocation: "url:https://x.example/l.yaml", catalog.AnnotationManagedByOriginLocation: "url:https://x.example/l.yaml",
		}},
		"spec": map[string]any{"targets": []any{"./a.yaml", "./d/*.yaml"}},
	}
	p := newPipeline(t, process.Deps{Rules: allowAll(t), Reader: w})
	first, refs := again(t, p, root, nil, true)
	equal(t, refs, "a", "b")
	second, refs := again(t, p, root, first.State, true)
	equal(t, refs)
	if !second.Unchanged {
		t.Error("not noticed that nothing changed")
	}
	equal(t, second.RefreshKeys, first.RefreshKeys...)
	equal(t, second.RefreshKeys, "url:https://x.example/a.yaml", "url:https://x.example/d/*.yaml", "url:https://x.example/d/1.yaml")
	w.files["https://x.example/a.yaml"] = component("a2", "")
	third, refs := again(t, p, root, second.State, true)
	equal(t, refs, "a2")
	equal(t, third.Kept, "url:https://x.example/d/1.yaml")
	w.fail = map[string]error{"https://x.example/d/*.yaml": fault.New(fault.Unavailable, "down")}
	fourth, refs := again(t, p, root, third.State, true)
	equal(t, refs)
	equal(t, fourth.Kept, "url:https://x.example/a.yaml", "url:https://x.example/d/1.yaml")
	other := newPipeline(t, process.Deps{Rules: allowAll(t), Reader: w, MergeKeys: true})
	if other.Fingerprint() == p.Fingerprint() {
		t.Error("another pipeline has the same fingerprint")
	}
	fifth, refs := again(t, other, root, fourth.State, true)
	equal(t, refs, "a2")
	equal(t, fifth.Kept, "url:https://x.example/d/1.yaml")
}

func TestProcess_AFileAtRestIsNotReadAgain(t *testing.T) {
	t.Parallel()
	file := write(t, t.TempDir(), "a.yaml", component("a", ""))
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, process.Deps{Rules: allowAll(t)})
	root := process.LocationEntity(fileAt(file), "")
	first, _ := again(t, p, root, nil, false)
	if err := os.Chmod(file, 0); err != nil {
		t.Fatal(err)
	}
	if second, _ := again(t, p, root, first.State, false); !second.Unchanged {
		t.Error("it was read again")
	}
}

func TestProcess_AnErrorOfTheSinkEndsTheRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		write(t, dir, name+".yaml", component(name, ""))
	}
	p := newPipeline(t, process.Deps{Rules: allowAll(t)})
	at := fileAt(filepath.Join(dir, "*.yaml"))
	full := errors.New("the disk is full")
	calls := 0
	got := p.Process(t.Context(), process.Input{Entity: process.LocationEntity(at, ""), LocationKey: at.String()}, func(catalog.Deferred) error {
		calls++
		return full
	})
	if !errors.Is(got.Err, full) || got.OK || calls != 1 {
		t.Errorf("got %+v after %d calls", got, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got = p.Process(ctx, process.Input{Entity: process.LocationEntity(at, ""), LocationKey: at.String()}, nil)
	if !errors.Is(got.Err, context.Canceled) || got.Problems != nil {
		t.Errorf("a cancelled run gave %+v", got)
	}
}

func TestProcess_LeavesTheInputAlone(t *testing.T) {
	t.Parallel()
	at := fileAt("/nowhere.yaml")
	in := process.LocationEntity(at, "optional")
	before := in.Clone()
	got := newPipeline(t, process.Deps{Rules: allowAll(t), Reader: &world{}}).Process(t.Context(), process.Input{Entity: in, LocationKey: at.String()}, nil)
	if !got.OK {
		t.Error(got.Problems)
	}
	if diff := cmp.Diff(before, in); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

var _ process.URLReader = (*fetch.Reader)(nil)
