//go:build noui

package ui

import "io/fs"

func files() (fs.FS, error) {
	return nil, ErrNotBuilt
}
