package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/integration/github"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
	"github.com/stagedoor/stagedoor/plugin"
)

func testKey(t *testing.T) (string, *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})), key
}

// appForge is a GitHub with one app that is installed for two owners, on two
// pages. It checks the assertions of the app.
func appForge(t *testing.T, app string, more string) (*hosttest.Forge, *hosttest.Portal) {
	t.Helper()
	forge := hosttest.Serve(t)
	text, key := testKey(t)
	p := hosttest.New(t, fmt.Sprintf(`{"integrations": {"github": [{"host": %q, "apiBaseUrl": %q, "token": "fallback",
		"apps": [{"appId": "7", "privateKey": %q %s}]}]} %s}`, forge.Host, forge.URL+"/api/v3", strings.ReplaceAll(text, "\n", `\n`), app, more))
	if err := (github.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	asApp := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			token, err := jwt.ParseSigned(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), []jose.SignatureAlgorithm{jose.RS256})
			var claims jwt.Claims
			if err == nil {
				err = token.Claims(key.Public(), &claims)
			}
			life := claims.Expiry.Time().Sub(claims.IssuedAt.Time())
			if err != nil || claims.Issuer != "7" || life > 10*time.Minute || claims.IssuedAt.Time().After(p.Clock()) {
				t.Errorf("assertion %+v, %v", claims, err)
			}
			h(w, r)
		}
	}
	forge.On("GET /api/v3/app/installations?per_page=100", asApp(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", fmt.Sprintf(`<%s/api/v3/app/installations?per_page=100&page=2>; rel="next"`, forge.URL))
		hosttest.JSON([]any{object{"id": 1, "account": object{"login": "Acme"}}})(w, r)
	}))
	forge.On("GET /api/v3/app/installations?page=2&per_page=100", asApp(hosttest.JSON([]any{
		object{"id": 2, "account": object{"login": "beta"}}, object{"id": 3, "account": object{"login": "off"}, "suspended_at": "2026-01-01T00:00:00Z"},
	})))
	for _, id := range []int{1, 2} {
		n := 0
		forge.On(fmt.Sprintf("POST /api/v3/app/installations/%d/access_tokens", id), asApp(func(w http.ResponseWriter, r *http.Request) {
			n++
			w.WriteHeader(http.StatusCreated)
			hosttest.JSON(object{"token": fmt.Sprintf("ghs_%d_%d", id, n), "expires_at": p.Clock().Add(time.Hour).Format(time.RFC3339)})(w, r)
		}))
	}
	return forge, p
}

func readAs(t *testing.T, forge *hosttest.Forge, p *hosttest.Portal, owner, token string) error {
	t.Helper()
	forge.On("GET /api/v3/repos/"+owner+"/r/contents/a.yaml?ref=main", forge.With("Authorization", token, hosttest.Text(rawType, "", "x")))
	forge.On("GET /api/v3/repos/"+owner+"/r/commits?path=a.yaml&per_page=1&sha=main", commits("c"))
	_, err := p.Read(t, forge.URL+"/"+owner+"/r/blob/main/a.yaml", plugin.ReadOptions{})
	return err
}

func TestApp_ReadsWithTheTokenOfTheOwnersInstallation(t *testing.T) {
	t.Parallel()
	forge, p := appForge(t, "", "")
	for _, step := range []struct{ owner, token string }{
		{"acme", "Bearer ghs_1_1"}, {"acme", "Bearer ghs_1_1"}, {"beta", "Bearer ghs_2_1"}, {"nobody", "Bearer fallback"},
	} {
		if err := readAs(t, forge, p, step.owner, step.token); err != nil {
			t.Errorf("%s: %v", step.owner, err)
		}
	}
	count := func(part string) int {
		return len(slices.DeleteFunc(forge.Calls(), func(c string) bool { return !strings.Contains(c, part) }))
	}
	if n := count("/app/"); n != 4 {
		t.Errorf("%d calls as the app, want two pages and two tokens", n)
	}
	p.Advance(51 * time.Minute)
	if err := readAs(t, forge, p, "acme", "Bearer ghs_1_2"); err != nil {
		t.Errorf("a token near its end: %v", err)
	}
	code(t, readAs(t, forge, p, "off", ""), fail.Forbidden)
}

func TestApp_WorksOnlyForAllowedOwners(t *testing.T) {
	t.Parallel()
	forge, p := appForge(t, `, "allowedInstallationOwners": ["beta"]`, "")
	if err := readAs(t, forge, p, "acme", "Bearer fallback"); err != nil {
		t.Error(err)
	}
	if err := readAs(t, forge, p, "beta", "Bearer ghs_2_1"); err != nil {
		t.Error(err)
	}
}

func TestApp_PublicAccessReadsEverywhere(t *testing.T) {
	t.Parallel()
	forge, p := appForge(t, `, "publicAccess": true`, "")
	if err := readAs(t, forge, p, "nobody", "Bearer ghs_1_1"); err != nil {
		t.Error(err)
	}
}

func TestApp_DiscoversEveryOwnerWhereItIsInstalled(t *testing.T) {
	t.Parallel()
	forge, p := appForge(t, "", "")
	p2 := hosttest.New(t, "{}")
	p2.Config.Set(t, configWith(t, p, fmt.Sprintf(`{"catalog": {"providers": {"github": {"app": 7, "host": %q}}}}`, forge.Host)))
	if err := (github.Plugin{}).Init(t.Context(), p2.Host); err != nil {
		t.Fatal(err)
	}
	graphQL(t, forge, func(_ string, v map[string]any) any {
		owner := v["owner"].(string)
		return repositoriesPage("", node(forge, "r", object{"url": forge.URL + "/" + owner + "/r"}))
	})
	conn := p2.Connect(t, "github-provider:default")
	if err := p2.Run(t, "github-provider:default:refresh"); err != nil {
		t.Fatal(err)
	}
	want := []string{forge.URL + "/Acme/r/blob/main/catalog-info.yaml", forge.URL + "/beta/r/blob/main/catalog-info.yaml"}
	if diff := cmp.Diff(want, hosttest.Targets(conn.Take()[0].Added)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// configWith returns the integrations of a portal together with more.
func configWith(t *testing.T, p *hosttest.Portal, more string) string {
	t.Helper()
	var integrations any
	if err := p.Config.Decode("integrations", &integrations); err != nil {
		t.Fatal(err)
	}
	return merge(t, more, "integrations", integrations)
}
