package fetch

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch/archive"
)

// The limits that apply where [Limits] has zero.
const (
	DefaultMaxFileBytes = 10 << 20
	DefaultMaxTreeBytes = 256 << 20
	DefaultTimeout      = 30 * time.Second
	DefaultMaxWait      = 15 * time.Second
	DefaultCacheBytes   = 16 << 20
	maxRedirects        = 5
)

// Limits bound what one read may take.
type Limits struct {
	// MaxFileBytes is the largest file.
	MaxFileBytes int64
	// MaxTreeBytes is the largest archive, and the largest folder inside.
	MaxTreeBytes int64
	// Timeout ends one request, its body included.
	Timeout time.Duration
	// MaxWait is how long one read may wait in all for a host that asks to come
	// back later, before it returns an error that names the time.
	MaxWait time.Duration
	// CacheBytes is the room for answers kept for conditional requests.
	CacheBytes int
}

func (l Limits) withDefaults() Limits {
	if l.MaxFileBytes <= 0 {
		l.MaxFileBytes = DefaultMaxFileBytes
	}
	if l.MaxTreeBytes <= 0 {
		l.MaxTreeBytes = DefaultMaxTreeBytes
	}
	if l.Timeout <= 0 {
		l.Timeout = DefaultTimeout
	}
	if l.MaxWait <= 0 {
		l.MaxWait = DefaultMaxWait
	}
	if l.CacheBytes <= 0 {
		l.CacheBytes = DefaultCacheBytes
	}
	return l
}

// Deps are what a [Reader] needs.
type Deps struct {
	// Allow names the hosts that are read without a [Host].
	Allow []Allow
	// Clock is the time, for asking hosts to wait. Required.
	Clock func() time.Time
	// Logger may be nil.
	Logger *slog.Logger
	// Limits may be zero.
	Limits Limits
	// Lookup replaces the system's resolver; nil in production.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Sleep replaces waiting; nil in production.
	Sleep func(ctx context.Context, d time.Duration) error
	// UserAgent is sent with every request; empty means "stagedoor".
	UserAgent string
}

// Reader reads URLs. It is safe for concurrent use, except that [Reader.Add]
// must not run beside reads.
type Reader struct {
	allow     []Allow
	hosts     []Host
	clock     func() time.Time
	logger    *slog.Logger
	limits    Limits
	sleep     func(ctx context.Context, d time.Duration) error
	userAgent string
	client    *http.Client
	cache     *cache

	mu     sync.Mutex
	closed map[string]time.Time
}

// New returns a reader for the allowed hosts; integrations follow by
// [Reader.Add].
func New(d Deps) *Reader {
	r := &Reader{
		allow: d.Allow, clock: d.Clock, logger: d.Logger, limits: d.Limits.withDefaults(),
		sleep: d.Sleep, userAgent: d.UserAgent, closed: map[string]time.Time{},
	}
	if r.logger == nil {
		r.logger = slog.New(slog.DiscardHandler)
	}
	if r.sleep == nil {
		r.sleep = sleep
	}
	if r.userAgent == "" {
		r.userAgent = "stagedoor"
	}
	r.cache = newCache(r.limits.CacheBytes)
	guard := Guard{Lookup: d.Lookup, Trust: func(host, port string) Trust { return trust(r.allow, host, port) }}
	r.client = &http.Client{Transport: guard.Transport(), CheckRedirect: r.checkRedirect}
	return r
}

// Add registers a host. Hosts are asked in the order in which they came, and
// before the allowed plain hosts. Only before the first read.
func (r *Reader) Add(h Host) { r.hosts = append(r.hosts, h) }

// Close lets go of idle connections.
func (r *Reader) Close() { r.client.CloseIdleConnections() }

// Read reads the file at target. Errors: invalid for what is no URL, forbidden
// for a host that nobody serves or an address that is not to be reached,
// not_found, not_modified (with [Options.ETag]), too_large, and unavailable
// when the host does not answer or asks to come back later.
func (r *Reader) Read(ctx context.Context, target string, opts Options) (File, error) {
	u, host, err := r.route(target)
	if err != nil {
		return File{}, err
	}
	if host != nil {
		return host.Read(ctx, u, opts)
	}
	return r.readPlain(ctx, u, opts)
}

