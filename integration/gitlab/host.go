package gitlab

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"
	"sync/atomic"

	sdk "gitlab.com/gitlab-org/api/client-go"

	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/pack"
	"github.com/stagedoor/stagedoor/integration/internal/place"
	"github.com/stagedoor/stagedoor/integration/internal/search"
	"github.com/stagedoor/stagedoor/integration/internal/wire"
	"github.com/stagedoor/stagedoor/plugin"
)

// maxTreePages is how many pages of files are listed before the archive is
// cheaper.
const maxTreePages = 50

// hosts reads URLs of all configured GitLabs. It implements plugin.URLHost.
type hosts struct{ list atomic.Pointer[[]*forge] }

func newHosts() *hosts {
	h := &hosts{}
	h.list.Store(new([]*forge))
	return h
}

func (h *hosts) of(u *url.URL) *forge {
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	return h.byHost(u.Host)
}

// byHost returns the forge of a host name, or nil.
func (h *hosts) byHost(host string) *forge {
	for _, f := range *h.list.Load() {
		if strings.EqualFold(host, f.settings.Host) {
			return f
		}
	}
	return nil
}

// Serves implements plugin.URLHost.
func (h *hosts) Serves(u *url.URL) bool { return h.of(u) != nil }

// Describe implements plugin.URLHost. It asks nobody.
func (h *hosts) Describe(u *url.URL) plugin.URLInfo {
	f := h.of(u)
	if f == nil {
		return plugin.URLInfo{}
	}
	info := plugin.URLInfo{Integration: "gitlab", Title: f.settings.Host}
	p, err := f.parse(u)
	if err != nil {
		return info
	}
	info.RepoURL, info.Owner, info.Repo = p.repoURL, path.Dir(p.path), path.Base(p.path)
	if len(p.rest) == 0 {
		info.FolderURL = p.repoURL
		return info
	}
	ref, file := f.refs.Known(p.path, p.rest)
	place.Describe(&info, ref, file, p.kind == "tree" && strings.HasSuffix(u.Path, "/"), p.url)
	return info
}

func (h *hosts) start(ctx context.Context, u *url.URL, opts plugin.ReadOptions) (context.Context, *forge, project, error) {
	f := h.of(u)
	if f == nil {
		return nil, nil, project{}, fail.New(fail.Forbidden, "%s is not a configured GitLab", u.Host)
	}
	p, err := f.parse(u)
	return context.WithValue(ctx, tokenKey{}, opts.Token), f, p, err
}

// resolve calls use with the ref and the path of the place.
func (f *forge) resolve(ctx context.Context, p project, use func(ref, path string) error) error {
	return f.refs.Resolve(ctx, p.path, p.rest, f.branches(p), use)
}

// branches lists the branches and tags of a project with a prefix.
func (f *forge) branches(p project) func(ctx context.Context, prefix string) ([]string, error) {
	return func(ctx context.Context, prefix string) ([]string, error) {
		doing := "list the branches of " + p.path
		branches, err := pages(doing, func(page int64) ([]*sdk.Branch, *sdk.Response, error) {
			return f.client.Branches.ListBranches(p.path, &sdk.ListBranchesOptions{
				ListOptions: sdk.ListOptions{Page: page, PerPage: 100}, Search: sdk.Ptr("^" + prefix),
			}, sdk.WithContext(ctx))
		})
		if err != nil {
			return nil, err
		}
		tags, err := pages(doing, func(page int64) ([]*sdk.Tag, *sdk.Response, error) {
			return f.client.Tags.ListTags(p.path, &sdk.ListTagsOptions{
				ListOptions: sdk.ListOptions{Page: page, PerPage: 100}, Search: sdk.Ptr("^" + prefix),
			}, sdk.WithContext(ctx))
		})
		if err != nil {
			return nil, err
		}
		var names []string
		for _, b := range branches {
			names = append(names, b.Name)
		}
		for _, t := range tags {
			names = append(names, t.Name)
		}
		return names, nil
	}
}

// Read implements plugin.URLHost. GitLab tells the commit with the content.
func (h *hosts) Read(ctx context.Context, u *url.URL, opts plugin.ReadOptions) (plugin.File, error) {
	ctx, f, p, err := h.start(ctx, u, opts)
	if err != nil {
		return plugin.File{}, err
	}
	if len(p.rest) < 2 {
		return plugin.File{}, notAProject(u)
	}
	var file plugin.File
	err = f.refs.ResolveFile(ctx, p.path, p.rest, f.branches(p), func(ref, path string) error {
		var err error
		file, err = f.content(ctx, p, ref, path, opts.ETag)
		return err
	})
	if err != nil {
		return plugin.File{}, err
	}
	clean := *u
	clean.User = nil
	file.URL = clean.String()
	return file, nil
}

