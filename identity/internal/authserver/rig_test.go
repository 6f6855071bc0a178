package authserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity/internal/authserver"
	"github.com/stagedoor/stagedoor/identity/internal/store"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

const (
	guest    = "user:default/guest" // whom the token "guest" speaks for
	callback = "http://127.0.0.1:4711/callback"
	verifier = "a-verifier-that-is-long-enough-for-the-rules-of-pkce"
)

// rig is an authorization server behind HTTP, on a clock that the test moves.
type rig struct {
	t      *testing.T
	base   string
	host   *plugintest.Host
	tokens *plugintest.Tokens
	server *authserver.Server
	store  *store.Store

	mu      sync.Mutex
	now     time.Time
	events  []audit.Event
	catalog map[string][]string // the users that the catalog knows, with their ownership
	issued  int
}

type rigOptions struct {
	config map[string]any // merged over the addresses
	guard  fetch.Guard
}

func newRig(t *testing.T, d *db.DB, o rigOptions) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Unix(1_800_000_000, 0).UTC(), catalog: map[string][]string{}, tokens: &plugintest.Tokens{}}
	var handler http.Handler
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { handler.ServeHTTP(w, req) }))
	t.Cleanup(srv.Close)
	r.base = srv.URL
	r.store = store.New(d, r.clock)
	r.host = plugintest.New(t, &rigPlugin{r, o.guard}, plugintest.Options{Config: r.configuration(o.config), Tokens: r.tokens, Clock: r.clock})
	handler = r.host
	return r
}

// configuration puts the addresses beside what the test says.
func (r *rig) configuration(values map[string]any) map[string]any {
	merged := map[string]any{"backend": map[string]any{"baseUrl": r.base}, "app": map[string]any{"baseUrl": "https://portal.example.com/ui/"}}
	for k, v := range values {
		merged[k] = v
	}
	return merged
}

// rigPlugin is the capability as far as it is needed here.
type rigPlugin struct {
	r     *rig
	guard fetch.Guard
}

func (*rigPlugin) ID() string { return "auth" }

func (p *rigPlugin) Init(_ context.Context, h *plugin.Host) error {
	r := p.r
	r.server = authserver.New(authserver.Deps{
		Store: r.store, Issuer: r, Verify: r.Verify, OwnershipOf: r.OwnershipOf, InCatalog: r.InCatalog,
		Clock: r.clock, NewID: uuid.NewString, Audit: r, Logger: slog.New(slog.DiscardHandler), Guard: p.guard,
	})
	configure := func() error {
		settings, err := authserver.ReadSettings(h.Config)
		if err == nil {
			r.server.Configure(settings)
		}
		return err
	}
	h.Config.Subscribe(func() {
		if err := configure(); err != nil {
			r.t.Error(err)
		}
	})
	r.server.RegisterRoutes(h.HTTP)
	return configure()
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// User implements authserver.Issuer with tokens that say who they are for.
func (r *rig) User(_ context.Context, u token.User) (token.Issued, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.issued++
	text := fmt.Sprintf("token-%d-of-%s-with-%s", r.issued, u.Ref, strings.Join(u.Ownership, ","))
	if u.Nonce != "" {
		text += "-nonce-" + u.Nonce
	}
	if u.Client == "" {
		r.t.Errorf("%s is for no client", text)
	}
	return token.Issued{Token: text, Expires: r.now.Add(time.Hour)}, nil
}

// Verify knows no token that has the form of one.
func (*rig) Verify(context.Context, string) error {
	return fault.New(fault.Unauthenticated, "Illegal token")
}

func (r *rig) OwnershipOf(_ context.Context, ref string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{ref}, r.catalog[ref]...), nil
}

func (r *rig) InCatalog(_ context.Context, ref string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.catalog[ref]
	return ok, nil
}

// Record implements audit.Log.
func (r *rig) Record(_ context.Context, e audit.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	return nil
}

// Note implements audit.Log.
func (r *rig) Note(ctx context.Context, e audit.Event) { _ = r.Record(ctx, e) }

