package gateway_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/stagedoor/stagedoor/identity/internal/gateway"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// outside is what gateways publish: keys by id, and what Cloudflare knows about
// people. It speaks HTTP, and counts.
type outside struct {
	server *httptest.Server
	asked  atomic.Int64

	mu     sync.Mutex
	status int
	es     map[string]*ecdsa.PrivateKey
	rs     map[string]*rsa.PrivateKey
	person string
	seen   http.Header
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{es: map[string]*ecdsa.PrivateKey{}, rs: map[string]*rsa.PrivateKey{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /alb/{kid}", func(w http.ResponseWriter, r *http.Request) {
		o.answer(w, func() []byte {
			if key := o.es[r.PathValue("kid")]; key != nil {
				return publicPEM(t, &key.PublicKey)
			}
			return nil
		})
	})
	mux.HandleFunc("GET /iap", func(w http.ResponseWriter, _ *http.Request) {
		o.answer(w, func() []byte {
			texts := map[string]string{"broken": "no key"}
			for kid, key := range o.es {
				texts[kid] = string(publicPEM(t, &key.PublicKey))
			}
			return marshal(t, texts)
		})
	})
	mux.HandleFunc("GET /cdn-cgi/access/certs", func(w http.ResponseWriter, _ *http.Request) {
		o.answer(w, func() []byte {
			set := map[string]any{"keys": []any{map[string]string{"kty": "odd"}}}
			for kid, key := range o.rs {
				set["keys"] = append(set["keys"].([]any), jose.JSONWebKey{Key: &key.PublicKey, KeyID: kid, Algorithm: "RS256", Use: "sig"})
			}
			return marshal(t, set)
		})
	})
	mux.HandleFunc("GET /cdn-cgi/access/get-identity", func(w http.ResponseWriter, r *http.Request) {
		o.answer(w, func() []byte { o.seen = r.Header; return []byte(o.person) })
	})
	o.server = httptest.NewServer(mux)
	t.Cleanup(o.server.Close)
	return o
}

func (o *outside) answer(w http.ResponseWriter, body func() []byte) {
	o.asked.Add(1)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.status != 0 {
		w.WriteHeader(o.status)
		return
	}
	raw := body()
	if raw == nil {
		w.WriteHeader(http.StatusForbidden) // as S3 does
		return
	}
	_, _ = w.Write(raw)
}

func (o *outside) fail(status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.status = status
}

func (o *outside) knows(person string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.person = person
}

// ecKey makes a key and publishes it under the id.
func (o *outside) ecKey(t *testing.T, kid string) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.es[kid] = key
	return key
}

func (o *outside) rsaKey(t *testing.T, kid string) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rs[kid] = key
	return key
}

// client leads all requests to the fake, whatever host they are for.
func (o *outside) client(t *testing.T) *http.Client {
	t.Helper()
	to, err := url.Parse(o.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: led{to, o.server.Client().Transport}}
}

type led struct {
	to    *url.URL
	inner http.RoundTripper
}

func (l led) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	r.URL.Scheme, r.URL.Host = l.to.Scheme, l.to.Host
	return l.inner.RoundTrip(r)
}

func publicPEM(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Error(err)
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	return raw
}

// signed makes a token. Load balancers of AWS pad their parts.
func signed(t *testing.T, key crypto.Signer, padded bool, header, claims map[string]any) string {
	t.Helper()
	enc := base64.RawURLEncoding
	if padded {
		enc = base64.URLEncoding
	}
	input := enc.EncodeToString(marshal(t, header)) + "." + enc.EncodeToString(marshal(t, claims))
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case *rsa.PrivateKey:
		var err error
		if signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:]); err != nil {
			t.Fatal(err)
		}
	}
	return input + "." + enc.EncodeToString(signature)
}

// but returns base with the pairs in it; nil removes a key.
func but(base map[string]any, pairs ...any) map[string]any {
	out := maps.Clone(base)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i].(string)] = pairs[i+1]
		if pairs[i+1] == nil {
			delete(out, pairs[i].(string))
		}
	}
	return out
}

type clock struct{ now atomic.Int64 }

func newClock() *clock { c := &clock{}; c.now.Store(start.UnixNano()); return c }

func (c *clock) time() time.Time         { return time.Unix(0, c.now.Load()) }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }

