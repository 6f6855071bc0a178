package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/e2e/oidc/issuer"
	"github.com/stagedoor/stagedoor/identity/internal/oauth"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
)

func TestSignIn_ByPopupGivesTheOpenerASession(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, nil)
	at := g.start("oidc", "&scope=groups&origin=https://portal.example&flow=popup")
	q := at.Query()
	if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("nonce") == "" || q.Get("prompt") != "" {
		t.Errorf("the start is not protected: %v", q)
	}
	if got, want := q.Get("scope"), "groups openid profile email offline_access"; got != want {
		t.Errorf("scope %q, want %q", got, want)
	}
	s := stateOf(t, at)
	nonce := s.Get("nonce")
	want := url.Values{
		"nonce": {nonce}, "env": {"test"}, "origin": {"https://portal.example"}, "flow": {"popup"},
		"scope": {"groups openid profile email offline_access"},
	}
	if diff := cmp.Diff(want, s); diff != "" || nonce == "" || g.cookie("oidc-nonce") != nonce {
		t.Errorf("state (-want +got):\n%s\nnonce of the cookie %q", diff, g.cookie("oidc-nonce"))
	}
	a := g.get(g.logIn(at, "jo", "allow"))
	m := a.posted(t)
	if a.StatusCode != http.StatusOK || m.TargetOrigin != "https://portal.example" || m.Message.Type != "authorization_response" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	session := m.Message.Response
	if session == nil || session.Identity.Token != "token of user:default/jo" || session.Info.AccessToken == "" || session.Info.IDToken == "" || session.Info.Expires < 200 {
		t.Errorf("session %+v", session)
	}
	if got := session.Profile; got != (signin.Profile{Email: "jo@example.com", DisplayName: "Jo"}) {
		t.Errorf("profile %+v", got)
	}
	if got := g.account(); got.ID != "sub-1" || got.Username != "jo" || got.Email != "jo@example.com" || got.Env != "test" || got.Renewed {
		t.Errorf("account %+v", got)
	}
	checkPage(t, a)
	if g.cookie("oidc-nonce") != "" || g.cookie("oidc-verifier") != "" {
		t.Error("the cookies of the flow outlive it")
	}
	if got := g.cookie("oidc-granted-scope"); got != "groups%20openid%20profile%20email%20offline_access" {
		t.Errorf("granted scope %q", got)
	}
	if len(g.events) != 1 || g.events[0].Name != "user-sign-in" || g.events[0].Actor.Subject != "user:default/jo" {
		t.Errorf("audit %+v", g.events)
	}
}

// checkPage checks that the page runs nothing but its own script.
func checkPage(t *testing.T, a answer) {
	t.Helper()
	policy := a.Header.Get("Content-Security-Policy")
	_, rest, _ := strings.Cut(policy, "script-src 'nonce-")
	nonce, _, _ := strings.Cut(rest, "'")
	if len(nonce) < 20 || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for _, part := range strings.Split(a.body, "<script")[1:] {
		tag, _, _ := strings.Cut(part, ">")
		if !strings.Contains(tag, `type="application/json"`) && !strings.Contains(strings.ReplaceAll(tag, "&#43;", "+"), nonce) {
			t.Errorf("a script without the nonce: %s", tag)
		}
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("cache control %q", a.Header.Get("Cache-Control"))
	}
	if !strings.Contains(a.body, "postMessage(answer.message, answer.targetOrigin)") || !strings.Contains(a.body, "'config_info'") {
		t.Errorf("the page does not speak the protocol: %s", a.body)
	}
}

func TestCookies_AreFlaggedAsClientsKnowThem(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		callback, origin string
		want             string
	}{
		"plain http stays with the site":       {"http://localhost:7007/api/auth/oidc/handler/frame", "https://portal.example", "Path=/api/auth/oidc/handler; Max-Age=600; HttpOnly; SameSite=Lax"},
		"https at the same host":               {"https://portal.example/api/auth/oidc/handler/frame", "https://portal.example", "Path=/api/auth/oidc/handler; Max-Age=600; HttpOnly; Secure; SameSite=Lax"},
		"https at another host may cross over": {"https://api.example/api/auth/oidc/handler/frame", "https://portal.example", "Path=/api/auth/oidc/handler; Max-Age=600; HttpOnly; Secure; SameSite=None"},
		"a callback of another form":           {"https://portal.example/back", "https://portal.example", "Path=/back/oidc/handler; Max-Age=600; HttpOnly; Secure; SameSite=Lax"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, _ := newOIDC(t, func(c *oauth.Config) { c.CallbackURL = tc.callback })
			a := g.get("/oidc/start?env=test&origin=" + url.QueryEscape(tc.origin))
			for _, line := range a.Header.Values("Set-Cookie") {
				_, flags, _ := strings.Cut(line, "; ")
				if flags != tc.want {
					t.Errorf("%s\nwant %s", line, tc.want)
				}
			}
			if n := len(a.Header.Values("Set-Cookie")); n != 2 {
				t.Errorf("%d cookies, want nonce and verifier", n)
			}
		})
	}
}

