package dex

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	gosundheit "github.com/AppsFlyer/go-sundheit"
	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/server/signer"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/dexidp/dex/web"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/bcrypt"
)

const (
	clientID     = "stagedoor"
	clientSecret = "a secret: with/odd characters"
	email        = "jo.doe@acme.example"
	password     = "correct horse"
)

// late is a handler that is there before what it serves.
type late struct {
	mu sync.Mutex
	h  http.Handler
}

func (l *late) set(h http.Handler) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.h = h
}

func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	h := l.h
	l.mu.Unlock()
	h.ServeHTTP(w, r)
}

// startDex serves a Dex with one user and returns its issuer.
func startDex(t *testing.T, redirect string) string {
	t.Helper()
	handler := &late{}
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	logger := slog.New(slog.DiscardHandler)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), 10)
	if err != nil {
		t.Fatal(err)
	}
	store := storage.WithStaticClients(memory.New(logger), []storage.Client{{ID: clientID, Secret: clientSecret, RedirectURIs: []string{redirect}, Name: "Stagedoor"}})
	store = storage.WithStaticPasswords(store, []storage.Password{{Email: email, Hash: hash, Username: "jo", UserID: "1"}}, logger)
	store = storage.WithStaticConnectors(store, []storage.Connector{{ID: server.LocalConnector, Type: server.LocalConnector, Name: "Email"}})
	keys := signer.LocalConfig{KeysRotationPeriod: "6h"}
	sign, err := keys.Open(t.Context(), store, time.Hour, time.Now, logger)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := server.NewRefreshTokenPolicy(logger, false, "", "", "0s")
	if err != nil {
		t.Fatal(err)
	}
	dex, err := server.NewServer(t.Context(), server.Config{
		Issuer: s.URL + "/dex", Storage: store, SkipApprovalScreen: true, RefreshTokenPolicy: policy, Web: server.WebConfig{WebFS: web.FS()},
		Logger: logger, Signer: sign, PrometheusRegistry: prometheus.NewRegistry(), HealthChecker: gosundheit.New(),
		AllowedGrantTypes: []string{"authorization_code", "refresh_token"}, IDTokensValidFor: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	handler.set(dex)
	return s.URL + "/dex"
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// startPortal runs the binary with the OpenID provider configured.
func startPortal(t *testing.T, base, port, issuer string) {
	t.Helper()
	binary := os.Getenv("STAGEDOOR")
	if binary == "" {
		t.Fatal("set STAGEDOOR to the portal's binary, an absolute path")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "app-config.yaml")
	text := fmt.Sprintf(`
app: {baseUrl: %[1]q}
backend:
  baseUrl: %[1]q
  listen: {host: 127.0.0.1, port: %[2]s}
  database: {client: better-sqlite3, connection: %[5]q}
auth:
  environment: production
  providers:
    oidc:
      production:
        metadataUrl: %[3]s/.well-known/openid-configuration
        clientId: stagedoor
        clientSecret: %[4]q
        additionalScopes: [offline_access]
        signIn:
          resolvers:
            - resolver: emailLocalPartMatchingUserEntityName
              allowedDomains: [acme.example]
              dangerouslyAllowSignInWithoutUserInCatalog: true
`, base, port, issuer, clientSecret, filepath.Join(dir, "portal.sqlite"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, binary, "serve", "--config", file)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		if t.Failed() {
			t.Logf("the portal said:\n%s", out.String())
		}
		if strings.Contains(out.String(), clientSecret) {
			t.Error("the portal tells its client secret")
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; <-tick.C {
		resp, err := http.Get(base + "/.backstage/health/v1/readiness")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			t.Fatalf("the portal ended: %s", out.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the portal does not get ready: %v", err)
		}
	}
}

// session is what the front-end gets.
type session struct {
	Profile struct{ Email, DisplayName string }
	Info    struct{ IDToken, AccessToken, Scope string } `json:"providerInfo"`
	Portal  struct {
		Token    string
		Identity struct{ UserEntityRef string }
	} `json:"backstageIdentity"`
}

// browser is a client with cookies.
type browser struct {
	t *testing.T
	*http.Client
}

func (b browser) do(method, address string, form url.Values) (*http.Response, string) {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, body)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("X-Requested-With", "XMLHttpRequest")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(raw)
}

var answerPattern = regexp.MustCompile(`(?s)<script type="application/json" id="answer">(.*?)</script>`)

func TestDex_SignInRefreshLogout(t *testing.T) {
	port := freePort(t)
	base := "http://127.0.0.1:" + port
	issuer := startDex(t, base+"/api/auth/oidc/handler/frame")
	startPortal(t, base, port, issuer)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := browser{t, &http.Client{Jar: jar}}

	form, text := b.do(http.MethodGet, base+"/api/auth/oidc/start?env=production&flow=popup&scope=openid&origin="+url.QueryEscape(base), nil)
	if !strings.HasPrefix(form.Request.URL.String(), issuer) || !strings.Contains(text, "password") {
		t.Fatalf("no login form at %s: %d %s", form.Request.URL, form.StatusCode, text)
	}
	_, page := b.do(http.MethodPost, form.Request.URL.String(), url.Values{"login": {email}, "password": {password}})
	m := answerPattern.FindStringSubmatch(page)
	var posted struct {
		TargetOrigin string
		Message      struct {
			Type     string
			Response session
			Error    *struct{ Name, Message string }
		}
	}
	if m == nil || json.Unmarshal([]byte(m[1]), &posted) != nil || posted.Message.Error != nil {
		t.Fatalf("the sign-in failed: %+v %s", posted.Message.Error, page)
	}
	first := posted.Message.Response
	if posted.TargetOrigin != base || posted.Message.Type != "authorization_response" {
		t.Errorf("posted %+v", posted)
	}
	check(t, b, base, first)

	resp, text := b.do(http.MethodGet, base+"/api/auth/oidc/refresh?optional&env=production&scope=openid", nil)
	var second session
	if err := json.Unmarshal([]byte(text), &second); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("refresh: %d %s", resp.StatusCode, text)
	}
	check(t, b, base, second)
	if second.Info.AccessToken == first.Info.AccessToken {
		t.Error("the refresh renewed nothing")
	}

	if resp, text = b.do(http.MethodPost, base+"/api/auth/oidc/logout?env=production", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("logout: %d %s", resp.StatusCode, text)
	}
	if resp, text = b.do(http.MethodGet, base+"/api/auth/oidc/refresh?env=production", nil); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("refresh after logout: %d %s", resp.StatusCode, text)
	}
}

// check checks a session, and uses its token.
func check(t *testing.T, b browser, base string, s session) {
	t.Helper()
	if s.Profile.Email != email || s.Portal.Identity.UserEntityRef != "user:default/jo.doe" || s.Info.AccessToken == "" {
		t.Errorf("session %+v", s)
	}
	parts := strings.Split(s.Info.IDToken, ".")
	if len(parts) != 3 {
		t.Fatalf("the id token has %d parts", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Aud, Email string }
	if err != nil || json.Unmarshal(raw, &claims) != nil || claims.Aud != clientID || claims.Email != email {
		t.Errorf("id token: %v %s", err, raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/auth/v1/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Portal.Token)
	resp, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var info struct{ Claims struct{ Sub string } }
	if err := json.NewDecoder(resp.Body).Decode(&info); err != nil || info.Claims.Sub != "user:default/jo.doe" {
		t.Errorf("userinfo: %d %+v %v", resp.StatusCode, info, err)
	}
}
