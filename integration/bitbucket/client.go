package bitbucket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/pack"
	"github.com/stagedoor/stagedoor/integration/internal/search"
	"github.com/stagedoor/stagedoor/integration/internal/wire"
	"github.com/stagedoor/stagedoor/plugin"
)

// tokenKey is the context key of a token that replaces the configured
// credentials.
type tokenKey struct{}

// maxJSONBytes bounds an answer of the API.
const maxJSONBytes = 16 << 20

// client is the HTTP side that both Bitbuckets share.
type client struct{ http *http.Client }

// newClient returns a client that authorises requests to the given base URLs.
func newClient(clock func() time.Time, authorize func(*http.Request) error, own ...string) (*client, error) {
	opts := wire.Options{Clock: clock, Authorize: func(req *http.Request) error {
		if token, _ := req.Context().Value(tokenKey{}).(string); token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
			return nil
		}
		return authorize(req)
	}}
	for _, text := range own {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return nil, fail.New(fail.Invalid, "%q is not a base URL", text)
		}
		opts.Own = append(opts.Own, u)
	}
	return &client{wire.NewTransport(opts).Client()}, nil
}

// get makes a request whose answer must be a success. The caller closes the
// body.
func (c *client) get(ctx context.Context, doing, address string, etag string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fail.New(fail.Invalid, "%s: %w", doing, err)
	}
	if etag != "" && !strings.HasPrefix(etag, contentETag) {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, wire.Failure(err, doing)
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close() // nothing is written
		return nil, wire.Status(res.StatusCode, doing, "")
	}
	return res, nil
}

// json reads an answer of the API.
func (c *client) json(ctx context.Context, doing, address string, into any) error {
	res, err := c.get(ctx, doing, address, "")
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	data, err := wire.ReadAll(res.Body, maxJSONBytes, doing)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fail.New(fail.Unavailable, "%s: the answer has another shape: %w", doing, err)
	}
	return nil
}

// contentETag begins the ETags that we make of the content where Bitbucket
// gives none, so that "unchanged" works everywhere.
const contentETag = "content:"

// file reads one file.
func (c *client) file(ctx context.Context, doing, address, etag string) (plugin.File, error) {
	res, err := c.get(ctx, doing, address, etag)
	if err != nil {
		return plugin.File{}, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	data, err := wire.ReadAll(res.Body, search.MaxFileBytes, doing)
	if err != nil {
		return plugin.File{}, err
	}
	out := plugin.File{Data: data, ETag: res.Header.Get("ETag")}
	if at, err := http.ParseTime(res.Header.Get("Last-Modified")); err == nil {
		out.Modified = at.UTC()
	}
	if out.ETag == "" {
		sum := sha256.Sum256(data)
		out.ETag = contentETag + hex.EncodeToString(sum[:])
	}
	if out.ETag == etag {
		return plugin.File{}, fail.New(fail.NotModified, "%s: it is not modified", doing)
	}
	return out, nil
}

// archive reads a tarball.
func (c *client) archive(ctx context.Context, doing, address, commit string, strip int, below string) (plugin.Tree, error) {
	res, err := c.get(ctx, doing, address, "")
	if err != nil {
		return plugin.Tree{}, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	files, err := pack.TarGz(res.Body, pack.Limits{Strip: strip, Below: below})
	if err != nil {
		return plugin.Tree{}, wire.Failure(err, doing)
	}
	return plugin.Tree{FS: files, ETag: commit, Revision: commit}, nil
}

// withToken puts the caller's token into the context.
func withToken(ctx context.Context, opts plugin.ReadOptions) context.Context {
	return context.WithValue(ctx, tokenKey{}, opts.Token)
}

// withoutUser renders a URL without what might be a password.
func withoutUser(u *url.URL) string {
	clean := *u
	clean.User = nil
	return clean.String()
}

// editURL is how both Bitbuckets open a file for editing.
func editURL(u *url.URL, ref string) string {
	edit := *u
	edit.User, edit.Fragment = nil, ""
	q := edit.Query()
	q.Set("mode", "edit")
	q.Set("spa", "0")
	if ref != "" {
		q.Set("at", ref)
	}
	edit.RawQuery = q.Encode()
	return edit.String()
}
