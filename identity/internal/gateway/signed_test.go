package gateway_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity/internal/gateway"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
)

const arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/portal/1"

var (
	albHeader = map[string]any{"typ": "JWT", "kid": "key-1", "alg": "ES256", "iss": "https://idp.example", "client": "c", "signer": arn, "exp": start.Add(2 * time.Minute).Unix()}
	albClaims = map[string]any{
		"sub": "s-1", "email": "jane@acme.example", "name": "Jane", "picture": "https://p.example/j.png",
		"iss": "https://idp.example", "exp": start.Add(2 * time.Minute).Unix(),
	}
)

func alb(t *testing.T, o *outside, c *clock) signin.Provider {
	t.Helper()
	return build(t, "awsalb", map[string]any{
		"issuer": "https://idp.example", "region": "eu-west-1", "signer": arn, "publicKeysUrl": o.server.URL + "/alb/",
	}, gateway.Deps{Clock: c.time}, nil)
}

func TestALB_ReadsWhatTheLoadBalancerSigned(t *testing.T) {
	t.Parallel()
	o, c := newOutside(t), newClock()
	key := o.ecKey(t, "key-1")
	p := alb(t, o, c)
	for _, padded := range []bool{true, false} {
		got, err := ask(t, p, "", "x-amzn-oidc-data", signed(t, key, padded, albHeader, albClaims), "x-amzn-oidc-accesstoken", "at")
		if err != nil {
			t.Fatal(err)
		}
		want := signin.Account{
			Provider: "awsalb", ID: "s-1", Username: "jane", Email: "jane@acme.example",
			Profile: signin.Profile{Email: "jane@acme.example", DisplayName: "Jane", Picture: "https://p.example/j.png"},
			Info:    &signin.ProviderInfo{AccessToken: "at", Expires: 120},
			Claims:  got.Claims, Headers: got.Headers,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("padded %v (-want +got):\n%s", padded, diff)
		}
	}
	if n := o.asked.Load(); n != 1 {
		t.Errorf("the key was fetched %d times, want once", n)
	}
	got, err := ask(t, p, "", "x-amzn-oidc-data", signed(t, key, true, albHeader, but(albClaims, "email_verified", "false")), "x-amzn-oidc-accesstoken", "at")
	if err != nil || got.Email != "" || got.Profile.Email == "" {
		t.Errorf("an address that the issuer has not checked: %+v, %v, want it in the profile only", got, err)
	}
	got, err = ask(t, p, "", "x-amzn-oidc-data", signed(t, key, true, albHeader, but(albClaims, "exp", nil, "name", nil)), "x-amzn-oidc-accesstoken", "at")
	if err != nil || got.Profile.DisplayName != "jane" {
		t.Errorf("with the time in the header: %+v, %v", got, err)
	}
}

