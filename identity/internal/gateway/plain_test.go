package gateway_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity/internal/gateway"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// unsigned is a token that only those read who trust the header.
func unsigned(claims string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256"}`)) + "." + enc([]byte(claims)) + ".c2ln"
}

func TestOAuth2Proxy_ReadsTheHeadersOfTheProxy(t *testing.T) {
	t.Parallel()
	p := build(t, "oauth2Proxy", nil, gateway.Deps{Clock: time.Now}, nil)
	got, err := ask(t, p, "", "X-Forwarded-User", "4711", "X-Forwarded-Email", "jane@acme.example", "X-Forwarded-Preferred-Username", "jane",
		"X-Forwarded-Groups", "web, it", "X-Forwarded-Access-Token", "at")
	if err != nil {
		t.Fatal(err)
	}
	want := signin.Account{
		Provider: "oauth2Proxy", ID: "4711", Username: "jane", Email: "jane@acme.example",
		Profile: signin.Profile{Email: "jane@acme.example", DisplayName: "jane"},
		Claims:  map[string]any{"groups": []any{"web", "it"}},
		Info:    &signin.ProviderInfo{AccessToken: "at"},
		Headers: got.Headers,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	token := unsigned(`{"sub":"s","name":"Jane"}`)
	got, err = ask(t, p, "", "X-Forwarded-User", "jane", "X-OAUTH2-PROXY-ID-TOKEN", "bearer "+token)
	if err != nil || got.Claims["name"] != "Jane" || got.Info.AccessToken != token || got.Username != "jane" || got.Profile.DisplayName != "jane" {
		t.Errorf("with an id token: %+v, %v", got, err)
	}
}

func TestOAuth2Proxy_RefusesWhatTheProxyDidNotWrite(t *testing.T) {
	t.Parallel()
	p := build(t, "oauth2Proxy", nil, gateway.Deps{Clock: time.Now}, nil)
	for name, headers := range map[string][]string{
		"nothing":                    nil,
		"two users":                  {"X-Forwarded-User", "jane", "X-Forwarded-User", "root"},
		"two addresses":              {"X-Forwarded-User", "jane", "X-Forwarded-Email", "a@x", "X-Forwarded-Email", "b@x"},
		"a broken id token":          {"X-Forwarded-User", "jane", "X-Oauth2-Proxy-Id-Token", "Bearer a.b.c"},
		"an id token that is a list": {"X-Forwarded-User", "jane", "X-Oauth2-Proxy-Id-Token", "Bearer " + unsigned(`[]`)},
	} {
		if got, err := ask(t, p, "", headers...); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: got %+v, %v, want unauthenticated", name, got, err)
		}
	}
}

func TestEasyAuth_BelievesAppServiceOnly(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"WEBSITE_SKU": "Standard", "WEBSITE_AUTH_ENABLED": "True", "WEBSITE_AUTH_DEFAULT_PROVIDER": "AzureActiveDirectory", "WEBSITE_AUTH_TOKEN_STORE": "true",
	}
	p := build(t, "azureEasyAuth", nil, gateway.Deps{Clock: time.Now, Getenv: func(name string) string { return env[name] }}, nil)
	token := unsigned(`{"ver":"2.0","oid":"o-1","name":"Jane","email":"jane@acme.example","preferred_username":"jane"}`)
	got, err := ask(t, p, "", "x-ms-token-aad-id-token", token, "x-ms-token-aad-access-token", "at")
	if err != nil || got.ID != "o-1" || got.Email != "jane@acme.example" || got.Username != "jane" || got.Info.AccessToken != "at" || got.Profile.DisplayName != "Jane" {
		t.Errorf("got %+v, %v", got, err)
	}
	refuse(t, p, "x-ms-token-aad-id-token", nil, map[string]refusal{
		"an old token": {unsigned(`{"ver":"1.0","oid":"o"}`), "2.0"},
		"no token":     {"x", "cannot be read"},
	})
	if _, err := ask(t, p, ""); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("no header gave %v", err)
	}
	for missing := range env {
		_, err := gateway.New("azureEasyAuth", config("azureEasyAuth", nil, nil), gateway.Deps{Clock: time.Now, Getenv: func(name string) string {
			if name == missing {
				return ""
			}
			return env[name]
		}})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("without %s: %v, want an error with code invalid", missing, err)
		}
	}
	build(t, "azureEasyAuth", nil, gateway.Deps{Clock: time.Now}, map[string]any{"trustedProxies": []any{"10.0.0.0/8"}})
}
