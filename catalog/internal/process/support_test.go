package process_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

// shared finds the folder of recorded answers and fixtures beside the checkout.
func shared(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv("STAGEDOOR_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			dir = filepath.Join(filepath.Dir(dir), "shared")
			if _, err := os.Stat(dir); err == nil {
				return dir
			}
			break
		}
	}
	tb.Skip("SKIP: the folder of recorded answers was not found; set STAGEDOOR_SHARED")
	return ""
}

func allowAll(tb testing.TB) process.Rules {
	tb.Helper()
	var allow []process.AllowedKind
	for _, kind := range []string{"Component", "API", "Location", "System", "Domain", "Resource", "Group", "User", "Template", "Spaceship"} {
		allow = append(allow, process.AllowedKind{Kind: kind})
	}
	rules, err := process.NewRules([]process.Rule{{Allow: allow}}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return rules
}

func newPipeline(tb testing.TB, d process.Deps) *process.Pipeline {
	tb.Helper()
	if d.Model == nil {
		m, err := model.New(model.Options{Strict: d.Strict})
		if err != nil {
			tb.Fatal(err)
		}
		d.Model = m
	}
	if d.Clock == nil {
		d.Clock = time.Now
	}
	return process.New(d)
}

// world is a reader of a few URLs in memory, some of them in repositories.
type world struct {
	mu    sync.Mutex
	files map[string]string
	fail  map[string]error
	reads []string
	// dir serves URLs that begin with base from a folder.
	base, dir string
}

func (w *world) Read(_ context.Context, target string, opts fetch.Options) (fetch.File, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads = append(w.reads, target)
	if err := w.fail[target]; err != nil {
		return fetch.File{}, err
	}
	text, ok := w.files[target]
	if rest, found := strings.CutPrefix(target, w.base); !ok && w.base != "" && found {
		data, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(rest)))
		text, ok = string(data), err == nil
	}
	if !ok {
		return fetch.File{}, fault.Newf(fault.NotFound, "could not read %s, 404 Not Found", target)
	}
	etag := "etag of " + text
	if opts.ETag == etag {
		return fetch.File{}, fault.New(fault.NotModified, "not modified")
	}
	return fetch.File{URL: target, Data: []byte(text), ETag: etag, Revision: "c0ffee"}, nil
}

func (w *world) Search(ctx context.Context, target string, opts fetch.Options) ([]fetch.File, error) {
	prefix, _, _ := strings.Cut(target, "*")
	suffix := target[strings.LastIndex(target, "*")+1:]
	w.mu.Lock()
	var names []string
	for name := range w.files {
		if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			names = append(names, name)
		}
	}
	err := w.fail[target]
	w.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var out []fetch.File
	slices.Sort(names)
	for _, name := range names {
		file, err := w.Read(ctx, name, fetch.Options{})
		if err != nil {
			return nil, err
		}
		out = append(out, file)
	}
	return out, nil
}

// Describe knows https://forge.example/<owner>/<repo>/blob/<branch>/<path>.
func (w *world) Describe(target string) (fetch.Info, bool) {
	rest, ok := strings.CutPrefix(target, "https://forge.example/")
	if !ok {
		return fetch.Info{}, false
	}
	parts := strings.SplitN(rest, "/", 5)
	if len(parts) < 2 {
		return fetch.Info{}, false
	}
	info := fetch.Info{
		Integration: "github", Owner: parts[0], Repo: parts[1],
		RepoURL: "https://forge.example/" + parts[0] + "/" + parts[1],
	}
	if len(parts) == 5 {
		info.Branch, info.Path = parts[3], parts[4]
		info.EditURL = strings.Replace(target, "/blob/", "/edit/", 1)
		info.FolderURL = strings.Replace(target[:strings.LastIndex(target, "/")+1], "/blob/", "/tree/", 1)
	}
	return info, true
}

// ingest processes a location and everything below it and returns the last
// good entities, the refs in the order in which they came, and all problems.
type ingested struct {
	entities map[string]catalog.Entity
	order    []string
	problems map[string][]string
	results  map[string]process.Result
	keys     map[string]string
}

func ingest(tb testing.TB, p *process.Pipeline, at ...catalog.Location) *ingested {
	tb.Helper()
	out := &ingested{
		entities: map[string]catalog.Entity{}, problems: map[string][]string{},
		results: map[string]process.Result{}, keys: map[string]string{},
	}
	var queue []catalog.Deferred
	for _, one := range at {
		queue = append(queue, catalog.Deferred{Entity: process.LocationEntity(one, ""), LocationKey: one.String()})
	}
	for len(queue) > 0 {
		d := queue[0]
		queue = append(queue[1:], out.run(tb, p, d)...)
	}
	return out
}

// run processes one entity and returns what it emits. The first location to
// claim an entity keeps it.
func (x *ingested) run(tb testing.TB, p *process.Pipeline, d catalog.Deferred) (children []catalog.Deferred) {
	tb.Helper()
	ref := d.Entity.Ref().String()
	if owner, ok := x.keys[ref]; ok && owner != d.LocationKey {
		return nil
	}
	x.keys[ref] = d.LocationKey
	got := p.Process(tb.Context(), process.Input{Entity: d.Entity, LocationKey: d.LocationKey, Line: d.Line},
		func(child catalog.Deferred) error {
			children = append(children, child)
			return nil
		})
	if got.Err != nil {
		tb.Fatal(got.Err)
	}
	if !got.OK && len(children) > 0 {
		tb.Fatalf("%s failed, but handed out %d children", ref, len(children))
	}
	x.results[ref] = got
	for _, item := range got.Problems {
		x.problems[ref] = append(x.problems[ref], item.Message)
	}
	if got.OK {
		x.entities[ref] = got.Entity
		x.order = append(x.order, ref)
	}
	return children
}

// write puts a file into a folder and returns its path.
func write(tb testing.TB, dir, name, text string) string {
	tb.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
	return file
}

// component is the text of a valid Component.
func component(name, extra string) string {
	return "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: " + name +
		"\nspec:\n  type: service\n  lifecycle: production\n  owner: team-a\n" + extra
}

func fileAt(name string) catalog.Location { return catalog.Location{Type: "file", Target: name} }

func urlAt(target string) catalog.Location { return catalog.Location{Type: "url", Target: target} }
