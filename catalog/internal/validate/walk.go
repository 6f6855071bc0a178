package validate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// maxFile is the size up to which a file is read.
const maxFile = 64 << 20

// Summary counts what was judged.
type Summary struct {
	Files     int
	Documents int
	Failed    int
	Warnings  int
}

// Paths judges files and directories in the order given. Of a file every
// document must be an entity. A directory is walked for *.yaml and *.yml files,
// .git and node_modules left out, and documents that do not look like
// entities are passed over, except in files named catalog-info. Each verdict
// is handed to emit; Paths stops at its first error.
//
// It returns an error with code not_found or invalid when a path cannot be
// read; refused documents are no error but counted.
func (v *Validator) Paths(ctx context.Context, paths []string, emit func(Result) error) (Summary, error) {
	run := &run{v: v, emit: emit, seen: map[string]string{}}
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case os.IsNotExist(err):
			return run.sum, fault.Newf(fault.NotFound, "%s: there is no such file or directory", path)
		case err != nil:
			return run.sum, fmt.Errorf("look at %s: %w", path, err)
		case info.IsDir():
			err = run.dir(ctx, path)
		default:
			err = run.file(path, everything)
		}
		if err != nil {
			return run.sum, err
		}
	}
	return run.sum, nil
}

// run is one call of Paths.
type run struct {
	v    *Validator
	emit func(Result) error
	sum  Summary
	seen map[string]string // ref → where it was defined first
}

func (r *run) dir(ctx context.Context, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("walk %s: %w", root, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (name == ".git" || name == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		ext := filepath.Ext(name)
		if !d.Type().IsRegular() || ext != ".yaml" && ext != ".yml" {
			return nil
		}
		if strings.TrimSuffix(name, ext) == "catalog-info" {
			return r.file(path, everything)
		}
		return r.file(path, entities)
	})
}

func (r *run) file(path string, which scope) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	r.sum.Files++
	for _, result := range r.v.documents(path, data, which) {
		r.double(&result)
		r.sum.Documents++
		r.sum.Warnings += len(result.Warnings)
		if !result.OK {
			r.sum.Failed++
		}
		if err := r.emit(result); err != nil {
			return err
		}
	}
	return nil
}

// double warns of an entity that was defined before: the catalog keeps one.
func (r *run) double(result *Result) {
	if !result.OK || result.Ref == "" {
		return
	}
	here := fmt.Sprintf("%s (document %d)", result.File, result.Document)
	if first, ok := r.seen[result.Ref]; ok {
		result.Warnings = append(result.Warnings, result.Ref+" is also defined in "+first)
		return
	}
	r.seen[result.Ref] = here
}

// WriteJSON writes a result as one line of JSON.
func WriteJSON(w io.Writer, r Result) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// WriteText writes a result for people: nothing for a document that is right
// without warnings, unless verbose.
func WriteText(w io.Writer, r Result, verbose bool) error {
	var b strings.Builder
	at := fmt.Sprintf("%s:%d", r.File, r.Line)
	name := r.Ref
	if name == "" {
		name = fmt.Sprintf("document %d", r.Document)
	}
	switch {
	case !r.OK:
		fmt.Fprintf(&b, "%s: error: %s: %s\n", at, name, r.Error)
	case verbose:
		fmt.Fprintf(&b, "%s: ok: %s\n", at, name)
	}
	if r.Hint != "" {
		fmt.Fprintf(&b, "%s: hint: %s\n", at, r.Hint)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "%s: warning: %s: %s\n", at, name, warning)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteSummary writes the last line of the output for people.
func WriteSummary(w io.Writer, s Summary) error {
	_, err := fmt.Fprintf(w, "%d documents in %d files, %d refused, %d warnings\n", s.Documents, s.Files, s.Failed, s.Warnings)
	return err
}