func (f *forge) content(ctx context.Context, p project, ref, path, etag string) (plugin.File, error) {
	doing := fmt.Sprintf("read %s of %s at %s", path, p.path, ref)
	res, err := f.get(ctx, doing, p.api("/repository/files/%s/raw", url.PathEscape(path)), url.Values{"ref": {ref}}, etag)
	if err != nil {
		return plugin.File{}, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	data, err := wire.ReadAll(res.Body, search.MaxFileBytes, doing)
	if err != nil {
		return plugin.File{}, err
	}
	file := plugin.File{Data: data, ETag: res.Header.Get("ETag"), Revision: res.Header.Get("X-Gitlab-Last-Commit-Id")}
	if file.Revision == "" {
		file.Revision = res.Header.Get("X-Gitlab-Commit-Id")
	}
	return file, nil
}

// commit finds the commit that a ref names.
func (f *forge) commit(ctx context.Context, p project, ref string) (string, error) {
	if place.IsCommit(ref) {
		return strings.ToLower(ref), nil
	}
	if ref == "" {
		ref = "HEAD"
	}
	c, _, err := f.client.Commits.GetCommit(p.path, ref, nil, sdk.WithContext(ctx))
	if err != nil {
		return "", failure(err, fmt.Sprintf("find %s of %s", ref, p.path))
	}
	return c.ID, nil
}

// Tree implements plugin.URLHost. The ETag is the commit.
func (h *hosts) Tree(ctx context.Context, u *url.URL, opts plugin.ReadOptions) (plugin.Tree, error) {
	ctx, f, p, err := h.start(ctx, u, opts)
	if err != nil {
		return plugin.Tree{}, err
	}
	var tree plugin.Tree
	err = f.resolve(ctx, p, func(ref, path string) error {
		sha, err := f.commit(ctx, p, ref)
		if err != nil {
			return err
		}
		if sha == opts.ETag {
			return fail.New(fail.NotModified, "%s is not modified", u.Redacted())
		}
		tree, err = f.archive(ctx, p, sha, path)
		return err
	})
	return tree, err
}

func (f *forge) archive(ctx context.Context, p project, sha, below string) (plugin.Tree, error) {
	doing := fmt.Sprintf("read the archive of %s at %s", p.path, sha)
	query := url.Values{"sha": {sha}}
	if below != "" {
		query.Set("path", below)
	}
	res, err := f.get(ctx, doing, p.api("/repository/archive.tar.gz"), query, "")
	if err != nil {
		return plugin.Tree{}, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	files, err := pack.TarGz(res.Body, pack.Limits{Strip: 1, Below: below})
	if err != nil {
		return plugin.Tree{}, wire.Failure(err, doing)
	}
	return plugin.Tree{FS: files, ETag: sha, Revision: sha}, nil
}

// Search implements plugin.URLHost.
func (h *hosts) Search(ctx context.Context, u *url.URL, opts plugin.ReadOptions) ([]plugin.File, error) {
	if !discovery.HasWildcard(u.Path) {
		file, err := h.Read(ctx, u, opts)
		if err != nil {
			return nil, err
		}
		return []plugin.File{file}, nil
	}
	ctx, f, p, err := h.start(ctx, u, opts)
	if err != nil {
		return nil, err
	}
	var out []plugin.File
	err = f.resolve(ctx, p, func(ref, pattern string) error {
		sha, err := f.commit(ctx, p, ref)
		if err != nil {
			return err
		}
		q := search.Query{Repo: p.path, Commit: sha, Pattern: pattern, ETag: opts.ETag, URL: func(path string) string { return p.url("blob", ref, path) }}
		if err := q.Unchanged(); err != nil {
			return err
		}
		out, err = f.search(ctx, p, q)
		return err
	})
	return out, err
}

func (f *forge) search(ctx context.Context, p project, q search.Query) ([]plugin.File, error) {
	// Only what is below the part of the pattern without wildcards is listed.
	folder := path.Dir(q.Pattern)
	for discovery.HasWildcard(folder) {
		folder = path.Dir(folder)
	}
	opts := &sdk.ListTreeOptions{ListOptions: sdk.ListOptions{PerPage: 100, Pagination: "keyset"}, Ref: &q.Commit, Recursive: sdk.Ptr(true)}
	if folder != "." {
		opts.Path = &folder
	}
	var entries []search.Entry
	for range maxTreePages {
		nodes, res, err := f.client.Repositories.ListTree(p.path, opts, sdk.WithContext(ctx))
		if err != nil {
			return nil, failure(err, "list the files of "+p.path)
		}
		for _, n := range nodes {
			if n.Type == "blob" && n.Mode != "120000" {
				entries = append(entries, search.Entry{Path: n.Path, ID: n.ID})
			}
		}
		next, err := url.Parse(res.NextLink)
		if res.NextLink == "" || err != nil {
			return search.Files(ctx, q, entries, func(ctx context.Context, e search.Entry) ([]byte, error) {
				doing := "read " + e.Path + " of " + p.path
				res, err := f.get(ctx, doing, p.api("/repository/blobs/%s/raw", url.PathEscape(e.ID)), nil, "")
				if err != nil {
					return nil, err
				}
				defer res.Body.Close() //nolint:errcheck // nothing is written
				return wire.ReadAll(res.Body, search.MaxFileBytes, doing)
			})
		}
		opts.PageToken = next.Query().Get("page_token")
	}
	archive, err := f.archive(ctx, p, q.Commit, "")
	if err != nil {
		return nil, err
	}
	return search.Tree(q, archive.FS)
}