func TestALB_RefusesEveryWrongClaim(t *testing.T) {
	t.Parallel()
	o, c := newOutside(t), newClock()
	key := o.ecKey(t, "key-1")
	rsaKey := o.rsaKey(t, "rsa")
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := alb(t, o, c)
	good := signed(t, key, true, albHeader, albClaims)
	parts := strings.Split(good, ".")
	with := func(header, claims map[string]any) string { return signed(t, key, true, header, claims) }
	refuse(t, p, "x-amzn-oidc-data", []string{"x-amzn-oidc-accesstoken", "at"}, map[string]refusal{
		"another issuer":          {with(albHeader, but(albClaims, "iss", "https://evil.example")), "Issuer mismatch"},
		"no issuer":               {with(albHeader, but(albClaims, "iss", nil)), "Issuer mismatch"},
		"another load balancer":   {with(but(albHeader, "signer", arn+"2"), albClaims), "Signer mismatch"},
		"no load balancer":        {with(but(albHeader, "signer", nil), albClaims), "Signer mismatch"},
		"no address":              {with(albHeader, but(albClaims, "email", nil)), "Missing email"},
		"expired":                 {with(albHeader, but(albClaims, "exp", start.Add(-time.Minute).Unix())), "expired"},
		"never expiring":          {with(but(albHeader, "exp", nil), but(albClaims, "exp", nil)), "no expiration"},
		"not valid yet":           {with(albHeader, but(albClaims, "nbf", start.Add(time.Hour).Unix())), "not valid yet"},
		"issued tomorrow":         {with(albHeader, but(albClaims, "iat", start.Add(24*time.Hour).Unix())), "not valid yet"},
		"a stranger's key":        {signed(t, stranger, true, albHeader, albClaims), "signature"},
		"an unknown key":          {signed(t, stranger, true, but(albHeader, "kid", "key-2"), albClaims), "key"},
		"a key elsewhere":         {signed(t, stranger, true, but(albHeader, "kid", "../iap"), albClaims), "key"},
		"no key id":               {with(but(albHeader, "kid", nil), albClaims), "key id"},
		"no algorithm":            {with(but(albHeader, "alg", "none"), albClaims), "algorithm"},
		"another algorithm":       {signed(t, rsaKey, true, but(albHeader, "alg", "RS256", "kid", "rsa"), albClaims), "algorithm"},
		"another algorithm's key": {signed(t, rsaKey, true, albHeader, albClaims), "signature"},
		"critical extensions":     {with(but(albHeader, "crit", []string{"b64"}), albClaims), "extensions"},
		"changed claims":          {parts[0] + "." + strings.Split(with(albHeader, but(albClaims, "email", "root@acme.example")), ".")[1] + "." + parts[2], "signature"},
		"no signature":            {parts[0] + "." + parts[1] + ".", "signature"},
		"two parts":               {parts[0] + "." + parts[1], "malformed"},
		"no JSON":                 {"a.b.c", "malformed"},
		"null":                    {"bnVsbA.bnVsbA.c2ln", "malformed"},
		"huge":                    {good + strings.Repeat("A", 40<<10), "malformed"},
	})
	if _, err := ask(t, p, "", "x-amzn-oidc-data", good); !fault.Is(err, fault.Unauthenticated) || !strings.Contains(err.Error(), "x-amzn-oidc-accesstoken") {
		t.Errorf("without the access token: %v", err)
	}
	if _, err := ask(t, p, "", "x-amzn-oidc-accesstoken", "at"); !fault.Is(err, fault.Unauthenticated) || !strings.Contains(err.Error(), "x-amzn-oidc-data") {
		t.Errorf("without data: %v", err)
	}
	if _, err := ask(t, p, "", "x-amzn-oidc-data", good, "x-amzn-oidc-data", good, "x-amzn-oidc-accesstoken", "at"); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("with data twice: %v", err)
	}
}

func TestALB_InventedKeysDoNotBecomeRequests(t *testing.T) {
	t.Parallel()
	o, c := newOutside(t), newClock()
	key := o.ecKey(t, "key-1")
	p := alb(t, o, c)
	good := signed(t, key, true, albHeader, albClaims)
	if _, err := ask(t, p, "", "x-amzn-oidc-data", good, "x-amzn-oidc-accesstoken", "at"); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		invented := signed(t, key, true, but(albHeader, "kid", fmt.Sprintf("k%d", i)), albClaims)
		if _, err := ask(t, p, "", "x-amzn-oidc-data", invented, "x-amzn-oidc-accesstoken", "at"); err == nil {
			t.Fatal("an invented key was accepted")
		}
	}
	if n := o.asked.Load(); n > 11 {
		t.Errorf("%d requests for keys, want a handful", n)
	}
	if _, err := ask(t, p, "", "x-amzn-oidc-data", good, "x-amzn-oidc-accesstoken", "at"); err != nil {
		t.Errorf("the key that is known meanwhile: %v", err)
	}
}

func TestALB_InventedKeysDoNotShutOthersOut(t *testing.T) {
	t.Parallel()
	o, c := newOutside(t), newClock()
	key := o.ecKey(t, "key-1")
	p := alb(t, o, c)
	assertion := func(kid string) string {
		exp := c.time().Add(2 * time.Minute).Unix()
		return signed(t, key, true, but(albHeader, "kid", kid, "exp", exp), but(albClaims, "exp", exp))
	}
	if _, err := ask(t, p, "", "x-amzn-oidc-data", assertion("key-1"), "x-amzn-oidc-accesstoken", "at"); err != nil {
		t.Fatal(err)
	}
	c.advance(61 * time.Minute) // the key is due to be read again
	for i := range 20 {
		_, _ = ask(t, p, "", "x-amzn-oidc-data", assertion(fmt.Sprintf("k%d", i)), "x-amzn-oidc-accesstoken", "at")
	}
	if _, err := ask(t, p, "", "x-amzn-oidc-data", assertion("key-1"), "x-amzn-oidc-accesstoken", "at"); err != nil {
		t.Errorf("the key of everybody else, while a stranger invents keys: %v", err)
	}
}

