package portal

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// through asks for a session as a browser behind oauth2-proxy does.
func through(t *testing.T, p *Portal, remote string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/auth/oauth2Proxy/refresh", nil)
	r.RemoteAddr = remote
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.root.ServeHTTP(w, r)
	return w
}

func TestGatewaySignIn_MakesASessionWithTheConfiguredOwnership(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	p := openPortalWith(t, &log, `
stagedoor:
  auth: {userNamespace: backstage, defaultOwnership: [group:backstage/default], trustedProxies: [10.0.0.0/8]}
auth:
  environment: production
  providers:
    oauth2Proxy:
      signIn:
        resolvers:
          - {resolver: emailLocalPartMatchingUserEntityName, allowedDomains: [acme.example], syntheticUser: emailLocalPart}
`)
	if err := p.LoadOffline(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := through(t, p, "10.1.2.3:5", "X-Forwarded-User", "4711", "X-Forwarded-Email", "Jane@acme.example")
	var session struct {
		Profile  map[string]string `json:"profile"`
		Identity struct {
			Token    string         `json:"token"`
			Identity map[string]any `json:"identity"`
		} `json:"backstageIdentity"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &session); err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	want := map[string]any{"type": "user", "userEntityRef": "user:backstage/jane", "ownershipEntityRefs": []any{"user:backstage/jane", "group:backstage/default"}}
	if diff := cmp.Diff(want, session.Identity.Identity); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
	for name, tc := range map[string]struct {
		remote, email string
		want          int
	}{
		"past the gateway": {"192.0.2.1:5", "jane@acme.example", http.StatusUnauthorized},
		"another domain":   {"10.1.2.3:5", "jane@evil.example", http.StatusForbidden},
		"nobody":           {"10.1.2.3:5", "", http.StatusForbidden},
	} {
		w := through(t, p, tc.remote, "X-Forwarded-User", "4711", "X-Forwarded-Email", tc.email, "X-Forwarded-For", "10.0.0.1")
		if w.Code != tc.want || strings.Contains(w.Body.String(), "token\"") {
			t.Errorf("%s: status %d, want %d: %s", name, w.Code, tc.want, w.Body)
		}
	}
	if !strings.Contains(log.String(), "sign-in refused") || strings.Contains(log.String(), session.Identity.Token) {
		t.Errorf("log: %s", log.String())
	}
}

func TestGatewaySignIn_ABrokenConfigurationNamesItsPlace(t *testing.T) {
	t.Parallel()
	_, err := tryPortal(t, io.Discard, `
auth:
  providers:
    oauth2Proxy:
      signIn:
        resolvers:
          - resolver: forwardedUser
`)
	if err == nil || !strings.Contains(err.Error(), "app-config.yaml:") || !strings.Contains(err.Error(), "forwardedUserMatchingUserEntityName") {
		t.Errorf("got %v, want an error with file, line and the resolvers that there are", err)
	}
}
