package fetch

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// DefaultMaxMatches is how many files a glob may name.
const DefaultMaxMatches = 100_000

// Files reads local files. The zero value is ready and has the default limits.
type Files struct {
	// MaxBytes is the largest file; zero means [DefaultMaxFileBytes].
	MaxBytes int64
	// MaxMatches is the largest number of files of a glob; zero means
	// [DefaultMaxMatches].
	MaxMatches int
}

// Local is a file that was read.
type Local struct {
	Data     []byte
	Modified time.Time
}

// Read reads one regular file. When within is not empty the file must be
// inside that folder after every symbolic link is followed. Errors: not_found,
// forbidden for what leads out of the folder or may not be read, invalid for
// folders and devices, too_large.
func (f Files) Read(name, within string) (Local, error) {
	file, err := open(name, within)
	if err != nil {
		return Local{}, fileError(name, within, err)
	}
	defer file.Close() // read only
	info, err := file.Stat()
	if err != nil {
		return Local{}, fileError(name, within, err)
	}
	if err := regular(name, info); err != nil {
		return Local{}, err
	}
	limit := f.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxFileBytes
	}
	if info.Size() > limit {
		return Local{}, fault.Newf(fault.TooLarge, "%s is larger than the limit of %s", name, size(limit))
	}
	data := make([]byte, 0, info.Size()+1)
	data, err = appendAll(data, io.LimitReader(file, limit+1))
	if err != nil {
		return Local{}, fileError(name, within, err)
	}
	if int64(len(data)) > limit {
		return Local{}, fault.Newf(fault.TooLarge, "%s is larger than the limit of %s", name, size(limit))
	}
	return Local{Data: data, Modified: info.ModTime()}, nil
}

// Stat describes one file under the rule of [Files.Read].
func (f Files) Stat(name, within string) (fs.FileInfo, error) {
	info, err := stat(name, within)
	if err != nil {
		return nil, fileError(name, within, err)
	}
	return info, regular(name, info)
}

// Glob returns the regular files that match the pattern, sorted. A pattern may
// hold *, **, ?, [class] and {a,b}; a wildcard does not match the dot at the
// beginning of a name. A path that exists as it is written is taken literally.
// No match is an empty list. When contained is set, symbolic links that lead
// out of the pattern's own folder are passed over.
func (f Files) Glob(pattern string, contained bool) ([]string, error) {
	pattern = filepath.ToSlash(filepath.Clean(pattern))
	base, rest := doublestar.SplitPattern(pattern)
	within := ""
	if contained {
		within = filepath.FromSlash(base)
	}
	if info, err := stat(filepath.FromSlash(pattern), ""); err == nil {
		if err := regular(pattern, info); err != nil {
			return nil, err
		}
		return []string{filepath.FromSlash(pattern)}, nil
	} else if !IsPattern(rest) || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EINVAL) {
		return nil, ignoreMissing(fileError(pattern, within, err))
	}
	if !doublestar.ValidatePattern(rest) {
		return nil, fault.Newf(fault.Invalid, "%s is not a valid pattern", pattern)
	}
	return f.glob(filepath.FromSlash(base), rest, contained)
}

func (f Files) glob(base, pattern string, contained bool) ([]string, error) {
	inner := os.DirFS(base)
	if contained {
		root, err := os.OpenRoot(base)
		if err != nil {
			return nil, ignoreMissing(fileError(base, "", err))
		}
		defer root.Close() // read only
		inner = root.FS()
	}
	hidden := hiddenSegments(pattern)
	walked := &quietFS{inner: inner, showHidden: len(hidden) > 0}
	options := []doublestar.GlobOption{doublestar.WithFilesOnly()}
	if strings.Contains(pattern, "**") {
		// A link to a folder above would make ** walk in circles.
		options = append(options, doublestar.WithNoFollow())
	}
	matches, err := doublestar.Glob(walked, pattern, options...)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, pattern)
	}
	if err := walked.denied(); err != nil {
		return nil, fileError(base, "", err)
	}
	limit := f.MaxMatches
	if limit <= 0 {
		limit = DefaultMaxMatches
	}
	if len(matches) > limit {
		return nil, fault.Newf(fault.TooLarge, "%s matches more than %d files", path.Join(base, pattern), limit)
	}
	kept := matches[:0]
	for _, match := range matches {
		if info, err := fs.Stat(inner, match); err != nil || !info.Mode().IsRegular() || !hiddenNamed(match, hidden) {
			continue
		}
		kept = append(kept, filepath.Join(base, filepath.FromSlash(match)))
	}
	slices.Sort(kept)
	return slices.Compact(kept), nil
}

