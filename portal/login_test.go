package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// peerBackstage answers as a Backstage does: the token endpoint reads JSON
// alone, and nothing is said of the issuer when the code is handed out.
type peerBackstage struct {
	*httptest.Server
	mu       sync.Mutex
	calls    []string
	answers  map[string]func(body map[string]string) (int, any) // by path, in place of the good ones
	register bool                                               // has no metadata document, but registers clients
}

func newPeerBackstage(t *testing.T) *peerBackstage {
	t.Helper()
	b := &peerBackstage{answers: map[string]func(map[string]string) (int, any){}}
	b.Server = httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(b.Close)
	return b
}

func (b *peerBackstage) serve(w http.ResponseWriter, r *http.Request) {
	body := map[string]string{}
	raw, _ := io.ReadAll(r.Body)
	if len(raw) > 0 {
		var object map[string]any
		if json.Unmarshal(raw, &object) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for k, v := range object {
			body[k], _ = v.(string)
		}
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/auth")
	b.mu.Lock()
	b.calls = append(b.calls, strings.TrimSpace(path+" "+body["grant_type"]+body["token_type_hint"]))
	special := b.answers[path]
	b.mu.Unlock()
	status, answer := b.answer(path, r, body)
	if special != nil {
		status, answer = special(body)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

func (b *peerBackstage) answer(path string, r *http.Request, body map[string]string) (int, any) {
	tokens := func(access, refresh string) (int, any) {
		return http.StatusOK, map[string]any{"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 3600}
	}
	switch {
	case path == "/.well-known/openid-configuration":
		doc := map[string]any{"issuer": b.URL + "/api/auth", "authorization_endpoint": b.URL + "/api/auth/v1/authorize", "token_endpoint": b.URL + "/api/auth/v1/token"}
		if b.register {
			doc["registration_endpoint"] = b.URL + "/api/auth/v1/register"
		}
		return http.StatusOK, doc
	case path == "/.well-known/oauth-client/cli.json" && !b.register:
		return http.StatusOK, map[string]any{"client_id": b.URL + "/cli.json"}
	case path == "/v1/register" && b.register:
		return http.StatusCreated, map[string]any{"client_id": "registered", "client_secret": "s3cret"}
	case path == "/v1/token" && body["grant_type"] == "authorization_code" && body["code"] == "the-code" && len(body["code_verifier"]) == 43:
		return tokens("access-1", "refresh-1")
	case path == "/v1/token" && body["refresh_token"] == "refresh-1":
		return tokens("access-2", "refresh-2")
	case path == "/v1/revoke":
		return http.StatusOK, nil
	case path == "/v1/userinfo" && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer access-"):
		return http.StatusOK, map[string]any{"claims": map[string]any{"sub": "user:default/jane", "ent": []string{"user:default/jane", "group:default/team"}}}
	}
	return http.StatusNotFound, map[string]any{"error": map[string]any{"name": "NotFoundError", "message": "no"}}
}

// terminal is an environment whose browser is a function.
type terminal struct {
	env      *environment
	out, err bytes.Buffer
	now      time.Time
	dir      string
}

func newTerminal(t *testing.T, browser func(redirect *url.URL, state string)) *terminal {
	t.Helper()
	x := &terminal{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), dir: t.TempDir()}
	x.env = &environment{
		Stdout: &x.out, Stderr: &x.err, Clock: func() time.Time { return x.now },
		ConfigDir: func() (string, error) { return x.dir, nil },
		OpenURL: func(_ context.Context, address string) error {
			u, err := url.Parse(address)
			if err != nil {
				return err
			}
			redirect, err := url.Parse(u.Query().Get("redirect_uri"))
			if err != nil {
				return err
			}
			go browser(redirect, u.Query().Get("state"))
			return nil
		},
	}
	return x
}

// run runs a command of the real command line.
func (x *terminal) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	x.out.Reset()
	x.err.Reset()
	x.env.Args = args
	code = x.env.main(t.Context())
	return code, x.out.String(), x.err.String()
}

// bring makes the browser bring these parameters to the command line.
func bring(t *testing.T, redirect *url.URL, params ...string) (int, string) {
	query := url.Values{}
	for i := 0; i < len(params); i += 2 {
		query.Set(params[i], params[i+1])
	}
	u := *redirect
	u.RawQuery = query.Encode()
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	res, err := client.Get(u.String())
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return res.StatusCode, string(raw)
}

func approving(t *testing.T) func(*url.URL, string) {
	return func(redirect *url.URL, state string) { bring(t, redirect, "code", "the-code", "state", state) }
}

func TestLogin_AtABackstage(t *testing.T) {
	t.Parallel()
	b := newPeerBackstage(t)
	x := newTerminal(t, approving(t))
	code, out, errs := x.run(t, "login", "--portal", b.URL+"/", "--name", "prod")
	if code != exitOK || !strings.Contains(out, "Signed in to prod as user:default/jane.") {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	raw, err := os.ReadFile(filepath.Join(x.dir, "stagedoor", "credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	var stored accountList
	if err := json.Unmarshal(raw, &stored); err != nil {
		t.Fatal(err)
	}
	want := accountList{Current: "prod", Portals: []account{{
		Name: "prod", URL: b.URL, User: "user:default/jane", ClientID: b.URL + "/cli.json",
		TokenURL: b.URL + "/api/auth/v1/token", RevokeURL: b.URL + "/api/auth/v1/revoke", UserInfoURL: b.URL + "/api/auth/v1/userinfo",
		AccessToken: "access-1", RefreshToken: "refresh-1", Expires: x.now.Add(time.Hour),
	}}}
	if diff := cmp.Diff(want, stored); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}

	if _, out, _ := x.run(t, "token"); out != "access-1\n" {
		t.Errorf("token printed %q", out)
	}
	x.now = x.now.Add(59 * time.Minute)
	if code, out, errs := x.run(t, "token", "--portal", b.URL); out != "access-2\n" {
		t.Errorf("an hour later: exit code %d, %q, %s", code, out, errs)
	}
	if _, out, _ := x.run(t, "whoami", "--name", "prod", "--json"); !strings.Contains(out, `"group:default/team"`) || !strings.Contains(out, `"renewable": true`) {
		t.Errorf("whoami: %s", out)
	}
	if code, out, _ := x.run(t, "logout"); code != exitOK || out != "Signed out of prod.\n" {
		t.Errorf("logout: exit code %d, %s", code, out)
	}
	if code, _, errs := x.run(t, "token"); code != exitFailed || !strings.Contains(errs, "you are not signed in") {
		t.Errorf("after the logout: exit code %d, %s", code, errs)
	}
	wantCalls := []string{
		"/.well-known/openid-configuration", "/.well-known/oauth-client/cli.json", "/v1/token authorization_code", "/v1/userinfo",
		"/v1/token refresh_token", "/v1/userinfo", "/v1/revoke refresh_token",
	}
	if diff := cmp.Diff(wantCalls, b.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestLogin_RegistersWhereNothingDescribesIt(t *testing.T) {
	t.Parallel()
	b := newPeerBackstage(t)
	b.register = true
	b.answers["/v1/token"] = func(body map[string]string) (int, any) {
		if body["client_id"] != "registered" || body["client_secret"] != "s3cret" {
			return http.StatusUnauthorized, map[string]string{"error": "invalid_client"}
		}
		return http.StatusOK, map[string]any{"access_token": "access-1", "expires_in": 600}
	}
	x := newTerminal(t, approving(t))
	if code, out, errs := x.run(t, "login", "--portal", b.URL); code != exitOK || !strings.Contains(errs, "gave no refresh token") {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	x.now = x.now.Add(time.Hour)
	if code, _, errs := x.run(t, "token"); code != exitFailed || !strings.Contains(errs, "has ended (the token expired): run stagedoor login --portal "+b.URL) {
		t.Errorf("after the token expired: exit code %d, %s", code, errs)
	}
}

func TestLogin_TrustsOnlyTheAnswerItWaitsFor(t *testing.T) {
	t.Parallel()
	b := newPeerBackstage(t)
	for name, tc := range map[string]struct {
		browser func(redirect *url.URL, state string)
		want    string // of the standard error, or nothing for success
	}{
		"others knock first": {func(redirect *url.URL, state string) {
			for _, params := range [][]string{{"code", "evil", "state", "guessed"}, {"code", "evil"}, {"error", "access_denied"}, {}} {
				if status, _ := bring(t, redirect, params...); status != http.StatusBadRequest {
					t.Errorf("%v was taken: status %d", params, status)
				}
			}
			other := *redirect
			other.Path = "/other"
			if status, _ := bring(t, &other, "code", "evil", "state", state); status != http.StatusNotFound {
				t.Errorf("another path was taken: status %d", status)
			}
			if status, text := bring(t, redirect, "code", "the-code", "state", state); status != http.StatusOK || !strings.Contains(text, "You are signed in") {
				t.Errorf("the browser is told %d %s", status, text)
			}
		}, ""},
		"the right issuer": {func(redirect *url.URL, state string) {
			bring(t, redirect, "code", "the-code", "state", state, "iss", b.URL+"/api/auth")
		}, ""},
		"another issuer": {func(redirect *url.URL, state string) {
			bring(t, redirect, "code", "the-code", "state", state, "iss", "https://evil.example")
		}, "the answer came from https://evil.example"},
		"a refusal": {func(redirect *url.URL, state string) {
			if _, text := bring(t, redirect, "error", "access_denied", "error_description", "User denied the request", "state", state); !strings.Contains(text, "not signed in") {
				t.Errorf("the browser is told %s", text)
			}
		}, "the portal refused: User denied the request (access_denied)"},
		"nothing at all": {func(redirect *url.URL, state string) { bring(t, redirect, "state", state) }, "neither a code nor an error"},
		"a wrong code":   {func(redirect *url.URL, state string) { bring(t, redirect, "code", "wrong", "state", state) }, "status 404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := make(chan struct{})
			x := newTerminal(t, func(redirect *url.URL, state string) {
				defer close(done)
				tc.browser(redirect, state)
			})
			code, out, errs := x.run(t, "login", "--portal", b.URL)
			<-done
			if (code == exitOK) != (tc.want == "") || !strings.Contains(errs, tc.want) {
				t.Errorf("exit code %d\n%s%s", code, out, errs)
			}
			if _, err := os.Stat(filepath.Join(x.dir, "stagedoor", "credentials.json")); (err == nil) != (tc.want == "") {
				t.Errorf("credentials: %v", err)
			}
		})
	}
}

func TestLogin_SaysWhatIsWrongWithThePortal(t *testing.T) {
	t.Parallel()
	say := func(status int, v any) func(map[string]string) (int, any) {
		return func(map[string]string) (int, any) { return status, v }
	}
	for name, tc := range map[string]struct {
		path   string
		answer func(map[string]string) (int, any)
		want   string
	}{
		"no configuration":           {"/.well-known/openid-configuration", say(404, nil), "is no portal"},
		"a configuration of nothing": {"/.well-known/openid-configuration", say(200, map[string]string{}), "is no portal"},
		"a list":                     {"/.well-known/openid-configuration", say(200, []string{}), "not the JSON expected"},
		"an address to run":          {"/.well-known/openid-configuration", say(200, map[string]string{"issuer": "x", "authorization_endpoint": "file:///bin/sh"}), "an address that cannot be used"},
		"no command lines":           {"/.well-known/oauth-client/cli.json", say(404, nil), "lets no command line sign in"},
		"no token":                   {"/v1/token", say(200, map[string]string{}), "the portal gave no token"},
		"a refusal":                  {"/v1/token", say(400, map[string]string{"error": "invalid_grant", "error_description": "Invalid code verifier"}), "Invalid code verifier (invalid_grant)"},
		"nobody":                     {"/v1/userinfo", say(401, nil), "does not accept the token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newPeerBackstage(t)
			b.answers[tc.path] = tc.answer
			x := newTerminal(t, approving(t))
			if code, out, errs := x.run(t, "login", "--portal", b.URL); code != exitFailed || !strings.Contains(errs, tc.want) {
				t.Errorf("exit code %d\n%s%s\nwant %s", code, out, errs, tc.want)
			}
		})
	}
	x := newTerminal(t, approving(t))
	for _, address := range []string{"portal", "ftp://portal", "http://", "http://u:p@portal", "https://portal/?x"} {
		if code, _, errs := x.run(t, "login", "--portal", address); code != exitFailed || !strings.Contains(errs, "--portal: ") {
			t.Errorf("%s: exit code %d, %s", address, code, errs)
		}
	}
	if code, _, errs := x.run(t, "login"); code != exitFailed || !strings.Contains(errs, "name the portal") {
		t.Errorf("no portal: exit code %d, %s", code, errs)
	}
}

func TestToken_TellsAnEndFromAnOutage(t *testing.T) {
	t.Parallel()
	b := newPeerBackstage(t)
	x := newTerminal(t, approving(t))
	if code, _, errs := x.run(t, "login", "--portal", b.URL); code != exitOK {
		t.Fatal(errs)
	}
	x.now = x.now.Add(2 * time.Hour)
	b.answers["/v1/token"] = func(map[string]string) (int, any) { return http.StatusBadGateway, nil }
	if code, _, errs := x.run(t, "token"); code != exitFailed || strings.Contains(errs, "has ended") {
		t.Errorf("an outage: exit code %d, %s", code, errs)
	}
	delete(b.answers, "/v1/token")
	if _, out, errs := x.run(t, "token"); out != "access-2\n" {
		t.Errorf("after the outage: %s%s", out, errs)
	}
	x.now = x.now.Add(2 * time.Hour)
	b.answers["/v1/token"] = func(map[string]string) (int, any) { return 400, map[string]string{"error": "invalid_grant"} }
	if code, _, errs := x.run(t, "token"); code != exitFailed || !strings.Contains(errs, "has ended (invalid_grant)") {
		t.Errorf("an end: exit code %d, %s", code, errs)
	}
	// Signing out works without the portal, too.
	b.Close()
	if code, out, errs := x.run(t, "logout", "--all"); code != exitOK || !strings.Contains(out, "Signed out of") || !strings.Contains(errs, "was not told") {
		t.Errorf("logout: exit code %d\n%s%s", code, out, errs)
	}
}

// Many processes ask at once; the refresh token may be used only once.
func TestToken_IsRenewedByOneProcessAtATime(t *testing.T) {
	t.Parallel()
	b := newPeerBackstage(t)
	x := newTerminal(t, approving(t))
	if code, _, errs := x.run(t, "login", "--portal", b.URL); code != exitOK {
		t.Fatal(errs)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var out, errs bytes.Buffer
			env := &environment{
				Stdout: &out, Stderr: &errs, Args: []string{"token"}, ConfigDir: x.env.ConfigDir,
				Clock: func() time.Time { return x.now.Add(59 * time.Minute) },
			}
			if code := env.main(t.Context()); code != exitOK || out.String() != "access-2\n" {
				t.Errorf("exit code %d, %s%s", code, out.String(), errs.String())
			}
		})
	}
	wg.Wait()
}

func TestAccounts_SurviveWhatGoesWrong(t *testing.T) {
	t.Parallel()
	store := newAccountStore(t.TempDir())
	if err := store.change(func(l *accountList) error { l.put(account{Name: "a"}); l.put(account{Name: "b"}); return nil }); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no")
	if err := store.change(func(l *accountList) error { l.remove("a"); return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if l, err := store.read(); err != nil || len(l.Portals) != 2 || l.Current != "b" {
		t.Errorf("a change that failed left %+v, %v", l, err)
	}
	if err := store.change(func(l *accountList) error { l.remove("b"); return nil }); err != nil {
		t.Fatal(err)
	}
	if l, err := store.read(); err != nil || l.Current != "a" {
		t.Errorf("after the current one is gone: %+v, %v", l, err)
	}
	if err := os.WriteFile(store.file(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.read(); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a damaged file: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(store.dir, ".credentials-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
}
