package httpx_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stagedoor/stagedoor/internal/httpx"
)

// The requests of sign-in: an identity provider posts its answer from its own
// site, everything else must come from ours.
func TestRoot_OtherSitesMayOnlyPostAnswersOfIdentityProviders(t *testing.T) {
	t.Parallel()
	root := newRoot(t, httpx.RootOptions{CrossSite: []string{"POST /api/auth/{provider}/handler/frame"}, TrustedOrigins: []string{"https://app.example"}})
	for _, pattern := range []string{"POST /{provider}/refresh", "POST /{provider}/logout", "POST /{provider}/handler/frame", "DELETE /.backstage/auth/v1/cookie", "POST /v1/sessions/{id}/approve"} {
		root.Plugin("auth").Handle(pattern, httpx.AllowAnonymous, func(w http.ResponseWriter, _ *http.Request) error { return httpx.NoContent(w) })
	}
	root.Started()
	for _, tc := range []struct {
		method, path string
		headers      []string
		want         int
	}{
		{"POST", "/api/auth/oidc/handler/frame", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://idp.example"}, 204},
		{"POST", "/api/auth/oidc/handler/frame", []string{"Origin", "null"}, 204},
		{"POST", "/api/auth/oidc/handler/frame/", []string{"Origin", "https://idp.example"}, 204}, // the same route
		{"POST", "/api/auth/oidc/refresh", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		{"POST", "/api/auth/oidc/refresh", []string{"Origin", "https://evil.example"}, 403}, // a browser from before Sec-Fetch-Site
		{"POST", "/api/auth/oidc/refresh", []string{"Origin", "null"}, 403},
		{"POST", "/api/auth/oidc/refresh", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://evil.portal.example"}, 403},
		{"POST", "/api/auth/oidc/refresh", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://app.example"}, 204},
		{"POST", "/api/auth/oidc/refresh", []string{"Sec-Fetch-Site", "same-origin", "Origin", "https://portal.example"}, 204},
		{"POST", "/api/auth/oidc/refresh", []string{"Origin", "https://portal.example"}, 204},
		{"POST", "/api/auth/oidc/refresh", nil, 204}, // no browser
		{"POST", "/api/auth/oidc/logout", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"POST", "/api/auth/v1/sessions/x/approve", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"DELETE", "/api/auth/.backstage/auth/v1/cookie", []string{"Sec-Fetch-Site", "cross-site"}, 403},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tc.method, "https://portal.example"+tc.path, nil)
		r.Header.Set("Cookie", "oidc-refresh-token=x; backstage-auth=y")
		for i := 0; i < len(tc.headers); i += 2 {
			r.Header.Set(tc.headers[i], tc.headers[i+1])
		}
		w := httptest.NewRecorder()
		root.ServeHTTP(w, r)
		if w.Code != tc.want {
			t.Errorf("%s %s %v: status %d, want %d: %s", tc.method, tc.path, tc.headers, w.Code, tc.want, w.Body)
		}
	}
}
