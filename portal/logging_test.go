package portal

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/telemetry"
)

func TestFollowLogging_LevelAndSecretsComeFromTheConfiguration(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "app-config.yaml")
	write := func(level, token string) {
		t.Helper()
		text := "backend: {logger: {level: " + level + "}}\nintegrations: {github: [{host: github.com, token: " + token + "}]}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("warn", "ghp-first")
	var out bytes.Buffer
	tel, _, err := telemetry.Setup(t.Context(), telemetry.Options{Output: &out, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := config.NewWatcher(t.Context(), config.Sources{Paths: []string{file}}, config.WatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := watcher.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := followLogging(t.Context(), tel, watcher); err != nil {
		t.Fatal(err)
	}
	tel.Logger.InfoContext(t.Context(), "too quiet")
	tel.Logger.WarnContext(t.Context(), "called", "with", "ghp-first")
	write("info", "ghp-second")
	if !watcher.Reload(t.Context()) {
		t.Fatal("the new configuration was refused")
	}
	tel.Logger.InfoContext(t.Context(), "heard", "with", "ghp-second")
	write("loud", "ghp-second")
	watcher.Reload(t.Context())
	tel.Logger.InfoContext(t.Context(), "still heard")

	got := out.String()
	for _, want := range []string{"called", "heard", "still heard", "the log keeps its level"} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %q:\n%s", want, got)
		}
	}
	for _, unwanted := range []string{"too quiet", "ghp-first", "ghp-second"} {
		if strings.Contains(got, unwanted) {
			t.Errorf("the log has %q:\n%s", unwanted, got)
		}
	}
}