func TestRefresh_RenewsTheSessionAndRotatesItsCookie(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, nil)
	g.signIn("&origin=https://portal.example&flow=popup")
	before := g.cookie("oidc-refresh-token")
	first := g.do(http.MethodGet, "/oidc/refresh?optional&env=test&scope=openid", xhr)
	var session signin.Session
	if err := json.Unmarshal([]byte(first.body), &session); err != nil || first.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", first.StatusCode, first.body)
	}
	if session.Identity.Token != "token of user:default/jo" || session.Profile.Email != "jo@example.com" || session.Info.AccessToken == "" {
		t.Errorf("session %s", first.body)
	}
	if after := g.cookie("oidc-refresh-token"); after == before || after == "" {
		t.Errorf("the cookie was %q and is %q", before, after)
	}
	if !g.account().Renewed || g.events[len(g.events)-1].Name != "user-refresh" {
		t.Errorf("account %+v, events %+v", g.account(), g.events)
	}
	// A second tab still has the cookie of before.
	g.newBrowser()
	old := http.Header{"Cookie": {"oidc-refresh-token=" + before + "; oidc-granted-scope=openid%20profile%20email%20offline_access"}, "X-Requested-With": {"XMLHttpRequest"}}
	if second := g.do(http.MethodGet, "/oidc/refresh?env=test&scope=openid", old); second.StatusCode != http.StatusOK {
		t.Errorf("the second tab got %d %s", second.StatusCode, second.body)
	}
	g.advance(time.Minute)
	if third := g.do(http.MethodGet, "/oidc/refresh?env=test&scope=openid", old); third.StatusCode != http.StatusUnauthorized {
		t.Errorf("a used refresh token gave %d %s", third.StatusCode, third.body)
	}
}

func TestRefresh_ClaimsNoScopeThatWasNotGranted(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, nil)
	g.signIn("&flow=popup")
	a := g.do(http.MethodGet, "/oidc/refresh?env=test&scope=admin", xhr)
	var session signin.Session
	if err := json.Unmarshal([]byte(a.body), &session); err != nil {
		t.Fatal(err)
	}
	if got := session.Info.Scope; strings.Contains(got, "admin") || !strings.Contains(got, "openid") {
		t.Errorf("scope %q", got)
	}
	if strings.Contains(g.cookie("oidc-granted-scope"), "admin") {
		t.Error("the cookie claims a scope that nobody granted")
	}
}

func TestRefresh_SaysWhyInTheWordsOfClients(t *testing.T) {
	t.Parallel()
	g, i := newOIDC(t, nil)
	for name, tc := range map[string]struct {
		path   string
		header http.Header
		status int
		want   string
	}{
		"no header":         {"/oidc/refresh?env=test", nil, 401, `"message":"Invalid X-Requested-With header"`},
		"no cookie":         {"/oidc/refresh?env=test", xhr, 401, `"message":"Refresh failed; caused by InputError: Missing session cookie","cause":{"message":"Missing session cookie","name":"InputError"}`},
		"no environment":    {"/oidc/refresh", xhr, 400, `"message":"Must specify 'env' query to select environment"`},
		"other environment": {"/oidc/refresh?env=prod", xhr, 404, `"message":"No configuration available for the 'prod' environment of this provider."`},
		"a foreign origin":  {"/oidc/refresh?env=test", http.Header{"X-Requested-With": {"XMLHttpRequest"}, "Origin": {"https://evil.example"}}, 403, `"message":"Origin 'https://evil.example' is not allowed"`},
		"a bad cookie":      {"/oidc/refresh?env=test", http.Header{"X-Requested-With": {"XMLHttpRequest"}, "Cookie": {"oidc-refresh-token=nonsense"}}, 401, `Refresh failed; caused by AuthenticationError: The identity provider did not accept the sign-in`},
	} {
		if a := g.do(http.MethodGet, tc.path, tc.header); a.StatusCode != tc.status || !strings.Contains(a.body, tc.want) {
			t.Errorf("%s: %d %s\nwant %d %s", name, a.StatusCode, a.body, tc.status, tc.want)
		}
	}
	g.signIn("")
	i.off(true)
	a := g.do(http.MethodPost, "/oidc/refresh?env=test", xhr)
	if a.StatusCode != http.StatusServiceUnavailable || !strings.Contains(a.body, "does not answer at the moment") || strings.Contains(a.body, clientSecret) {
		t.Errorf("an outage gave %d %s", a.StatusCode, a.body)
	}
	i.off(false)
	if a := g.do(http.MethodPost, "/oidc/refresh?env=test", xhr); a.StatusCode != http.StatusOK {
		t.Errorf("after the outage %d %s", a.StatusCode, a.body)
	}
	g.refuse = errNobody
	g.advance(time.Minute)
	if a := g.do(http.MethodPost, "/oidc/refresh?env=test", xhr); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, "caused by NotAllowedError: nobody is called so") {
		t.Errorf("a person who left got %d %s", a.StatusCode, a.body)
	}
	g.refuse = errPlain
	g.advance(time.Minute)
	if a := g.do(http.MethodPost, "/oidc/refresh?env=test", xhr); strings.Contains(a.body, errPlain.Error()) {
		t.Errorf("an internal error is told: %s", a.body)
	}
}

