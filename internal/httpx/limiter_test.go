package httpx_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/httpx"
)

// clocked is a time that tests move.
type clocked struct{ now time.Time }

func (c *clocked) time() time.Time { return c.now }

func TestLimiter_AMillionInventedAddressesCostBoundedMemory(t *testing.T) {
	t.Parallel()
	at := &clocked{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	l := httpx.NewLimiter(httpx.RateLimit{Window: time.Minute, Requests: 2}, at.time)
	var b [4]byte
	answer := http.Header{}
	for i := range 1_000_000 {
		b = [4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}
		from := netip.AddrFrom4(b)
		if err := l.Allow("catalog", from.String(), from, answer); err != nil {
			t.Fatalf("the first request of %s: %v", from, err)
		}
	}
	if n := l.Callers(); n > 1<<16 {
		t.Errorf("%d callers are remembered", n)
	}
	// The memory being full is no way around the limit.
	last := netip.AddrFrom4(b)
	refused := false
	for range 10 {
		refused = l.Allow("catalog", "user:default/jane", last, http.Header{}) != nil || refused
	}
	if !refused {
		t.Error("a caller who comes when the memory is full is not limited")
	}
	at.now = at.now.Add(2 * time.Minute)
	if err := l.Allow("catalog", "somebody", last, http.Header{}); err != nil || l.Callers() != 1 {
		t.Errorf("%d callers are remembered when all have recovered (%v)", l.Callers(), err)
	}
}

func TestLimiter_PluginsExemptionsAndWhatDoesNotCount(t *testing.T) {
	t.Parallel()
	at := &clocked{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	home := netip.MustParseAddr("::1")
	for name, tc := range map[string]struct {
		limit  httpx.RateLimit
		plugin string
		remote []string // where the requests come from, by turns
		status int      // what the handler answers
		want   int      // how many of ten pass
	}{
		"everybody by address":         {httpx.RateLimit{Requests: 3}, "a", []string{"192.0.2.1:1"}, 200, 3},
		"two addresses":                {httpx.RateLimit{Requests: 3}, "a", []string{"192.0.2.1:1", "192.0.2.2:1"}, 200, 6},
		"two addresses of one network": {httpx.RateLimit{Requests: 3}, "a", []string{"[2001:db8::1]:1", "[2001:db8::2]:1"}, 200, 3},
		"two networks":                 {httpx.RateLimit{Requests: 3}, "a", []string{"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1"}, 200, 6},
		"one address, written in two":  {httpx.RateLimit{Requests: 3}, "a", []string{"192.0.2.1:1", "[::ffff:192.0.2.1]:9"}, 200, 3},
		"what is no address":           {httpx.RateLimit{Requests: 3}, "a", []string{"@", "pipe"}, 200, 3},
		"an exempt address":            {httpx.RateLimit{Requests: 3, Exempt: []netip.Addr{home}}, "a", []string{"[::1]:1"}, 200, 10},
		"a plugin with its own limit":  {httpx.RateLimit{Requests: 3, Plugins: map[string]httpx.RateLimit{"a": {Requests: 5}}}, "a", []string{"192.0.2.1:1"}, 200, 5},
		"another plugin":               {httpx.RateLimit{Requests: 3, Plugins: map[string]httpx.RateLimit{"b": {Requests: 5}}}, "a", []string{"192.0.2.1:1"}, 200, 3},
		"only plugins that are named":  {httpx.RateLimit{Off: true, Plugins: map[string]httpx.RateLimit{"b": {Requests: 5}}}, "a", []string{"192.0.2.1:1"}, 200, 10},
		"successes do not count":       {httpx.RateLimit{Requests: 3, SkipSuccessful: true}, "a", []string{"192.0.2.1:1"}, 200, 10},
		"failures do, then":            {httpx.RateLimit{Requests: 3, SkipSuccessful: true}, "a", []string{"192.0.2.1:1"}, 404, 3},
		"failures do not count":        {httpx.RateLimit{Requests: 3, SkipFailed: true}, "a", []string{"192.0.2.1:1"}, 404, 10},
		"those who are turned away do": {httpx.RateLimit{Requests: 3}, "closed", []string{"192.0.2.1:1"}, 401, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := newRoot(t, httpx.RootOptions{RateLimit: &tc.limit, Now: at.time, Guard: guard})
			handler := func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(tc.status); return nil }
			root.Plugin("a").Handle("GET /x", httpx.AllowAnonymous, handler)
			root.Plugin("closed").Handle("GET /x", httpx.Default, handler)
			root.Started()
			passed := 0
			for i := range 10 {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/"+tc.plugin+"/x", nil)
				r.RemoteAddr = tc.remote[i%len(tc.remote)]
				r.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))
				w := httptest.NewRecorder()
				root.ServeHTTP(w, r)
				switch w.Code {
				case tc.status:
					passed++
				case http.StatusTooManyRequests:
				default:
					t.Fatalf("status %d: %s", w.Code, w.Body)
				}
			}
			if passed != tc.want {
				t.Errorf("%d of ten passed, want %d", passed, tc.want)
			}
		})
	}
}
