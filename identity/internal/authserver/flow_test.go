package authserver_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// TestFlow_WithAnIndependentClient has x/oauth2 sign in, refresh and learn of
// the revocation.
func TestFlow_WithAnIndependentClient(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		r := newRig(t, d, rigOptions{})
		client := &oauth2.Config{
			ClientID: r.cliID(), RedirectURL: callback, Scopes: []string{"openid", "offline_access", "unheard-of"},
			Endpoint: oauth2.Endpoint{AuthURL: r.base + "/api/auth/v1/authorize", TokenURL: r.base + "/api/auth/v1/token", AuthStyle: oauth2.AuthStyleInParams},
		}
		secret := oauth2.GenerateVerifier()
		a := r.get(client.AuthCodeURL("a state", oauth2.S256ChallengeOption(secret)))
		id, ok := strings.CutPrefix(a.header.Get("Location"), "https://portal.example.com/ui/oauth2/authorize/")
		if a.status != http.StatusFound || !ok {
			t.Fatalf("authorize: status %d, to %q", a.status, a.header.Get("Location"))
		}
		page := r.get("/v1/sessions/" + id)
		for field, want := range map[string]string{
			"id": id, "clientId": r.cliID(), "clientName": "Stagedoor CLI", "redirectUri": callback, "scope": "openid offline_access",
			"expiresAt": "2027-01-15T08:10:00.000Z",
		} {
			if got := page.field(field); got != want {
				t.Errorf("the consent page is told %s %q, want %q", field, got, want)
			}
		}
		params := r.code(id)
		if diff := cmp.Diff([]string{"a state", r.base + "/api/auth"}, []string{params.Get("state"), params.Get("iss")}); diff != "" {
			t.Errorf("state and iss (-want +got):\n%s", diff)
		}
		tok, err := client.Exchange(t.Context(), params.Get("code"), oauth2.VerifierOption(secret))
		if err != nil {
			t.Fatal(err)
		}
		if want := "token-1-of-" + guest + "-with-" + guest; tok.AccessToken != want || tok.Extra("id_token") != want || tok.TokenType != "Bearer" || tok.ExpiresIn != 3600 {
			t.Errorf("token %+v, want %s", tok, want)
		}
		first := tok.RefreshToken
		tok.Expiry = time.Now().Add(-time.Minute)
		renewed, err := client.TokenSource(t.Context(), tok).Token()
		if err != nil {
			t.Fatal(err)
		}
		if renewed.AccessToken == tok.AccessToken || renewed.RefreshToken == "" || renewed.RefreshToken == first {
			t.Errorf("the refresh gave %+v", renewed)
		}
		if a := r.form("/v1/revoke", url.Values{"token": {renewed.RefreshToken}, "client_id": {r.cliID()}}); a.status != http.StatusOK || len(a.body) != 0 {
			t.Errorf("revoke: status %d: %s", a.status, a.body)
		}
		renewed.Expiry = time.Now().Add(-time.Minute)
		_, err = client.TokenSource(t.Context(), renewed).Token()
		var refused *oauth2.RetrieveError
		if !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
			t.Errorf("after the revocation: %v, want invalid_grant", err)
		}
		want := []string{"oauth-authorize succeeded", "oauth-token-issue succeeded", "oauth-token-refresh succeeded", "oauth-token-revoke succeeded"}
		if diff := cmp.Diff(want, r.story()); diff != "" {
			t.Errorf("audit (-want +got):\n%s", diff)
		}
	})
}

// Backstage's own command line sends JSON, no client id and no client secret.
func TestFlow_AsBackstagesCommandLineDoesIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{})
	code := r.code(r.session()).Get("code")
	a := r.json("/v1/token", "", map[string]string{"grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": verifier})
	if a.status != http.StatusOK || a.field("access_token") == "" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("exchange: status %d, %v: %s", a.status, a.header, a.body)
	}
	b := r.json("/v1/token", "", map[string]string{"grant_type": "refresh_token", "refresh_token": a.field("refresh_token")})
	if b.status != http.StatusOK || b.field("refresh_token") == "" {
		t.Fatalf("refresh: status %d: %s", b.status, b.body)
	}
	if c := r.json("/v1/revoke", "", map[string]string{"token": b.field("refresh_token"), "token_type_hint": "refresh_token"}); c.status != http.StatusOK {
		t.Fatalf("revoke: status %d: %s", c.status, c.body)
	}
	if d := r.renew(b.field("refresh_token")); d.field("error") != "invalid_grant" {
		t.Errorf("after the revocation: status %d: %s", d.status, d.body)
	}
}