func TestALB_WithoutASignerIsWarnedOf(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	build(t, "awsalb", map[string]any{"issuer": "i", "region": "us-gov-west-1"}, gateway.Deps{Clock: time.Now, Logger: slog.New(slog.NewTextHandler(&log, nil))}, nil)
	if !strings.Contains(log.String(), "auth.providers.awsalb.signer") {
		t.Errorf("log: %s", log.String())
	}
}

var (
	iapHeader = map[string]any{"alg": "ES256", "kid": "g1", "typ": "JWT"}
	iapClaims = map[string]any{
		"iss": "https://cloud.google.com/iap", "aud": "/projects/1/apps/p", "sub": "accounts.google.com:987", "email": "jane@acme.example",
		"iat": start.Unix(), "exp": start.Add(10 * time.Minute).Unix(),
	}
)

func TestIAP_VerifiesTheAssertion(t *testing.T) {
	t.Parallel()
	o, c := newOutside(t), newClock()
	key := o.ecKey(t, "g1")
	p := build(t, "gcpIap", map[string]any{"audience": "/projects/1/apps/p", "publicKeysUrl": o.server.URL + "/iap"}, gateway.Deps{Clock: c.time}, nil)
	with := func(claims map[string]any) string { return signed(t, key, false, iapHeader, claims) }
	got, err := ask(t, p, "", "x-goog-iap-jwt-assertion", with(iapClaims))
	if err != nil || got.ID != "accounts.google.com:987" || got.Email != "jane@acme.example" || got.Username != "jane" || got.Profile.Email != got.Email {
		t.Errorf("got %+v, %v", got, err)
	}
	if payload, _ := got.Info.More["iapToken"].(map[string]any); payload["sub"] != got.ID {
		t.Errorf("the front-end gets %v", got.Info.More)
	}
	got, err = ask(t, p, "", "x-goog-iap-jwt-assertion", with(but(iapClaims, "email", "securetoken.google.com/p/t:jane@acme.example")))
	if err != nil || got.Email != "jane@acme.example" {
		t.Errorf("an external identity: %+v, %v", got, err)
	}
	refuse(t, p, "x-goog-iap-jwt-assertion", nil, map[string]refusal{
		"another issuer":   {with(but(iapClaims, "iss", "https://accounts.google.com")), "issuer"},
		"another audience": {with(but(iapClaims, "aud", "/projects/2/apps/p")), "audience"},
		"no audience":      {with(but(iapClaims, "aud", nil)), "audience"},
		"expired":          {with(but(iapClaims, "exp", start.Add(-time.Hour).Unix())), "expired"},
		"no subject":       {with(but(iapClaims, "sub", nil)), "subject"},
		"no address":       {with(but(iapClaims, "email", "")), "email"},
		"an unknown key":   {signed(t, key, false, but(iapHeader, "kid", "g2"), iapClaims), "key"},
		"a broken key":     {signed(t, key, false, but(iapHeader, "kid", "broken"), iapClaims), "key"},
	})
	if _, err := ask(t, p, ""); !fault.Is(err, fault.Unauthenticated) || err.Error() != "Missing Google IAP header" {
		t.Errorf("without the header: %v", err)
	}
	custom := build(t, "gcpIap", map[string]any{"audience": "/projects/1/apps/p", "jwtHeader": "x-mine", "publicKeysUrl": o.server.URL + "/iap"}, gateway.Deps{Clock: c.time}, nil)
	if _, err := ask(t, custom, "", "x-mine", with(iapClaims)); err != nil {
		t.Errorf("in a header of one's own: %v", err)
	}
}

