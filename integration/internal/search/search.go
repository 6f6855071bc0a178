// Package search finds the files of a repository that match a pattern, the same
// way for every forge.
//
// What: [Files] reads the matches of a list of files, [Tree] those of an
// unpacked archive. The files of one search share one ETag, made of the commit
// and of the names and contents of all matches, so that the next search can tell
// that none of them changed.
//
// What not: it makes no requests; the forge hands in how to read one file.
//
// Start reading at [Files].
package search

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/plugin"
)

// Bounds of one search, and how many files are read at once.
const (
	MaxFileBytes = 10 << 20
	MaxMatches   = 5000
	Parallel     = 5
)

// Entry is one file of a list. ID changes with the content.
type Entry struct {
	Path, ID string
	Size     int64
}

// Query is one search. Repo is for messages.
type Query struct {
	Repo, Commit, Pattern, ETag string
	// URL renders the URL of a file.
	URL func(path string) string
}

// Unchanged reports, as an error with code not_modified, that the commit is
// still the one of the query's ETag.
func (q Query) Unchanged() error {
	if commit, _, _ := strings.Cut(q.ETag, "-"); commit == q.Commit && commit != "" {
		return fail.New(fail.NotModified, "%s is not modified since %s", q.Repo, q.Commit)
	}
	return nil
}

// Files reads the entries that match. It returns an error with code
// not_modified when none of them changed since the query's ETag.
func Files(ctx context.Context, q Query, entries []Entry, read func(ctx context.Context, e Entry) ([]byte, error)) ([]plugin.File, error) {
	matches := slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return !discovery.Glob(q.Pattern, e.Path) })
	if len(matches) > MaxMatches {
		return nil, tooMany(q)
	}
	sum := sha256.New()
	for _, e := range matches {
		_, _ = fmt.Fprintf(sum, "%s %s\n", e.ID, e.Path) // a hash takes everything
	}
	hash := hex.EncodeToString(sum.Sum(nil)[:16])
	if _, before, _ := strings.Cut(q.ETag, "-"); before == hash {
		return nil, fail.New(fail.NotModified, "no file of %s that matches %s is modified", q.Repo, q.Pattern)
	}
	out := make([]plugin.File, len(matches))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(Parallel)
	for i, e := range matches {
		group.Go(func() error {
			if e.Size > MaxFileBytes {
				return fail.New(fail.TooLarge, "%s of %s is larger than the limit of %d bytes", e.Path, q.Repo, MaxFileBytes)
			}
			data, err := read(ctx, e)
			if err != nil {
				return err
			}
			out[i] = plugin.File{URL: q.URL(e.Path), Data: data, ETag: q.Commit + "-" + hash, Revision: q.Commit}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

// Tree reads the files of an unpacked repository that match.
func Tree(q Query, files fs.FS) ([]plugin.File, error) {
	var out []plugin.File
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !discovery.Glob(q.Pattern, name) {
			return err
		}
		if len(out) == MaxMatches {
			return tooMany(q)
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err //nolint:wrapcheck // wrapped below
		}
		out = append(out, plugin.File{URL: q.URL(name), Data: data, ETag: q.Commit, Revision: q.Commit})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("search %s: %w", q.Repo, err)
	}
	return out, nil
}

func tooMany(q Query) error {
	return fail.New(fail.TooLarge, "more than %d files of %s match %s", MaxMatches, q.Repo, q.Pattern)
}
