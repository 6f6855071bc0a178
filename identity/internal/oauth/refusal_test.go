package oauth_test

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/e2e/oidc/issuer"
	"github.com/stagedoor/stagedoor/identity/internal/oauth"
	"github.com/stagedoor/stagedoor/internal/secret"
)

func TestFrame_RefusesWhatTheIdentityProviderShouldNotHaveSaid(t *testing.T) {
	t.Parallel()
	const distrusted = "What The identity provider says about you cannot be trusted; start again"
	now := time.Now()
	claims := func(key string, value any) issuer.Faults { return issuer.Faults{Claims: map[string]any{key: value}} }
	for name, tc := range map[string]struct {
		faults issuer.Faults
		ahead  time.Duration // of the portal's clock
		edit   func(*oauth.Config)
		want   string // "" for a sign-in that goes well
	}{
		"all is well":                             {},
		"another nonce":                           {faults: claims("nonce", "of another browser"), want: "AuthenticationError: " + distrusted},
		"no nonce":                                {faults: claims("nonce", nil), want: distrusted},
		"another audience":                        {faults: claims("aud", "another-portal"), want: distrusted},
		"our audience, but another party":         {faults: issuer.Faults{Claims: map[string]any{"aud": []string{clientID, "x"}, "azp": "x"}}, want: distrusted},
		"another issuer in the token":             {faults: claims("iss", "https://evil.example"), want: distrusted},
		"no subject":                              {faults: claims("sub", nil), want: distrusted},
		"another subject than the user info":      {faults: claims("sub", "sub-2"), want: distrusted},
		"another access token":                    {faults: claims("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), want: distrusted},
		"an id token that expired":                {faults: claims("exp", now.Add(-5*time.Minute).Unix()), want: "it has expired. The clocks"},
		"an id token without an end":              {faults: claims("exp", nil), want: "it has expired. The clocks"},
		"an id token that expired just now":       {faults: claims("exp", now.Add(-20*time.Second).Unix())},
		"an id token of the future":               {faults: claims("iat", now.Add(5*time.Minute).Unix()), want: distrusted},
		"a clock that is a little ahead":          {faults: claims("iat", now.Add(20*time.Second).Unix())},
		"an id token for later":                   {faults: claims("nbf", now.Add(time.Hour).Unix()), want: distrusted},
		"no signature":                            {faults: issuer.Faults{Algorithm: "none"}, want: distrusted},
		"signed with what both know":              {faults: issuer.Faults{Algorithm: "HS256"}, want: distrusted},
		"signed by somebody else":                 {faults: issuer.Faults{ForeignKey: true}, want: distrusted},
		"the portal's clock is far ahead":         {ahead: 2 * time.Hour, want: "it has expired. The clocks"},
		"an algorithm that is not the configured": {edit: func(c *oauth.Config) { c.TokenSignedResponseAlg = "ES256" }, want: "cannot be trusted"},
		"the configured algorithm":                {edit: func(c *oauth.Config) { c.TokenSignedResponseAlg = "RS256" }},
		"the secret in the body":                  {edit: func(c *oauth.Config) { c.TokenEndpointAuthMethod = "client_secret_post" }},
		"a wrong secret":                          {edit: func(c *oauth.Config) { c.ClientSecret = secret.New("not-it") }, want: "Error: The identity provider does not accept the portal's client id and secret; tell those who run the portal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, i := newOIDC(t, tc.edit)
			g.advance(tc.ahead)
			i.Break(tc.faults)
			a := g.signIn("&origin=https://portal.example")
			if tc.want == "" {
				if m := a.posted(t); m.Message.Response == nil {
					t.Errorf("refused: %s", a.failed(t))
				}
				return
			}
			if got := a.failed(t); !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if a.StatusCode < 400 || a.posted(t).TargetOrigin != "https://portal.example" || g.cookie("oidc-refresh-token") != "" || len(g.accounts) > 0 {
				t.Errorf("%d, cookie %q, accounts %v", a.StatusCode, g.cookie("oidc-refresh-token"), g.accounts)
			}
			if e := g.events; len(e) != 1 || e[0].Status != "failed" || e[0].Reason == "" {
				t.Errorf("audit %+v", e)
			}
		})
	}
}

func TestFrame_RefusesAnswersToAnotherQuestion(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, nil)
	back := func() *url.URL {
		u, err := url.Parse(g.logIn(g.start("oidc", "&origin=https://portal.example"), "jo", "allow"))
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	change := func(u *url.URL, set url.Values) string {
		q := u.Query()
		for k, v := range set {
			q[k] = v
		}
		copied := *u
		copied.RawQuery = q.Encode()
		return copied.String()
	}
	forged := func(u *url.URL, key, value string) string {
		s := stateOf(t, u)
		s.Set(key, value)
		return change(u, url.Values{"state": {hex.EncodeToString([]byte(s.Encode()))}})
	}
	for name, tc := range map[string]struct {
		address func() string
		want    string
	}{
		"a nonce of somebody else": {func() string { return forged(back(), "nonce", "x") }, "NotAllowedError: Invalid nonce"},
		"no nonce":                 {func() string { return forged(back(), "nonce", "") }, "NotAllowedError: OAuth state is invalid, missing nonce"},
		"an origin of somebody else": {
			func() string { return forged(back(), "origin", "https://evil.example") },
			"NotAllowedError: Origin 'https://evil.example' is not allowed",
		},
		"an environment that did not start": {
			func() string {
				u, err := url.Parse(forged(back(), "env", "other"))
				if err != nil {
					t.Fatal(err)
				}
				return change(u, url.Values{"env": {"test"}})
			},
			"NotAllowedError: OAuth state is for another environment",
		},
		"a state that is none":         {func() string { return change(back(), url.Values{"state": {"zz"}}) }, "NotAllowedError: OAuth state is invalid"},
		"a code that is none":          {func() string { return change(back(), url.Values{"code": {"code-none"}}) }, "did not accept the sign-in"},
		"no code":                      {func() string { return change(back(), url.Values{"code": {""}}) }, "InputError: The answer of the identity provider has no code"},
		"another issuer":               {func() string { return change(back(), url.Values{"iss": {"https://evil.example"}}) }, "NotAllowedError: The answer comes from another identity provider"},
		"a browser that did not start": {func() string { u := back().String(); g.newBrowser(); return u }, "NotAllowedError: Auth response is missing cookie nonce"},
		"the code of another flow": {func() string {
			stolen := back().Query().Get("code")
			return change(back(), url.Values{"code": {stolen}})
		}, "did not accept the sign-in"},
		"a sign-in begun before the last": {func() string { u := back().String(); g.start("oidc", ""); return u }, "NotAllowedError: Invalid nonce"},
		"a person who says no":            {func() string { return g.logIn(g.start("oidc", ""), "jo", "deny") }, "NotAllowedError: The identity provider did not let you in"},
		"an error made up with a text": {func() string {
			return change(back(), url.Values{"error": {"<b>x"}, "error_description": {"call 0800"}})
		}, "NotAllowedError: The identity provider did not sign you in; start again"},
		"prompt none without a session": {func() string { return change(back(), url.Values{"error": {"login_required"}}) }, "prompt to auto"},
		"an identity provider in trouble": {
			func() string { return change(back(), url.Values{"error": {"server_error"}}) },
			"ServiceUnavailableError: The identity provider cannot sign anybody in at the moment",
		},
	} {
		g.newBrowser()
		g.advance(time.Hour) // the throttle is another test's
		a := g.get(tc.address())
		if got := a.failed(t); !strings.Contains(got, tc.want) || strings.Contains(got, "0800") {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
		if to := a.posted(t).TargetOrigin; to != "https://portal.example" {
			t.Errorf("%s: the error goes to %q", name, to)
		}
		if len(g.accounts) > 0 {
			t.Fatalf("%s: somebody was let in: %+v", name, g.accounts)
		}
	}
}

func TestFrame_TakesAnAnswerOnce(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, nil)
	at := g.start("oidc", "")
	cookies := http.Header{"Cookie": {"oidc-nonce=" + g.cookie("oidc-nonce") + "; oidc-verifier=" + g.cookie("oidc-verifier")}}
	frame := g.logIn(at, "jo", "allow")
	if m := g.get(frame).posted(t); m.Message.Response == nil {
		t.Fatalf("the first answer: %+v", m.Message.Error)
	}
	if got := g.get(frame).failed(t); !strings.Contains(got, "missing cookie nonce") {
		t.Errorf("the page loaded again: %s", got)
	}
	g.newBrowser()
	if got := g.do(http.MethodGet, frame, cookies).failed(t); !strings.Contains(got, "This answer was used already") {
		t.Errorf("a copied browser: %s", got)
	}
}

func TestOutage_IsSaidClearlyAndEnds(t *testing.T) {
	t.Parallel()
	g, i := newOIDC(t, nil)
	i.off(true)
	const text = "The identity provider does not answer at the moment; try again in a minute"
	if a := g.get("/oidc/start?env=test"); a.StatusCode != http.StatusServiceUnavailable || !strings.Contains(a.body, `"name":"ServiceUnavailableError","message":"`+text) || strings.Contains(a.body, clientSecret) {
		t.Errorf("a program starts: %d %s", a.StatusCode, a.body)
	}
	person := http.Header{"Accept": {"text/html,application/xhtml+xml"}}
	a := g.do(http.MethodGet, "/oidc/start?env=test&origin=https://portal.example&flow=popup", person)
	if got := a.failed(t); a.StatusCode != http.StatusServiceUnavailable || got != "ServiceUnavailableError: "+text {
		t.Errorf("a person starts: %d %s", a.StatusCode, got)
	}
	i.off(false)
	g.advance(2 * time.Second)
	frame := g.logIn(g.start("oidc", ""), "jo", "allow")
	i.off(true)
	if a := g.get(frame); a.StatusCode != http.StatusServiceUnavailable || a.failed(t) != "ServiceUnavailableError: "+text {
		t.Errorf("down when the code comes: %d %s", a.StatusCode, a.body)
	}
	i.off(false)
	if m := g.signIn("").posted(t); m.Message.Response == nil {
		t.Errorf("after the outage: %+v", m.Message.Error)
	}
}

func TestStart_LeadsNowhereElse(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, nil)
	for query, want := range map[string]int{
		"":                                                                http.StatusFound,
		"&origin=https://portal.example":                                  http.StatusFound,
		"&origin=https://PORTAL.example:443/":                             http.StatusFound,
		"&origin=" + url.QueryEscape(g.url):                               http.StatusFound,
		"&origin=https://pr-7.preview.example":                            http.StatusFound,
		"&origin=https://evil.example":                                    http.StatusForbidden,
		"&origin=https://portal.example.evil.example":                     http.StatusForbidden,
		"&origin=http://portal.example":                                   http.StatusForbidden,
		"&origin=https://evil.example/.preview.example":                   http.StatusForbidden,
		"&origin=null":                                                    http.StatusBadRequest,
		"&origin=javascript:alert(1)":                                     http.StatusBadRequest,
		"&flow=redirect":                                                  http.StatusBadRequest,
		"&flow=redirect&redirectUrl=https://portal.example/x":             http.StatusFound,
		"&flow=redirect&redirectUrl=/x":                                   http.StatusFound,
		"&flow=redirect&redirectUrl=https://a.preview.example/x":          http.StatusFound,
		"&flow=redirect&redirectUrl=https://evil.example/x":               http.StatusBadRequest,
		"&flow=redirect&redirectUrl=//evil.example":                       http.StatusBadRequest,
		"&flow=redirect&redirectUrl=" + url.QueryEscape(`/\evil.example`): http.StatusBadRequest,
		"&flow=redirect&redirectUrl=" + url.QueryEscape(`https://portal.example@evil.com`): http.StatusBadRequest,
		"&flow=redirect&redirectUrl=javascript:alert(1)":                                   http.StatusBadRequest,
		"&redirectUrl=https://evil.example/x":                                              http.StatusBadRequest,
	} {
		if a := g.get("/oidc/start?env=test" + query); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", query, a.StatusCode, want)
		}
	}
}