func TestIAP_KnownKeysDoNotWaitForUnknownOnes(t *testing.T) {
	t.Parallel()
	o, c := newOutside(t), newClock()
	key := o.ecKey(t, "g1")
	asked, hang := make(chan struct{}), make(chan struct{})
	slow := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slow {
			close(asked)
			<-hang
		}
		o.server.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p := build(t, "gcpIap", map[string]any{"audience": "/projects/1/apps/p", "publicKeysUrl": server.URL + "/iap"}, gateway.Deps{Clock: c.time}, nil)
	token := func(kid string) string {
		return signed(t, key, false, but(iapHeader, "kid", kid), but(iapClaims, "iat", c.time().Unix(), "exp", c.time().Add(time.Minute).Unix()))
	}
	if _, err := ask(t, p, "", "x-goog-iap-jwt-assertion", token("g1")); err != nil {
		t.Fatal(err)
	}
	slow = true
	c.advance(31 * time.Second)
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = ask(t, p, "", "x-goog-iap-jwt-assertion", token("invented")) })
	<-asked
	known := make(chan error, 1)
	wg.Go(func() {
		_, err := ask(t, p, "", "x-goog-iap-jwt-assertion", token("g1"))
		known <- err
	})
	select {
	case err := <-known:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("a key that is at hand waits for the answer about an invented one")
	}
	close(hang)
	wg.Wait()
}

func TestIAP_FollowsRotationAndOutlivesOutages(t *testing.T) {
	t.Parallel()
	o, c := newOutside(t), newClock()
	old := o.ecKey(t, "g1")
	p := build(t, "gcpIap", map[string]any{"audience": "/projects/1/apps/p"}, gateway.Deps{Clock: c.time, Client: o.client(t)}, nil)
	token := func(key *ecdsa.PrivateKey, kid string) string {
		return signed(t, key, false, but(iapHeader, "kid", kid), but(iapClaims, "iat", c.time().Unix(), "exp", c.time().Add(time.Minute).Unix()))
	}
	try := func(key *ecdsa.PrivateKey, kid string) error {
		_, err := ask(t, p, "", "x-goog-iap-jwt-assertion", token(key, kid))
		return err
	}
	o.fail(http.StatusBadGateway)
	if err := try(old, "g1"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("keys that cannot be had gave %v, want unavailable", err)
	}
	o.fail(0)
	c.advance(time.Minute)
	// The client leads every host to the fake, which does not know Google's path.
	if err := try(old, "g1"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("an address without keys gave %v, want unavailable", err)
	}

	p = build(t, "gcpIap", map[string]any{"audience": "/projects/1/apps/p", "publicKeysUrl": o.server.URL + "/iap"}, gateway.Deps{Clock: c.time}, nil)
	if err := try(old, "g1"); err != nil {
		t.Fatal(err)
	}
	fresh := o.ecKey(t, "g2")
	before := o.asked.Load()
	for range 50 {
		if err := try(fresh, "g2"); !fault.Is(err, fault.Unauthenticated) {
			t.Fatalf("a key that appeared just now gave %v", err)
		}
	}
	if o.asked.Load() != before {
		t.Error("unknown keys were asked for at once, every time")
	}
	c.advance(31 * time.Second)
	if err := try(fresh, "g2"); err != nil {
		t.Errorf("the key after a rotation: %v", err)
	}
	o.mu.Lock()
	delete(o.es, "g1")
	o.mu.Unlock()
	c.advance(2 * time.Hour)
	if err := try(old, "g1"); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a key that was taken back: %v, want unauthenticated", err)
	}
	o.fail(http.StatusBadGateway)
	c.advance(2 * time.Hour)
	if err := try(fresh, "g2"); err != nil {
		t.Errorf("during an outage: %v", err)
	}
	c.advance(24 * time.Hour)
	if err := try(fresh, "g2"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("during an outage of days: %v, want unavailable", err)
	}
}

var (
	cfHeader = map[string]any{"alg": "RS256", "kid": "c1", "typ": "JWT"}
	cfClaims = map[string]any{
		"iss": "https://acme.cloudflareaccess.com", "aud": []any{"other", "aud-tag"}, "sub": "u-1", "email": "jane@acme.example",
		"iat": start.Unix(), "exp": start.Add(10 * time.Minute).Unix(),
	}
)

