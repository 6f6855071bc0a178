package ui_test

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/stagedoor/stagedoor/ui"
)

// The server replaces these; a build that lost one would serve a blank page.
func TestFiles_holdAPageWithTheMarkersOfTheServer(t *testing.T) {
	t.Parallel()
	files, err := ui.Files()
	if errors.Is(err, ui.ErrNotBuilt) {
		t.Skip("SKIP: the front-end is not built")
	}
	if err != nil {
		t.Fatal(err)
	}
	page, err := fs.ReadFile(files, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, marker := range []string{
		`<html lang="en" data-stagedoor>`,
		`<title>Stagedoor</title>`,
		`<style data-eager>`,
		`<!--stagedoor:head-->`,
		`<!--stagedoor:name-->`,
		`<!--stagedoor:body-->`,
	} {
		if n := bytes.Count(page, []byte(marker)); n != 1 {
			t.Errorf("index.html holds %s %d times, want once", marker, n)
		}
	}
}
