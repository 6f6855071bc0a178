package authserver_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

// Until the redirect URI is known to be the client's, nobody is sent there.
func TestAuthorize_TellsTheBrowserWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{})
	for name, tc := range map[string]struct {
		replace []string
		code    string
	}{
		"no client":                      {[]string{"client_id", ""}, "invalid_request"},
		"no redirect URI":                {[]string{"redirect_uri", ""}, "invalid_request"},
		"no response type":               {[]string{"response_type", ""}, "invalid_request"},
		"an unknown client":              {[]string{"client_id", "who"}, "invalid_client"},
		"a URL nobody admitted":          {[]string{"client_id", "https://claude.ai/client.json"}, "invalid_client"},
		"another path":                   {[]string{"redirect_uri", "http://127.0.0.1:4711/elsewhere"}, "invalid_request"},
		"another host":                   {[]string{"redirect_uri", "https://evil.example/callback"}, "invalid_request"},
		"another loopback scheme":        {[]string{"redirect_uri", "https://127.0.0.1:4711/callback"}, "invalid_request"},
		"a host that looks like home":    {[]string{"redirect_uri", "http://127.0.0.1.evil.example/callback"}, "invalid_request"},
		"credentials":                    {[]string{"redirect_uri", "http://me:pw@127.0.0.1:4711/callback"}, "invalid_request"},
		"a host hidden in credentials":   {[]string{"redirect_uri", "http://127.0.0.1:80@evil.example/callback"}, "invalid_request"},
		"a backslash":                    {[]string{"redirect_uri", `http://127.0.0.1\@evil.example/callback`}, "invalid_request"},
		"a fragment":                     {[]string{"redirect_uri", callback + "#x"}, "invalid_request"},
		"an empty fragment":              {[]string{"redirect_uri", callback + "#"}, "invalid_request"},
		"another query":                  {[]string{"redirect_uri", callback + "?x=1"}, "invalid_request"},
		"a script":                       {[]string{"redirect_uri", "javascript:alert(1)"}, "invalid_request"},
		"a relative one":                 {[]string{"redirect_uri", "/callback"}, "invalid_request"},
		"one without scheme":             {[]string{"redirect_uri", "//127.0.0.1/callback"}, "invalid_request"},
		"one with a line break":          {[]string{"redirect_uri", "http://127.0.0.1:1/callback\r\nX: y"}, "invalid_request"},
		"a very long one":                {[]string{"redirect_uri", callback + strings.Repeat("x", 3000)}, "invalid_request"},
		"what is no URL":                 {[]string{"redirect_uri", "http://[::1"}, "invalid_request"},
		"a client id that is a NUL byte": {[]string{"client_id", "\x00"}, "invalid_client"},
	} {
		a := r.get("/v1/authorize?" + r.request(tc.replace...).Encode())
		if a.status != http.StatusBadRequest || a.field("error") != tc.code || a.field("error_description") == "" || a.header.Get("Location") != "" {
			t.Errorf("%s: status %d, to %q: %s, want %s", name, a.status, a.header.Get("Location"), a.body, tc.code)
		}
	}
	for name, query := range map[string]string{
		"a parameter twice":    r.request().Encode() + "&redirect_uri=https%3A%2F%2Fevil.example",
		"a query that is none": "client_id=%zz",
	} {
		if a := r.get("/v1/authorize?" + query); a.status != http.StatusBadRequest || a.field("error") != "invalid_request" {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		}
	}
}

