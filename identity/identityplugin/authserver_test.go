package identityplugin_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/catalog/catalogtest"
	"github.com/stagedoor/stagedoor/identity/identityplugin"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

const portalURL = "http://localhost:7007"

// watch is a clock that only moves when told.
type watch struct {
	mu  sync.Mutex
	now time.Time
}

func (w *watch) read() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *watch) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func newPortal(t *testing.T, d *db.DB, clock func() time.Time, more map[string]any) (*plugintest.Host, *identityplugin.Identity) {
	t.Helper()
	config := map[string]any{
		"backend": map[string]any{"baseUrl": portalURL},
		"auth":    map[string]any{"providers": map[string]any{"guest": map[string]any{"userEntityRef": "user:default/guest"}}},
	}
	maps.Copy(config, more)
	id := identityplugin.New(identityplugin.Deps{DB: d, Clock: clock, NewID: uuid.NewString})
	return plugintest.New(t, id, plugintest.Options{Config: config, Reader: catalogtest.New(), Clock: clock}), id
}

const (
	redirect  = "http://127.0.0.1:4711/callback"
	verifier  = "a-verifier-that-is-long-enough-for-the-rules-of-pkce"
	challenge = "dnaPHvIvW7lKCBMM3wFRkq2HMf5rO3N_xQjRi2v3JX8" // of the verifier
)

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// authorize has the guest approve a command line, and returns its code.
func authorize(t *testing.T, h *plugintest.Host) string {
	t.Helper()
	query := url.Values{
		"client_id": {portalURL + "/api/auth/.well-known/oauth-client/cli.json"}, "redirect_uri": {redirect}, "response_type": {"code"},
		"scope": {"openid offline_access"}, "code_challenge_method": {"S256"}, "code_challenge": {challenge},
	}
	asked := h.Call(http.MethodGet, "/api/auth/v1/authorize?"+query.Encode(), "", nil)
	consent := asked.Header().Get("Location")
	if asked.Code != http.StatusFound || !strings.HasPrefix(consent, portalURL+"/oauth2/authorize/") {
		t.Fatalf("authorize: status %d, to %q: %s", asked.Code, consent, asked.Body)
	}
	var approved struct{ RedirectURL string }
	h.Decode(http.MethodPost, "/api/auth/v1/sessions/"+path.Base(consent)+"/approve", "guest", nil, http.StatusOK, &approved)
	back, err := url.Parse(approved.RedirectURL)
	if err != nil {
		t.Fatal(err)
	}
	return back.Query().Get("code")
}

func redeem(code string) map[string]string {
	return map[string]string{"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
}

func renew(refresh string) map[string]string {
	return map[string]string{"grant_type": "refresh_token", "refresh_token": refresh}
}

// The token that a program gets is an ordinary user token of this portal.
func TestAuthServer_GivesOrdinaryUserTokens(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		h, _ := newPortal(t, d, time.Now, nil)
		var got tokens
		h.Decode(http.MethodPost, "/api/auth/v1/token", "", redeem(authorize(t, h)), http.StatusOK, &got)
		var info struct {
			Claims struct{ Sub string }
		}
		h.Decode(http.MethodGet, "/api/auth/v1/userinfo", got.Access, nil, http.StatusOK, &info)
		if info.Claims.Sub != "user:default/guest" {
			t.Errorf("the token is that of %q", info.Claims.Sub)
		}
		h.Decode(http.MethodPost, "/api/auth/v1/token", "", renew(got.Refresh), http.StatusOK, &got)
		if err := h.Tasks["oauth-sweep"].Run(t.Context()); err != nil {
			t.Errorf("sweep: %v", err)
		}
	})
}

