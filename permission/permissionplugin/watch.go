package permissionplugin

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long a policy file must be quiet before it is read, because
// editors write in several steps.
const settle = 100 * time.Millisecond

// watched is the policy file that is followed. Its folder is watched, and the
// folder that a link leads to: editors and Kubernetes replace files.
type watched struct {
	mu      sync.Mutex
	path    string
	watcher *fsnotify.Watcher // nil until the actor runs
	folders map[string]bool
	seen    [sha256.Size]byte
}

// set follows another file; the empty path follows none.
func (w *watched) set(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.path = path
	w.watch()
}

// again watches what may have come since: a folder, or the end of a link.
func (w *watched) again() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watch()
}

// isNew reports whether the text is another one than that of the last call.
func (w *watched) isNew(text []byte) bool {
	sum := sha256.Sum256(text)
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.seen == sum
	w.seen = sum
	return !known
}

// watch needs w.mu. A folder that cannot be watched is tried again with the
// next change of the configuration.
func (w *watched) watch() {
	if w.watcher == nil || w.path == "" {
		return
	}
	folders := []string{filepath.Dir(w.path)}
	if target, err := filepath.EvalSymlinks(w.path); err == nil {
		folders = append(folders, filepath.Dir(target))
	}
	for _, f := range folders {
		if !w.folders[f] && w.watcher.Add(f) == nil {
			w.folders[f] = true
		}
	}
}

// concerns tells the file from its neighbours. Kubernetes swaps the link
// ..data when a mounted ConfigMap changes.
func (w *watched) concerns(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	base := filepath.Base(name)
	if w.path == "" {
		return false
	}
	if base == filepath.Base(w.path) || strings.HasPrefix(base, "..") {
		return true
	}
	target, err := filepath.EvalSymlinks(w.path)
	return err == nil && filepath.Base(target) == base
}

// follow reloads the policy when its file changes, until ctx ends.
func (p *Permission) follow(ctx context.Context) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the policy file: %w", err)
	}
	p.files.mu.Lock()
	p.files.watcher, p.files.folders = watcher, map[string]bool{}
	p.files.watch()
	p.files.mu.Unlock()
	defer func() {
		p.files.mu.Lock()
		p.files.watcher = nil
		p.files.mu.Unlock()
		_ = watcher.Close() // nothing is lost with it
	}()
	// What changed between the start and now was seen by nobody.
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-watcher.Events:
			if event.Op != fsnotify.Chmod && p.files.concerns(event.Name) {
				timer.Reset(settle)
			}
		case err := <-watcher.Errors:
			p.log.WarnContext(ctx, "watching the policy file was disturbed", "error", err)
			timer.Reset(settle)
		case <-timer.C:
			p.reloadFile()
			p.files.again()
		}
	}
}

// reloadFile reloads the policy when the text of its file is another one.
func (p *Permission) reloadFile() {
	p.files.mu.Lock()
	path := p.files.path
	p.files.mu.Unlock()
	if path == "" {
		return
	}
	if text, err := read(path); err == nil && !p.files.isNew(text) {
		return
	}
	p.reload()
}