// What is wrong with the rest of the request, the client is told.
func TestAuthorize_TellsTheClientWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{})
	for name, tc := range map[string]struct {
		replace []string
		code    string
	}{
		"the implicit flow":              {[]string{"response_type", "token"}, "unsupported_response_type"},
		"no PKCE":                        {[]string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		"a method without a challenge":   {[]string{"code_challenge", ""}, "invalid_request"},
		"no method":                      {[]string{"code_challenge_method", ""}, "invalid_request"},
		"the plain method":               {[]string{"code_challenge_method", "plain"}, "invalid_request"},
		"an unknown method":              {[]string{"code_challenge_method", "S512"}, "invalid_request"},
		"a challenge that is too short":  {[]string{"code_challenge", "short"}, "invalid_request"},
		"a challenge with odd letters":   {[]string{"code_challenge", strings.Repeat("ä", 43)}, "invalid_request"},
		"a state that is too long":       {[]string{"nonce", strings.Repeat("x", 5000)}, "invalid_request"},
		"somebody else's resource":       {[]string{"resource", "https://other.example/"}, "invalid_target"},
		"a resource that looks like us":  {[]string{"resource", r.base + ".evil.example"}, "invalid_target"},
		"a resource with a fragment":     {[]string{"resource", r.base + "/#x"}, "invalid_target"},
		"a resource that is no address":  {[]string{"resource", "portal"}, "invalid_target"},
		"a resource that is not written": {[]string{"resource", " "}, "invalid_target"},
	} {
		a := r.get("/v1/authorize?" + r.request(tc.replace...).Encode())
		u, err := url.Parse(a.header.Get("Location"))
		if err != nil || a.status != http.StatusFound || !strings.HasPrefix(u.String(), callback+"?") {
			t.Errorf("%s: status %d, to %q: %s", name, a.status, a.header.Get("Location"), a.body)
			continue
		}
		q := u.Query()
		if q.Get("error") != tc.code || q.Get("error_description") == "" || q.Get("state") != "st&te" || q.Get("iss") != r.base+"/api/auth" || q.Has("code") {
			t.Errorf("%s: %v, want %s", name, q, tc.code)
		}
	}
	for _, resource := range []string{r.base, r.base + "/api/mcp-actions/v1", "https://portal.example.com/ui"} {
		r.session("resource", resource)
	}
}

func TestConsent_TakesOneAnswerOfOneUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{})
	const other = "user:default/eve"
	r.tokens.Set("eve", identity.Principal{Kind: identity.User, Subject: other, Ownership: []string{other}})
	r.tokens.Set("limited", identity.Principal{Kind: identity.User, Subject: guest, Limited: true})
	r.tokens.Set("delegated", identity.Principal{Kind: identity.User, Subject: guest, Via: "scaffolder"})

	id := r.session()
	for _, bearer := range []string{"", "service", "limited", "delegated", "no-such-token"} {
		for _, answer := range []string{"approve", "reject"} {
			if a := r.json("/v1/sessions/"+id+"/"+answer, bearer, nil); a.status != http.StatusUnauthorized || a.field("error") != "unauthorized" {
				t.Errorf("%s by %q: status %d: %s", answer, bearer, a.status, a.body)
			}
		}
	}
	// What a client got cannot make more clients.
	own := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"user:default/guest","azp":"some-client"}`)) + ".c2ln"
	r.tokens.Set(own, identity.Principal{Kind: identity.User, Subject: guest})
	if a := r.json("/v1/sessions/"+id+"/approve", own, nil); a.status != http.StatusForbidden || a.field("error") != "access_denied" {
		t.Errorf("approve by a client: status %d: %s", a.status, a.body)
	}
	code := r.code(id).Get("code")
	for bearer, answer := range map[string]string{"eve": "approve", "guest": "reject"} {
		if a := r.json("/v1/sessions/"+id+"/"+answer, bearer, nil); a.status != http.StatusBadRequest || a.field("error") != "invalid_request" {
			t.Errorf("a second answer, %s: status %d: %s", answer, a.status, a.body)
		}
	}
	if a := r.get("/v1/sessions/" + id); a.status != http.StatusNotFound || a.field("error") != "not_found" {
		t.Errorf("the consent page of an answered session: status %d: %s", a.status, a.body)
	}
	if a := r.form("/v1/token", exchange(code)); !strings.Contains(a.field("access_token"), "-of-"+guest+"-") {
		t.Errorf("the token is not that of the user who approved: %s", a.body)
	}

	id = r.session()
	a := r.json("/v1/sessions/"+id+"/reject", "eve", nil)
	if want := callback + "?error=access_denied&error_description=User+denied+the+request&iss=" + url.QueryEscape(r.base+"/api/auth") + "&state=st%26te"; a.field("redirectUrl") != want {
		t.Errorf("rejected: status %d: %s\nwant %s", a.status, a.body, want)
	}
	if a := r.json("/v1/sessions/"+id+"/approve", "guest", nil); a.status != http.StatusBadRequest {
		t.Errorf("approved after the rejection: status %d: %s", a.status, a.body)
	}

	id = r.session()
	r.pass(10 * time.Minute)
	if a := r.json("/v1/sessions/"+id+"/approve", "guest", nil); a.status != http.StatusBadRequest || a.field("error_description") != "Authorization session expired" {
		t.Errorf("too late: status %d: %s", a.status, a.body)
	}
	if a := r.get("/v1/sessions/nobody"); a.status != http.StatusNotFound {
		t.Errorf("no session: status %d: %s", a.status, a.body)
	}
}

func TestToken_RefusesInTheWordsOfOAuth(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{})
	fresh := func() string { return r.code(r.session("resource", r.base+"/api/x")).Get("code") }
	late := fresh()
	r.pass(3 * time.Minute)
	refresh := r.signIn()
	for name, tc := range map[string]struct {
		form url.Values
		code string
	}{
		"nothing":                       {url.Values{}, "invalid_request"},
		"an unknown grant type":         {exchange(fresh(), "grant_type", "password"), "unsupported_grant_type"},
		"no code":                       {exchange(""), "invalid_request"},
		"no redirect URI":               {exchange(fresh(), "redirect_uri", ""), "invalid_request"},
		"no refresh token":              {url.Values{"grant_type": {"refresh_token"}}, "invalid_request"},
		"an invented code":              {exchange("invented"), "invalid_grant"},
		"a code that has expired":       {exchange(late), "invalid_grant"},
		"another redirect URI":          {exchange(fresh(), "redirect_uri", "http://127.0.0.1:4712/callback"), "invalid_grant"},
		"no verifier":                   {exchange(fresh(), "code_verifier", ""), "invalid_grant"},
		"the wrong verifier":            {exchange(fresh(), "code_verifier", verifier+"x"), "invalid_grant"},
		"the challenge as the verifier": {exchange(fresh(), "code_verifier", challenge(verifier)), "invalid_grant"},
		"another client":                {exchange(fresh(), "client_id", "other"), "invalid_grant"},
		"a secret of a public client":   {exchange(fresh(), "client_id", r.cliID(), "client_secret", "x"), "invalid_client"},
		"another resource":              {exchange(fresh(), "resource", r.base+"/api/y"), "invalid_target"},
		"a parameter twice":             {url.Values{"grant_type": {"authorization_code", "refresh_token"}}, "invalid_request"},
		"a scope that was not granted":  {url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "scope": {"admin"}}, "invalid_scope"},
		"a refresh token of another":    {url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {"other"}}, "invalid_grant"},
	} {
		a := r.form("/v1/token", tc.form)
		want := http.StatusBadRequest
		if tc.code == "invalid_client" {
			want = http.StatusUnauthorized
		}
		if a.status != want || a.field("error") != tc.code || a.field("error_description") == "" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: status %d: %s, want %s", name, a.status, a.body, tc.code)
		}
	}
	if a := r.form("/v1/token", exchange(r.code(r.session("nonce", "n-1")).Get("code"))); !strings.HasSuffix(a.field("id_token"), "-nonce-n-1") || strings.Contains(a.field("access_token"), "nonce") {
		t.Errorf("the nonce: status %d: %s", a.status, a.body)
	}
	// The right resource is fine, also when it is asked for again.
	if a := r.form("/v1/token", exchange(fresh(), "resource", r.base+"/api/x")); a.status != http.StatusOK {
		t.Errorf("the right resource: status %d: %s", a.status, a.body)
	}
}

func TestToken_SurvivesWhateverIsSent(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{config: map[string]any{"auth": map[string]any{
		"experimentalDynamicClientRegistration": map[string]any{"enabled": true},
	}}})
	const formType, jsonType = "application/x-www-form-urlencoded", "application/json"
	for name, tc := range map[string]struct {
		path, bearer, media, body string
		status                    int
		code                      string
	}{
		"no media type":                {"/v1/token", "", "", "grant_type=x", 400, "invalid_request"},
		"another media type":           {"/v1/token", "", "text/plain", "grant_type=x", 400, "invalid_request"},
		"a broken form":                {"/v1/token", "", formType, "a=%zz", 400, "invalid_request"},
		"a form with semicolons":       {"/v1/token", "", formType, "a=1;b=2", 400, "invalid_request"},
		"broken JSON":                  {"/v1/token", "", jsonType, "{", 400, "invalid_request"},
		"a JSON list":                  {"/v1/token", "", jsonType, "[]", 400, "invalid_request"},
		"JSON null":                    {"/v1/token", "", jsonType, "null", 400, "invalid_request"},
		"a number for a text":          {"/v1/token", "", jsonType, `{"grant_type":1}`, 400, "invalid_request"},
		"a list for a text":            {"/v1/token", "", jsonType, `{"grant_type":["a"]}`, 400, "invalid_request"},
		"a number in a list":           {"/v1/token", "", jsonType, `{"resource":[1]}`, 400, "invalid_request"},
		"too much":                     {"/v1/token", "", formType, "a=" + strings.Repeat("x", 70000), 413, "invalid_request"},
		"a header that is not encoded": {"/v1/token", basic("%zz:x"), formType, "grant_type=x", 401, "invalid_client"},
		"two ways to authenticate":     {"/v1/token", basic("a:b"), formType, "grant_type=x&client_id=a&client_secret=b", 400, "invalid_request"},
		"two client ids":               {"/v1/token", basic("a:b"), formType, "grant_type=x&client_id=c", 400, "invalid_request"},
		"a header that is no base64":   {"/v1/token", "Basic !!!", formType, "grant_type=x", 400, "unsupported_grant_type"},
		"revoke nothing":               {"/v1/revoke", "", formType, "", 400, "invalid_request"},
		"revoke a forged access token": {"/v1/revoke", "", formType, "token=a.b.c", 200, ""},
		"revoke nonsense":              {"/v1/revoke", "", formType, "token=%00", 200, ""},
		"register nothing":             {"/v1/register", "", jsonType, "{}", 400, "invalid_redirect_uri"},
		"register a form":              {"/v1/register", "", formType, "redirect_uris=x", 400, "invalid_client_metadata"},
		"register a list":              {"/v1/register", "", jsonType, "[]", 400, "invalid_client_metadata"},
		"register a text for a list":   {"/v1/register", "", jsonType, `{"redirect_uris":"http://localhost/"}`, 400, "invalid_client_metadata"},
		"register another host":        {"/v1/register", "", jsonType, `{"redirect_uris":["https://evil.example/"]}`, 400, "invalid_redirect_uri"},
		"register a script":            {"/v1/register", "", jsonType, `{"redirect_uris":["javascript:alert(1)"]}`, 400, "invalid_redirect_uri"},
		"register many":                {"/v1/register", "", jsonType, `{"redirect_uris":["http://localhost/"` + strings.Repeat(`,"http://localhost/"`, 20) + `]}`, 400, "invalid_redirect_uri"},
		"register a strange method":    {"/v1/register", "", jsonType, `{"redirect_uris":["http://localhost/"],"token_endpoint_auth_method":"tls"}`, 400, "invalid_client_metadata"},
		"register the implicit flow":   {"/v1/register", "", jsonType, `{"redirect_uris":["http://localhost/"],"response_types":["token"]}`, 400, "invalid_client_metadata"},
		"register another grant":       {"/v1/register", "", jsonType, `{"redirect_uris":["http://localhost/"],"grant_types":["password"]}`, 400, "invalid_client_metadata"},
		"register a very long name":    {"/v1/register", "", jsonType, `{"redirect_uris":["http://localhost/"],"client_name":"` + strings.Repeat("x", 5000) + `"}`, 400, "invalid_client_metadata"},
	} {
		a := r.send(http.MethodPost, tc.path, tc.bearer, tc.media, tc.body)
		if a.status != tc.status || a.field("error") != tc.code {
			t.Errorf("%s: status %d: %s, want %d %s", name, a.status, a.body, tc.status, tc.code)
		}
		if challenge := a.header.Get("WWW-Authenticate"); (challenge != "") != (a.status == 401 && tc.bearer != "") {
			t.Errorf("%s: status %d with the challenge %q", name, a.status, challenge)
		}
	}
}

func basic(pair string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

// Strangers may register, but not without end.
func TestRegistration_IsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{config: map[string]any{"auth": map[string]any{
		"experimentalDynamicClientRegistration": map[string]any{"enabled": true},
	}}})
	body := map[string]any{"redirect_uris": []string{"http://localhost/"}}
	var ids []string
	for range 1001 {
		r.pass(time.Millisecond)
		a := r.json("/v1/register", "", body)
		if a.status != http.StatusCreated {
			t.Fatalf("client %d: %d %s", len(ids), a.status, a.body)
		}
		ids = append(ids, a.field("client_id"))
	}
	for i, want := range map[int]int{0: http.StatusBadRequest, 1000: http.StatusFound} {
		got := r.get("/v1/authorize?response_type=code&redirect_uri=http://localhost/&code_challenge_method=S256&code_challenge=" +
			strings.Repeat("a", 43) + "&client_id=" + ids[i])
		if got.status != want {
			t.Errorf("client %d: %d %s, want %d", i, got.status, got.body, want)
		}
	}
}

func TestRoutes_AreShutByDefaultInStrictMode(t *testing.T) {
	t.Parallel()
	strict := map[string]any{"stagedoor": map[string]any{"compatibility": "strict"}}
	off := map[string]any{"stagedoor": map[string]any{"auth": map[string]any{"cli": false}}}
	for name, config := range map[string]map[string]any{"strict": strict, "switched off": off} {
		r := newRig(t, dbtest.SQLite(t), rigOptions{config: config})
		for path, first := range map[string]string{
			"/v1/authorize": "v1", "/v1/sessions/x": "v1", "/.well-known/oauth-client/cli.json": ".well-known",
			"/.well-known/oauth-authorization-server": ".well-known", "/.well-known/oauth-protected-resource": ".well-known",
		} {
			a := r.get(path)
			if want := `"message":"Unknown auth provider '` + first + `'"`; a.status != http.StatusNotFound || !strings.Contains(string(a.body), want) {
				t.Errorf("%s, %s: status %d: %s, want %s", name, path, a.status, a.body, want)
			}
		}
		for _, path := range []string{"/v1/token", "/v1/revoke", "/v1/register", "/v1/sessions/x/approve", "/v1/sessions/x/reject"} {
			if a := r.json(path, "guest", nil); a.status != http.StatusNotFound {
				t.Errorf("%s, %s: status %d: %s", name, path, a.status, a.body)
			}
		}
	}
	// The recorded answers of a Backstage without the server.
	r := newRig(t, dbtest.SQLite(t), rigOptions{config: strict})
	for _, name := range []string{"auth/oauth-authorization-server", "auth/oauth-client-cli"} {
		recorded, ok := plugintest.Golden(t, name)
		if !ok {
			continue
		}
		body, _ := recorded.Response.Body.(map[string]any)
		failure, _ := body["error"].(map[string]any)
		message, _ := failure["message"].(string)
		a := r.send(http.MethodGet, r.base+recorded.Request.Path, "", "", "")
		if a.status != recorded.Response.Status || message == "" || !strings.Contains(string(a.body), message) {
			t.Errorf("%s: status %d: %s, recorded %d %s", name, a.status, a.body, recorded.Response.Status, message)
		}
	}
}

// A reload opens and shuts, for those who are signed in too.
func TestRoutes_FollowTheConfiguration(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{})
	refresh := r.signIn()
	session := r.session()
	r.host.Config.Replace(r.configuration(map[string]any{
		"stagedoor": map[string]any{"auth": map[string]any{"cli": false}},
		"auth":      map[string]any{"experimentalDynamicClientRegistration": map[string]any{"enabled": true}},
	}))
	if a := r.json("/v1/sessions/"+session+"/approve", "guest", nil); a.status != http.StatusBadRequest || a.field("error") != "invalid_client" {
		t.Errorf("approve: status %d: %s", a.status, a.body)
	}
	if a := r.renew(refresh); a.status != http.StatusBadRequest || a.field("error") != "invalid_client" {
		t.Errorf("refresh: status %d: %s", a.status, a.body)
	}
	if a := r.form("/v1/revoke", url.Values{"token": {refresh}}); a.status != http.StatusOK {
		t.Errorf("revoke: status %d: %s", a.status, a.body)
	}
	r.host.Config.Replace(r.configuration(nil))
	if a := r.renew(refresh); a.field("error") != "invalid_grant" {
		t.Errorf("what was given back works again: status %d: %s", a.status, a.body)
	}
}
