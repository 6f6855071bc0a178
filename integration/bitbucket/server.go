package bitbucket

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/place"
	"github.com/stagedoor/stagedoor/integration/internal/search"
	"github.com/stagedoor/stagedoor/plugin"
)

// serverSettings is one item of integrations.bitbucketServer.
type serverSettings struct {
	Host       string `json:"host"`
	APIBaseURL string `json:"apiBaseUrl"`
	Token      string `json:"token"`
	Username   string `json:"username"`
	Password   string `json:"password"`
}

// server is one Bitbucket Server. Safe for concurrent use.
type server struct {
	settings serverSettings
	client   *client
}

func readServers(c plugin.Config, clock func() time.Time) ([]*server, error) {
	var all []serverSettings
	if err := c.Decode("integrations.bitbucketServer", &all); err != nil {
		return nil, err //nolint:wrapcheck // wrapped by the caller
	}
	var out []*server
	for i, s := range all {
		s.Host = strings.ToLower(strings.TrimSpace(s.Host))
		if s.Host == "" || strings.ContainsAny(s.Host, "/@ ") {
			return nil, fail.New(fail.Invalid, "item %d: host: %q is not a host", i, s.Host)
		}
		if s.APIBaseURL == "" {
			s.APIBaseURL = "https://" + s.Host + "/rest/api/1.0"
		}
		s.APIBaseURL = strings.TrimRight(s.APIBaseURL, "/")
		if s.Password != "" && s.Username == "" {
			return nil, fail.New(fail.Invalid, "item %d: password needs username", i)
		}
		made, err := newClient(clock, s.authorize, s.APIBaseURL)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		out = append(out, &server{s, made})
	}
	return out, nil
}

// authorize adds a token, or else the user's name and password.
func (s serverSettings) authorize(req *http.Request) error {
	switch {
	case s.Token != "":
		req.Header.Set("Authorization", "Bearer "+s.Token)
	case s.Username != "" && s.Password != "":
		req.SetBasicAuth(s.Username, s.Password)
	}
	return nil
}

// serverPlace is what a URL names. The ref stands in the query, so there is no
// doubt where the path begins.
type serverPlace struct {
	project, repo, repoURL, path, ref string
}

// parseServer reads /projects/P/repos/R/browse/path?at=ref, with /users/U for
// /projects/~U and with raw for browse, below any context path.
func parseServer(u *url.URL) (serverPlace, error) {
	wrong := fail.New(fail.Invalid, "%s does not name a file or folder of a repository; write https://%s/projects/KEY/repos/repo/browse/path?at=branch", u.Redacted(), u.Host)
	parts, ok := place.Parts(u.EscapedPath())
	if !ok {
		return serverPlace{}, wrong
	}
	for i := 0; i+3 < len(parts); i++ {
		if (parts[i] != "projects" && parts[i] != "users") || parts[i+2] != "repos" {
			continue
		}
		p := serverPlace{project: parts[i+1], repo: strings.TrimSuffix(parts[i+3], ".git")}
		if parts[i] == "users" {
			p.project = "~" + strings.TrimPrefix(p.project, "~")
		}
		p.repoURL = u.Scheme + "://" + u.Host + "/" + place.Escape(strings.Join(parts[:i+4], "/"))
		rest := parts[i+4:]
		if len(rest) > 0 {
			if rest[0] != "browse" && rest[0] != "raw" {
				return serverPlace{}, wrong
			}
			p.path = strings.Join(rest[1:], "/")
		}
		p.ref = u.Query().Get("at")
		return p, nil
	}
	return serverPlace{}, wrong
}

func (p serverPlace) slug() string { return p.project + "/" + p.repo }

// branch is the ref as people write it.
func (p serverPlace) branch() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ref, "refs/heads/"), "refs/tags/")
}

func (p serverPlace) url(file string) string {
	address := p.repoURL + "/browse/" + place.Escape(file)
	if p.ref != "" {
		address += "?at=" + url.QueryEscape(p.ref)
	}
	return address
}

// servers reads URLs of Bitbucket Servers. It implements plugin.URLHost.
type servers struct{ list atomic.Pointer[[]*server] }

func (h *servers) of(u *url.URL) *server {
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	for _, s := range *h.list.Load() {
		if strings.EqualFold(u.Host, s.settings.Host) {
			return s
		}
	}
	return nil
}

// Serves implements plugin.URLHost.
func (h *servers) Serves(u *url.URL) bool { return h.of(u) != nil }

