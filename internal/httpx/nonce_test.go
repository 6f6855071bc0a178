package httpx_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/httpx"
)

func TestNonceCSP_AdmitsTheNonceAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ policy, want string }{
		"a directive that is there":    {"default-src 'self';script-src 'self' 'unsafe-eval';img-src data:", "default-src 'self';script-src 'self' 'unsafe-eval' NONCE;img-src data:"},
		"nothing is allowed otherwise": {"script-src 'none'", "script-src NONCE"},
		"only the default is there":    {"default-src 'self' https:;img-src data:", "default-src 'self' https:;img-src data:;script-src 'self' https: NONCE"},
		"the default allows nothing":   {"default-src 'none'", "default-src 'none';script-src NONCE"},
		"nothing about scripts":        {"img-src data:", "img-src data:"},
		"no policy":                    {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			if tc.policy != "" {
				h.Set("Content-Security-Policy", tc.policy)
			}
			nonce := httpx.NonceCSP(h, "script-src")
			want := strings.ReplaceAll(tc.want, "NONCE", "'nonce-"+nonce+"'")
			if got := h.Get("Content-Security-Policy"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestNonceCSP_IsNewEveryTimeAndLeavesOtherAnswersAlone(t *testing.T) {
	t.Parallel()
	shared := []string{"script-src 'self'"}
	one, two := http.Header{"Content-Security-Policy": shared}, http.Header{"Content-Security-Policy": shared}
	a, b := httpx.NonceCSP(one, "script-src"), httpx.NonceCSP(two, "script-src")
	if a == b || len(a) < 22 {
		t.Errorf("nonces %q and %q: want two that nobody guesses", a, b)
	}
	if shared[0] != "script-src 'self'" {
		t.Errorf("the policy of all answers became %q", shared[0])
	}
	if strings.Contains(two.Get("Content-Security-Policy"), a) {
		t.Error("one answer's nonce is admitted in another")
	}
}
