//go:build unix

package fetch_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

// folder makes a folder with a few files and links.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range map[string]string{
		"in/a.yaml": "a", "in/b.yml": "b", "in/.hidden.yaml": "h", "in/.git/c.yaml": "g", "in/deep/er/d.yaml": "d",
		"in/odd [x]/e.yaml": "e", "out/secret.yaml": "s",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"in/inner.yaml": "a.yaml", "in/outer.yaml": "../out/secret.yaml", "in/absolute.yaml": filepath.Join(dir, "out/secret.yaml"),
		"in/outfolder": "../out", "in/circle": ".", "in/dangling.yaml": "nothing",
	} {
		if err := os.Symlink(to, filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			t.Skipf("SKIP: no symbolic links here: %v", err)
		}
	}
	return dir
}

func TestGlob_FindsWhatThePatternNames(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for pattern, want := range map[string][]string{
		"in/*.yaml":         {"in/a.yaml", "in/absolute.yaml", "in/inner.yaml", "in/outer.yaml"},
		"in/*.{yaml,yml}":   {"in/a.yaml", "in/absolute.yaml", "in/b.yml", "in/inner.yaml", "in/outer.yaml"},
		"in/deep/**/*.yaml": {"in/deep/er/d.yaml"},
		"in/**/d.yaml":      {"in/deep/er/d.yaml"},
		"in/.*.yaml":        {"in/.hidden.yaml"},
		"in/.git/*":         {"in/.git/c.yaml"},
		"in/odd [x]/e.yaml": {"in/odd [x]/e.yaml"},
		"in/a.yaml":         {"in/a.yaml"},
		"in/none.yaml":      nil,
		"none/*.yaml":       nil,
	} {
		got, err := fetch.Files{}.Glob(filepath.Join(dir, pattern), false)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
		check(t, dir, pattern, got, want)
	}
	got, err := fetch.Files{}.Glob(filepath.Join(dir, "in/*.yaml"), true)
	if err != nil {
		t.Fatal(err)
	}
	check(t, dir, "contained", got, []string{"in/a.yaml", "in/inner.yaml"})
}

func check(t *testing.T, dir, pattern string, got, want []string) {
	t.Helper()
	var names []string
	for _, file := range got {
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.ToSlash(rel))
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("%s (-want +got):\n%s", pattern, diff)
	}
}

func TestFiles_RefusesWhatIsNoFileOfTheFolder(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	pipe := filepath.Join(dir, "in", "pipe.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skipf("SKIP: no pipes here: %v", err)
	}
	in := filepath.Join(dir, "in")
	for name, tc := range map[string]struct {
		file, within string
		want         fault.Code
	}{
		"a file":                          {"in/a.yaml", in, ""},
		"a link inside":                   {"in/inner.yaml", in, ""},
		"a link that leaves":              {"in/outer.yaml", in, fault.Forbidden},
		"an absolute link that leaves":    {"in/absolute.yaml", in, fault.Forbidden},
		"a folder link that leaves":       {"in/outfolder/secret.yaml", in, fault.Forbidden},
		"a name that climbs":              {"in/../out/secret.yaml", in, fault.Forbidden},
		"a link that leaves, from config": {"in/outer.yaml", "", ""},
		"a dangling link":                 {"in/dangling.yaml", "", fault.NotFound},
		"a folder":                        {"in/deep", in, fault.Invalid},
		"a pipe":                          {"in/pipe.yaml", in, fault.Invalid},
		"a pipe, from config":             {"in/pipe.yaml", "", fault.Invalid},
		"nothing":                         {"in/none.yaml", in, fault.NotFound},
		"a file as a folder":              {"in/a.yaml/b", in, fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := fetch.Files{}.Read(filepath.Join(dir)+"/"+tc.file, tc.within)
			if got := fault.CodeOf(err); got != tc.want {
				t.Errorf("code %q, want %q: %v", got, tc.want, err)
			}
		})
	}
}

func TestFiles_LimitsSizeAndNumber(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	_, err := fetch.Files{MaxBytes: 4}.Read(filepath.Join(dir, "in/a.yaml"), "")
	if err != nil {
		t.Error(err)
	}
	big := filepath.Join(dir, "in", "big.yaml")
	if err := os.WriteFile(big, make([]byte, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = fetch.Files{MaxBytes: 4}.Read(big, "")
	code(t, err, fault.TooLarge, "4 bytes")
	_, err = fetch.Files{MaxMatches: 1}.Glob(filepath.Join(dir, "in/*.yaml"), false)
	code(t, err, fault.TooLarge, "more than 1 files")
}
