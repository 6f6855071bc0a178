package config

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
)

// WatchOptions says how a [Watcher] behaves. The zero value is fine.
type WatchOptions struct {
	// OnError is told when a changed configuration is refused or a folder
	// cannot be watched. Nil means that it is logged only.
	OnError func(error)
	// Logger gets a line for every reload and refusal. Nil means no log.
	Logger *slog.Logger
	// PollInterval is how often URLs are read again; zero means a minute.
	PollInterval time.Duration
	// Settle is how long files must be quiet before they are read, because
	// editors write in several steps; zero means 100 ms.
	Settle time.Duration
}

// Watcher holds the newest good configuration and follows its sources. Start
// [Watcher.Run] to follow them.
type Watcher struct {
	sources Sources
	options WatchOptions
	current atomic.Pointer[Config]
	files   *fsnotify.Watcher

	mu          sync.Mutex // guards what follows
	subscribers map[int]func(*Config)
	nextID      int
	seen        *footprint
	folders     map[string]bool
}

// NewWatcher loads the configuration and prepares to follow every file and URL
// that it came from, included files and missing optional ones too. The error
// is that of [Load]. Call [Watcher.Run] or [Watcher.Close] to let go of the
// watches.
func NewWatcher(ctx context.Context, sources Sources, options WatchOptions) (*Watcher, error) {
	if options.PollInterval <= 0 {
		options.PollInterval = time.Minute
	}
	if options.Settle <= 0 {
		options.Settle = 100 * time.Millisecond
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	c, seen, err := load(ctx, sources)
	if err != nil {
		return nil, err
	}
	files, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch configuration files: %w", err)
	}
	w := &Watcher{
		sources: sources, options: options, files: files,
		subscribers: map[int]func(*Config){}, folders: map[string]bool{},
	}
	w.current.Store(c)
	w.follow(ctx, seen)
	return w, nil
}

// Current returns the newest good configuration. Safe for concurrent use.
func (w *Watcher) Current() *Config { return w.current.Load() }

// Subscribe has fn called with every new configuration from now on, one call
// at a time and in order. The call of cancel ends that; a call that is under
// way may still finish after it.
func (w *Watcher) Subscribe(fn func(*Config)) (cancel func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := w.nextID
	w.nextID++
	w.subscribers[id] = fn
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.subscribers, id)
	}
}

// Close lets go of the watches. It is safe to call more than once.
func (w *Watcher) Close() error { return w.files.Close() }

// Run follows the sources until ctx ends, and then closes the watcher. It
// returns nil when ctx ended. Run it once.
func (w *Watcher) Run(ctx context.Context) error {
	defer func() { _ = w.Close() }()
	poll := time.NewTicker(w.options.PollInterval)
	defer poll.Stop()
	settle := time.NewTimer(time.Hour)
	settle.Stop()
	defer settle.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, open := <-w.files.Events:
			if !open {
				return nil
			}
			if w.concerns(event.Name) {
				settle.Reset(w.options.Settle)
			}
		case err, open := <-w.files.Errors:
			if !open {
				return nil
			}
			w.refused(ctx, fmt.Errorf("watch configuration files: %w", err))
			settle.Reset(w.options.Settle) // events may have been lost
		case <-poll.C:
			if w.hasURLs() {
				w.Reload(ctx)
			}
		case <-settle.C:
			w.Reload(ctx)
		}
	}
}

// Reload reads the sources now. A good and different configuration becomes
// the current one and is handed to the subscribers before Reload returns; a
// broken one is reported and the current one stays. It reports whether the
// configuration changed. Do not call it from a subscriber.
func (w *Watcher) Reload(ctx context.Context) bool {
	c, seen, err := load(ctx, w.sources)
	w.follow(ctx, seen)
	if err != nil {
		if ctx.Err() == nil {
			w.refused(ctx, fmt.Errorf("the changed configuration is refused, the last good one stays: %w", err))
		}
		return false
	}
	if reflect.DeepEqual(w.Current().Value(""), c.Value("")) {
		return false
	}
	w.current.Store(c)
	w.options.Logger.InfoContext(ctx, "configuration reloaded", slog.Int("layers", len(c.layers)))
	w.mu.Lock()
	subscribers := make([]func(*Config), 0, len(w.subscribers))
	for id := range w.nextID {
		if fn := w.subscribers[id]; fn != nil {
			subscribers = append(subscribers, fn)
		}
	}
	w.mu.Unlock()
	for _, fn := range subscribers {
		fn(c)
	}
	return true
}

func (w *Watcher) refused(ctx context.Context, err error) {
	w.options.Logger.ErrorContext(ctx, "configuration", slog.String("error", err.Error()))
	if w.options.OnError != nil {
		w.options.OnError(err)
	}
}

// follow watches the folders of the files, not the files: editors and
// Kubernetes replace files, and a watch on the old one would see nothing.
func (w *Watcher) follow(ctx context.Context, seen *footprint) {
	w.mu.Lock()
	w.seen = seen
	var failed []error
	for _, file := range seen.files {
		folders := []string{filepath.Dir(file)}
		if target, err := filepath.EvalSymlinks(file); err == nil {
			folders = append(folders, filepath.Dir(target))
		}
		for _, folder := range folders {
			if w.folders[folder] {
				continue
			}
			if err := w.files.Add(folder); err != nil {
				failed = append(failed, fmt.Errorf("watch %s: %w", folder, err))
				continue
			}
			w.folders[folder] = true
		}
	}
	w.mu.Unlock()
	for _, err := range failed {
		w.options.Logger.WarnContext(ctx, "configuration", slog.String("error", err.Error()))
	}
}

// concerns tells the files of the configuration from their neighbours.
// Kubernetes swaps the link ..data when a mounted ConfigMap changes.
func (w *Watcher) concerns(name string) bool {
	base := filepath.Base(name)
	if strings.HasPrefix(base, "..") {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, file := range w.seen.files {
		if filepath.Base(file) == base {
			return true
		}
		if target, err := filepath.EvalSymlinks(file); err == nil && filepath.Base(target) == base {
			return true
		}
	}
	return false
}

func (w *Watcher) hasURLs() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen.urls) > 0
}