// Begin implements audit.Log.
func (r *rig) Begin(ctx context.Context, e audit.Event) (context.Context, func(error) error) {
	return ctx, func(err error) error {
		if e.Status = audit.Succeeded; err != nil {
			e.Status = audit.Failed
		}
		return errors.Join(err, r.Record(ctx, e))
	}
}

// story lists the names and outcomes of the audit events so far.
func (r *rig) story() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		names = append(names, e.Name+" "+string(e.Status))
	}
	return names
}

// answer is what an HTTP request gave.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// field returns a text of the JSON answer.
func (a answer) field(name string) string {
	var object map[string]any
	_ = json.Unmarshal(a.body, &object)
	text, _ := object[name].(string)
	return text
}

// send makes a request without following redirects.
func (r *rig) send(method, path, bearer, contentType, body string) answer {
	r.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = r.base + "/api/auth" + path
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	switch {
	case strings.HasPrefix(bearer, "Basic "):
		req.Header.Set("Authorization", bearer)
	case bearer != "":
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, raw}
}

func (r *rig) get(path string) answer { return r.send(http.MethodGet, path, "", "", "") }

func (r *rig) form(path string, values url.Values) answer {
	return r.send(http.MethodPost, path, "", "application/x-www-form-urlencoded", values.Encode())
}

func (r *rig) json(path, bearer string, body any) answer {
	raw, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.send(http.MethodPost, path, bearer, "application/json", string(raw))
}

func (r *rig) cliID() string { return r.base + "/api/auth/.well-known/oauth-client/cli.json" }

// request is a request for authorization of the portal's own command line,
// with some parameters replaced; an empty value leaves one out.
func (r *rig) request(replace ...string) url.Values {
	values := url.Values{
		"client_id": {r.cliID()}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid offline_access"},
		"state": {"st&te"}, "code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"},
	}
	for pair := range slices.Chunk(replace, 2) {
		if values.Set(pair[0], pair[1]); pair[1] == "" {
			values.Del(pair[0])
		}
	}
	return values
}

// session sends the browser and returns the id of the session it is given.
func (r *rig) session(replace ...string) string {
	r.t.Helper()
	a := r.get("/v1/authorize?" + r.request(replace...).Encode())
	id, ok := strings.CutPrefix(a.header.Get("Location"), "https://portal.example.com/ui/oauth2/authorize/")
	if a.status != http.StatusFound || !ok {
		r.t.Fatalf("authorize: status %d, to %q: %s", a.status, a.header.Get("Location"), a.body)
	}
	return id
}

// code approves as the guest and returns the parameters that the client gets.
func (r *rig) code(session string) url.Values {
	r.t.Helper()
	a := r.json("/v1/sessions/"+session+"/approve", "guest", nil)
	u, err := url.Parse(a.field("redirectUrl"))
	if err != nil || a.status != http.StatusOK {
		r.t.Fatalf("approve: status %d: %s", a.status, a.body)
	}
	return u.Query()
}

// exchange is the form that redeems a code, with some parameters replaced.
func exchange(code string, replace ...string) url.Values {
	values := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	for pair := range slices.Chunk(replace, 2) {
		if values.Set(pair[0], pair[1]); pair[1] == "" {
			values.Del(pair[0])
		}
	}
	return values
}

// signIn goes through the whole flow and returns the refresh token.
func (r *rig) signIn(replace ...string) string {
	r.t.Helper()
	a := r.form("/v1/token", exchange(r.code(r.session(replace...)).Get("code")))
	if a.status != http.StatusOK || a.field("refresh_token") == "" {
		r.t.Fatalf("exchange: status %d: %s", a.status, a.body)
	}
	return a.field("refresh_token")
}

func (r *rig) renew(refresh string, more ...string) answer {
	r.t.Helper()
	values := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
	for pair := range slices.Chunk(more, 2) {
		values.Set(pair[0], pair[1])
	}
	return r.form("/v1/token", values)
}
