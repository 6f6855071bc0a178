package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch/archive"
)

// entry is one entry of an archive under test.
type entry struct {
	name, body string
	kind       byte
}

func tarball(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for _, e := range entries {
		kind := e.kind
		if kind == 0 {
			kind = tar.TypeReg
		}
		header := &tar.Header{Name: e.name, Mode: 0o644, Typeflag: kind}
		if kind == tar.TypeReg {
			header.Size = int64(len(e.body))
		} else {
			header.Linkname = e.body
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if kind == tar.TypeReg {
			if _, err := w.Write([]byte(e.body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipfile(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		f, err := w.Create(e.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRead_GivesAProperFileSystem(t *testing.T) {
	t.Parallel()
	files := []entry{{name: "top/a.md", body: "a"}, {name: "top/docs/b.md", body: "bb"}, {name: "./top/c.md", body: "c"}}
	for name, tc := range map[string]struct {
		data   []byte
		format archive.Format
	}{
		"tar.gz": {tarball(t, append(files, entry{name: "top/link", body: "/etc/passwd", kind: tar.TypeSymlink})...), archive.TarGz},
		"zip":    {zipfile(t, files...), archive.Zip},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := archive.Read(bytes.NewReader(tc.data), tc.format, archive.Limits{Strip: 1})
			if err != nil {
				t.Fatal(err)
			}
			if err := fstest.TestFS(got, "a.md", "docs/b.md", "c.md"); err != nil {
				t.Error(err)
			}
			if _, err := fs.Stat(got, "link"); err == nil {
				t.Error("a link was unpacked")
			}
		})
	}
}

func TestRead_RefusesBadArchives(t *testing.T) {
	t.Parallel()
	big := string(make([]byte, 1<<20))
	for name, tc := range map[string]struct {
		data   []byte
		format archive.Format
		limits archive.Limits
		want   fault.Code
	}{
		"a name that climbs":           {tarball(t, entry{name: "../x", body: "x"}), archive.TarGz, archive.Limits{}, fault.Invalid},
		"a name that climbs inside":    {tarball(t, entry{name: "a/../../x", body: "x"}), archive.TarGz, archive.Limits{}, fault.Invalid},
		"an absolute name":             {tarball(t, entry{name: "/etc/x", body: "x"}), archive.TarGz, archive.Limits{}, fault.Invalid},
		"a climbing name in a zip":     {zipfile(t, entry{name: "../x", body: "x"}), archive.Zip, archive.Limits{}, fault.Invalid},
		"a name for another system":    {zipfile(t, entry{name: `..\x`, body: "x"}), archive.Zip, archive.Limits{}, fault.Invalid},
		"a tar that explodes":          {tarball(t, entry{name: "a", body: big}), archive.TarGz, archive.Limits{MaxBytes: 1000}, fault.TooLarge},
		"a zip that explodes":          {zipfile(t, entry{name: "a", body: big}), archive.Zip, archive.Limits{MaxBytes: 10_000}, fault.TooLarge},
		"too many entries":             {tarball(t, entry{name: "a"}, entry{name: "b"}), archive.TarGz, archive.Limits{MaxFiles: 1}, fault.TooLarge},
		"no gzip":                      {[]byte("hello"), archive.TarGz, archive.Limits{}, fault.Invalid},
		"no zip":                       {[]byte("hello"), archive.Zip, archive.Limits{}, fault.Invalid},
		"a damaged tar":                {tarball(t, entry{name: "a", body: big})[:200], archive.TarGz, archive.Limits{}, fault.Invalid},
		"a name both file and folder":  {tarball(t, entry{name: "a", body: "x"}, entry{name: "a/b", body: "x"}), archive.TarGz, archive.Limits{}, fault.Invalid},
		"a name both folder and file":  {tarball(t, entry{name: "a/b", body: "x"}, entry{name: "a", body: "x"}), archive.TarGz, archive.Limits{}, fault.Invalid},
		"a format that does not exist": {nil, 0, archive.Limits{}, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := archive.Read(bytes.NewReader(tc.data), tc.format, tc.limits)
			if got := fault.CodeOf(err); got != tc.want {
				t.Errorf("code %q, want %q: %v", got, tc.want, err)
			}
		})
	}
}

func TestFormatOf_GoesByTheName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]archive.Format{"a.tar.gz": archive.TarGz, "A.TGZ": archive.TarGz, "b.Zip": archive.Zip, "c.tar": 0, "d": 0} {
		if got, ok := archive.FormatOf(name); got != want || ok != (want != 0) {
			t.Errorf("%s: got %v, %v", name, got, ok)
		}
	}
}
