package pack_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
	"github.com/stagedoor/stagedoor/integration/internal/pack"
)

func zipped(t *testing.T, entries ...hosttest.Entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		f, err := w.Create(e.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.Body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestUnpack_KeepsTheFilesBelowAFolder(t *testing.T) {
	t.Parallel()
	entries := []hosttest.Entry{{Name: "top/docs/a.md", Body: "A"}, {Name: "top/docs/x/b.md", Body: "B"}, {Name: "top/c.md", Body: "C"}}
	limits := pack.Limits{Strip: 1, Below: "docs"}
	tree, err := pack.TarGz(bytes.NewReader(hosttest.Tarball(append(entries, hosttest.Entry{Name: "top/docs/link", Link: "/etc/passwd"})...)), limits)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, "a.md", "x/b.md"); err != nil {
		t.Error(err)
	}
	if _, err := fs.Stat(tree, "link"); err == nil {
		t.Error("a link was kept")
	}
	tree, err = pack.Zip(bytes.NewReader(zipped(t, entries...)), limits)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := fs.ReadFile(tree, "x/b.md"); err != nil || cmp.Diff("B", string(data)) != "" {
		t.Errorf("got %q, %v", data, err)
	}
}

func TestUnpack_RefusesWhatIsDangerous(t *testing.T) {
	t.Parallel()
	many := []hosttest.Entry{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	for name, tc := range map[string]struct {
		data   []byte
		limits pack.Limits
		want   string
	}{
		"a name that climbs":          {hosttest.Tarball(hosttest.Entry{Name: "a/../../b"}), pack.Limits{}, fail.Invalid},
		"an absolute name":            {hosttest.Tarball(hosttest.Entry{Name: "/etc/passwd"}), pack.Limits{}, fail.Invalid},
		"a name of another system":    {hosttest.Tarball(hosttest.Entry{Name: `a\b`}), pack.Limits{}, fail.Invalid},
		"a drive":                     {hosttest.Tarball(hosttest.Entry{Name: "C:/x"}), pack.Limits{}, fail.Invalid},
		"a name twice":                {hosttest.Tarball(hosttest.Entry{Name: "a"}, hosttest.Entry{Name: "a"}), pack.Limits{}, fail.Invalid},
		"a file that is a folder too": {hosttest.Tarball(hosttest.Entry{Name: "a"}, hosttest.Entry{Name: "a/b"}), pack.Limits{}, fail.Invalid},
		"a folder that is a file too": {hosttest.Tarball(hosttest.Entry{Name: "a/b"}, hosttest.Entry{Name: "a"}), pack.Limits{}, fail.Invalid},
		"too much":                    {hosttest.Tarball(hosttest.Entry{Name: "a", Body: strings.Repeat("x", 100)}), pack.Limits{MaxBytes: 99}, fail.TooLarge},
		"too much in all":             {hosttest.Tarball(hosttest.Entry{Name: "a", Body: strings.Repeat("x", 60)}, hosttest.Entry{Name: "b", Body: strings.Repeat("x", 60)}), pack.Limits{MaxBytes: 99}, fail.TooLarge},
		"too many":                    {hosttest.Tarball(many...), pack.Limits{MaxFiles: 2}, fail.TooLarge},
		"nothing below":               {hosttest.Tarball(many...), pack.Limits{Below: "x"}, fail.NotFound},
		"no archive":                  {[]byte("hello"), pack.Limits{}, fail.Invalid},
		"half an archive":             {hosttest.Tarball(hosttest.Entry{Name: "a", Body: strings.Repeat("abc", 1000)})[:60], pack.Limits{}, fail.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pack.TarGz(bytes.NewReader(tc.data), tc.limits)
			if fail.Code(err) != tc.want {
				t.Errorf("code %q, want %q: %v", fail.Code(err), tc.want, err)
			}
		})
	}
	if _, err := pack.Zip(bytes.NewReader(zipped(t, hosttest.Entry{Name: "../x"})), pack.Limits{}); fail.Code(err) != fail.Invalid {
		t.Errorf("a zip that climbs: %v", err)
	}
	if _, err := pack.Zip(strings.NewReader("no"), pack.Limits{}); fail.Code(err) != fail.Invalid {
		t.Errorf("no zip: %v", err)
	}
}
