package archive

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

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Format is how an archive is packed.
type Format int

// The formats.
const (
	TarGz Format = iota + 1
	Zip
)

// FormatOf tells the format by a file's name.
func FormatOf(name string) (Format, bool) {
	lower := strings.ToLower(name)
	switch {
	case strings.HasSuffix(lower, ".tar.gz"), strings.HasSuffix(lower, ".tgz"):
		return TarGz, true
	case strings.HasSuffix(lower, ".zip"):
		return Zip, true
	}
	return 0, false
}

// Limits bound an archive. Zero fields mean the defaults.
type Limits struct {
	// MaxBytes is the sum of the unpacked sizes; 256 MB by default.
	MaxBytes int64
	// MaxFiles is the number of entries; 100,000 by default.
	MaxFiles int
	// Strip takes so many leading folders off every name, for archives that
	// hold everything in one folder. Entries with fewer are left out.
	Strip int
	// Keep, when not nil, says which files are kept, by their stripped name.
	Keep func(name string) bool
}

func (l Limits) withDefaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = 256 << 20
	}
	if l.MaxFiles <= 0 {
		l.MaxFiles = 100_000
	}
	return l
}

// Read unpacks an archive. It returns an error with code too_large beyond the
// limits and invalid for a damaged archive or a name that leads out of it.
// Symbolic and hard links and devices are left out: nothing that is read from
// the result can be outside of the archive.
func Read(r io.Reader, format Format, limits Limits) (fs.FS, error) {
	u := &unpacker{limits: limits.withDefaults(), tree: newTree()}
	var err error
	switch format {
	case TarGz:
		err = u.tarGz(r)
	case Zip:
		err = u.zip(r)
	default:
		err = fault.Newf(fault.Invalid, "unknown archive format %d", format)
	}
	if err != nil {
		return nil, err
	}
	return u.tree, nil
}

// unpacker collects files while it counts.
type unpacker struct {
	limits Limits
	tree   *tree
	files  int
	bytes  int64
}

func (u *unpacker) tarGz(r io.Reader) error {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "read gzip")
	}
	// Headers and skipped entries are bytes too: without this bound an archive
	// of nothing but links could run for ever.
	bounded := &io.LimitedReader{R: unzipped, N: u.limits.MaxBytes + int64(u.limits.MaxFiles)*2048}
	entries := tar.NewReader(bounded)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if bounded.N <= 0 {
				return u.tooLarge()
			}
			return fault.Wrap(fault.Invalid, err, "read tar")
		}
		if err := u.count(); err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if err := u.add(header.Name, header.Size, header.ModTime, entries); err != nil {
			return err
		}
	}
}

func (u *unpacker) zip(r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, u.limits.MaxBytes+1))
	if err != nil {
		return fmt.Errorf("read zip: %w", err)
	}
	if int64(len(data)) > u.limits.MaxBytes {
		return u.tooLarge()
	}
	entries, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "read zip")
	}
	for _, entry := range entries.File {
		if err := u.count(); err != nil {
			return err
		}
		if !entry.Mode().IsRegular() || strings.HasSuffix(entry.Name, "/") {
			continue
		}
		content, err := entry.Open()
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "read zip entry "+entry.Name)
		}
		err = u.add(entry.Name, -1, entry.Modified, content)
		_ = content.Close() // read only
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacker) count() error {
	u.files++
	if u.files > u.limits.MaxFiles {
		return fault.Newf(fault.TooLarge, "the archive has more than %d entries", u.limits.MaxFiles)
	}
	return nil
}

// add takes one file in. Sizes that an archive claims are not believed, except
// when they are already too large.
func (u *unpacker) add(name string, claimed int64, modified time.Time, content io.Reader) error {
	clean, ok := safeName(name)
	if !ok {
		return fault.Newf(fault.Invalid, "the archive has the name %q, which leads out of it", name)
	}
	for range u.limits.Strip {
		_, rest, found := strings.Cut(clean, "/")
		if !found {
			return nil
		}
		clean = rest
	}
	if u.limits.Keep != nil && !u.limits.Keep(clean) {
		return nil
	}
	left := u.limits.MaxBytes - u.bytes
	if claimed > left {
		return u.tooLarge()
	}
	data, err := io.ReadAll(io.LimitReader(content, left+1))
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "read archive entry "+clean)
	}
	if int64(len(data)) > left {
		return u.tooLarge()
	}
	u.bytes += int64(len(data))
	if !u.tree.put(clean, data, modified) {
		return fault.Newf(fault.Invalid, "the archive has %q both as a file and as a folder", clean)
	}
	return nil
}

func (u *unpacker) tooLarge() error {
	return fault.Newf(fault.TooLarge, "the archive unpacks to more than the limit of %d bytes", u.limits.MaxBytes)
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
