package authserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

// site is a server with client metadata documents that counts its visitors.
type site struct {
	*httptest.Server
	connections, requests atomic.Int32
}

func newSite(t *testing.T, handle func(s *site, w http.ResponseWriter, r *http.Request)) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		handle(s, w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// documented answers with a good document, changed by what stands in the path.
func documented(s *site, w http.ResponseWriter, r *http.Request) {
	doc := map[string]any{
		"client_id": s.URL + r.URL.Path, "client_name": "Agent", "redirect_uris": []string{"http://127.0.0.1/callback"}, "token_endpoint_auth_method": "none",
	}
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/not-json":
		_, _ = w.Write([]byte("hello"))
		return
	case "/a-list":
		_, _ = w.Write([]byte("[]"))
		return
	case "/web":
		doc["redirect_uris"] = []string{"https://agent.example/callback"}
	case "/large":
		doc["client_name"] = strings.Repeat("x", 20<<10)
	case "/another-id":
		doc["client_id"] = s.URL + "/good"
	case "/no-redirects":
		delete(doc, "redirect_uris")
	case "/secret":
		doc["client_secret"] = "s"
	case "/secret-method":
		doc["token_endpoint_auth_method"] = "client_secret_basic"
	case "/html":
		w.Header().Set("Content-Type", "text/html")
	case "/missing":
		w.WriteHeader(http.StatusNotFound)
	case "/moved":
		http.Redirect(w, r, s.URL+"/good", http.StatusFound)
		return
	}
	_ = json.NewEncoder(w).Encode(doc)
}

// admitting is the configuration that admits the clients of a site.
func admitting(clientPatterns ...string) map[string]any {
	return map[string]any{"auth": map[string]any{
		"clientIdMetadataDocuments": map[string]any{"enabled": true, "allowedClientIdPatterns": clientPatterns},
		"experimentalRefreshToken":  map[string]any{"enabled": true},
	}}
}

func TestDocuments_MakeAClient(t *testing.T) {
	t.Parallel()
	s := newSite(t, documented)
	r := newRig(t, dbtest.SQLite(t), rigOptions{config: admitting("http://127.0.0.1:*/*")})
	id := s.URL + "/good"
	session := r.session("client_id", id)
	if page := r.get("/v1/sessions/" + session); page.field("clientName") != "Agent" || page.field("clientId") != id || strings.Contains(string(page.body), `"firstParty":true`) {
		t.Errorf("the consent page is told %s", page.body)
	}
	refresh := r.form("/v1/token", exchange(r.code(session).Get("code"), "client_id", id)).field("refresh_token")
	r.session("client_id", id)
	if n := s.requests.Load(); n != 1 {
		t.Errorf("the document was fetched %d times, want once", n)
	}
	r.pass(6 * time.Minute)
	r.session("client_id", id)
	if n := s.requests.Load(); n != 2 {
		t.Errorf("six minutes later the document was fetched %d times in all, want twice", n)
	}
	// The client's site need not be there for its tokens to be renewed.
	s.Close()
	if a := r.renew(refresh); a.status != http.StatusOK {
		t.Errorf("refresh while the site is down: status %d: %s", a.status, a.body)
	}
}

func TestDocuments_AreRefusedWithAReason(t *testing.T) {
	t.Parallel()
	s := newSite(t, documented)
	r := newRig(t, dbtest.SQLite(t), rigOptions{config: admitting("http://127.0.0.1:*/*")})
	for path, want := range map[string]string{
		"/not-json":                "not the JSON object",
		"/a-list":                  "not the JSON object",
		"/large":                   "larger than 16384",
		"/another-id":              "client_id is not its own address",
		"/no-redirects":            "at least one redirect_uri",
		"/secret":                  "must not contain client_secret",
		"/secret-method":           "must not use a secret",
		"/html":                    "it is not JSON",
		"/missing":                 "status 404",
		"/moved":                   "status 302",
		"/":                        "must have a path",
		"/good?x=1":                "query string",
		"/good?":                   "query string",
		"/good#x":                  "fragment",
		"/a/../good":               "dot segments",
		"/a/%2e%2e/good":           "dot segments",
		"/./good":                  "dot segments",
		"/\\good":                  "no URL",
		"/g ood":                   "no URL",
		strings.Repeat("/x", 1500): "too long",
	} {
		for range 2 { // the second time from memory
			a := r.get("/v1/authorize?" + r.request("client_id", s.URL+path).Encode())
			if a.status != http.StatusBadRequest || a.field("error") != "invalid_client" || !strings.Contains(a.field("error_description"), want) {
				t.Errorf("%.40s: status %d: %s, want %q", path, a.status, a.body, want)
			}
		}
	}
	if n := s.requests.Load(); n != 10 {
		t.Errorf("%d requests, want one for each document that has an address", n)
	}
	r.pass(time.Minute)
	r.get("/v1/authorize?" + r.request("client_id", s.URL+"/missing").Encode())
	if n := s.requests.Load(); n != 11 {
		t.Errorf("%d requests: a failure is remembered for longer than it should", n)
	}
}

