package oauth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/e2e/oidc/issuer"
	"github.com/stagedoor/stagedoor/identity/internal/oauth"
	"github.com/stagedoor/stagedoor/identity/internal/rest"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/internal/secret"
	"github.com/stagedoor/stagedoor/plugin"
)

const (
	clientID     = "portal"
	clientSecret = "s3cr:t/ß%2B+"
)

// rig is a portal with one sign-in provider, a browser, and what happened.
type rig struct {
	t       *testing.T
	url     string
	browser *http.Client
	jar     http.CookieJar

	mu       sync.Mutex
	ahead    time.Duration // of the portal's clock
	accounts []signin.Account
	events   []audit.Event
	refuse   error // of the resolver
}

func (g *rig) now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Add(g.ahead)
}

func (g *rig) advance(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ahead += d
}

// The parts of a portal that the flow needs.
func (*rig) User(_ context.Context, u token.User) (token.Issued, error) {
	return token.Issued{Token: "token of " + u.Ref, Expires: time.Now().Add(time.Hour)}, nil
}
func (*rig) SetOwnership(context.Context, string, []string) error { return nil }
func (g *rig) Resolve(_ context.Context, a signin.Account) (signin.User, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accounts = append(g.accounts, a)
	return signin.User{Ref: "user:default/" + a.Username}, g.refuse
}

func (*rig) OwnershipOf(_ context.Context, ref string) ([]string, error) { return []string{ref}, nil }

func (g *rig) Record(_ context.Context, e audit.Event) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, e)
	return nil
}
func (g *rig) Note(ctx context.Context, e audit.Event) { _ = g.Record(ctx, e) }
func (*rig) Begin(ctx context.Context, _ audit.Event) (context.Context, func(error) error) {
	return ctx, func(err error) error { return err }
}

func (g *rig) account() signin.Account {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.accounts) == 0 {
		g.t.Fatal("nobody was resolved")
	}
	return g.accounts[len(g.accounts)-1]
}

// mux adapts httpx to plugin.Router.
type mux struct{ *httpx.Mux }

func (m mux) Handle(pattern string, _ plugin.Access, h func(http.ResponseWriter, *http.Request) error) {
	m.Mux.Handle(pattern, httpx.AllowAnonymous, h)
}

// newRig serves a portal whose provider id has the kind and the configuration.
// edit may change the configuration once the portal's address is known.
func newRig(t *testing.T, id, kind string, transport http.RoundTripper, edit func(base string, c *oauth.Config)) *rig {
	t.Helper()
	g := &rig{t: t}
	m := httpx.NewMux("auth", "/api/auth", httpx.Guard{})
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	g.url = server.URL
	origins, err := oauth.NewOrigins("https://portal.example", g.url, "https://*.preview.example", "*", "https://*", "http{,s}://**")
	if err != nil {
		t.Fatal(err)
	}
	cfg := oauth.Config{ClientID: clientID, ClientSecret: secret.New(clientSecret)}
	edit(g.url, &cfg)
	p, err := oauth.New(oauth.Deps{
		BaseURL: g.url, Origins: origins, Clock: g.now, Logger: slog.New(slog.NewTextHandler(&leaks{t: t}, nil)), Transport: transport,
	}, id, kind, map[string]oauth.Config{"test": cfg})
	if err != nil {
		t.Fatal(err)
	}
	routes := &rest.REST{
		SignIn: &signin.Service{Issuer: g, Store: g, Clock: g.now, Resolver: func() signin.Resolver { return g }, Audit: g},
		Provider: func(asked string) (signin.Provider, bool) {
			return p, asked == id
		},
		BaseURL: func() string { return g.url },
	}
	routes.Register(mux{m})
	g.newBrowser()
	return g
}

// leaks fails the test when a log line has a secret in it.
type leaks struct{ t *testing.T }

func (l *leaks) Write(line []byte) (int, error) {
	for _, s := range []string{clientSecret, url.QueryEscape(clientSecret), "at-", "rt-", "code-"} {
		if strings.Contains(string(line), s) {
			l.t.Errorf("the log tells a secret: %s", line)
		}
	}
	return len(line), nil
}

