package identityplugin_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
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

func newPortal(t *testing.T, d *db.DB, more map[string]any) (*plugintest.Host, *identityplugin.Identity) {
	t.Helper()
	config := map[string]any{
		"backend": map[string]any{"baseUrl": portalURL},
		"auth":    map[string]any{"providers": map[string]any{"guest": map[string]any{"userEntityRef": "user:default/guest"}}},
	}
	maps.Copy(config, more)
	id := identityplugin.New(identityplugin.Deps{DB: d, Clock: time.Now, NewID: uuid.NewString})
	return plugintest.New(t, id, plugintest.Options{Config: config, Reader: catalogtest.New()}), id
}

// The token that a program gets is an ordinary user token of this portal.
func TestAuthServer_GivesOrdinaryUserTokens(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		h, _ := newPortal(t, d, nil)
		const redirect, verifier = "http://127.0.0.1:4711/callback", "a-verifier-that-is-long-enough-for-the-rules-of-pkce"
		query := url.Values{
			"client_id": {portalURL + "/api/auth/.well-known/oauth-client/cli.json"}, "redirect_uri": {redirect}, "response_type": {"code"},
			"scope": {"openid offline_access"}, "code_challenge_method": {"S256"},
			"code_challenge": {"dnaPHvIvW7lKCBMM3wFRkq2HMf5rO3N_xQjRi2v3JX8"}, // of the verifier
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
		var tokens struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		h.Decode(http.MethodPost, "/api/auth/v1/token", "", map[string]string{
			"grant_type": "authorization_code", "code": back.Query().Get("code"), "redirect_uri": redirect, "code_verifier": verifier,
		}, http.StatusOK, &tokens)
		var info struct {
			Claims struct{ Sub string }
		}
		h.Decode(http.MethodGet, "/api/auth/v1/userinfo", tokens.Access, nil, http.StatusOK, &info)
		if info.Claims.Sub != "user:default/guest" {
			t.Errorf("the token is that of %q", info.Claims.Sub)
		}
		h.Decode(http.MethodPost, "/api/auth/v1/token", "", map[string]string{"grant_type": "refresh_token", "refresh_token": tokens.Refresh}, http.StatusOK, &tokens)
		if err := h.Tasks["oauth-sweep"].Run(t.Context()); err != nil {
			t.Errorf("sweep: %v", err)
		}
	})
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
	h, id := newPortal(t, d, map[string]any{"stagedoor": map[string]any{"compatibility": "strict"}})
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
	h, _ := newPortal(t, dbtest.SQLite(t), nil)
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
