// Package place reads the part of a forge's URL behind blob or tree: a ref and a
// path, of which nobody can say from the URL alone where one ends and the other
// begins, because branches may have slashes in their names.
//
// What: [Refs] finds and remembers which branches with slashes there are.
// [Escape] renders paths, [Describe] fills in what can be said of a place.
//
// What not: it makes no requests; the forge hands in how to look.
//
// Start reading at [Refs.Resolve].
package place

import (
	"context"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/plugin"
)

// lookAgainAfter is how long the answer "there is no such branch" is believed.
const lookAgainAfter = 10 * time.Minute

// Refs remembers branches and tags with slashes. Safe for concurrent use.
type Refs struct {
	clock func() time.Time

	mu    sync.Mutex
	known map[string]answer
}

type answer struct {
	names []string
	at    time.Time
	// whole is set when the first part was seen to be a ref. Then none can
	// begin with it and a slash: git keeps refs as files in folders.
	whole bool
}

// NewRefs returns an empty memory.
func NewRefs(clock func() time.Time) *Refs { return &Refs{clock: clock, known: map[string]answer{}} }

// Known divides the parts behind blob or tree as far as is known.
func (r *Refs) Known(repo string, rest []string) (ref, path string) {
	if len(rest) == 0 {
		return "", ""
	}
	r.mu.Lock()
	names := r.known[key(repo, rest)].names
	r.mu.Unlock()
	return split(rest, longest(rest, names))
}

// Resolve calls use with the ref and the path. The first part is taken for the
// ref; when nothing is found there (code not_found), list gives the branches and
// tags that begin with it and a slash, and the longest that fits is tried.
func (r *Refs) Resolve(ctx context.Context, repo string, rest []string, list func(ctx context.Context, prefix string) ([]string, error), use func(ref, path string) error) error {
	ref, p := r.Known(repo, rest)
	err := use(ref, p)
	if len(rest) > 0 && ref == rest[0] && (err == nil || fail.Is(err, fail.NotModified)) {
		r.mu.Lock()
		r.known[key(repo, rest)] = answer{whole: true}
		r.mu.Unlock()
		return err
	}
	if len(rest) < 2 || ref != rest[0] || IsCommit(ref) || !fail.Is(err, fail.NotFound) {
		return err
	}
	names, lookErr := r.look(ctx, repo, rest, list)
	n := longest(rest, names)
	if lookErr != nil || n < 2 {
		return err // the first answer says what is missing
	}
	return use(split(rest, n))
}

// ResolveFile is [Refs.Resolve] of a file, which has a path behind its ref: of
// two parts, the first can only be the ref.
func (r *Refs) ResolveFile(ctx context.Context, repo string, rest []string, list func(ctx context.Context, prefix string) ([]string, error), use func(ref, path string) error) error {
	if len(rest) == 2 {
		return use(rest[0], rest[1])
	}
	return r.Resolve(ctx, repo, rest, list, use)
}

func (r *Refs) look(ctx context.Context, repo string, rest []string, list func(context.Context, string) ([]string, error)) ([]string, error) {
	k := key(repo, rest)
	r.mu.Lock()
	have, ok := r.known[k]
	r.mu.Unlock()
	if ok && (have.whole || r.clock().Sub(have.at) < lookAgainAfter) {
		return have.names, nil
	}
	names, err := list(ctx, rest[0]+"/")
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.known[k] = answer{names: names, at: r.clock()}
	r.mu.Unlock()
	return names, nil
}

func key(repo string, rest []string) string { return strings.ToLower(repo) + " " + rest[0] }

// longest returns the number of parts of the longest name that rest begins
// with, at least 1.
func longest(rest, names []string) int {
	best := 1
	text := strings.Join(rest, "/") + "/"
	for _, name := range names {
		if strings.HasPrefix(text, name+"/") {
			best = max(best, strings.Count(name, "/")+1)
		}
	}
	return best
}

func split(rest []string, n int) (ref, path string) {
	n = min(n, len(rest))
	return strings.Join(rest[:n], "/"), strings.Join(rest[n:], "/")
}

// Parts divides an escaped path into decoded parts. ok is false when a part is
// empty or climbs.
func Parts(escaped string) (parts []string, ok bool) {
	for part := range strings.SplitSeq(strings.Trim(escaped, "/"), "/") {
		decoded, err := url.PathUnescape(part)
		if err != nil || decoded == "" || decoded == "." || decoded == ".." {
			return nil, false
		}
		parts = append(parts, decoded)
	}
	return parts, true
}

// unescaped are characters that url.PathEscape escapes without need and that
// people know unescaped.
var unescaped = strings.NewReplacer("%40", "@", "%2A", "*")

// Escape escapes each part of a path.
func Escape(p string) string {
	parts := strings.Split(p, "/")
	for i, part := range parts {
		parts[i] = unescaped.Replace(url.PathEscape(part))
	}
	return strings.Join(parts, "/")
}

// IsCommit reports whether a ref is the full name of a commit, which cannot be
// edited and never changes.
func IsCommit(ref string) bool {
	return (len(ref) == 40 || len(ref) == 64) && strings.Trim(strings.ToLower(ref), "0123456789abcdef") == ""
}

// Describe fills in branch, path, folder and edit URL. link renders a URL of a
// kind, tree or edit. isFolder says that the path names a folder itself.
func Describe(info *plugin.URLInfo, ref, file string, isFolder bool, link func(kind, ref, path string) string) {
	info.Branch, info.Path = ref, file
	folder := ""
	if isFolder && file != "" {
		folder = file + "/"
	} else if dir := path.Dir(file); dir != "." {
		folder = dir + "/"
	}
	info.FolderURL = link("tree", ref, folder)
	if file != "" && !IsCommit(ref) && !discovery.HasWildcard(file) {
		info.EditURL = link("edit", ref, file)
	}
}
