package ui

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrNotBuilt says that this binary holds no front-end: npm did not run before
// the Go build, or the binary was built with the tag noui.
var ErrNotBuilt = errors.New("front-end not built: run make build")

// Files returns the built front-end, with index.html at its root. It returns
// [ErrNotBuilt] when there is none. The files are immutable and may be read
// concurrently.
func Files() (fs.FS, error) {
	built, err := files()
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(built, "index.html"); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, ErrNotBuilt
		}
		return nil, fmt.Errorf("look for the front-end: %w", err)
	}
	return built, nil
}