func build(t *testing.T, id string, cfg map[string]any, d gateway.Deps, auth map[string]any) signin.Provider {
	t.Helper()
	p, err := gateway.New(id, config(id, cfg, auth), d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func config(id string, cfg, auth map[string]any) *plugintest.Config {
	c := &plugintest.Config{}
	c.Replace(map[string]any{
		"auth":      map[string]any{"providers": map[string]any{id: cfg}},
		"stagedoor": map[string]any{"auth": auth},
	})
	return c
}

// ask sends the headers, name and value by turns, from the address.
func ask(t *testing.T, p signin.Provider, remote string, headers ...string) (signin.Account, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/auth/"+p.ID()+"/refresh", nil)
	if remote != "" {
		r.RemoteAddr = remote
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return p.Refresh(httptest.NewRecorder(), r)
}

// refusal is a token that must not be accepted, and a part of the message.
type refusal struct{ token, message string }

func refuse(t *testing.T, p signin.Provider, header string, more []string, refusals map[string]refusal) {
	t.Helper()
	for name, tc := range refusals {
		a, err := ask(t, p, "", append([]string{header, tc.token}, more...)...)
		if !fault.Is(err, fault.Unauthenticated) || !strings.Contains(err.Error(), tc.message) {
			t.Errorf("%s: got %+v, %v, want unauthenticated: %s", name, a.ID, err, tc.message)
		}
	}
}

func TestGateway_OffersNothingInteractive(t *testing.T) {
	t.Parallel()
	p := build(t, "oauth2Proxy", nil, gateway.Deps{Clock: time.Now}, nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	if err := p.Start(httptest.NewRecorder(), r); !fault.Is(err, fault.NotImplemented) || err.Error() != "Not implemented" {
		t.Errorf("start gave %v", err)
	}
	if err := p.Frame(httptest.NewRecorder(), r, nil); !fault.Is(err, fault.NotImplemented) {
		t.Errorf("frame gave %v", err)
	}
	if err := p.Logout(httptest.NewRecorder(), r); !fault.Is(err, fault.NotFound) {
		t.Errorf("logout gave %v", err)
	}
	if _, err := gateway.New("github", &plugintest.Config{}, gateway.Deps{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a provider that is no gateway gave %v", err)
	}
}

func TestGateway_BelievesTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	p := build(t, "oauth2Proxy", nil, gateway.Deps{Clock: time.Now}, map[string]any{"trustedProxies": []any{"10.1.0.0/16", "192.0.2.7", "fd00::/8"}})
	for remote, trusted := range map[string]bool{
		"10.1.2.3:4711": true, "192.0.2.7:1": true, "[fd00::1]:9": true, "[::ffff:10.1.2.3]:4711": true,
		"10.2.0.1:4711": false, "192.0.2.8:1": false, "[fe80::1%eth0]:9": false, "@": false, "": false,
	} {
		if remote == "" {
			remote = "nobody"
		}
		_, err := ask(t, p, remote, "X-Forwarded-User", "jane", "X-Forwarded-For", "10.1.2.3")
		if trusted != (err == nil) || !trusted && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("from %s: %v, want it to be trusted: %v", remote, err, trusted)
		}
	}
	_, err := gateway.New("oauth2Proxy", config("oauth2Proxy", nil, map[string]any{"trustedProxies": []any{"10.1.0.0/99"}}), gateway.Deps{Clock: time.Now})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "10.1.0.0/99") {
		t.Errorf("a bad range gave %v", err)
	}
}

func TestGateway_SaysWhichKeyIsMissingOrWrong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		id   string
		cfg  map[string]any
		want string
	}{
		"alb without issuer":         {"awsalb", map[string]any{"region": "x"}, "auth.providers.awsalb.issuer"},
		"alb without region":         {"awsalb", map[string]any{"issuer": "x"}, "auth.providers.awsalb.region"},
		"alb in no region":           {"awsalb", map[string]any{"issuer": "x", "region": "x/../y"}, "auth.providers.awsalb.region"},
		"iap without audience":       {"gcpIap", nil, "auth.providers.gcpIap.audience"},
		"access without audience":    {"cfaccess", map[string]any{"teamName": "acme"}, "auth.providers.cfaccess.audience"},
		"access without team":        {"cfaccess", map[string]any{"audience": "a"}, "auth.providers.cfaccess.teamName"},
		"access with no team's name": {"cfaccess", map[string]any{"audience": "a", "teamName": "evil.example/"}, "teamName"},
		"access with half a token":   {"cfaccess", map[string]any{"audience": "a", "teamName": "acme", "serviceTokens": []any{map[string]any{"token": "x"}}}, "serviceTokens"},
		"easy auth elsewhere":        {"azureEasyAuth", nil, "Azure App Services"},
	} {
		_, err := gateway.New(tc.id, config(tc.id, tc.cfg, nil), gateway.Deps{Clock: time.Now})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want an error with code invalid that names %s", name, err, tc.want)
		}
	}
}