// A document may name any redirect URI; the configuration says which count.
func TestDocuments_RedirectWhereTheConfigurationAllows(t *testing.T) {
	t.Parallel()
	s := newSite(t, documented)
	config := admitting("http://127.0.0.1:*/*")
	r := newRig(t, dbtest.SQLite(t), rigOptions{config: config})
	query := r.request("client_id", s.URL+"/web", "redirect_uri", "https://agent.example/callback").Encode()
	a := r.get("/v1/authorize?" + query)
	if a.status != http.StatusBadRequest || a.header.Get("Location") != "" || !strings.Contains(a.field("error_description"), "configuration does not allow it") {
		t.Errorf("by default: status %d, to %q: %s", a.status, a.header.Get("Location"), a.body)
	}
	config["auth"].(map[string]any)["clientIdMetadataDocuments"].(map[string]any)["allowedRedirectUriPatterns"] = []string{"https://agent.example/*"}
	r.host.Config.Replace(r.configuration(config))
	if a := r.get("/v1/authorize?" + query); a.status != http.StatusFound {
		t.Errorf("when it is allowed: status %d: %s", a.status, a.body)
	}
}

func TestDocuments_NeedToBeAdmitted(t *testing.T) {
	t.Parallel()
	s := newSite(t, documented)
	for name, tc := range map[string]struct {
		config map[string]any
		id     string
	}{
		"documents are off":                   {nil, s.URL + "/good"},
		"another site is admitted":            {admitting("https://claude.ai/*"), s.URL + "/good"},
		"another port is admitted":            {admitting("http://127.0.0.1:1/*"), s.URL + "/good"},
		"another path is admitted":            {admitting("http://127.0.0.1:*/apps/*"), s.URL + "/good"},
		"credentials before an admitted host": {admitting("http://127.0.0.1:*/*"), strings.Replace(s.URL, "http://", "http://claude.ai@", 1) + "/good"},
		"plain http to elsewhere":             {admitting("*"), "http://site.example/client.json"},
		"another scheme":                      {admitting("*"), "ftp://site.example/client.json"},
	} {
		r := newRig(t, dbtest.SQLite(t), rigOptions{config: tc.config})
		a := r.get("/v1/authorize?" + r.request("client_id", tc.id).Encode())
		if a.status != http.StatusBadRequest || a.field("error") != "invalid_client" {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		}
	}
	production := admitting("*")
	production["auth"].(map[string]any)["environment"] = "production"
	r := newRig(t, dbtest.SQLite(t), rigOptions{config: production})
	if a := r.get("/v1/authorize?" + r.request("client_id", s.URL+"/good").Encode()); a.field("error") != "invalid_client" {
		t.Errorf("a loopback document in production: status %d: %s", a.status, a.body)
	}
	if n := s.connections.Load(); n != 0 {
		t.Errorf("%d connections were made for clients that nobody admitted", n)
	}
}

// Strangers choose client ids, so the portal must not be talked into visiting
// its own network, whatever a name leads to.
func TestDocuments_StayOutOfTheOwnNetwork(t *testing.T) {
	t.Parallel()
	s := newSite(t, documented)
	port := s.Listener.Addr().(*net.TCPAddr).Port
	var asked atomic.Int32
	guard := fetch.Guard{Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
		asked.Add(1)
		if addr, err := netip.ParseAddr(host); err == nil {
			return []netip.Addr{addr}, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}}
	r := newRig(t, dbtest.SQLite(t), rigOptions{config: admitting("*"), guard: guard})
	hosts := []string{
		"public.example", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254",
		"[fe80::1]", "[fd00::1]", "0.0.0.0", "[::]", "100.64.0.1", "[64:ff9b::7f00:1]",
	}
	for _, host := range hosts {
		id := fmt.Sprintf("https://%s:%d/client.json", host, port)
		a := r.get("/v1/authorize?" + r.request("client_id", id).Encode())
		// What the answer says does not depend on what is there.
		if a.status != http.StatusBadRequest || a.field("error_description") != "Failed to fetch client metadata" {
			t.Errorf("%s: status %d: %s", host, a.status, a.body)
		}
	}
	if n := int(asked.Load()); n != len(hosts) {
		t.Errorf("%d of %d hosts were looked at", n, len(hosts))
	}
	if n := s.connections.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// A command line's own document is never fetched: the portal knows itself,
// also where it has a private address.
func TestDocuments_OfTheOwnCommandLine(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), rigOptions{})
	a := r.get("/.well-known/oauth-client/cli.json")
	var doc struct {
		ClientID     string   `json:"client_id"`
		RedirectURIs []string `json:"redirect_uris"`
		AuthMethod   string   `json:"token_endpoint_auth_method"`
	}
	if err := json.Unmarshal(a.body, &doc); err != nil || doc.ClientID != r.cliID() || doc.AuthMethod != "none" {
		t.Fatalf("%v: %s", err, a.body)
	}
	for _, uri := range doc.RedirectURIs {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "http" || u.Path != "/callback" {
			t.Errorf("redirect URI %s", uri)
		}
		r.session("redirect_uri", uri)
	}
	r.session("redirect_uri", "http://[::1]:61000/callback")
}
