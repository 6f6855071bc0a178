package gateway_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/identity/internal/gateway"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// No text in the place of an assertion makes anybody a person.
func FuzzAssertion(f *testing.F) {
	enc := base64.RawURLEncoding.EncodeToString
	for _, seed := range []string{
		"", "..", "a.b.c", enc([]byte(`{"alg":"none"}`)) + "." + enc([]byte(`{"sub":"root","email":"root@acme.example","exp":9e9}`)) + ".",
		enc([]byte(`{"alg":"ES256","kid":"g1"}`)) + "." + enc([]byte(`{"aud":[],"exp":"x"}`)) + "." + enc(make([]byte, 64)),
		enc([]byte(`{"alg":["ES256"],"kid":{}}`)) + "." + enc([]byte(`null`)) + ".AA",
	} {
		f.Add(seed)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"g1":"no key"}`))
	}))
	f.Cleanup(server.Close)
	p, err := gateway.New("gcpIap", config("gcpIap", map[string]any{"audience": "a", "publicKeysUrl": server.URL}, nil), gateway.Deps{Clock: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header["X-Goog-Iap-Jwt-Assertion"] = []string{token}
		if a, err := p.Refresh(httptest.NewRecorder(), r); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q is %+v, %v", token, a, err)
		}
	})
}
