package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/fsnotify/fsnotify"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
)

const (
	// debounce is how long the watcher waits for an editor to finish.
	debounce = 50 * time.Millisecond
	// maxWatched bounds the folders that are watched: the system has limits,
	// and what is not watched is found by the clock.
	maxWatched = 8192
)

// watcher knows which sources depend on which local files. Folders are
// watched, not files, so that files may be replaced, removed and come back.
type watcher struct {
	mu      sync.Mutex
	fs      *fsnotify.Watcher // nil until Run, and after it
	sources map[string]*watched
	files   map[string]map[string]struct{} // path → sources
	dirs    map[string]int                 // folder → number of sources that need it
	full    bool                           // maxWatched was reached
}

type watched struct {
	files []string
	globs []string
	dirs  map[string]struct{}
}

func newWatcher() *watcher {
	return &watcher{sources: map[string]*watched{}, files: map[string]map[string]struct{}{}, dirs: map[string]int{}}
}

// expect watches what a source is about to read: its targets, and what it
// depended on before. What happens from now on makes it due again, so that
// nothing falls between reading and watching.
func (w *watcher) expect(source string, targets []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := &watched{dirs: map[string]struct{}{}}
	for _, t := range targets {
		if isGlob(t) {
			next.globs = append(next.globs, t)
			globDirs(t, next.dirs)
		} else {
			next.files = append(next.files, t)
		}
	}
	if old := w.sources[source]; old != nil {
		next.files = append(next.files, old.files...)
	}
	return w.replace(source, next)
}

// read says which files a source did read, or look for.
func (w *watcher) read(source string, targets, files []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := &watched{dirs: map[string]struct{}{}}
	for _, t := range targets {
		if isGlob(t) {
			next.globs = append(next.globs, t)
		} else {
			next.files = append(next.files, t)
		}
	}
	next.files = append(next.files, files...)
	if old := w.sources[source]; old != nil && len(next.globs) > 0 {
		for d := range old.dirs { // found by expect
			next.dirs[d] = struct{}{}
		}
	}
	return w.replace(source, next)
}

// forget stops watching for a source.
func (w *watcher) forget(source string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sources[source] != nil {
		_ = w.replace(source, &watched{dirs: map[string]struct{}{}}) // adds nothing
	}
}

// replace needs w.mu.
func (w *watcher) replace(source string, next *watched) error {
	slices.Sort(next.files)
	next.files = slices.Compact(next.files)
	files, globs := next.files, next.globs
	for _, f := range files {
		next.dirs[existing(filepath.Dir(f))] = struct{}{}
	}
	old := w.sources[source]
	if old != nil {
		for _, f := range old.files {
			delete(w.files[f], source)
			if len(w.files[f]) == 0 {
				delete(w.files, f)
			}
		}
	}
	for _, f := range files {
		if w.files[f] == nil {
			w.files[f] = map[string]struct{}{}
		}
		w.files[f][source] = struct{}{}
	}
	var errs []error
	for d := range next.dirs {
		w.dirs[d]++
		// Adding again is harmless, and needed when the folder is a new one of
		// the same name.
		if err := w.add(d); err != nil {
			errs = append(errs, err)
		}
	}
	if old != nil {
		for d := range old.dirs {
			if w.dirs[d]--; w.dirs[d] == 0 {
				delete(w.dirs, d)
				if w.fs != nil {
					_ = w.fs.Remove(d) // it may be gone already
				}
			}
		}
	}
	w.sources[source] = next
	if len(files) == 0 && len(globs) == 0 {
		delete(w.sources, source)
	}
	return errors.Join(errs...)
}

// add needs w.mu.
func (w *watcher) add(dir string) error {
	if w.fs == nil || len(w.dirs) > maxWatched {
		w.full = w.full || len(w.dirs) > maxWatched
		return nil
	}
	if err := w.fs.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	return nil
}

// existing returns the folder or the nearest one above it that exists.
func existing(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return dir
		}
		dir = up
	}
}

// globDirs adds the folders in which a new file could match the pattern.
func globDirs(pattern string, dirs map[string]struct{}) {
	base, rest := doublestar.SplitPattern(filepath.ToSlash(pattern))
	base = filepath.FromSlash(base)
	top := existing(base)
	dirs[top] = struct{}{}
	if top != base {
		return
	}
	depth := strings.Count(rest, "/")
	if strings.Contains(rest, "**") {
		depth = -1
	}
	_ = filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // what cannot be listed cannot be watched
		}
		if len(dirs) > maxWatched {
			return fs.SkipAll
		}
		rel, err := filepath.Rel(base, path)
		if err == nil && rel != "." && depth >= 0 && strings.Count(filepath.ToSlash(rel), "/")+1 > depth {
			return fs.SkipDir
		}
		dirs[path] = struct{}{}
		return nil
	})
}

