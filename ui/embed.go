//go:build !noui

package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

func files() (fs.FS, error) {
	return fs.Sub(dist, "dist")
}
