package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	sdk "github.com/google/go-github/v88/github"

	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/pack"
	refs "github.com/stagedoor/stagedoor/integration/internal/place"
	"github.com/stagedoor/stagedoor/integration/internal/search"
	"github.com/stagedoor/stagedoor/integration/internal/wire"
	"github.com/stagedoor/stagedoor/plugin"
)

// hosts reads URLs of all configured GitHubs. It implements plugin.URLHost.
type hosts struct{ list atomic.Pointer[[]*forge] }

func newHosts() *hosts {
	h := &hosts{}
	h.list.Store(new([]*forge))
	return h
}

// of returns the forge that serves a URL, or nil.
func (h *hosts) of(u *url.URL) *forge {
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	for _, f := range *h.list.Load() {
		if strings.EqualFold(u.Host, f.settings.Host) {
			return f
		}
		raw, _ := url.Parse(f.settings.RawBaseURL)
		if raw != nil && strings.EqualFold(u.Host, raw.Host) && strings.HasPrefix(u.Path, raw.Path) {
			return f
		}
	}
	return nil
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

// Describe implements plugin.URLHost. It asks nobody, so a branch with slashes
// is told from the path only after it was read once.
func (h *hosts) Describe(u *url.URL) plugin.URLInfo {
	f := h.of(u)
	if f == nil {
		return plugin.URLInfo{}
	}
	info := plugin.URLInfo{Integration: "github", Title: f.settings.Host}
	p, err := parsePlace(u, &f.settings)
	if err != nil {
		return info
	}
	info.RepoURL, info.Owner, info.Repo = p.repoURL, p.owner, p.repo
	if len(p.rest) == 0 {
		info.FolderURL = p.repoURL
		return info
	}
	ref, path := f.refs.Known(p.slug(), p.rest)
	refs.Describe(&info, ref, path, p.kind == "tree" && strings.HasSuffix(u.Path, "/"), p.url)
	return info
}

// start finds the forge and the place of a URL and a context with credentials.
func (h *hosts) start(ctx context.Context, u *url.URL, opts plugin.ReadOptions) (context.Context, *forge, place, error) {
	f := h.of(u)
	if f == nil {
		return nil, nil, place{}, fail.New(fail.Forbidden, "%s is not a configured GitHub", u.Host)
	}
	p, err := parsePlace(u, &f.settings)
	if err != nil {
		return nil, nil, place{}, err
	}
	ctx, err = f.as(ctx, p.owner, opts.Token)
	return ctx, f, p, err
}

// Read implements plugin.URLHost. The commit costs one more request, made only
// when the content changed.
func (h *hosts) Read(ctx context.Context, u *url.URL, opts plugin.ReadOptions) (plugin.File, error) {
	ctx, f, p, err := h.start(ctx, u, opts)
	if err != nil {
		return plugin.File{}, err
	}
	if len(p.rest) < 2 {
		return plugin.File{}, notARepository(u)
	}
	var file plugin.File
	if token, _ := ctx.Value(credentialKey{}).(string); token == "" {
		return f.raw(ctx, p, u, opts.ETag)
	}
	err = f.refs.ResolveFile(ctx, p.slug(), p.rest, f.branches(p), func(ref, path string) error {
		var err error
		file, err = f.content(ctx, p, ref, path, opts.ETag)
		return err
	})
	if err != nil {
		return plugin.File{}, err
	}
	file.URL = withoutUser(u)
	return file, nil
}

// raw reads one file from the host of raw files, which finds branches with
// slashes by itself. Without credentials the API serves sixty requests an hour,
// too few for anything, so the commit is not asked for.
func (f *forge) raw(ctx context.Context, p place, u *url.URL, etag string) (plugin.File, error) {
	doing := "read " + withoutUser(u)
	parts := append([]string{p.owner, p.repo}, p.rest...)
	if p.full != "" {
		parts = append([]string{p.owner, p.repo, "refs", p.full}, p.rest...)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.settings.RawBaseURL+"/"+refs.Escape(strings.Join(parts, "/")), nil)
	if err != nil {
		return plugin.File{}, fail.New(fail.Invalid, "%s: %w", doing, err)
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := f.client.Client().Do(req)
	if err != nil {
		return plugin.File{}, wire.Failure(err, doing)
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	if res.StatusCode != http.StatusOK {
		return plugin.File{}, wire.Status(res.StatusCode, doing, "")
	}
	data, err := wire.ReadAll(res.Body, search.MaxFileBytes, doing)
	if err != nil {
		return plugin.File{}, err
	}
	return plugin.File{URL: withoutUser(u), Data: data, ETag: res.Header.Get("ETag")}, nil
}

// content reads one file at a ref.
func (f *forge) content(ctx context.Context, p place, ref, path, etag string) (plugin.File, error) {
	doing := fmt.Sprintf("read %s of %s/%s at %s", path, p.owner, p.repo, ref)
	req, err := f.client.NewRequest(ctx, http.MethodGet,
		fmt.Sprintf("repos/%s/%s/contents/%s?ref=%s", url.PathEscape(p.owner), url.PathEscape(p.repo), refs.Escape(path), url.QueryEscape(p.qualified(ref))), nil)
	if err != nil {
		return plugin.File{}, fail.New(fail.Invalid, "%s: %w", doing, err)
	}
	req.Header.Set("Accept", "application/vnd.github.raw+json")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := f.client.BareDo(req)
	if err != nil {
		return plugin.File{}, failure(err, doing)
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		return plugin.File{}, fail.New(fail.Invalid, "%s: it is a folder", doing)
	}
	data, err := wire.ReadAll(res.Body, search.MaxFileBytes, doing)
	if err != nil {
		return plugin.File{}, err
	}
	file := plugin.File{Data: data, ETag: res.Header.Get("ETag")}
	file.Revision, file.Modified = f.lastChange(ctx, p, ref, path)
	return file, nil
}

// lastChange finds the commit that changed the file last. It is a detail: when
// it cannot be had, the content is still good.
func (f *forge) lastChange(ctx context.Context, p place, ref, path string) (string, time.Time) {
	commits, _, err := f.client.Repositories.ListCommits(ctx, p.owner, p.repo, &sdk.CommitsListOptions{
		SHA: p.qualified(ref), Path: path, ListOptions: sdk.ListOptions{PerPage: 1},
	})
	if err == nil && len(commits) > 0 {
		return commits[0].GetSHA(), commits[0].GetCommit().GetCommitter().GetDate().UTC()
	}
	if refs.IsCommit(ref) {
		return ref, time.Time{}
	}
	return "", time.Time{}
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
		tree, err = f.tarball(ctx, p, sha, path)
		return err
	})
	return tree, err
}

// commit finds the commit that a ref names.
func (f *forge) commit(ctx context.Context, p place, ref string) (string, error) {
	if refs.IsCommit(ref) {
		return strings.ToLower(ref), nil
	}
	sha, _, err := f.client.Repositories.GetCommitSHA1(ctx, p.owner, p.repo, p.qualified(ref), "")
	err = failure(err, fmt.Sprintf("find %s of %s/%s", ref, p.owner, p.repo))
	if fail.Is(err, fail.Invalid) {
		// GitHub says 422 for a ref that does not exist.
		return "", fail.New(fail.NotFound, "%s/%s has no branch, tag or commit %s", p.owner, p.repo, ref)
	}
	return strings.TrimSpace(sha), err
}

func (f *forge) tarball(ctx context.Context, p place, sha, below string) (plugin.Tree, error) {
	doing := fmt.Sprintf("read the archive of %s/%s at %s", p.owner, p.repo, sha)
	req, err := f.client.NewRequest(ctx, http.MethodGet, fmt.Sprintf("repos/%s/%s/tarball/%s", url.PathEscape(p.owner), url.PathEscape(p.repo), sha), nil)
	if err != nil {
		return plugin.Tree{}, fail.New(fail.Invalid, "%s: %w", doing, err)
	}
	res, err := f.client.BareDo(req)
	if err != nil {
		return plugin.Tree{}, failure(err, doing)
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	files, err := pack.TarGz(res.Body, pack.Limits{Strip: 1, Below: below})
	if err != nil {
		return plugin.Tree{}, wire.Failure(err, doing)
	}
	return plugin.Tree{FS: files, ETag: sha, Revision: sha}, nil
}

// Search implements plugin.URLHost. Every file carries the same ETag, made of
// the names and contents of all matches, so that a later search tells whether
// any of them changed.
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
		out, err = f.search(ctx, p, ref, sha, pattern, opts.ETag)
		return err
	})
	return out, err
}

