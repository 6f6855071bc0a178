package identityplugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/access"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/plugin"
)

// values is a configuration by path.
type values map[string]string

func (v values) Has(path string) bool { return v[path] != "" }
func (values) Keys(string) []string   { return nil }
func (values) Subscribe(func())       {}

func (v values) Decode(path string, into any) error {
	if v[path] == "" {
		return nil
	}
	return json.Unmarshal([]byte(v[path]), into)
}

func TestReadCallers_SaysWhatItDoesNotUse(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cfg  values
		warn []string // what the log must name
		err  string
	}{
		"nothing":                 {},
		"the usual":               {cfg: values{"backend.auth.externalAccess": `[{"type":"static","options":{"token":"long-enough","subject":"ci"}}]`}},
		"the older configuration": {cfg: values{"backend.auth.keys": `[{"secret":"AAAAAAAAAAAAAAAA"}]`}, warn: []string{"backend.auth.keys is deprecated"}},
		"keys of its own": {
			cfg:  values{"auth.keyStore": `{"provider":"static"}`, "backend.auth.pluginKeyStore": `{"type":"static"}`},
			warn: []string{"path=auth.keyStore type=static", "path=backend.auth.pluginKeyStore type=static"},
		},
		"keys in the database": {cfg: values{"auth.keyStore": `{"provider":"database"}`, "backend.auth.pluginKeyStore": `{"type":"database"}`}},
		"a bad entry":          {cfg: values{"backend.auth.externalAccess": `[{"type":"legacy","options":{"subject":"ci"}}]`}, err: "backend.auth.externalAccess[0].options.secret: must be text in base64"},
		"a bad old entry":      {cfg: values{"backend.auth.keys": `[{}]`}, warn: []string{"deprecated"}, err: "backend.auth.keys[0].secret: must be text in base64"},
	} {
		var log bytes.Buffer
		i := &Identity{host: &plugin.Host{Logger: slog.New(slog.NewTextHandler(&log, nil)), Clock: time.Now}}
		_, err := i.readCallers(t.Context(), tc.cfg)
		if (err == nil) != (tc.err == "") || (err != nil && (err.Error() != tc.err || !fault.Is(err, fault.Invalid))) {
			t.Errorf("%s: error %v, want %q", name, err, tc.err)
		}
		for _, want := range tc.warn {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: the log does not say %q:\n%s", name, want, log.String())
			}
		}
		if len(tc.warn) == 0 && log.Len() > 0 {
			t.Errorf("%s: the log says\n%s", name, log.String())
		}
	}
}

func TestReadCallers_AdmitsWhomItRead(t *testing.T) {
	t.Parallel()
	i := &Identity{host: &plugin.Host{Logger: slog.New(slog.DiscardHandler), Clock: time.Now}}
	i.Authenticator = access.NewAuthenticator(nil, nil)
	callers, err := i.readCallers(t.Context(), values{"backend.auth.externalAccess": `[{"type":"static","options":{"token":"long-enough","subject":"ci"}}]`})
	if err != nil {
		t.Fatal(err)
	}
	i.SetCallers(callers)
	r := httptest.NewRequest(http.MethodGet, "/api/catalog", nil)
	r.Header.Set("Authorization", "Bearer long-enough")
	if p, err := i.Authenticate(r); err != nil || p.Subject != "ci" {
		t.Errorf("got %+v, %v", p, err)
	}
}

// shelf is a key store.
type shelf struct{ keys [][]byte }

func (s *shelf) AddKey(_ context.Context, _ string, jwk []byte, _ time.Time) error {
	s.keys = append(s.keys, jwk)
	return nil
}

func (s *shelf) Keys(context.Context, time.Time) ([][]byte, error) { return s.keys, nil }

func TestPluginToken_IsForOneTarget(t *testing.T) {
	t.Parallel()
	i := &Identity{issuer: token.New(token.Deps{Keys: &shelf{}, Clock: time.Now, NewID: func() string { return "k1" }, Life: func() time.Duration { return time.Hour }})}
	bearer, expires, err := i.PluginToken(t.Context(), identity.System("search"), "search", "remote")
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(expires); left < 59*time.Minute || left > time.Hour {
		t.Errorf("it lives for %v", left)
	}
	if v, err := i.issuer.VerifyPlugin(t.Context(), bearer, "remote"); err != nil || v.Plugin != "search" {
		t.Errorf("it verifies as %+v, %v", v, err)
	}
	if _, err := i.issuer.VerifyPlugin(t.Context(), bearer, "catalog"); err == nil {
		t.Error("it opens another plugin")
	}
	if _, _, err := i.PluginToken(t.Context(), identity.Principal{}, "search", "remote"); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("for nobody: %v", err)
	}
}

func TestStayClose_KeepsTheEncryption(t *testing.T) {
	t.Parallel()
	request := func(url string) *http.Request { return httptest.NewRequest(http.MethodGet, url, nil) }
	for name, tc := range map[string]struct {
		from, to string
		hops     int
		follows  bool
	}{
		"to another place":       {"https://a/keys", "https://b/keys", 1, true},
		"from a plain address":   {"http://a/keys", "http://b/keys", 1, true},
		"to a plain address":     {"https://a/keys", "http://a/keys", 1, false},
		"in circles, in the end": {"https://a/keys", "https://a/keys", 4, false},
	} {
		var via []*http.Request
		for range tc.hops {
			via = append(via, request(tc.from))
		}
		err := stayClose(request(tc.to), via)
		if (err == nil) != tc.follows || errors.Is(err, http.ErrUseLastResponse) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