// Tree reads the folder at target. On plain hosts the target is an archive
// (.zip, .tar.gz or .tgz) whose content is the folder. Errors as [Reader.Read].
func (r *Reader) Tree(ctx context.Context, target string, opts Options) (Tree, error) {
	u, host, err := r.route(target)
	if err != nil {
		return Tree{}, err
	}
	if host != nil {
		return host.Tree(ctx, u, opts)
	}
	format, ok := archive.FormatOf(path.Base(u.Path))
	if !ok {
		return Tree{}, fault.Newf(fault.NotImplemented,
			"%s is on a host without an integration, which can be read as a folder only from a .zip, .tar.gz or .tgz file", display(u))
	}
	file, err := r.get(ctx, u, opts, r.limits.MaxTreeBytes)
	if err != nil {
		return Tree{}, err
	}
	tree, err := archive.Read(bytes.NewReader(file.Data), format, archive.Limits{MaxBytes: r.limits.MaxTreeBytes})
	if err != nil {
		return Tree{}, fmt.Errorf("unpack %s: %w", display(u), err)
	}
	return Tree{FS: tree, ETag: file.ETag, Revision: file.Revision}, nil
}

// Search reads the files that match target, whose path may hold * and **.
// Without a wildcard it is [Reader.Read]. Plain hosts cannot list their files,
// so wildcards there are an invalid request.
func (r *Reader) Search(ctx context.Context, target string, opts Options) ([]File, error) {
	u, host, err := r.route(target)
	if err != nil {
		return nil, err
	}
	if host != nil {
		return host.Search(ctx, u, opts)
	}
	if HasWildcard(u.Path) {
		return nil, fault.Newf(fault.Invalid,
			"%s has a wildcard, but %s has no integration that could list its files", display(u), u.Host)
	}
	file, err := r.readPlain(ctx, u, opts)
	if err != nil {
		return nil, err
	}
	return []File{file}, nil
}

// Describe says what the integration of the host knows of the URL. ok is false
// when no integration serves it.
func (r *Reader) Describe(target string) (info Info, ok bool) {
	u, err := parse(target)
	if err != nil {
		return Info{}, false
	}
	for _, h := range r.hosts {
		if h.Serves(u) {
			return h.Describe(u), true
		}
	}
	return Info{}, false
}

// HasWildcard reports whether a path holds * or ?, which is what [Reader.Search]
// takes for a pattern.
func HasWildcard(p string) bool { return strings.ContainsAny(p, "*?") }

// route finds who reads the target. A nil host means the reader itself.
func (r *Reader) route(target string) (*url.URL, Host, error) {
	u, err := parse(target)
	if err != nil {
		return nil, nil, err
	}
	for _, h := range r.hosts {
		if h.Serves(u) {
			return u, h, nil
		}
	}
	if !r.allowed(u) {
		return nil, nil, notAllowed(u)
	}
	return u, nil, nil
}

func (r *Reader) allowed(u *url.URL) bool {
	if u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	for _, rule := range r.allow {
		if rule.matches(u) {
			return true
		}
	}
	return false
}

func notAllowed(u *url.URL) error {
	return fault.Newf(fault.Forbidden, "Reading from '%s' is not allowed. You may need to configure an integration for the target host, "+
		"or add it to the configured list of allowed hosts at 'backend.reading.allow'", display(u))
}

func parse(target string) (*url.URL, error) {
	u, err := url.Parse(target)
	if err != nil || u.Scheme == "" || (u.Host == "" && u.Opaque == "") {
		return nil, fault.New(fault.Invalid, "Invalid URL")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	return u, nil
}

// display renders a URL without what might be a password.
func display(u *url.URL) string {
	if u.User == nil {
		return u.String()
	}
	clean := *u
	clean.User = nil
	return clean.String()
}

// checkRedirect lets a redirect go on only to where a direct read could go.
func (r *Reader) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fault.Newf(fault.Forbidden, "%s redirects more than %d times", display(via[0].URL), maxRedirects)
	}
	if !r.allowed(req.URL) {
		return fault.Newf(fault.Forbidden, "%s redirects to %s, which is not in the configured list of allowed hosts at 'backend.reading.allow'",
			display(via[0].URL), display(req.URL))
	}
	if hostPort(req.URL) != hostPort(via[0].URL) {
		req.Header.Del("Authorization")
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
