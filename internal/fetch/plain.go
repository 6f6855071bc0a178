package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// contentETag begins the ETags that we make of the content where the host
// gives none, so that "unchanged" works everywhere.
const contentETag = "content:"

// readPlain reads one file by HTTP, with the cache.
func (r *Reader) readPlain(ctx context.Context, u *url.URL, opts Options) (File, error) {
	return r.get(ctx, u, opts, r.limits.MaxFileBytes)
}

// get reads by HTTP and waits where it is worth while.
func (r *Reader) get(ctx context.Context, u *url.URL, opts Options, limit int64) (File, error) {
	budget := r.limits.MaxWait
	for attempt := 0; ; attempt++ {
		if wait := r.closedFor(u); wait > 0 {
			if wait > budget {
				return File{}, r.comeBack(u, wait, "asked to be left alone for a while")
			}
			if err := r.sleep(ctx, wait); err != nil {
				return File{}, fmt.Errorf("wait for %s: %w", u.Host, err)
			}
			budget -= wait
		}
		file, retry, err := r.once(ctx, u, opts, limit, attempt)
		if err == nil || retry == nil {
			return file, err
		}
		if retry.wait > budget || attempt >= maxAttempts-1 {
			if retry.named {
				return File{}, r.comeBack(u, retry.wait, retry.reason)
			}
			return File{}, err
		}
		r.logger.DebugContext(ctx, "read again later", "url", display(u), "reason", retry.reason, "wait", retry.wait)
		if err := r.sleep(ctx, retry.wait); err != nil {
			return File{}, fmt.Errorf("wait for %s: %w", u.Host, err)
		}
		budget -= retry.wait
	}
}

// once makes one request. A non-nil retry says that another may succeed.
func (r *Reader) once(ctx context.Context, u *url.URL, opts Options, limit int64, attempt int) (File, *retry, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limits.Timeout)
	defer cancel()
	known := r.known(u, opts)
	res, err := r.send(ctx, u, opts, known)
	if err != nil {
		if own := refused(err); own != nil {
			return File{}, nil, own
		}
		return File{}, nil, fault.Wrap(fault.Unavailable, withoutURL(err), "could not read "+display(u))
	}
	defer res.Body.Close() // nothing is written
	if again := r.retryOf(u, res, attempt); again != nil {
		return File{}, again, statusError(u, res, fault.Unavailable)
	}
	switch {
	case res.StatusCode == http.StatusNotModified:
		if known != nil && opts.ETag != known.file.ETag {
			return known.file, nil, nil
		}
		return File{}, nil, fault.Newf(fault.NotModified, "%s is not modified", display(u))
	case res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusGone:
		r.cache.remove(cacheKey(u, opts))
		return File{}, nil, statusError(u, res, fault.NotFound)
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		return File{}, nil, statusError(u, res, fault.Forbidden)
	case res.StatusCode < 200 || res.StatusCode > 299:
		return File{}, nil, statusError(u, res, fault.Unavailable)
	}
	file, err := r.receive(u, res, opts, limit)
	return file, nil, err
}

// known returns what the cache can be conditional about.
func (r *Reader) known(u *url.URL, opts Options) *cached {
	known := r.cache.get(cacheKey(u, opts))
	if known != nil && known.header == "" && known.lastModified == "" {
		return nil
	}
	return known
}

func (r *Reader) send(ctx context.Context, u *url.URL, opts Options, known *cached) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	req.Header.Set("User-Agent", r.userAgent)
	if opts.Token != "" {
		req.Header.Set("Authorization", "Bearer "+opts.Token)
	}
	switch {
	case known != nil && known.header != "":
		req.Header.Set("If-None-Match", known.header)
	case known != nil:
		req.Header.Set("If-Modified-Since", known.lastModified)
	case opts.ETag != "" && !strings.HasPrefix(opts.ETag, contentETag):
		req.Header.Set("If-None-Match", opts.ETag)
	}
	return r.client.Do(req) //nolint:wrapcheck // the caller wraps
}

// receive reads the body and remembers it.
func (r *Reader) receive(u *url.URL, res *http.Response, opts Options, limit int64) (File, error) {
	if res.ContentLength > limit {
		return File{}, tooLarge(u, limit)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return File{}, fault.Wrap(fault.Unavailable, withoutURL(err), "could not read the whole of "+display(u))
	}
	if int64(len(data)) > limit {
		return File{}, tooLarge(u, limit)
	}
	file := File{URL: display(u), Data: data, ETag: res.Header.Get("ETag")}
	if at, err := http.ParseTime(res.Header.Get("Last-Modified")); err == nil {
		file.Modified = at.UTC()
	}
	if file.ETag == "" {
		sum := sha256.Sum256(data)
		file.ETag = contentETag + hex.EncodeToString(sum[:])
	}
	r.cache.put(&cached{
		key: cacheKey(u, opts), file: file,
		header: res.Header.Get("ETag"), lastModified: res.Header.Get("Last-Modified"),
	})
	if opts.ETag != "" && opts.ETag == file.ETag {
		return File{}, fault.Newf(fault.NotModified, "%s is not modified", display(u))
	}
	return file, nil
}

// cacheKey keeps answers that depend on a token apart.
func cacheKey(u *url.URL, opts Options) string {
	if opts.Token == "" {
		return u.String()
	}
	sum := sha256.Sum256([]byte(opts.Token))
	return u.String() + " " + hex.EncodeToString(sum[:])
}

func tooLarge(u *url.URL, limit int64) error {
	return fault.Newf(fault.TooLarge, "%s is larger than the limit of %s", display(u), size(limit))
}

// size renders a number of bytes for people.
func size(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

func statusError(u *url.URL, res *http.Response, code fault.Code) error {
	return fault.Newf(code, "could not read %s, %d %s", display(u), res.StatusCode, http.StatusText(res.StatusCode))
}

// withoutURL takes the URL out of an HTTP client's error: the caller names it,
// and the client would name it with user and password.
func withoutURL(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// closedFor says how long the host still wants to be left alone.
func (r *Reader) closedFor(u *url.URL) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, ok := r.closed[u.Host]
	if !ok {
		return 0
	}
	wait := until.Sub(r.clock())
	if wait <= 0 {
		delete(r.closed, u.Host)
		return 0
	}
	return wait
}

// close notes that the host wants to be left alone.
func (r *Reader) close(u *url.URL, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed[u.Host] = r.clock().Add(wait)
}

// comeBack is the error that names when to try again.
func (r *Reader) comeBack(u *url.URL, wait time.Duration, reason string) error {
	at := r.clock().Add(wait).UTC().Truncate(time.Second)
	return &WaitError{Host: u.Host, Until: at, reason: reason}
}