// What is taken back is taken back everywhere, long before it ends.
func TestAuthServer_TakesAccessTokensBack(t *testing.T) {
	t.Parallel()
	type call func(h *plugintest.Host, code string, got tokens) int
	post := func(h *plugintest.Host, path string, body map[string]string) int {
		return h.Call(http.MethodPost, "/api/auth/v1/"+path, "", body).Code
	}
	for name, tc := range map[string]struct {
		end    call
		status int
	}{
		"the refresh token is given back": {func(h *plugintest.Host, _ string, got tokens) int {
			return post(h, "revoke", map[string]string{"token": got.Refresh})
		}, http.StatusOK},
		"the access token is given back": {func(h *plugintest.Host, _ string, got tokens) int {
			return post(h, "revoke", map[string]string{"token": got.Access})
		}, http.StatusOK},
		"the code comes again": {func(h *plugintest.Host, code string, _ tokens) int {
			return post(h, "token", redeem(code))
		}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				t.Helper()
				w := &watch{now: time.Now()}
				one, _ := newPortal(t, d, w.read, nil)
				other, _ := newPortal(t, d, w.read, nil)
				code := authorize(t, one)
				var got, bystander tokens
				one.Decode(http.MethodPost, "/api/auth/v1/token", "", redeem(code), http.StatusOK, &got)
				one.Decode(http.MethodPost, "/api/auth/v1/token", "", redeem(authorize(t, one)), http.StatusOK, &bystander)
				status := func(h *plugintest.Host, token string) int {
					return h.Call(http.MethodGet, "/api/auth/v1/userinfo", token, nil).Code
				}
				w.pass(time.Second) // the other replica reads the keys once a second
				if a, b := status(one, got.Access), status(other, got.Access); a != http.StatusOK || b != http.StatusOK {
					t.Fatalf("before: %d and %d", a, b)
				}
				if code := tc.end(one, code, got); code != tc.status {
					t.Errorf("status %d, want %d", code, tc.status)
				}
				if code := status(one, got.Access); code != http.StatusUnauthorized {
					t.Errorf("at once, here: status %d", code)
				}
				w.pass(5 * time.Second)
				if code := status(other, got.Access); code != http.StatusUnauthorized {
					t.Errorf("five seconds later, elsewhere: status %d", code)
				}
				if code := post(other, "token", renew(got.Refresh)); code != http.StatusBadRequest {
					t.Errorf("the refresh token: status %d", code)
				}
				if code := status(other, bystander.Access); code != http.StatusOK {
					t.Errorf("another session of the user: status %d", code)
				}
			})
		})
	}
}

// The token of a user's own sign-in is not a client's to give back.
func TestAuthServer_LeavesTheUsersOwnTokenAlone(t *testing.T) {
	t.Parallel()
	h, _ := newPortal(t, dbtest.SQLite(t), time.Now, nil)
	var session struct {
		Identity struct{ Token string } `json:"backstageIdentity"`
	}
	h.Decode(http.MethodPost, "/api/auth/guest/refresh", "", nil, http.StatusOK, &session)
	w := h.Call(http.MethodPost, "/api/auth/v1/revoke", "", map[string]string{"token": session.Identity.Token})
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "unsupported_token_type") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if w := h.Call(http.MethodGet, "/api/auth/v1/userinfo", session.Identity.Token, nil); w.Code != http.StatusOK {
		t.Errorf("the token: status %d: %s", w.Code, w.Body)
	}
}

// In strict mode the OpenID configuration is, to the letter, what a Backstage
// answered.
func TestAuthServer_IsInvisibleInStrictMode(t *testing.T) {
	t.Parallel()
	recorded, ok := plugintest.Golden(t, "auth/openid-configuration")
	if !ok {
		t.Fatal("the recorded answer is missing")
	}
	d := dbtest.SQLite(t)
	h, id := newPortal(t, d, time.Now, map[string]any{"stagedoor": map[string]any{"compatibility": "strict"}})
	w := h.Call(http.MethodGet, recorded.Request.Path, "", nil)
	var got any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(w.Body.String(), portalURL, "<BASE>")), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(recorded.Response.Body, got); diff != "" {
		t.Errorf("openid-configuration (-recorded +got):\n%s", diff)
	}
	root := http.NewServeMux()
	id.RegisterRoot(root.Handle)
	at := httptest.NewRecorder()
	root.ServeHTTP(at, httptest.NewRequest(http.MethodGet, "/.well-known/oauth-authorization-server", nil))
	if at.Code != http.StatusNotFound {
		t.Errorf("the well-known address at the root: status %d", at.Code)
	}
}

func TestAuthServer_RefusesAConfigurationThatMakesNoSense(t *testing.T) {
	t.Parallel()
	h, _ := newPortal(t, dbtest.SQLite(t), time.Now, nil)
	// A reload with a mistake leaves what was there.
	h.Config.Replace(map[string]any{
		"backend": map[string]any{"baseUrl": portalURL},
		"auth":    map[string]any{"experimentalRefreshToken": map[string]any{"maxTokensPerUser": -1}},
	})
	if w := h.Call(http.MethodGet, "/api/auth/.well-known/oauth-client/cli.json", "", nil); w.Code != http.StatusOK {
		t.Errorf("after a bad reload: status %d: %s", w.Code, w.Body)
	}
	h.Config.Replace(map[string]any{
		"backend":   map[string]any{"baseUrl": portalURL},
		"stagedoor": map[string]any{"auth": map[string]any{"cli": false}},
	})
	if w := h.Call(http.MethodGet, "/api/auth/.well-known/oauth-client/cli.json", "", nil); w.Code != http.StatusNotFound {
		t.Errorf("after it was switched off: status %d: %s", w.Code, w.Body)
	}
}