func TestRegistration_LetsAClientSignIn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method     string
		style      oauth2.AuthStyle
		secret     string // what the client sends in place of its secret
		wantSecret bool
		wantError  string
	}{
		"a client that says nothing, with its secret":    {style: oauth2.AuthStyleInHeader, wantSecret: true},
		"a client that says nothing, without its secret": {style: oauth2.AuthStyleInParams, secret: "-", wantSecret: true},
		"a public client": {method: "none", style: oauth2.AuthStyleInParams, secret: "-"},
		"a client that sends its secret in the header":    {method: "client_secret_basic", style: oauth2.AuthStyleInHeader, wantSecret: true},
		"a client that sends its secret in the body":      {method: "client_secret_post", style: oauth2.AuthStyleInParams, wantSecret: true},
		"a client that keeps quiet about its secret":      {method: "client_secret_post", style: oauth2.AuthStyleInParams, secret: "-", wantSecret: true, wantError: "invalid_client"},
		"a client with a wrong secret in the header":      {method: "client_secret_basic", style: oauth2.AuthStyleInHeader, secret: "wrong", wantSecret: true, wantError: "invalid_client"},
		"a client that says nothing, with a wrong secret": {style: oauth2.AuthStyleInParams, secret: "wrong", wantSecret: true, wantError: "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, dbtest.SQLite(t), rigOptions{config: map[string]any{"auth": map[string]any{
				"experimentalDynamicClientRegistration": map[string]any{"enabled": true},
				"experimentalRefreshToken":              map[string]any{"enabled": true},
			}}})
			metadata := map[string]any{"client_name": "An\u202eAgent\n", "redirect_uris": []string{"http://localhost/cb", "http://127.0.0.1"}, "scope": "openid offline_access"}
			if tc.method != "" {
				metadata["token_endpoint_auth_method"] = tc.method
			}
			reg := r.json("/v1/register", "", metadata)
			secret := reg.field("client_secret")
			if reg.status != http.StatusCreated || (secret != "") != tc.wantSecret || reg.field("client_name") != "AnAgent" {
				t.Fatalf("register: status %d: %s", reg.status, reg.body)
			}
			switch tc.secret {
			case "":
			case "-":
				secret = ""
			default:
				secret = tc.secret
			}
			client := &oauth2.Config{
				ClientID: reg.field("client_id"), ClientSecret: secret, RedirectURL: "http://localhost:1234/cb", Scopes: []string{"openid", "offline_access"},
				Endpoint: oauth2.Endpoint{TokenURL: r.base + "/api/auth/v1/token", AuthStyle: tc.style},
			}
			r.session("client_id", client.ClientID, "redirect_uri", "http://127.0.0.1:33418/")
			code := r.code(r.session("client_id", client.ClientID, "redirect_uri", client.RedirectURL)).Get("code")
			tok, err := client.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
			if tc.wantError != "" {
				var refused *oauth2.RetrieveError
				if !errors.As(err, &refused) || refused.ErrorCode != tc.wantError || refused.Response.StatusCode != http.StatusUnauthorized {
					t.Fatalf("got %v, want %s", err, tc.wantError)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tok.Expiry = time.Now().Add(-time.Minute)
			if _, err := client.TokenSource(t.Context(), tok).Token(); err != nil {
				t.Errorf("refresh: %v", err)
			}
		})
	}
}

// Whoever redeems a code first has it, however many try at once; and since one
// of them may be a thief, nobody keeps the refresh token.
func TestExchange_ACodeIsGoodOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		r := newRig(t, d, rigOptions{})
		code := r.code(r.session()).Get("code")
		var wins atomic.Int32
		var refresh atomic.Value
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if a := r.form("/v1/token", exchange(code)); a.status == http.StatusOK {
					wins.Add(1)
					refresh.Store(a.field("refresh_token"))
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 {
			t.Errorf("the code was redeemed %d times", wins.Load())
		}
		if a := r.form("/v1/token", exchange(code)); a.field("error") != "invalid_grant" {
			t.Errorf("later: status %d: %s", a.status, a.body)
		}
		text, _ := refresh.Load().(string)
		if a := r.renew(text); a.field("error") != "invalid_grant" {
			t.Errorf("the tokens of a replayed code still work: status %d: %s", a.status, a.body)
		}
		if story := strings.Join(r.story(), "\n"); !strings.Contains(story, "oauth-token-reuse failed") {
			t.Errorf("the audit log does not tell of the replay:\n%s", story)
		}
	})
}

// A thief who has the code and not the verifier shows himself all the same.
func TestExchange_ACodeThatComesAgainIsTakenBackWhoeverBringsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{})
	code := r.code(r.session()).Get("code")
	refresh := r.form("/v1/token", exchange(code)).field("refresh_token")
	if a := r.form("/v1/token", exchange(code, "code_verifier", verifier+"x")); a.field("error_description") != "Authorization code already used" {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if a := r.renew(refresh); a.field("error") != "invalid_grant" {
		t.Errorf("the refresh token: status %d: %s", a.status, a.body)
	}
}