func TestLogout_RevokesAndForgets(t *testing.T) {
	t.Parallel()
	g, i := newOIDC(t, nil)
	g.signIn("")
	if i.Sessions() != 1 {
		t.Fatalf("%d sessions at the identity provider", i.Sessions())
	}
	if a := g.do(http.MethodPost, "/oidc/logout?env=test", nil); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the header %d", a.StatusCode)
	}
	if a := g.do(http.MethodPost, "/oidc/logout?env=test", xhr); a.StatusCode != http.StatusOK || a.body != "" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if i.Sessions() != 0 || g.cookie("oidc-refresh-token") != "" || g.cookie("oidc-granted-scope") != "" {
		t.Errorf("%d sessions, cookies %q %q", i.Sessions(), g.cookie("oidc-refresh-token"), g.cookie("oidc-granted-scope"))
	}
	if a := g.do(http.MethodGet, "/oidc/refresh?env=test", xhr); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("refresh after logout: %d", a.StatusCode)
	}
	g.signIn("")
	i.off(true)
	if a := g.do(http.MethodPost, "/oidc/logout?env=test", xhr); a.StatusCode != http.StatusOK || g.cookie("oidc-refresh-token") != "" {
		t.Errorf("while the identity provider is down: %d, cookie %q", a.StatusCode, g.cookie("oidc-refresh-token"))
	}
}

// What several tabs share for some seconds ends with the session.
func TestLogout_EndsWhatTabsShare(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, nil)
	g.signIn("")
	used := []string{g.cookie("oidc-refresh-token")}
	for range 2 {
		if a := g.do(http.MethodGet, "/oidc/refresh?env=test", xhr); a.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		used = append(used, g.cookie("oidc-refresh-token"))
	}
	if a := g.do(http.MethodPost, "/oidc/logout?env=test", xhr); a.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	for i, token := range used {
		old := http.Header{"Cookie": {"oidc-refresh-token=" + token}, "X-Requested-With": {"XMLHttpRequest"}}
		g.newBrowser()
		if a := g.do(http.MethodGet, "/oidc/refresh?env=test", old); a.StatusCode != http.StatusUnauthorized || strings.Contains(a.body, "token of") {
			t.Errorf("cookie %d of before the logout: %d %s", i, a.StatusCode, a.body)
		}
	}
}

func TestSignIn_ByRedirectComesBack(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, nil)
	back := url.QueryEscape("https://portal.example/catalog?filters=x")
	a := g.signIn("&origin=https://portal.example&flow=redirect&redirectUrl=" + back)
	if a.StatusCode != http.StatusFound || a.location().String() != "https://portal.example/catalog?filters=x" || g.cookie("oidc-refresh-token") == "" {
		t.Fatalf("%d %s, cookie %q", a.StatusCode, a.Header.Get("Location"), g.cookie("oidc-refresh-token"))
	}
	at := g.start("oidc", "&flow=redirect&redirectUrl="+back)
	denied := g.get(g.logIn(at, "jo", "deny")).location()
	if denied == nil || denied.Host != "portal.example" || !strings.Contains(denied.Query().Get("error"), "did not let you in") || denied.Query().Get("filters") != "x" {
		t.Errorf("denied leads to %v", denied)
	}
}

func TestSignIn_ByRedirectNeedsWhatOutlivesThePage(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, func(c *oauth.Config) { c.AdditionalScopes = oauth.Scopes{} })
	a := g.signIn("&flow=redirect&redirectUrl=https://portal.example/")
	if u := a.location(); u == nil || !strings.Contains(u.Query().Get("error"), "offline_access") {
		t.Errorf("%d %v", a.StatusCode, u)
	}
}

func TestSignIn_AsksForWhatOutlivesThePageWhereItIsAnnounced(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, func(c *oauth.Config) { c.AdditionalScopes = nil })
	g.signIn("&origin=https://portal.example")
	if got := g.cookie("oidc-refresh-token"); got == "" {
		t.Error("no refresh token, though the provider announces offline_access")
	}
}

func TestAccount_VouchesOnlyForVerifiedAddresses(t *testing.T) {
	t.Parallel()
	g, i := newOIDC(t, nil)
	i.Break(issuer.Faults{Thin: true})
	g.get(g.logIn(g.start("oidc", ""), "ed", "allow"))
	if a := g.account(); a.Email != "" || a.Profile.Email != "ed@example.com" || a.Username != "ed" {
		t.Errorf("account %+v", a)
	}
}

func TestKeys_RotateInTheMiddleOfASession(t *testing.T) {
	t.Parallel()
	g, i := newOIDC(t, nil)
	g.signIn("")
	for range 2 {
		if err := i.Rotate(); err != nil {
			t.Fatal(err)
		}
		g.advance(time.Minute)
		if a := g.do(http.MethodGet, "/oidc/refresh?env=test", xhr); a.StatusCode != http.StatusOK {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
}