// concerned returns the sources that an event at the path may change.
func (w *watcher) concerned(path string, isDir bool) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := map[string]struct{}{}
	for s := range w.files[path] {
		found[s] = struct{}{}
	}
	// A mounted volume swaps a link named ..data for all files at once.
	swap := filepath.Base(path) == "..data"
	prefix := path + string(filepath.Separator)
	if swap {
		prefix = filepath.Dir(path) + string(filepath.Separator)
	}
	if isDir || swap || w.dirs[path] > 0 {
		for f, sources := range w.files {
			if strings.HasPrefix(f, prefix) {
				for s := range sources {
					found[s] = struct{}{}
				}
			}
		}
	}
	for s, ws := range w.sources {
		for _, g := range ws.globs {
			base, _ := doublestar.SplitPattern(filepath.ToSlash(g))
			below := isDir && (strings.HasPrefix(filepath.ToSlash(path)+"/", base+"/") || strings.HasPrefix(base+"/", filepath.ToSlash(path)+"/"))
			match, err := doublestar.Match(filepath.ToSlash(g), filepath.ToSlash(path))
			if below || swap && strings.HasPrefix(filepath.ToSlash(path), base+"/") || match && err == nil {
				found[s] = struct{}{}
			}
		}
	}
	list := make([]string, 0, len(found))
	for s := range found {
		list = append(list, s)
	}
	return list
}

// runWatch turns events of the file system into wishes.
func (g *Engine) runWatch(ctx context.Context) error {
	w := g.watcher
	watch, err := fsnotify.NewWatcher()
	if err != nil {
		// The clock still finds changes; a portal that does not start helps less.
		g.fail(ctx, "watch files", err)
		return nil
	}
	w.mu.Lock()
	w.fs = watch
	for d := range w.dirs {
		if err := w.add(d); err != nil {
			g.log.WarnContext(ctx, "a folder is not watched", "error", err)
		}
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.fs = nil
		w.mu.Unlock()
		_ = watch.Close() // nothing is lost with it
	}()
	due := map[string]struct{}{}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	for {
		select {
		case <-ctx.Done():
			if len(due) > 0 {
				g.end("")
			}
			return nil
		case err := <-watch.Errors:
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				for _, s := range w.all() {
					g.note(due, s)
				}
				timer.Reset(debounce)
			} else if err != nil {
				g.log.WarnContext(ctx, "watching files was disturbed", "error", err)
			}
		case event := <-watch.Events:
			if event.Op == fsnotify.Chmod {
				continue
			}
			info, err := os.Lstat(event.Name)
			for _, s := range w.concerned(event.Name, err == nil && info.IsDir()) {
				g.note(due, s)
			}
			if len(due) > 0 {
				timer.Reset(debounce)
			}
		case <-timer.C:
			g.wish(ctx, due)
			due = map[string]struct{}{}
		}
	}
}

func (w *watcher) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]string, 0, len(w.sources))
	for s := range w.sources {
		list = append(list, s)
	}
	return list
}

// note adds a source to what is due; the engine is not idle until the wish.
func (g *Engine) note(due map[string]struct{}, source string) {
	if len(due) == 0 {
		g.begin("")
	}
	due[source] = struct{}{}
}

func (g *Engine) wish(ctx context.Context, due map[string]struct{}) {
	if len(due) == 0 {
		return
	}
	defer g.end("")
	refs := make([]string, 0, len(due))
	for s := range due {
		refs = append(refs, s)
	}
	err := g.write(ctx, func(ctx context.Context, b *batch) error {
		n, err := b.tx.EnqueueKnown(ctx, refs, "")
		b.touched = b.touched || n > 0
		return err
	})
	if err != nil && ctx.Err() == nil {
		g.fail(ctx, "note changed files", err)
	}
}

// watchUnit watches the files that a unit has read, or looked for.
func (g *Engine) watchUnit(ctx context.Context, u *unit, entity catalog.Entity, res *process.Result) {
	var files []string
	for _, key := range res.RefreshKeys {
		if path, ok := strings.CutPrefix(key, "file:"); ok && !isGlob(path) {
			files = append(files, path)
		}
	}
	if err := g.watcher.read(u.lease.Ref, fileTargets(entity), files); err != nil {
		g.log.WarnContext(ctx, "files are not watched", "source", u.lease.Ref, "error", err)
	}
}

func isGlob(path string) bool { return strings.ContainsAny(path, "*?[{") }

// fileTargets returns the absolute paths of the targets of a Location that
// names local files.
func fileTargets(e catalog.Entity) []string {
	if !strings.EqualFold(e.Kind(), "location") {
		return nil
	}
	at := parseKey(e.Annotation(catalog.AnnotationManagedByLocation))
	if kind := e.SpecString("type"); kind != "file" && (kind != "" || at.Type != "file") {
		return nil
	}
	var targets []string
	if t := e.SpecString("target"); t != "" {
		targets = append(targets, t)
	}
	if list, ok := e.Spec()["targets"].([]any); ok {
		for _, v := range list {
			if t, ok := v.(string); ok {
				targets = append(targets, t)
			}
		}
	}
	for i, t := range targets {
		if !filepath.IsAbs(t) {
			targets[i] = filepath.Join(filepath.Dir(at.Target), t)
		}
	}
	return targets
}