func TestCloudflare_VerifiesTheAssertionAndAsksWhoItIs(t *testing.T) {
	t.Parallel()
	o, c := newOutside(t), newClock()
	key := o.rsaKey(t, "c1")
	o.knows(`{"id":"cf-1","name":"Jane","email":"jane@acme.example","groups":[{"id":"g","name":"web"}]}`)
	p := build(t, "cfaccess", map[string]any{
		"teamName": "acme", "audience": "aud-tag", "serviceTokens": []any{map[string]any{"token": "svc.access", "subject": "bot@acme.example"}},
	}, gateway.Deps{Clock: c.time, Client: o.client(t)}, nil)
	with := func(claims map[string]any) string { return signed(t, key, false, cfHeader, claims) }
	good := with(cfClaims)
	for _, headers := range [][]string{{"cf-access-jwt-assertion", good}, {"Cookie", "CF_Authorization=" + good}} {
		got, err := ask(t, p, "", headers...)
		if err != nil || got.ID != "cf-1" || got.Email != "jane@acme.example" || got.Username != "jane" || got.Profile.DisplayName != "Jane" || got.Claims["groups"] == nil {
			t.Errorf("by %s: %+v, %v", headers[0], got, err)
			continue
		}
		if raw, err := json.Marshal(got.Info); err != nil || !strings.Contains(string(raw), `"cfIdentity":{"id":"cf-1"`) || strings.Contains(string(raw), good) {
			t.Errorf("the front-end gets %s, %v, want who it is without the assertion", raw, err)
		}
	}
	if o.seen.Get("Cf-Access-Jwt-Assertion") != good || o.seen.Get("Cookie") != "CF_Authorization="+good {
		t.Errorf("Cloudflare was asked with %v", o.seen)
	}
	if n := o.asked.Load(); n != 2 {
		t.Errorf("%d requests, want one for the keys and one for the person", n)
	}
	bot, err := ask(t, p, "", "cf-access-jwt-assertion", with(but(cfClaims, "sub", "", "email", nil, "common_name", "svc.access")))
	if err != nil || bot.Email != "bot@acme.example" || bot.Profile.DisplayName != "Bot" {
		t.Errorf("a service token: %+v, %v", bot, err)
	}
	refuse(t, p, "cf-access-jwt-assertion", nil, map[string]refusal{
		"another issuer":     {with(but(cfClaims, "iss", "https://evil.cloudflareaccess.com")), "issuer"},
		"another audience":   {with(but(cfClaims, "aud", []any{"other"})), "audience"},
		"expired":            {with(but(cfClaims, "exp", start.Add(-time.Hour).Unix())), "expired"},
		"an unknown bot":     {with(but(cfClaims, "sub", nil, "common_name", "evil.access")), "not a permitted Service Token"},
		"nobody":             {with(but(cfClaims, "sub", nil)), "common_name"},
		"another person":     {with(but(cfClaims, "email", "root@acme.example")), "two e-mail addresses"},
		"a longer signature": {with(cfClaims) + "x", "malformed"},
	})
	if _, err := ask(t, p, ""); !fault.Is(err, fault.Unauthenticated) || err.Error() != "Missing cf-access-jwt-assertion and CF_Authorization from Cloudflare Access" {
		t.Errorf("without anything: %v", err)
	}
}

func TestCloudflare_WhatItNoLongerKnowsIsNotBelieved(t *testing.T) {
	t.Parallel()
	o, c := newOutside(t), newClock()
	key := o.rsaKey(t, "c1")
	o.knows(`{"id":"cf-1","name":"Jane","email":"jane@acme.example"}`)
	p := build(t, "cfaccess", map[string]any{"teamName": "acme", "audience": "aud-tag", "jwtHeaderName": "X-Cf"}, gateway.Deps{Clock: c.time, Client: o.client(t)}, nil)
	good := signed(t, key, false, cfHeader, cfClaims)
	if _, err := ask(t, p, "", "x-cf", good); err != nil {
		t.Fatal(err)
	}
	o.fail(http.StatusForbidden)
	if _, err := ask(t, p, "", "x-cf", good); err != nil {
		t.Errorf("shortly after: %v", err)
	}
	c.advance(6 * time.Minute)
	if _, err := ask(t, p, "", "x-cf", good); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("after the session ended at Cloudflare: %v, want unauthenticated", err)
	}
	o.fail(http.StatusBadGateway)
	if _, err := ask(t, p, "", "x-cf", good); !fault.Is(err, fault.Unavailable) {
		t.Errorf("while Cloudflare is out of order: %v, want unavailable", err)
	}
}
