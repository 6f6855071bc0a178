package config_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/config"
)

// watching starts a watcher and returns channels of what it reports.
func watching(t *testing.T, sources config.Sources, options config.WatchOptions) (*config.Watcher, chan *config.Config, chan error) {
	t.Helper()
	changes, failures := make(chan *config.Config, 10), make(chan error, 10)
	options.OnError = func(err error) { failures <- err }
	options.Settle = 5 * time.Millisecond
	w, err := config.NewWatcher(t.Context(), sources, options)
	if err != nil {
		t.Fatal(err)
	}
	w.Subscribe(func(c *config.Config) { changes <- c })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returns %v", err)
		}
	})
	return w, changes, failures
}

// next waits for a value; the deadline is for a test that would hang.
func next[T any](t *testing.T, values chan T) T {
	t.Helper()
	select {
	case v := <-values:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}

func title(c *config.Config) string {
	text, _ := c.String("app.title")
	return text
}

func TestWatcher_FollowsFilesAndKeepsTheLastGoodConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	main := filepath.Join(dir, "app-config.yaml")
	write(t, main, "app: {title: {$file: more/title.txt}}\n")
	write(t, filepath.Join(dir, "more", "title.txt"), "one")
	w, changes, failures := watching(t, config.Sources{Dir: dir}, config.WatchOptions{})
	live := w.Live()

	write(t, filepath.Join(dir, "more", "title.txt"), "two")
	if got := title(next(t, changes)); got != "two" || title(w.Current()) != "two" {
		t.Errorf("after the included file changed the title is %q", got)
	}
	write(t, main, "app: {title: [broken\n")
	if err := next(t, failures); !strings.Contains(err.Error(), "app-config.yaml:2:1") {
		t.Errorf("the refusal says %v", err)
	}
	if got := title(w.Current()); got != "two" || !live.Has("app.title") {
		t.Errorf("a broken file changed the title to %q", got)
	}
	// A rename over the file, as editors do.
	write(t, main+".new", "app: {title: three}\n")
	if err := os.Rename(main+".new", main); err != nil {
		t.Fatal(err)
	}
	if got := title(next(t, changes)); got != "three" {
		t.Errorf("after the rename the title is %q", got)
	}
	// An optional layer that appears.
	write(t, filepath.Join(dir, "app-config.local.yaml"), "app: {title: four}\n")
	if got := title(next(t, changes)); got != "four" {
		t.Errorf("with the local layer the title is %q", got)
	}
}

func TestWatcher_FollowsMountedConfigMaps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "..v1", "app-config.yaml"), "app: {title: one}\n")
	write(t, filepath.Join(dir, "..v2", "app-config.yaml"), "app: {title: two}\n")
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("..v1", "..data")
	link(filepath.Join("..data", "app-config.yaml"), "app-config.yaml")
	_, changes, _ := watching(t, config.Sources{Dir: dir}, config.WatchOptions{})
	link("..v2", "..data_tmp")
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if got := title(next(t, changes)); got != "two" {
		t.Errorf("after the swap the title is %q", got)
	}
}

func TestWatcher_PollsURLs(t *testing.T) {
	t.Parallel()
	var version atomic.Int64
	version.Store(1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch version.Load() {
		case 1:
			_, _ = w.Write([]byte("app: {title: one}\n"))
		case 2:
			w.WriteHeader(http.StatusBadGateway)
		default:
			_, _ = w.Write([]byte("app: {title: \"${T}\"}\n"))
		}
	}))
	t.Cleanup(server.Close)
	sources := config.Sources{
		Paths: []string{server.URL + "/app-config.yaml"}, Client: server.Client(),
		Env: func(string) (string, bool) { return "three", true },
	}
	w, changes, failures := watching(t, sources, config.WatchOptions{PollInterval: 5 * time.Millisecond})
	version.Store(2)
	if err := next(t, failures); !strings.Contains(err.Error(), "the server answers 502 Bad Gateway") || title(w.Current()) != "one" {
		t.Errorf("the refusal says %v, the title is %q", err, title(w.Current()))
	}
	version.Store(3)
	if got := title(next(t, changes)); got != "three" {
		t.Errorf("the new title is %q", got)
	}
}

func TestLoad_FilesCannotBeIncludedFromAURL(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("app:\n  title: {$file: /etc/hostname}\n"))
	}))
	t.Cleanup(server.Close)
	_, err := config.Load(t.Context(), config.Sources{Paths: []string{server.URL}})
	want := server.URL + ":2:11: app.title: $file is not possible in a configuration that is read from a URL"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestWatcher_CancelledSubscribersHearNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	main := filepath.Join(dir, "app-config.yaml")
	write(t, main, "app: {title: one}\n")
	w, err := config.NewWatcher(t.Context(), config.Sources{Dir: dir}, config.WatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	first, second := 0, 0
	cancel := w.Subscribe(func(*config.Config) { first++ })
	w.Subscribe(func(*config.Config) { second++ })
	cancel()
	write(t, main, "app: {title: two}\n")
	if !w.Reload(t.Context()) || w.Reload(t.Context()) {
		t.Error("only the first reload brings a change")
	}
	if first != 0 || second != 1 {
		t.Errorf("the cancelled subscriber heard %d, the other %d", first, second)
	}
}
