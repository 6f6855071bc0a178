package authserver_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity/internal/authserver"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

func TestReadSettings_NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	rules := func(key, list string, patterns ...string) map[string]any {
		return map[string]any{key: map[string]any{"enabled": true, list: patterns}}
	}
	refresh := func(key string, value any) map[string]any {
		return map[string]any{"experimentalRefreshToken": map[string]any{key: value}}
	}
	for name, tc := range map[string]struct {
		auth map[string]any
		want string
	}{
		"a pattern without a scheme":      {rules("experimentalDynamicClientRegistration", "allowedRedirectUriPatterns", "localhost/*"), "auth.experimentalDynamicClientRegistration.allowedRedirectUriPatterns"},
		"a pattern with any scheme":       {rules("clientIdMetadataDocuments", "allowedClientIdPatterns", "*://x"), "auth.clientIdMetadataDocuments.allowedClientIdPatterns"},
		"a redirect without a scheme":     {rules("experimentalClientIdMetadataDocuments", "allowedRedirectUriPatterns", "*.example.com"), "auth.experimentalClientIdMetadataDocuments.allowedRedirectUriPatterns"},
		"no life at all":                  {refresh("tokenLifetime", "0 days"), "tokenLifetime must be a positive duration"},
		"a rotation shorter than a token": {refresh("maxRotationLifetime", "1 day"), "maxRotationLifetime must be longer"},
		"no tokens":                       {refresh("maxTokensPerUser", 0.0), "maxTokensPerUser must be a positive number"},
	} {
		_, err := authserver.ReadSettings(config.New(map[string]any{"auth": tc.auth}, "app-config.yaml").Live())
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want invalid with %q", name, err, tc.want)
		}
	}
}

func TestPatterns_AllowWhatBackstagesDo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		pattern string
		yes, no []string
	}{
		"everything":               {"*", []string{"https://a.example/x", "cursor://anything/x"}, nil},
		"a path":                   {"https://a.example/cb", []string{"https://a.example/cb", "https://a.example:443/cb", "https://A.example/cb"}, []string{"https://a.example/cb/x", "http://a.example/cb", "https://b.example/cb", "https://a.example:444/cb"}},
		"any path":                 {"https://a.example/*", []string{"https://a.example/", "https://a.example/x/y"}, []string{"https://a.example.evil/x"}},
		"no path":                  {"https://a.example", []string{"https://a.example", "https://a.example/"}, []string{"https://a.example/x"}},
		"any name below":           {"https://*.a.example/*", []string{"https://x.a.example/", "https://x.y.a.example/z"}, []string{"https://a.example/", "https://xa.example/"}},
		"any port":                 {"http://localhost:*/*", []string{"http://localhost/x", "http://localhost:1/x"}, []string{"http://localhost.evil:1/x", "https://localhost/x"}},
		"any port of an address":   {"http://[::1]:*/*", []string{"http://[::1]:5/x", "http://[::1]/x"}, []string{"http://[::2]/x"}},
		"an address":               {"http://[::1]:8080/x", []string{"http://[::1]:8080/x"}, []string{"http://[::1]/x"}},
		"another scheme":           {"cursor://*", []string{"cursor://anysphere.cursor-mcp/oauth/x", "cursor://x"}, []string{"cursors://x/y", "https://x/y"}},
		"a scheme without a host":  {"myapp:*", []string{"myapp:/cb", "myapp:cb"}, []string{"other:/cb"}},
		"a scheme with one path":   {"com.example.app:/cb", []string{"com.example.app:/cb"}, []string{"com.example.app:/cc"}},
		"letters that mean things": {"https://a.example/c.b(1)", []string{"https://a.example/c.b(1)"}, []string{"https://a.example/cxb(1)", "https://axexample/c.b(1)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, dbtest.SQLite(t), rigOptions{config: map[string]any{"auth": map[string]any{"experimentalDynamicClientRegistration": map[string]any{
				"enabled": true, "allowedRedirectUriPatterns": []string{tc.pattern},
			}}}})
			for want, uris := range map[int][]string{http.StatusCreated: tc.yes, http.StatusBadRequest: tc.no} {
				for _, uri := range uris {
					if a := r.json("/v1/register", "", map[string]any{"redirect_uris": []string{uri}}); a.status != want {
						t.Errorf("%s with %s: status %d: %s, want %d", uri, tc.pattern, a.status, a.body, want)
					}
				}
			}
		})
	}
}

