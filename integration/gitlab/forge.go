package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "gitlab.com/gitlab-org/api/client-go"
	"golang.org/x/time/rate"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/place"
	"github.com/stagedoor/stagedoor/integration/internal/wire"
)

// forge is one GitLab. Safe for concurrent use.
type forge struct {
	settings hostSettings
	base     *url.URL
	http     *http.Client
	client   *sdk.Client
	refs     *place.Refs
}

// tokenKey is the context key of a token that replaces the configured one.
type tokenKey struct{}

// noAuth leaves the credentials to the transport, which knows where they may go.
type noAuth struct{}

func (noAuth) Init(context.Context, *sdk.Client) error { return nil }

// Header returns a header that says nothing: the transport takes it away.
func (noAuth) Header(context.Context) (string, string, error) { return "Private-Token", "-", nil }

func newForge(s hostSettings, clock func() time.Time, sleep func(context.Context, time.Duration) error) (*forge, error) {
	base, err := url.Parse(s.BaseURL)
	if err != nil {
		return nil, fail.New(fail.Invalid, "baseUrl: %w", err)
	}
	api, err := url.Parse(s.APIBaseURL)
	if err != nil {
		return nil, fail.New(fail.Invalid, "apiBaseUrl: %w", err)
	}
	opts := wire.Options{
		Own: []*url.URL{api}, Clock: clock, Sleep: sleep, PerMinute: s.Retry.PerMinute, RetryStatus: s.Retry.StatusCodes,
		Authorize: func(req *http.Request) error {
			token, _ := req.Context().Value(tokenKey{}).(string)
			if token == "" {
				token = s.Token
			}
			if token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			return nil
		},
	}
	if s.Retry.MaxRetries != nil {
		if opts.Retries = *s.Retry.MaxRetries; opts.Retries == 0 {
			opts.Retries = -1
		}
	}
	f := &forge{settings: s, base: base, http: wire.NewTransport(opts).Client(), refs: place.NewRefs(clock)}
	f.client, err = sdk.NewAuthSourceClient(noAuth{}, sdk.WithBaseURL(s.APIBaseURL), sdk.WithHTTPClient(f.http),
		sdk.WithoutRetries(), sdk.WithCustomLimiter(rate.NewLimiter(rate.Inf, 0)))
	if err != nil {
		return nil, fail.New(fail.Invalid, "apiBaseUrl: %w", err)
	}
	return f, nil
}

// get asks for what is no JSON. The caller closes the body.
func (f *forge) get(ctx context.Context, doing, path string, query url.Values, etag string) (*http.Response, error) {
	address := f.settings.APIBaseURL + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fail.New(fail.Invalid, "%s: %w", doing, err)
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := f.http.Do(req)
	if err != nil {
		return nil, wire.Failure(err, doing)
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close() // nothing is written
		return nil, wire.Status(res.StatusCode, doing, "")
	}
	return res, nil
}

// failure gives an error of the client a code.
func failure(err error, doing string) error {
	var answer *sdk.ErrorResponse
	switch {
	case errors.Is(err, sdk.ErrNotFound):
		return wire.Status(http.StatusNotFound, doing, "")
	case errors.As(err, &answer) && answer.Response != nil:
		return wire.Status(answer.Response.StatusCode, doing, strings.TrimSpace(answer.Message))
	}
	return wire.Failure(err, doing)
}

// pages calls one for every page of a list, each named by the one before.
func pages[T any](doing string, one func(page int64) ([]T, *sdk.Response, error)) ([]T, error) {
	var all []T
	for page := int64(1); page != 0; {
		items, res, err := one(page)
		if err != nil {
			return nil, failure(err, doing)
		}
		all = append(all, items...)
		if res.NextPage != 0 && res.NextPage <= page {
			return nil, fail.New(fail.Unavailable, "%s: GitLab gives the same page again and again", doing)
		}
		page = res.NextPage
	}
	return all, nil
}

// project is what a GitLab URL names inside its project.
type project struct {
	path string
	kind string
	rest []string
	// repoURL is the project's page.
	repoURL string
	// dash is set when the kind stands behind a dash, as GitLab writes it today.
	dash bool
}

// parse reads a URL of the forge.
func (f *forge) parse(u *url.URL) (project, error) {
	escaped := u.EscapedPath()
	if below := f.base.EscapedPath(); below != "" && below != "/" {
		rest, ok := strings.CutPrefix(escaped, strings.TrimRight(below, "/")+"/")
		if !ok {
			return project{}, notAProject(u)
		}
		escaped = rest
	}
	parts, ok := place.Parts(escaped)
	if !ok {
		return project{}, notAProject(u)
	}
	end, from := len(parts), len(parts)
	p := project{}
	for i := 2; i < len(parts); i++ {
		if parts[i] == "-" && i+1 < len(parts) {
			end, from, p.dash = i, i+1, true
			break
		}
		if isKind(parts[i]) && from == len(parts) {
			end, from = i, i // how older versions wrote it, unless a dash follows
		}
	}
	if end < 2 {
		return project{}, notAProject(u)
	}
	p.path = strings.TrimSuffix(strings.Join(parts[:end], "/"), ".git")
	p.repoURL = u.Scheme + "://" + u.Host + strings.TrimRight(f.base.EscapedPath(), "/") + "/" + place.Escape(p.path)
	if from == len(parts) {
		return p, nil
	}
	if !isKind(parts[from]) || from+1 == len(parts) {
		return project{}, notAProject(u)
	}
	p.kind, p.rest = parts[from], parts[from+1:]
	if len(p.rest) > 2 && p.rest[0] == "refs" && (p.rest[1] == "heads" || p.rest[1] == "tags") {
		p.rest = p.rest[2:]
	}
	return p, nil
}

func isKind(s string) bool {
	return s == "blob" || s == "tree" || s == "raw" || s == "edit" || s == "blame"
}

func notAProject(u *url.URL) error {
	return fail.New(fail.Invalid, "%s does not name a file or folder of a project; write https://%s/group/project/-/blob/branch/path", u.Redacted(), u.Host)
}

// url renders a URL of the project of another kind.
func (p project) url(kind, ref, path string) string {
	dash := "/-/"
	if !p.dash && p.kind != "" {
		dash = "/"
	}
	return p.repoURL + dash + kind + "/" + place.Escape(ref) + "/" + place.Escape(path)
}

// api renders a path of the project's API.
func (p project) api(format string, args ...any) string {
	return "/projects/" + url.PathEscape(p.path) + fmt.Sprintf(format, args...)
}
