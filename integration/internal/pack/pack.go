// Package pack unpacks the archives that forges make of a repository.
//
// What: [TarGz] and [Zip] give an fs.FS of the regular files below one folder,
// within limits, so that an archive made to explode is refused before it does.
//
// What not: it writes nothing to disk. Links and devices are left out: nothing
// that is read from the result can be outside of the archive.
//
// Start reading at [TarGz].
package pack

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
)

// Limits bound an archive and say what is kept. Zero fields mean the defaults.
type Limits struct {
	// MaxBytes is the sum of the unpacked sizes; 256 MB by default.
	MaxBytes int64
	// MaxFiles is the number of entries; 100,000 by default.
	MaxFiles int
	// Strip takes so many leading folders off every name.
	Strip int
	// Below keeps only what is in this folder, by stripped name, and makes it
	// the root. Empty means everything.
	Below string
}

func (l Limits) withDefaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = 256 << 20
	}
	if l.MaxFiles <= 0 {
		l.MaxFiles = 100_000
	}
	l.Below = strings.Trim(l.Below, "/")
	return l
}

// unpacker writes what it keeps into a zip archive in memory, stored as it is,
// because the standard library's reader of those is an fs.FS.
type unpacker struct {
	limits  Limits
	buffer  bytes.Buffer
	writer  *zip.Writer
	folders map[string]bool
	files   map[string]bool
	entries int
	bytes   int64
}

func newUnpacker(l Limits) *unpacker {
	u := &unpacker{limits: l.withDefaults(), folders: map[string]bool{}, files: map[string]bool{}}
	u.writer = zip.NewWriter(&u.buffer)
	return u
}

// TarGz unpacks a gzipped tar archive. It returns an error with code too_large
// beyond the limits, invalid for a damaged archive or a name that leads out of
// it, and not_found when Limits.Below is not in it.
func TarGz(r io.Reader, limits Limits) (fs.FS, error) {
	u := newUnpacker(limits)
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, damaged(err)
	}
	// Headers and skipped entries are bytes too: without this bound an archive
	// of nothing but links could run for ever.
	bounded := &io.LimitedReader{R: unzipped, N: u.limits.MaxBytes + int64(u.limits.MaxFiles)*2048}
	entries := tar.NewReader(bounded)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return u.finish()
		}
		if err != nil {
			if bounded.N <= 0 {
				return nil, u.tooLarge()
			}
			return nil, damaged(err)
		}
		if err := u.count(); err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if err := u.add(header.Name, header.ModTime, entries); err != nil {
			return nil, err
		}
	}
}

// Zip unpacks a zip archive, as [TarGz] does.
func Zip(r io.Reader, limits Limits) (fs.FS, error) {
	u := newUnpacker(limits)
	data, err := io.ReadAll(io.LimitReader(r, u.limits.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	if int64(len(data)) > u.limits.MaxBytes {
		return nil, u.tooLarge()
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, damaged(err)
	}
	for _, entry := range archive.File {
		if err := u.count(); err != nil {
			return nil, err
		}
		if !entry.Mode().IsRegular() || strings.HasSuffix(entry.Name, "/") {
			continue
		}
		content, err := entry.Open()
		if err != nil {
			return nil, damaged(err)
		}
		err = u.add(entry.Name, entry.Modified, content)
		_ = content.Close() // read only
		if err != nil {
			return nil, err
		}
	}
	return u.finish()
}

func (u *unpacker) count() error {
	if u.entries++; u.entries > u.limits.MaxFiles {
		return fail.New(fail.TooLarge, "the archive has more than %d entries", u.limits.MaxFiles)
	}
	return nil
}

func (u *unpacker) add(name string, modified time.Time, content io.Reader) error {
	clean, ok := safeName(name)
	if !ok {
		return fail.New(fail.Invalid, "the archive has the name %q, which leads out of it", name)
	}
	for range u.limits.Strip {
		_, rest, found := strings.Cut(clean, "/")
		if !found {
			return nil
		}
		clean = rest
	}
	if u.limits.Below != "" {
		if clean, ok = strings.CutPrefix(clean, u.limits.Below+"/"); !ok {
			return nil
		}
	}
	if err := u.claim(clean); err != nil {
		return err
	}
	left := u.limits.MaxBytes - u.bytes
	out, err := u.writer.CreateHeader(&zip.FileHeader{Name: clean, Method: zip.Store, Modified: modified})
	if err != nil {
		return damaged(err)
	}
	n, err := io.Copy(out, io.LimitReader(content, left+1))
	if err != nil {
		return damaged(err)
	}
	if n > left {
		return u.tooLarge()
	}
	u.bytes += n
	return nil
}

// claim notes the file and its folders and refuses a name that is taken.
func (u *unpacker) claim(name string) error {
	if u.files[name] || u.folders[name] {
		return fail.New(fail.Invalid, "the archive has %q twice", name)
	}
	u.files[name] = true
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if u.files[dir] {
			return fail.New(fail.Invalid, "the archive has %q both as a file and as a folder", dir)
		}
		u.folders[dir] = true
	}
	return nil
}

func (u *unpacker) finish() (fs.FS, error) {
	if u.limits.Below != "" && len(u.files) == 0 {
		return nil, fail.New(fail.NotFound, "there is no folder %s in the archive", u.limits.Below)
	}
	if err := u.writer.Close(); err != nil {
		return nil, damaged(err)
	}
	out, err := zip.NewReader(bytes.NewReader(u.buffer.Bytes()), int64(u.buffer.Len()))
	if err != nil {
		return nil, damaged(err)
	}
	return out, nil
}

func (u *unpacker) tooLarge() error {
	return fail.New(fail.TooLarge, "the archive unpacks to more than the limit of %d bytes", u.limits.MaxBytes)
}

func damaged(err error) error {
	if fail.Code(err) != "" {
		return fmt.Errorf("read archive: %w", err)
	}
	return fail.New(fail.Invalid, "the archive cannot be read: %w", err)
}

// safeName cleans an entry's name and refuses what is absolute, climbs, or
// would mean something else on another system.
func safeName(name string) (string, bool) {
	if name == "" || strings.ContainsAny(name, "\x00\\") || strings.HasPrefix(name, "/") {
		return "", false
	}
	if len(name) > 1 && name[1] == ':' {
		return "", false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", false
		}
	}
	clean := path.Clean(name)
	return clean, clean != "." && fs.ValidPath(clean)
}