func TestMetadata_SaysWhatIsOffered(t *testing.T) {
	t.Parallel()
	all := map[string]any{
		"experimentalDynamicClientRegistration": map[string]any{"enabled": true},
		"experimentalClientIdMetadataDocuments": map[string]any{"enabled": true},
		"experimentalRefreshToken":              map[string]any{"enabled": true},
	}
	strict := map[string]any{"compatibility": "strict"}
	base := func() map[string]any {
		return map[string]any{
			"scopes_supported": []string{"openid"}, "grant_types_supported": []string{"authorization_code"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
			"code_challenge_methods_supported":      []string{"S256", "plain"},
		}
	}
	const issuer = "https://portal.example.com/api/auth"
	with := func(more map[string]any) map[string]any {
		doc := base()
		doc["scopes_supported"] = []string{"openid", "offline_access"}
		doc["grant_types_supported"] = []string{"authorization_code", "refresh_token"}
		doc["token_endpoint_auth_methods_supported"] = []string{"client_secret_basic", "client_secret_post", "none"}
		doc["revocation_endpoint"] = issuer + "/v1/revoke"
		for k, v := range more {
			doc[k] = v
		}
		return doc
	}
	ours := map[string]any{
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
		"revocation_endpoint_auth_methods_supported":     []string{"client_secret_basic", "client_secret_post", "none"},
	}
	for name, tc := range map[string]struct {
		config, want map[string]any
	}{
		"nothing, strict":  {map[string]any{"stagedoor": strict}, base()},
		"the command line": {nil, with(ours)},
		"everything, strict": {map[string]any{"stagedoor": strict, "auth": all}, with(map[string]any{
			"registration_endpoint": issuer + "/v1/register", "client_id_metadata_document_supported": true,
		})},
	} {
		values := map[string]any{"backend": map[string]any{"baseUrl": "https://portal.example.com/"}}
		for k, v := range tc.config {
			values[k] = v
		}
		settings, err := authserver.ReadSettings(config.New(values, "app-config.yaml").Live())
		if err != nil {
			t.Fatal(err)
		}
		s := authserver.New(authserver.Deps{})
		s.Configure(settings)
		got := base()
		s.Amend(got)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestMetadata_IsFoundWhereClientsLook(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{})
	root := http.NewServeMux()
	r.server.RegisterRoot(root.Handle)
	get := func(path string) (int, map[string]any) {
		w := httptest.NewRecorder()
		root.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		var doc map[string]any
		_ = json.Unmarshal(w.Body.Bytes(), &doc)
		return w.Code, doc
	}
	issuer := r.base + "/api/auth"
	for path, want := range map[string]map[string]any{
		"/.well-known/oauth-authorization-server":                  {"issuer": issuer},
		"/.well-known/oauth-authorization-server/api/auth":         {"issuer": issuer},
		"/.well-known/oauth-protected-resource":                    {"resource": r.base},
		"/.well-known/oauth-protected-resource/api/mcp-actions/v1": {"resource": r.base + "/api/mcp-actions/v1"},
		"/.well-known/oauth-authorization-server/somebody":         nil,
		"/.well-known/oauth-protected-resource/a%23b":              nil,
	} {
		status, doc := get(path)
		if want == nil {
			if status != http.StatusNotFound {
				t.Errorf("%s: status %d, want 404", path, status)
			}
			continue
		}
		for key, value := range want {
			if status != http.StatusOK || doc[key] != value {
				t.Errorf("%s: status %d, %s %v, want %v", path, status, key, doc[key], value)
			}
		}
	}
	below := r.get("/.well-known/oauth-authorization-server")
	if below.status != http.StatusOK || below.field("token_endpoint") != issuer+"/v1/token" {
		t.Errorf("below the issuer: status %d: %s", below.status, below.body)
	}
	r.host.Config.Replace(r.configuration(map[string]any{"stagedoor": map[string]any{"compatibility": "strict"}}))
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource"} {
		if status, _ := get(path); status != http.StatusNotFound {
			t.Errorf("%s while nothing is offered: status %d", path, status)
		}
	}
}

// In strict mode clients hear Backstage's words.
func TestStrict_AnswersAsBackstage(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{config: map[string]any{
		"stagedoor": map[string]any{"compatibility": "strict"},
		"auth": map[string]any{
			"experimentalDynamicClientRegistration": map[string]any{"enabled": true},
			"clientIdMetadataDocuments":             map[string]any{"enabled": true},
		},
	}})
	if a := r.json("/v1/register", "", map[string]any{}); a.status != http.StatusBadRequest || a.field("error") != "invalid_request" || a.field("error_description") != "redirect_uris is required" {
		t.Errorf("register: status %d: %s", a.status, a.body)
	}
	client := r.json("/v1/register", "", map[string]any{"redirect_uris": []string{callback}}).field("client_id")
	// Clients that registered may go without PKCE, or with the plain method.
	code := r.code(r.session("client_id", client, "code_challenge", "", "code_challenge_method", ""))
	if code.Has("iss") {
		t.Errorf("the client is told more than Backstage tells: %v", code)
	}
	if a := r.form("/v1/token", exchange(code.Get("code"), "code_verifier", "")); a.status != http.StatusOK {
		t.Errorf("without PKCE: status %d: %s", a.status, a.body)
	}
	code = r.code(r.session("code_challenge", verifier, "code_challenge_method", "plain"))
	if a := r.form("/v1/token", exchange(code.Get("code"))); a.status != http.StatusOK || a.field("refresh_token") != "" {
		t.Errorf("with the plain method: status %d: %s", a.status, a.body)
	}
	if a := r.form("/v1/token", exchange("invented")); a.status != http.StatusUnauthorized || a.field("error") != "invalid_client" {
		t.Errorf("an invented code: status %d: %s", a.status, a.body)
	}
	if a := r.form("/v1/revoke", exchange("", "token", "a.b.c")); a.status != http.StatusOK {
		t.Errorf("revoke: status %d: %s", a.status, a.body)
	}
}
