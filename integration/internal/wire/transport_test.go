package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
	"github.com/stagedoor/stagedoor/integration/internal/wire"
)

// clock is a clock that sleeping moves.
type clock struct {
	now    time.Time
	sleeps []time.Duration
}

func (c *clock) time() time.Time { return c.now }

func (c *clock) sleep(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	c.sleeps = append(c.sleeps, d)
	return nil
}

func start(t *testing.T, opts wire.Options) (*hosttest.Forge, *http.Client, *clock) {
	t.Helper()
	forge := hosttest.Serve(t)
	own, err := url.Parse(forge.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: hosttest.Now}
	opts.Own, opts.Clock, opts.Sleep = []*url.URL{own}, c.time, c.sleep
	return forge, wire.NewTransport(opts).Client(), c
}

func get(t *testing.T, client *http.Client, address, token string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return fmt.Sprintf("%d %s", res.StatusCode, data), err
}

func authorize(req *http.Request) error {
	req.Header.Set("Authorization", "Bearer secret")
	return nil
}

func TestTransport_CredentialsGoToTheForgeOnly(t *testing.T) {
	t.Parallel()
	forge, client, _ := start(t, wire.Options{Authorize: authorize})
	other := hosttest.Serve(t)
	forge.On("GET /a", forge.With("Authorization", "Bearer secret", forge.With("Private-Token", "", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/b", http.StatusFound)
	})))
	other.On("GET /b", other.With("Authorization", "", other.With("Private-Token", "", hosttest.Text("text/plain", "", "x"))))
	if got, err := get(t, client, forge.URL+"/a", ""); err != nil || got != "200 x" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTransport_FollowsFewRedirects(t *testing.T) {
	t.Parallel()
	forge, client, _ := start(t, wire.Options{})
	forge.On("GET /a", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/a", http.StatusFound) })
	if _, err := get(t, client, forge.URL+"/a", ""); fail.Code(err) != fail.Unavailable {
		t.Errorf("got %v", err)
	}
	if n := len(forge.Calls()); n != 6 {
		t.Errorf("%d calls", n)
	}
}

func TestTransport_RepeatsWhatFailedForTheMoment(t *testing.T) {
	t.Parallel()
	forge, client, c := start(t, wire.Options{})
	n := 0
	forge.On("GET /a", func(w http.ResponseWriter, r *http.Request) {
		if n++; n < 3 {
			hosttest.Status(502, "")(w, r)
			return
		}
		hosttest.Text("text/plain", "", "x")(w, r)
	})
	if got, err := get(t, client, forge.URL+"/a", ""); err != nil || got != "200 x" {
		t.Errorf("got %q, %v", got, err)
	}
	if diff := cmp.Diff([]time.Duration{200 * time.Millisecond, 800 * time.Millisecond}, c.sleeps); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	forge.On("GET /b", hosttest.Status(500, ""))
	if got, err := get(t, client, forge.URL+"/b", ""); err != nil || !strings.HasPrefix(got, "500") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTransport_WaitsShortlyAndSaysWhenItIsLonger(t *testing.T) {
	t.Parallel()
	forge, client, c := start(t, wire.Options{})
	after, n := "1", 0
	forge.On("GET /a", func(w http.ResponseWriter, r *http.Request) {
		if n++; n%2 == 1 {
			w.Header().Set("Retry-After", after)
			hosttest.Status(429, "")(w, r)
			return
		}
		hosttest.Text("text/plain", "", "x")(w, r)
	})
	if got, err := get(t, client, forge.URL+"/a", ""); err != nil || got != "200 x" {
		t.Errorf("a short wait: %q, %v", got, err)
	}
	after = hosttest.Now.Add(time.Hour).Format(http.TimeFormat)
	_, err := get(t, client, forge.URL+"/a", "")
	var wait *wire.WaitError
	if !errors.As(err, &wait) || wait.Until.Sub(hosttest.Now) != time.Hour || wait.RetryAfter() != 3599 || fail.Code(err) != fail.Unavailable {
		t.Errorf("a long wait: %v", err)
	}
	if _, err := get(t, client, forge.URL+"/other", ""); !errors.As(err, &wait) {
		t.Errorf("another request while the forge wants none: %v", err)
	}
	forge.On("GET /mine", hosttest.Text("text/plain", "", "y"))
	if got, err := get(t, client, forge.URL+"/mine", "Bearer another"); err != nil || got != "200 y" {
		t.Errorf("another credential: %q, %v", got, err)
	}
	c.now = c.now.Add(2 * time.Hour)
	n = 1
	if got, err := get(t, client, forge.URL+"/a", ""); err != nil || got != "200 x" {
		t.Errorf("after the time: %q, %v", got, err)
	}
}

func TestTransport_TheLastGoodAnswerClosesItsPartOfTheAPI(t *testing.T) {
	t.Parallel()
	forge, client, _ := start(t, wire.Options{})
	forge.On("GET /graphql", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", fmt.Sprint(hosttest.Now.Add(time.Minute).Unix()))
		hosttest.Text("text/plain", "", "last")(w, r)
	})
	forge.On("GET /rest", hosttest.Text("text/plain", "", "x"))
	if got, err := get(t, client, forge.URL+"/graphql", ""); err != nil || got != "200 last" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := get(t, client, forge.URL+"/graphql", ""); fail.Code(err) != fail.Unavailable {
		t.Errorf("got %v", err)
	}
	if got, err := get(t, client, forge.URL+"/rest", ""); err != nil || got != "200 x" {
		t.Errorf("another part: %q, %v", got, err)
	}
}

func TestTransport_KnowsALimitThatIsToldInWords(t *testing.T) {
	t.Parallel()
	forge, client, _ := start(t, wire.Options{})
	forge.On("GET /a", hosttest.Status(403, "You have exceeded a secondary rate limit"))
	forge.On("GET /b", hosttest.Status(403, "Resource not accessible"))
	if got, err := get(t, client, forge.URL+"/b", ""); err != nil || got != "403 {\"message\":\"Resource not accessible\"}\n" {
		t.Errorf("a plain refusal: %q, %v", got, err)
	}
	if _, err := get(t, client, forge.URL+"/a", ""); fail.Code(err) != fail.Unavailable || !strings.Contains(err.Error(), "12:01:00Z") {
		t.Errorf("got %v", err)
	}
}

func TestTransport_KeepsThePace(t *testing.T) {
	t.Parallel()
	forge, client, c := start(t, wire.Options{PerMinute: 60})
	forge.On("GET /a", hosttest.Text("text/plain", "", "x"))
	for range 3 {
		if _, err := get(t, client, forge.URL+"/a", ""); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.sleeps) != 2 || c.sleeps[0] != time.Second {
		t.Errorf("slept %v", c.sleeps)
	}
}

func TestFailure_HidesTheURLAndKeepsCodes(t *testing.T) {
	t.Parallel()
	inner := &url.Error{Op: "Get", URL: "https://x/?token=secret", Err: errors.New("connection refused")}
	err := wire.Failure(inner, "read a")
	if fail.Code(err) != fail.Unavailable || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	if err := wire.Failure(fail.New(fail.Forbidden, "no"), "read a"); fail.Code(err) != fail.Forbidden {
		t.Errorf("got %v", err)
	}
	if err := wire.Failure(context.Canceled, "read a"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestStatus_GivesCodes(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		304: fail.NotModified, 404: fail.NotFound, 410: fail.NotFound, 401: fail.Forbidden, 403: fail.Forbidden,
		413: fail.TooLarge, 422: fail.Invalid, 500: fail.Unavailable, 418: fail.Unavailable,
	} {
		if got := fail.Code(wire.Status(status, "x", "")); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
	}
}
