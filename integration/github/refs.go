package github

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/plugin"
)

// qualified renders a ref as the API takes it: with its namespace where the URL
// named one. An empty ref is the head of the default branch.
func (p place) qualified(ref string) string {
	switch {
	case ref == "":
		return "HEAD"
	case p.full != "":
		return p.full + "/" + ref
	}
	return ref
}

// resolve calls use with the ref and the path of the place. The first part is
// taken for the ref; when nothing is found there, branches and tags that begin
// with it and have slashes are looked up, and the longest that fits is tried.
func (f *forge) resolve(ctx context.Context, p place, use func(ref, path string) error) error {
	if len(p.rest) == 0 {
		return use("", "")
	}
	n := f.known(p)
	err := use(p.split(n))
	if n > 1 || len(p.rest) < 2 || isCommit(p.rest[0]) || !fail.Is(err, fail.NotFound) {
		return err
	}
	longer, lookErr := f.lookUp(ctx, p)
	if lookErr != nil || longer < 2 {
		return err // the first answer says what is missing
	}
	return use(p.split(longer))
}

// known returns how many parts of rest are the ref, as far as is known.
func (f *forge) known(p place) int {
	if len(p.rest) == 0 {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return longest(p, f.refs[p.slug()+" "+p.rest[0]].names)
}

// longest returns the number of parts of the longest name that rest begins
// with, at least 1.
func longest(p place, names []string) int {
	best := 1
	rest := strings.Join(p.rest, "/") + "/"
	for _, name := range names {
		if strings.HasPrefix(rest, name+"/") {
			best = max(best, strings.Count(name, "/")+1)
		}
	}
	return best
}

// lookUp asks for branches and tags below the first part and remembers them.
func (f *forge) lookUp(ctx context.Context, p place) (int, error) {
	key := p.slug() + " " + p.rest[0]
	f.mu.Lock()
	have, ok := f.refs[key]
	f.mu.Unlock()
	if ok && f.clock().Sub(have.at) < noSlashRefsFor {
		return longest(p, have.names), nil
	}
	var names []string
	for _, space := range []string{"heads", "tags"} {
		if p.full != "" && p.full != space {
			continue
		}
		refs, _, err := f.client.Git.ListMatchingRefs(ctx, p.owner, p.repo, space+"/"+p.rest[0]+"/")
		if err != nil {
			return 0, failure(err, fmt.Sprintf("list the branches of %s/%s", p.owner, p.repo))
		}
		for _, r := range refs {
			names = append(names, strings.TrimPrefix(r.GetRef(), "refs/"+space+"/"))
		}
	}
	f.mu.Lock()
	f.refs[key] = knownRefs{names, f.clock()}
	f.mu.Unlock()
	return longest(p, names), nil
}

// searchArchive is a search in the archive, for repositories whose list of
// files GitHub cuts off.
func (f *forge) searchArchive(ctx context.Context, p place, ref, sha, pattern string) ([]plugin.File, error) {
	tree, err := f.tarball(ctx, p, sha, "")
	if err != nil {
		return nil, err
	}
	var out []plugin.File
	err = fs.WalkDir(tree.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !discovery.Glob(pattern, name) {
			return err
		}
		if len(out) == maxMatches {
			return fail.New(fail.TooLarge, "more than %d files of %s/%s match %s", maxMatches, p.owner, p.repo, pattern)
		}
		data, err := fs.ReadFile(tree.FS, name)
		if err != nil {
			return err //nolint:wrapcheck // wrapped below
		}
		out = append(out, plugin.File{URL: p.url("blob", ref, name), Data: data, ETag: sha, Revision: sha})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("search %s/%s: %w", p.owner, p.repo, err)
	}
	return out, nil
}