func TestFrame_TellsNothingInternal(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, nil)
	g.refuse = errPlain
	if a := g.signIn(""); a.StatusCode != http.StatusInternalServerError || strings.Contains(a.body, errPlain.Error()) || !strings.Contains(a.failed(t), "logId=") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestPage_CannotBeBrokenOutOf(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, nil)
	person := http.Header{"Accept": {"text/html"}}
	const evil = "</script><script>alert(1)</script>\u2028'\""
	for _, path := range []string{
		"/oidc/start?env=" + url.QueryEscape(evil),
		"/oidc/start?env=test&origin=" + url.QueryEscape("https://portal.example"+evil),
		"/oidc/handler/frame?env=test&state=" + hex.EncodeToString([]byte("env=test&nonce=x&origin="+url.QueryEscape(evil))),
		"/oidc/handler/frame?env=test&error=" + url.QueryEscape(evil),
	} {
		a := g.do(http.MethodGet, path, person)
		if strings.Contains(a.body, "<script>alert") || strings.Count(a.body, "</script>") != 2 {
			t.Errorf("%s: %s", path, a.body)
		}
		if to := a.posted(t).TargetOrigin; to != "https://portal.example" {
			t.Errorf("%s: the error goes to %q", path, to)
		}
	}
}

func TestThrottle_SlowsDownWhoFailsAgainAndAgain(t *testing.T) {
	t.Parallel()
	g, _ := newOIDC(t, nil)
	for range 11 {
		if a := g.get("/oidc/handler/frame?env=test&state=zz"); a.StatusCode != http.StatusForbidden {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	a := g.get("/oidc/handler/frame?env=test&state=zz")
	if a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "1" || !strings.Contains(a.failed(t), "TooManyRequestsError: Too many sign-ins failed") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := g.get("/oidc/start?env=test"); a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "1" {
		t.Errorf("start: %d, retry after %q", a.StatusCode, a.Header.Get("Retry-After"))
	}
	other := http.Header{"X-Forwarded-For": {"198.51.100.7, 203.0.113.9"}}
	if a := g.do(http.MethodGet, "/oidc/start?env=test", other); a.StatusCode != http.StatusFound {
		t.Errorf("somebody else behind the same proxy: %d", a.StatusCode)
	}
	g.advance(2 * time.Second)
	if a := g.get("/oidc/start?env=test"); a.StatusCode != http.StatusFound {
		t.Errorf("after the wait: %d", a.StatusCode)
	}
}
