package bitbucket

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/place"
	"github.com/stagedoor/stagedoor/integration/internal/search"
	"github.com/stagedoor/stagedoor/integration/internal/wire"
	"github.com/stagedoor/stagedoor/plugin"
)

// cloudHost is the host that is known without configuration.
const cloudHost = "bitbucket.org"

// cloudSettings is one item of integrations.bitbucketCloud.
type cloudSettings struct {
	Host         string `json:"host"`
	APIBaseURL   string `json:"apiBaseUrl"`
	Username     string `json:"username"`
	AppPassword  string `json:"appPassword"`
	Token        string `json:"token"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
}

// cloud is one Bitbucket Cloud. Safe for concurrent use.
type cloud struct {
	settings cloudSettings
	web      string
	clock    func() time.Time
	client   *client
	refs     *place.Refs

	mu      sync.Mutex
	token   string
	expires time.Time
}

func readClouds(c plugin.Config, clock func() time.Time) ([]*cloud, error) {
	var all []cloudSettings
	if err := c.Decode("integrations.bitbucketCloud", &all); err != nil {
		return nil, err //nolint:wrapcheck // wrapped by the caller
	}
	if !slices.ContainsFunc(all, func(s cloudSettings) bool { return s.Host == "" || strings.EqualFold(s.Host, cloudHost) }) {
		all = append(all, cloudSettings{})
	}
	var out []*cloud
	for i, s := range all {
		made, err := newCloud(s, clock)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		out = append(out, made)
	}
	return out, nil
}

func newCloud(s cloudSettings, clock func() time.Time) (*cloud, error) {
	if s.Host == "" {
		s.Host = cloudHost
	}
	c := &cloud{settings: s, web: "https://" + s.Host, clock: clock, refs: place.NewRefs(clock)}
	if s.APIBaseURL == "" {
		c.settings.APIBaseURL = "https://api." + s.Host + "/2.0"
	} else if api, err := url.Parse(s.APIBaseURL); err == nil && strings.EqualFold(api.Host, s.Host) {
		c.web = api.Scheme + "://" + api.Host
	}
	c.settings.APIBaseURL = strings.TrimRight(c.settings.APIBaseURL, "/")
	switch {
	case s.AppPassword != "" && s.Username == "":
		return nil, fail.New(fail.Invalid, "appPassword needs username")
	case (s.ClientID == "") != (s.ClientSecret == ""):
		return nil, fail.New(fail.Invalid, "clientId and clientSecret belong together")
	}
	var err error
	c.client, err = newClient(clock, c.authorize, c.settings.APIBaseURL, c.web)
	return c, err
}

// authorize adds what is configured: an OAuth client, a user with an API token
// or an app password, or an access token of a repository or workspace.
func (c *cloud) authorize(req *http.Request) error {
	s := c.settings
	switch {
	case s.ClientID != "" && req.URL.Path == "/site/oauth2/access_token":
		req.SetBasicAuth(s.ClientID, s.ClientSecret)
	case s.ClientID != "":
		token, err := c.oauth(req.Context())
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	case s.Username != "" && s.Token != "":
		req.SetBasicAuth(s.Username, s.Token)
	case s.Username != "" && s.AppPassword != "":
		req.SetBasicAuth(s.Username, s.AppPassword)
	case s.Token != "":
		req.Header.Set("Authorization", "Bearer "+s.Token)
	}
	return nil
}

// oauth returns the token of the OAuth client, renewed before it ends.
func (c *cloud) oauth(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.expires.After(c.clock().Add(5 * time.Minute)) {
		return c.token, nil
	}
	doing := "get a token of the OAuth client of " + c.settings.Host
	form := url.Values{"grant_type": {"client_credentials"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.web+"/site/oauth2/access_token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", fail.New(fail.Invalid, "%s: %w", doing, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := c.client.http.Do(req)
	if err != nil {
		return "", wire.Failure(err, doing)
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	if res.StatusCode != http.StatusOK {
		return "", wire.Status(res.StatusCode, doing, "")
	}
	var answer struct {
		Token   string `json:"access_token"`
		Seconds int    `json:"expires_in"`
	}
	data, err := wire.ReadAll(res.Body, maxJSONBytes, doing)
	if err == nil {
		err = json.Unmarshal(data, &answer)
	}
	if err != nil || answer.Token == "" {
		return "", fail.New(fail.Unavailable, "%s: the answer holds no token", doing)
	}
	c.token, c.expires = answer.Token, c.clock().Add(time.Duration(answer.Seconds)*time.Second)
	return c.token, nil
}

// cloudPlace is what a URL names inside its repository.
type cloudPlace struct {
	workspace, repo, repoURL, kind string
	rest                           []string
}

func parseCloud(u *url.URL) (cloudPlace, error) {
	parts, ok := place.Parts(u.EscapedPath())
	if !ok || len(parts) < 2 || len(parts) == 3 || len(parts) > 2 && parts[2] != "src" && parts[2] != "raw" {
		return cloudPlace{}, fail.New(fail.Invalid, "%s does not name a file or folder of a repository; write https://%s/workspace/repo/src/branch/path", u.Redacted(), u.Host)
	}
	p := cloudPlace{workspace: parts[0], repo: strings.TrimSuffix(parts[1], ".git")}
	p.repoURL = u.Scheme + "://" + u.Host + "/" + url.PathEscape(p.workspace) + "/" + url.PathEscape(p.repo)
	if len(parts) > 2 {
		p.kind, p.rest = parts[2], parts[3:]
	}
	return p, nil
}

func (p cloudPlace) slug() string { return p.workspace + "/" + p.repo }

func (p cloudPlace) url(ref, file string) string {
	return p.repoURL + "/src/" + place.Escape(ref) + "/" + place.Escape(file)
}

// clouds reads URLs of Bitbucket Cloud. It implements plugin.URLHost.
type clouds struct{ list atomic.Pointer[[]*cloud] }

func (h *clouds) of(u *url.URL) *cloud {
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	for _, c := range *h.list.Load() {
		if strings.EqualFold(u.Host, c.settings.Host) {
			return c
		}
	}
	return nil
}

// Serves implements plugin.URLHost.
func (h *clouds) Serves(u *url.URL) bool { return h.of(u) != nil }

// Describe implements plugin.URLHost. It asks nobody.
func (h *clouds) Describe(u *url.URL) plugin.URLInfo {
	c := h.of(u)
	if c == nil {
		return plugin.URLInfo{}
	}
	info := plugin.URLInfo{Integration: "bitbucketCloud", Title: c.settings.Host}
	p, err := parseCloud(u)
	if err != nil {
		return info
	}
	info.RepoURL, info.Owner, info.Repo = p.repoURL, p.workspace, p.repo
	if len(p.rest) == 0 {
		info.FolderURL = p.repoURL
		return info
	}
	ref, file := c.refs.Known(p.slug(), p.rest)
	place.Describe(&info, ref, file, strings.HasSuffix(u.Path, "/"), func(kind, ref, file string) string {
		if kind == "edit" {
			return editURL(u, ref)
		}
		return p.url(ref, file)
	})
	return info
}

// api renders an address of the repository's API.
func (c *cloud) api(p cloudPlace, format string, args ...any) string {
	return c.settings.APIBaseURL + "/repositories/" + url.PathEscape(p.workspace) + "/" + url.PathEscape(p.repo) + fmt.Sprintf(format, args...)
}

// cloudRefs is a page of branches and tags.
type cloudRefs struct {
	Values []struct {
		Name   string `json:"name"`
		Target struct {
			Hash string `json:"hash"`
		} `json:"target"`
	} `json:"values"`
	Next string `json:"next"`
}

func (c *cloud) resolve(ctx context.Context, p cloudPlace, use func(ref, path string) error) error {
	return c.refs.Resolve(ctx, p.slug(), p.rest, c.branches(p), use)
}

// branches lists the branches and tags of a repository with a prefix.
func (c *cloud) branches(p cloudPlace) func(ctx context.Context, prefix string) ([]string, error) {
	return func(ctx context.Context, prefix string) ([]string, error) {
		var names []string
		query := url.Values{"q": {fmt.Sprintf("name ~ %q", prefix)}, "pagelen": {"100"}}
		for next := c.api(p, "/refs?%s", query.Encode()); next != ""; {
			if !strings.HasPrefix(next, c.settings.APIBaseURL+"/") {
				return nil, fail.New(fail.Unavailable, "the next page of the branches of %s is on another host", p.slug())
			}
			var page cloudRefs
			if err := c.client.json(ctx, "list the branches of "+p.slug(), next, &page); err != nil {
				return nil, err
			}
			for _, v := range page.Values {
				names = append(names, v.Name)
			}
			next = page.Next
		}
		return names, nil
	}
}

// commit finds the commit that a ref names.
func (c *cloud) commit(ctx context.Context, p cloudPlace, ref string) (string, error) {
	if place.IsCommit(ref) {
		return strings.ToLower(ref), nil
	}
	doing := fmt.Sprintf("find %s of %s", ref, p.slug())
	if ref == "" || ref == "HEAD" {
		var repo struct {
			Main struct {
				Name string `json:"name"`
			} `json:"mainbranch"`
		}
		if err := c.client.json(ctx, "find the main branch of "+p.slug(), c.api(p, ""), &repo); err != nil {
			return "", err
		}
		if ref = repo.Main.Name; ref == "" || ref == "HEAD" {
			return "", fail.New(fail.NotFound, "%s has no main branch", p.slug())
		}
	}
	if strings.Contains(ref, "/") {
		var page cloudRefs
		query := url.Values{"q": {fmt.Sprintf("name = %q", ref)}}
		if err := c.client.json(ctx, doing, c.api(p, "/refs?%s", query.Encode()), &page); err != nil {
			return "", err
		}
		if len(page.Values) == 0 {
			return "", fail.New(fail.NotFound, "%s has no branch or tag %s", p.slug(), ref)
		}
		return page.Values[0].Target.Hash, nil
	}
	var answer struct {
		Hash string `json:"hash"`
	}
	err := c.client.json(ctx, doing, c.api(p, "/commit/%s", url.PathEscape(ref)), &answer)
	return answer.Hash, err
}

// Read implements plugin.URLHost. The commit costs one more request, made only
// when the content changed; a branch with slashes costs one in any case.
func (h *clouds) Read(ctx context.Context, u *url.URL, opts plugin.ReadOptions) (plugin.File, error) {
	c := h.of(u)
	p, err := parseCloud(u)
	if err != nil {
		return plugin.File{}, err
	}
	if len(p.rest) < 2 {
		return plugin.File{}, fail.New(fail.Invalid, "%s names no file", u.Redacted())
	}
	ctx = withToken(ctx, opts)
	var file plugin.File
	err = c.refs.ResolveFile(ctx, p.slug(), p.rest, c.branches(p), func(ref, name string) error {
		at := ref
		if strings.Contains(ref, "/") || ref == "HEAD" {
			var err error
			if at, err = c.commit(ctx, p, ref); err != nil {
				return err
			}
		}
		var err error
		file, err = c.client.file(ctx, fmt.Sprintf("read %s of %s at %s", name, p.slug(), ref), c.api(p, "/src/%s/%s", url.PathEscape(at), place.Escape(name)), opts.ETag)
		if err != nil {
			return err
		}
		file.Revision = c.lastChange(ctx, p, at, name)
		return nil
	})
	file.URL = withoutUser(u)
	if err != nil {
		return plugin.File{}, err
	}
	return file, nil
}

// lastChange finds the commit that changed the file last. It is a detail: when
// it cannot be had, the content is still good.
func (c *cloud) lastChange(ctx context.Context, p cloudPlace, at, name string) string {
	var page struct {
		Values []struct {
			Hash string `json:"hash"`
		} `json:"values"`
	}
	query := url.Values{"path": {name}, "pagelen": {"1"}}
	err := c.client.json(ctx, "find the last change", c.api(p, "/commits/%s?%s", url.PathEscape(at), query.Encode()), &page)
	if err == nil && len(page.Values) > 0 {
		return page.Values[0].Hash
	}
	if place.IsCommit(at) {
		return at
	}
	return ""
}

// Tree implements plugin.URLHost. The ETag is the commit.
func (h *clouds) Tree(ctx context.Context, u *url.URL, opts plugin.ReadOptions) (plugin.Tree, error) {
	c := h.of(u)
	p, err := parseCloud(u)
	if err != nil {
		return plugin.Tree{}, err
	}
	ctx = withToken(ctx, opts)
	var tree plugin.Tree
	err = c.resolve(ctx, p, func(ref, below string) error {
		sha, err := c.commit(ctx, p, ref)
		if err != nil {
			return err
		}
		if sha == opts.ETag {
			return fail.New(fail.NotModified, "%s is not modified", u.Redacted())
		}
		tree, err = c.archive(ctx, p, sha, below)
		return err
	})
	return tree, err
}

func (c *cloud) archive(ctx context.Context, p cloudPlace, sha, below string) (plugin.Tree, error) {
	address := c.web + "/" + url.PathEscape(p.workspace) + "/" + url.PathEscape(p.repo) + "/get/" + sha + ".tar.gz"
	return c.client.archive(ctx, fmt.Sprintf("read the archive of %s at %s", p.slug(), sha), address, sha, 1, below)
}

// Search implements plugin.URLHost. Bitbucket's list of files tells no
// contents, so the archive of a new commit is searched.
func (h *clouds) Search(ctx context.Context, u *url.URL, opts plugin.ReadOptions) ([]plugin.File, error) {
	if !discovery.HasWildcard(path.Clean(u.Path)) {
		file, err := h.Read(ctx, u, opts)
		if err != nil {
			return nil, err
		}
		return []plugin.File{file}, nil
	}
	c := h.of(u)
	p, err := parseCloud(u)
	if err != nil {
		return nil, err
	}
	ctx = withToken(ctx, opts)
	var out []plugin.File
	err = c.resolve(ctx, p, func(ref, pattern string) error {
		sha, err := c.commit(ctx, p, ref)
		if err != nil {
			return err
		}
		q := search.Query{Repo: p.slug(), Commit: sha, Pattern: pattern, ETag: opts.ETag, URL: func(file string) string { return p.url(ref, file) }}
		if err := q.Unchanged(); err != nil {
			return err
		}
		tree, err := c.archive(ctx, p, sha, "")
		if err != nil {
			return err
		}
		out, err = search.Tree(q, tree.FS)
		return err
	})
	return out, err
}