func TestRefresh_ReuseEndsTheGrant(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		r := newRig(t, d, rigOptions{})
		first := r.signIn()
		second := r.renew(first).field("refresh_token")
		// At once it may be a race of two processes: refused, no harm done.
		if a := r.renew(first); a.field("error") != "invalid_grant" {
			t.Errorf("the old token at once: status %d: %s", a.status, a.body)
		}
		r.pass(time.Minute)
		third := r.renew(second).field("refresh_token")
		if third == "" {
			t.Fatal("the race ended the grant")
		}
		r.pass(time.Minute)
		// Two generations old, and known all the same.
		if a := r.renew(first); a.field("error") != "invalid_grant" {
			t.Errorf("the old token later: status %d: %s", a.status, a.body)
		}
		if a := r.renew(third); a.field("error") != "invalid_grant" {
			t.Errorf("the newest token works after an old one was reused: status %d: %s", a.status, a.body)
		}
		want := []string{"oauth-authorize succeeded", "oauth-token-issue succeeded", "oauth-token-refresh succeeded", "oauth-token-refresh succeeded", "oauth-token-reuse failed"}
		if diff := cmp.Diff(want, r.story()); diff != "" {
			t.Errorf("audit (-want +got):\n%s", diff)
		}
	})
}

// A token that only knows the id of a grant is forged, and must not end it.
func TestRefresh_AForgeryChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{})
	genuine := r.signIn()
	grant, rest, _ := strings.Cut(genuine, ".")
	r.pass(time.Minute)
	for name, forged := range map[string]string{
		"another family": grant + "." + strings.Repeat("A", len(rest)), "cut off": grant + "." + rest[:22],
		"no grant": "." + rest, "no secret": grant + ".", "a word": "hello", "very long": genuine + strings.Repeat("x", 300),
	} {
		if a := r.renew(forged); a.status != http.StatusBadRequest || a.field("error") != "invalid_grant" {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		}
		if a := r.form("/v1/revoke", url.Values{"token": {forged}}); a.status != http.StatusOK {
			t.Errorf("revoke %s: status %d: %s", name, a.status, a.body)
		}
	}
	if a := r.renew(genuine); a.status != http.StatusOK {
		t.Errorf("the genuine token: status %d: %s", a.status, a.body)
	}
}

func TestRefresh_EndsAfterItsTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{config: map[string]any{"auth": map[string]any{"experimentalRefreshToken": map[string]any{
		"enabled": true, "tokenLifetime": "2 days", "maxRotationLifetime": map[string]any{"days": 5}, "maxTokensPerUser": 2,
	}}}})
	idle, busy := r.signIn(), r.signIn()
	for day := range 4 {
		r.pass(24 * time.Hour)
		a := r.renew(busy)
		if a.status != http.StatusOK {
			t.Fatalf("day %d: status %d: %s", day+1, a.status, a.body)
		}
		busy = a.field("refresh_token")
	}
	if a := r.renew(idle); a.field("error_description") != "Refresh token expired" {
		t.Errorf("four days idle: status %d: %s", a.status, a.body)
	}
	r.pass(24 * time.Hour)
	if a := r.renew(busy); a.field("error_description") != "Refresh token expired" {
		t.Errorf("the fifth day, in use: status %d: %s", a.status, a.body)
	}
	if err := r.server.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	oldest := r.signIn()
	r.pass(time.Second)
	r.signIn()
	r.pass(time.Second)
	r.signIn()
	if a := r.renew(oldest); a.field("error") != "invalid_grant" {
		t.Errorf("the oldest of three, two allowed: status %d: %s", a.status, a.body)
	}
}

// What a user owns is looked up anew, and a user who is gone is gone.
func TestRefresh_FollowsTheCatalog(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{})
	outsider := r.signIn()
	r.catalog[guest] = []string{"group:default/guests"}
	if err := r.store.SetOwnership(t.Context(), guest, []string{guest, "group:default/guests"}); err != nil {
		t.Fatal(err)
	}
	insider := r.signIn()

	r.catalog[guest] = []string{"group:default/hosts"}
	a := r.renew(insider)
	if want := guest + ",group:default/hosts"; !strings.HasSuffix(a.field("access_token"), "-with-"+want) {
		t.Errorf("the groups of the day: %s", a.body)
	}
	insider = a.field("refresh_token")
	delete(r.catalog, guest)
	if a := r.renew(insider); a.field("error_description") != "The user is not in the catalog any more" {
		t.Errorf("a user who left: status %d: %s", a.status, a.body)
	}
	if a := r.renew(outsider); a.status != http.StatusOK {
		t.Errorf("a guest who never was in the catalog: status %d: %s", a.status, a.body)
	}
}
