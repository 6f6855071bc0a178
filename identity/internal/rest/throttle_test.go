package rest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What the throttle remembers is the choice of strangers, and must not grow
// with it.
func TestThrottleKey_HoldsNoMoreThanAddresses(t *testing.T) {
	t.Parallel()
	for forwarded, want := range map[string]string{
		"":                                       "oidc 192.0.2.1 ",
		"198.51.100.7, 203.0.113.9":              "oidc 192.0.2.1 203.0.113.9",
		"2001:DB8:0::9":                          "oidc 192.0.2.1 2001:db8::9",
		"203.0.113.9, unknown":                   "oidc 192.0.2.1 ",
		strings.Repeat("x", 60<<10):              "oidc 192.0.2.1 ",
		"fe80::1%" + strings.Repeat("z", 60<<10): "oidc 192.0.2.1 fe80::1",
	} {
		r := httptest.NewRequest(http.MethodGet, "/api/auth/oidc/start", nil)
		r.SetPathValue("provider", "oidc")
		r.Header.Set("X-Forwarded-For", forwarded)
		if got := throttleKey(r); got != want {
			t.Errorf("%.40q: the key %.80q has %d bytes, want %q", forwarded, got, len(got), want)
		}
	}
}