// Describe implements plugin.URLHost. It asks nobody.
func (h *servers) Describe(u *url.URL) plugin.URLInfo {
	s := h.of(u)
	if s == nil {
		return plugin.URLInfo{}
	}
	info := plugin.URLInfo{Integration: "bitbucketServer", Title: s.settings.Host}
	p, err := parseServer(u)
	if err != nil {
		return info
	}
	info.RepoURL, info.Owner, info.Repo = p.repoURL, p.project, p.repo
	place.Describe(&info, p.branch(), p.path, strings.HasSuffix(u.Path, "/"), func(kind, _, file string) string {
		if kind == "edit" {
			return editURL(u, p.ref)
		}
		return p.url(file)
	})
	return info
}

// api renders an address of the repository's API.
func (s *server) api(p serverPlace, path string, query url.Values) string {
	if p.ref != "" && query.Get("until") == "" && query.Get("at") == "" {
		query.Set("at", p.ref)
	}
	address := s.settings.APIBaseURL + "/projects/" + place.Escape(p.project) + "/repos/" + url.PathEscape(p.repo) + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address
}

// commit finds the newest commit of the ref, or the newest that changed a path.
func (s *server) commit(ctx context.Context, p serverPlace, path string) (string, error) {
	if place.IsCommit(p.ref) && path == "" {
		return p.ref, nil
	}
	query := url.Values{"limit": {"1"}}
	if p.ref != "" {
		query.Set("until", p.ref)
	}
	if path != "" {
		query.Set("path", path)
	}
	var page struct {
		Values []struct {
			ID string `json:"id"`
		} `json:"values"`
	}
	if err := s.client.json(ctx, fmt.Sprintf("find %s of %s", p.branch(), p.slug()), s.api(serverPlace{project: p.project, repo: p.repo}, "/commits", query), &page); err != nil {
		return "", err
	}
	if len(page.Values) == 0 {
		return "", fail.New(fail.NotFound, "%s has no commits at %s", p.slug(), p.branch())
	}
	return page.Values[0].ID, nil
}

// Read implements plugin.URLHost. The commit costs one more request, made only
// when the content changed.
func (h *servers) Read(ctx context.Context, u *url.URL, opts plugin.ReadOptions) (plugin.File, error) {
	s := h.of(u)
	p, err := parseServer(u)
	if err != nil {
		return plugin.File{}, err
	}
	if p.path == "" {
		return plugin.File{}, fail.New(fail.Invalid, "%s names no file", u.Redacted())
	}
	ctx = withToken(ctx, opts)
	file, err := s.client.file(ctx, fmt.Sprintf("read %s of %s", p.path, p.slug()), s.api(p, "/raw/"+place.Escape(p.path), url.Values{}), opts.ETag)
	if err != nil {
		return plugin.File{}, err
	}
	file.URL = withoutUser(u)
	if file.Revision, err = s.commit(ctx, p, p.path); err != nil {
		file.Revision = "" // a detail; the content is good
	}
	return file, nil
}

// Tree implements plugin.URLHost. The ETag is the commit.
func (h *servers) Tree(ctx context.Context, u *url.URL, opts plugin.ReadOptions) (plugin.Tree, error) {
	s := h.of(u)
	p, err := parseServer(u)
	if err != nil {
		return plugin.Tree{}, err
	}
	ctx = withToken(ctx, opts)
	sha, err := s.commit(ctx, p, "")
	if err != nil {
		return plugin.Tree{}, err
	}
	if sha == opts.ETag {
		return plugin.Tree{}, fail.New(fail.NotModified, "%s is not modified", u.Redacted())
	}
	return s.archive(ctx, p, sha, p.path)
}

func (s *server) archive(ctx context.Context, p serverPlace, sha, below string) (plugin.Tree, error) {
	query := url.Values{"at": {sha}, "format": {"tgz"}}
	if below != "" {
		query.Set("path", below)
	}
	return s.client.archive(ctx, fmt.Sprintf("read the archive of %s at %s", p.slug(), sha), s.api(p, "/archive", query), sha, 0, below)
}

// Search implements plugin.URLHost. The archive of a new commit is searched.
func (h *servers) Search(ctx context.Context, u *url.URL, opts plugin.ReadOptions) ([]plugin.File, error) {
	if !discovery.HasWildcard(u.Path) {
		file, err := h.Read(ctx, u, opts)
		if err != nil {
			return nil, err
		}
		return []plugin.File{file}, nil
	}
	s := h.of(u)
	p, err := parseServer(u)
	if err != nil {
		return nil, err
	}
	ctx = withToken(ctx, opts)
	sha, err := s.commit(ctx, p, "")
	if err != nil {
		return nil, err
	}
	q := search.Query{Repo: p.slug(), Commit: sha, Pattern: p.path, ETag: opts.ETag, URL: p.url}
	if err := q.Unchanged(); err != nil {
		return nil, err
	}
	tree, err := s.archive(ctx, p, sha, "")
	if err != nil {
		return nil, err
	}
	return search.Tree(q, tree.FS)
}