// BaseOf returns the folder that a pattern cannot leave: the part before its
// first wildcard.
func BaseOf(pattern string) string {
	base, _ := doublestar.SplitPattern(filepath.ToSlash(filepath.Clean(pattern)))
	return filepath.FromSlash(base)
}

// IsPattern reports whether a name holds what [Files.Glob] takes for a
// wildcard.
func IsPattern(name string) bool { return strings.ContainsAny(name, "*?[{") }

// hiddenSegments are the parts of a pattern that ask for a dot themselves.
func hiddenSegments(pattern string) []string {
	var found []string
	for part := range strings.SplitSeq(pattern, "/") {
		if strings.HasPrefix(part, ".") {
			found = append(found, part)
		}
	}
	return found
}

// hiddenNamed reports whether every hidden part of the name was asked for.
func hiddenNamed(name string, asked []string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && !slices.ContainsFunc(asked, func(p string) bool {
			ok, err := doublestar.Match(p, part)
			return err == nil && ok
		}) {
			return false
		}
	}
	return true
}

// quietFS hides dot files from wildcards and remembers a folder that may not
// be read, which a glob would pass over in silence.
type quietFS struct {
	inner      fs.FS
	showHidden bool

	mu  sync.Mutex
	err error
}

func (q *quietFS) Open(name string) (fs.File, error) { return q.inner.Open(name) } //nolint:wrapcheck // transparent

func (q *quietFS) Stat(name string) (fs.FileInfo, error) { return fs.Stat(q.inner, name) } //nolint:wrapcheck // transparent

func (q *quietFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(q.inner, name)
	if errors.Is(err, fs.ErrPermission) {
		q.mu.Lock()
		q.err = err
		q.mu.Unlock()
	}
	if err == nil && !q.showHidden {
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") })
	}
	return entries, err //nolint:wrapcheck // transparent
}

func (q *quietFS) denied() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

func open(name, within string) (*os.File, error) {
	// Opening a pipe would wait for a writer, hence the look before.
	info, err := stat(name, within)
	if err != nil {
		return nil, err
	}
	if err := regular(name, info); err != nil {
		return nil, err
	}
	if within == "" {
		return os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:wrapcheck // fileError wraps
	}
	root, rel, err := enter(name, within)
	if err != nil {
		return nil, err
	}
	defer root.Close()                                           // read only
	return root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:wrapcheck // fileError wraps
}

func stat(name, within string) (fs.FileInfo, error) {
	if within == "" {
		return os.Stat(name) //nolint:wrapcheck // fileError wraps
	}
	root, rel, err := enter(name, within)
	if err != nil {
		return nil, err
	}
	defer root.Close()    // read only
	return root.Stat(rel) //nolint:wrapcheck // fileError wraps
}

// enter opens the folder and makes the name relative to it.
func enter(name, within string) (*os.Root, string, error) {
	rel, err := filepath.Rel(within, name)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, "", errOutside
	}
	root, err := os.OpenRoot(within)
	if err != nil {
		return nil, "", err //nolint:wrapcheck // fileError wraps
	}
	return root, rel, nil
}

var errOutside = errors.New("path escapes from parent")

func regular(name string, info fs.FileInfo) error {
	switch {
	case info.Mode().IsRegular():
		return nil
	case info.IsDir():
		return fault.Newf(fault.Invalid, "%s is a folder, not a file", name)
	}
	return fault.Newf(fault.Invalid, "%s is not a regular file", name)
}

// fileError gives an error of the file system its code and a plain text.
func fileError(name, within string, err error) error {
	var own *fault.Error
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fault.Newf(fault.NotFound, "%s does not exist", name)
	case errors.Is(err, fs.ErrPermission):
		return fault.Newf(fault.Forbidden, "%s may not be read: permission denied", name)
	case within != "" && strings.Contains(err.Error(), errOutside.Error()):
		return fault.Newf(fault.Forbidden, "%s leads out of the folder %s", name, within)
	}
	return fault.Wrap(fault.Unavailable, err, "read "+name)
}

func ignoreMissing(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// appendAll reads to the end without growing a buffer that is large enough.
func appendAll(data []byte, r io.Reader) ([]byte, error) {
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			return data, err //nolint:wrapcheck // fileError wraps
		}
	}
}