func (f *forge) search(ctx context.Context, p place, ref, sha, pattern, etag string) ([]plugin.File, error) {
	q := search.Query{Repo: p.slug(), Commit: sha, Pattern: pattern, ETag: etag, URL: func(path string) string { return p.url("blob", ref, path) }}
	if err := q.Unchanged(); err != nil {
		return nil, err
	}
	tree, _, err := f.client.Git.GetTree(ctx, p.owner, p.repo, sha, true)
	if err != nil {
		return nil, failure(err, fmt.Sprintf("list the files of %s at %s", p.slug(), sha))
	}
	if tree.GetTruncated() {
		archive, err := f.tarball(ctx, p, sha, "")
		if err != nil {
			return nil, err
		}
		return search.Tree(q, archive.FS)
	}
	var entries []search.Entry
	for _, e := range tree.Entries {
		if e.GetType() == "blob" && e.GetMode() != "120000" {
			entries = append(entries, search.Entry{Path: e.GetPath(), ID: e.GetSHA(), Size: int64(e.GetSize())})
		}
	}
	return search.Files(ctx, q, entries, func(ctx context.Context, e search.Entry) ([]byte, error) {
		data, _, err := f.client.Git.GetBlobRaw(ctx, p.owner, p.repo, e.ID)
		return data, failure(err, "read "+e.Path+" of "+p.slug())
	})
}

// withoutUser renders a URL without what might be a password.
func withoutUser(u *url.URL) string {
	clean := *u
	clean.User = nil
	return clean.String()
}
