package config_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestLoad_GoldenFiles runs every file of testdata/load: its files are a
// folder, env holds the variables, and each want.* part what must come out:
// yaml (the merged values), err (the error), check (the problems), printed and
// frontend (what the print command writes). DIR stands for the folder.
func TestLoad_GoldenFiles(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			golden(t, name)
		})
	}
}

func golden(t *testing.T, name string) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sources := config.Sources{Dir: dir}
	for _, file := range archive.Files {
		if file.Name == "env" {
			sources.Environ = strings.Split(strings.TrimSuffix(string(file.Data), "\n"), "\n")
			sources.Env = lookup(sources.Environ)
		} else if !strings.HasPrefix(file.Name, "want.") {
			write(t, filepath.Join(dir, file.Name), string(file.Data))
		}
	}
	c, loadErr := config.Load(t.Context(), sources)
	for i, file := range archive.Files {
		part, isWant := strings.CutPrefix(file.Name, "want.")
		if !isWant {
			continue
		}
		var got string
		if loadErr != nil {
			got = loadErr.Error() + "\n"
		} else {
			got = textOf(t, part, c, sources)
		}
		got = strings.ReplaceAll(got, dir, "DIR")
		if part == "err" && loadErr == nil {
			got = "no error"
		}
		if *update {
			archive.Files[i].Data = []byte(got)
		} else if diff := cmp.Diff(string(file.Data), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file.Name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func textOf(t *testing.T, part string, c *config.Config, sources config.Sources) string {
	t.Helper()
	var out bytes.Buffer
	var err error
	switch part {
	case "yaml":
		var text []byte
		text, err = yamlx.Marshal(c.Value(""))
		out.Write(text)
	case "check":
		if ok := config.CheckCommand(t.Context(), sources, &out); ok != !strings.Contains(out.String(), ": error: ") {
			t.Errorf("CheckCommand returns %t for\n%s", ok, out.String())
		}
	case "printed":
		err = config.PrintCommand(t.Context(), c, &out, "yaml", false)
	case "frontend":
		err = config.PrintCommand(t.Context(), c, &out, "json", true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func lookup(environ []string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, entry := range environ {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value, true
			}
		}
		return "", false
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