func (g *rig) newBrowser() {
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	g.jar = jar
	g.browser = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

func (a answer) location() *url.URL {
	u, _ := a.Location()
	return u
}

func (g *rig) do(method, address string, header http.Header) answer {
	g.t.Helper()
	if !strings.HasPrefix(address, "http") {
		address = g.url + "/api/auth" + address
	}
	req, err := http.NewRequestWithContext(g.t.Context(), method, address, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := g.browser.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return answer{resp, string(body)}
}

func (g *rig) get(address string) answer { return g.do(http.MethodGet, address, nil) }

var xhr = http.Header{"X-Requested-With": {"XMLHttpRequest"}}

// start begins a sign-in and returns where the browser is sent.
func (g *rig) start(id, query string) *url.URL {
	g.t.Helper()
	a := g.get("/" + id + "/start?env=test" + query)
	if a.StatusCode != http.StatusFound {
		g.t.Fatalf("start: %d %s", a.StatusCode, a.body)
	}
	return a.location()
}

// message is what the page posts.
type message struct {
	TargetOrigin string
	Message      struct {
		Type     string
		Response *signin.Session
		Error    *struct{ Name, Message string }
	}
}

// posted reads what the frame page would post to its opener.
func (a answer) posted(t *testing.T) message {
	t.Helper()
	_, rest, ok := strings.Cut(a.body, `<script type="application/json" id="answer">`)
	raw, _, closed := strings.Cut(rest, "</script>")
	var m message
	if !ok || !closed || json.Unmarshal([]byte(raw), &m) != nil {
		t.Fatalf("%d: no page that posts: %s", a.StatusCode, a.body)
	}
	return m
}

// failed returns the error that the page posts.
func (a answer) failed(t *testing.T) string {
	t.Helper()
	m := a.posted(t)
	if m.Message.Error == nil {
		t.Fatalf("the sign-in went well: %+v", m.Message.Response)
	}
	if !strings.Contains(html.UnescapeString(a.body), "<p role=\"status\">"+m.Message.Error.Message+"</p>") {
		t.Errorf("people cannot read %q on the page: %s", m.Message.Error.Message, a.body)
	}
	return m.Message.Error.Name + ": " + m.Message.Error.Message
}

// stateOf decodes the state of an address.
func stateOf(t *testing.T, u *url.URL) url.Values {
	t.Helper()
	raw, err := hex.DecodeString(u.Query().Get("state"))
	if err != nil {
		t.Fatal(err)
	}
	q, err := url.ParseQuery(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// idp is an OpenID provider that can be switched off.
type idp struct {
	*issuer.Issuer
	url  string
	mu   sync.Mutex
	down bool
}

func (i *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	down := i.down
	i.mu.Unlock()
	if down {
		http.Error(w, "secret inside of the outage page: "+clientSecret, http.StatusBadGateway)
		return
	}
	i.Issuer.ServeHTTP(w, r)
}

func (i *idp) off(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// idpKey is the first signing key of all identity providers: making one takes
// longer than most tests.
var idpKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// newOIDC is a portal that signs in with a real OpenID provider.
func newOIDC(t *testing.T, edit func(*oauth.Config)) (*rig, *idp) {
	t.Helper()
	i := &idp{}
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	i.url = server.URL
	g := newRig(t, "oidc", "oidc", nil, func(base string, c *oauth.Config) {
		var err error
		i.Issuer, err = issuer.New(server.URL, issuer.Options{
			Key: idpKey(), ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{base + "/api/auth/oidc/handler/frame"},
			Users: []issuer.User{
				{Username: "jo", Password: "pw", Email: "jo@example.com", Name: "Jo", Sub: "sub-1"},
				{Username: "ed", Password: "pw", Email: "ed@example.com", Name: "Ed", Sub: "sub-2", Unverified: true},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		c.MetadataURL = server.URL + "/.well-known/openid-configuration"
		c.AdditionalScopes = oauth.Scopes{"offline_access"}
		if edit != nil {
			edit(c)
		}
	})
	return g, i
}

// logIn fills the form of the OpenID provider and returns the address of the
// frame that the browser is sent to.
func (g *rig) logIn(at *url.URL, user, do string) string {
	g.t.Helper()
	form := g.do(http.MethodGet, at.String(), nil)
	if form.StatusCode != http.StatusFound {
		g.t.Fatalf("authorize: %d %s", form.StatusCode, form.body)
	}
	login := form.location()
	resp, err := g.browser.PostForm(at.Scheme+"://"+at.Host+"/login", url.Values{"id": {login.Query().Get("id")}, "username": {user}, "password": {"pw"}, "do": {do}})
	if err != nil {
		g.t.Fatal(err)
	}
	resp.Body.Close()
	next, err := resp.Location()
	if err != nil {
		g.t.Fatalf("login: %d, %v", resp.StatusCode, err)
	}
	if !strings.HasPrefix(next.String(), g.url) {
		back := g.get(next.String())
		next = back.location()
	}
	if next == nil {
		g.t.Fatal("the OpenID provider leads nowhere")
	}
	return next.String()
}

// signIn does the whole dance.
func (g *rig) signIn(query string) answer {
	g.t.Helper()
	return g.get(g.logIn(g.start("oidc", query), "jo", "allow"))
}

func (g *rig) cookie(name string) string {
	u, err := url.Parse(g.url + "/api/auth/oidc/handler/frame")
	if err != nil {
		g.t.Fatal(err)
	}
	for _, c := range g.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

var errNobody = fault.New(fault.Forbidden, "nobody is called so")

var errPlain = errors.New("a detail that is not for people")
