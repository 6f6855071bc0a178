package github

import (
	"context"
	"fmt"
	"strings"
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

// resolve calls use with the ref and the path of the place.
func (f *forge) resolve(ctx context.Context, p place, use func(ref, path string) error) error {
	return f.refs.Resolve(ctx, p.slug(), p.rest, f.branches(p), use)
}

// branches lists the branches and tags of a repository with a prefix.
func (f *forge) branches(p place) func(ctx context.Context, prefix string) ([]string, error) {
	return func(ctx context.Context, prefix string) ([]string, error) {
		var names []string
		for _, space := range []string{"heads", "tags"} {
			if p.full != "" && p.full != space {
				continue
			}
			found, _, err := f.client.Git.ListMatchingRefs(ctx, p.owner, p.repo, space+"/"+prefix)
			if err != nil {
				return nil, failure(err, fmt.Sprintf("list the branches of %s/%s", p.owner, p.repo))
			}
			for _, r := range found {
				names = append(names, strings.TrimPrefix(r.GetRef(), "refs/"+space+"/"))
			}
		}
		return names, nil
	}
}
