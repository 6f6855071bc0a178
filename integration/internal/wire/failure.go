package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
)

// WaitError says that a forge wants no requests until a time. Its code is
// unavailable.
type WaitError struct {
	Host  string
	Until time.Time
	Wait  time.Duration

	reason string
}

// Error names the host, the reason and the time.
func (e *WaitError) Error() string {
	return fmt.Sprintf("%s %s; try again after %s", e.Host, e.reason, e.Until.UTC().Format(time.RFC3339))
}

// FaultCode is "unavailable".
func (e *WaitError) FaultCode() string { return fail.Unavailable }

// RetryAfter is the number of seconds to wait.
func (e *WaitError) RetryAfter() int { return int(math.Ceil(e.Wait.Seconds())) }

// Failure gives an error of a client a code and says what was being done. An
// error that has a code keeps it.
func Failure(err error, doing string) error {
	var address *url.Error
	if errors.As(err, &address) && address.Err != nil {
		err = address.Err // its text repeats the URL, which may hold a token
	}
	switch {
	case err == nil:
		return nil
	case fail.Code(err) != "", errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fail.New(fail.Unavailable, "%s: %w", doing, err)
}

// Status gives an answer that is no success its code.
func Status(status int, doing, message string) error {
	code := fail.Unavailable
	switch status {
	case http.StatusNotModified:
		code = fail.NotModified
	case http.StatusNotFound, http.StatusGone, http.StatusConflict:
		// An empty repository is a conflict to GitHub.
		code = fail.NotFound
	case http.StatusUnauthorized:
		return fail.New(fail.Forbidden, "%s: the forge does not accept the credentials: %s", doing, message)
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		code = fail.Forbidden
	case http.StatusRequestEntityTooLarge:
		code = fail.TooLarge
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		code = fail.Invalid
	}
	if message == "" {
		message = http.StatusText(status)
	}
	return fail.New(code, "%s: %d %s", doing, status, message)
}

// ReadAll reads a body of at most limit bytes.
func ReadAll(r io.Reader, limit int64, doing string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, Failure(err, doing)
	}
	if int64(len(data)) > limit {
		return nil, fail.New(fail.TooLarge, "%s: it is larger than the limit of %d bytes", doing, limit)
	}
	return data, nil
}
