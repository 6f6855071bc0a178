package fetch

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// maxAttempts bounds the requests of one read.
const maxAttempts = 4

// retry says why and when another request may succeed.
type retry struct {
	wait   time.Duration
	reason string
	// named is set when the host itself named the time.
	named bool
}

// WaitError says that a host wants no requests until a time. Its code is
// unavailable.
type WaitError struct {
	Host  string
	Until time.Time

	reason string
}

// Error names the host, the reason and the time.
func (e *WaitError) Error() string {
	return fmt.Sprintf("%s %s; try again after %s", e.Host, e.reason, e.Until.Format(time.RFC3339))
}

// FaultCode is "unavailable".
func (e *WaitError) FaultCode() string { return string(fault.Unavailable) }

// retryOf looks whether the answer asks for another try. A time that the host
// names closes the host for every other read too.
func (r *Reader) retryOf(u *url.URL, res *http.Response, attempt int) *retry {
	limited := res.StatusCode == http.StatusTooManyRequests ||
		(res.StatusCode == http.StatusForbidden && exhausted(res.Header))
	if !limited && res.StatusCode < 500 {
		return nil
	}
	reason := fmt.Sprintf("answers %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	if limited {
		reason = "limits the rate of requests"
	}
	if wait, ok := r.named(res.Header, limited); ok {
		r.close(u, wait)
		return &retry{wait: wait, reason: reason, named: true}
	}
	if res.StatusCode == http.StatusNotImplemented {
		return nil
	}
	return &retry{wait: (200 * time.Millisecond) << (2 * attempt), reason: reason}
}

// exhausted reports whether the headers say that no request is left.
func exhausted(h http.Header) bool {
	return first(h, "X-RateLimit-Remaining", "RateLimit-Remaining") == "0"
}

// named returns the time that the answer names: Retry-After in either form, or
// the reset time of the rate limit in seconds from now or of the epoch.
func (r *Reader) named(h http.Header, limited bool) (time.Duration, bool) {
	if after := h.Get("Retry-After"); after != "" {
		if seconds, err := strconv.Atoi(after); err == nil && seconds >= 0 {
			return time.Duration(seconds) * time.Second, true
		}
		if at, err := http.ParseTime(after); err == nil {
			return max(at.Sub(r.clock()), 0), true
		}
	}
	if !limited {
		return 0, false
	}
	reset, err := strconv.ParseInt(first(h, "X-RateLimit-Reset", "RateLimit-Reset"), 10, 64)
	if err != nil || reset < 0 {
		return 0, false
	}
	const tenYears = 10 * 365 * 24 * 3600
	if reset < tenYears {
		return time.Duration(reset) * time.Second, true
	}
	return max(time.Unix(reset, 0).Sub(r.clock()), 0), true
}

func first(h http.Header, names ...string) string {
	for _, name := range names {
		if v := strings.TrimSpace(h.Get(name)); v != "" {
			return v
		}
	}
	return ""
}
