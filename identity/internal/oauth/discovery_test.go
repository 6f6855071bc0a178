package oauth_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/identity/internal/oauth"
)

// discovered is a portal with an OpenID provider of the world, whose discovery
// document goes through change.
func discovered(t *testing.T, change func(http.ResponseWriter, *http.Request) (answered bool)) (*rig, *world) {
	t.Helper()
	w := newWorld(t)
	const issuer = "https://idp.acme.com"
	idp := w.openID(issuer, "/o", "/.well-known/openid-configuration", func() object { return jo(object{"iss": issuer}) }, jo(nil))
	w.hosts["idp.acme.com"] = func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/.well-known/") || !change(rw, r) {
			idp(rw, r)
		}
	}
	return newRig(t, "oidc", "oidc", w, func(_ string, c *oauth.Config) { c.MetadataURL = issuer }), w
}

const document = "GET idp.acme.com/.well-known/openid-configuration"

func TestDiscovery_IsReadRarelyAndOutlivesItsSource(t *testing.T) {
	t.Parallel()
	down := false
	g, w := discovered(t, func(rw http.ResponseWriter, _ *http.Request) bool {
		if down {
			rw.WriteHeader(http.StatusInternalServerError)
		}
		return down
	})
	for range 3 {
		g.start("oidc", "")
	}
	if n := w.count(document); n != 1 {
		t.Errorf("read %d times", n)
	}
	down = true
	g.advance(7 * time.Hour)
	for range 3 {
		g.start("oidc", "")
	}
	if n := w.count(document); n != 3 {
		t.Errorf("read %d times, want one attempt more, with one retry", n)
	}
	down = false
	g.advance(2 * time.Second)
	g.start("oidc", "")
	if n := w.count(document); n != 4 {
		t.Errorf("read %d times, want a successful attempt more", n)
	}
}

// Everybody who waits for a provider that hangs learns of it at once, and not
// one after the other.
func TestDiscovery_ThatHangsIsAskedOnceForAllWhoWait(t *testing.T) {
	t.Parallel()
	var g *rig
	g, w := discovered(t, func(rw http.ResponseWriter, _ *http.Request) bool {
		g.advance(10 * time.Second)
		rw.WriteHeader(http.StatusBadGateway)
		return true
	})
	for range 5 {
		if a := g.get("/oidc/start?env=test"); a.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	if n := w.count(document); n != 2 {
		t.Errorf("read %d times, want one attempt with one retry", n)
	}
}

func TestDiscovery_ThatHangsStopsNobodyWhoHasADocument(t *testing.T) {
	t.Parallel()
	asked, hang := make(chan struct{}, 2), make(chan struct{})
	slow := false
	g, _ := discovered(t, func(http.ResponseWriter, *http.Request) bool {
		if slow {
			asked <- struct{}{}
			<-hang
		}
		return false
	})
	g.start("oidc", "")
	slow = true
	g.advance(7 * time.Hour)
	var wg sync.WaitGroup
	start := func() int { return g.get("/oidc/start?env=test").StatusCode }
	wg.Go(func() { start() })
	<-asked
	second := make(chan int, 1)
	wg.Go(func() { second <- start() })
	select {
	case status := <-second:
		if status != http.StatusFound {
			t.Errorf("status %d", status)
		}
	case <-time.After(5 * time.Second):
		t.Error("a sign-in waits for a document that another one reads again")
	}
	close(hang)
	wg.Wait()
}

func TestDiscovery_RefusesDocumentsThatLeadAstray(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":           `<html>`,
		"an empty object":   `{}`,
		"no keys":           `{"issuer":"https://i","authorization_endpoint":"https://i/a","token_endpoint":"https://i/t"}`,
		"tokens in the raw": `{"issuer":"https://i","authorization_endpoint":"https://i/a","token_endpoint":"http://i/t","jwks_uri":"https://i/k"}`,
	} {
		g, _ := discovered(t, func(rw http.ResponseWriter, _ *http.Request) bool {
			_, _ = rw.Write([]byte(text))
			return true
		})
		if a := g.get("/oidc/start?env=test"); a.StatusCode != http.StatusServiceUnavailable || !strings.Contains(a.body, "does not answer at the moment") {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}

func TestRefresh_IsSharedByTabsThatAskAtOnce(t *testing.T) {
	t.Parallel()
	g, w := discovered(t, func(http.ResponseWriter, *http.Request) bool { return false })
	g.come(w, "oidc", "")
	before := w.count("POST idp.acme.com/o/token")
	cookies := http.Header{"X-Requested-With": {"XMLHttpRequest"}, "Cookie": {"oidc-refresh-token=rt-1; oidc-granted-scope=openid%20profile%20email"}}
	g.newBrowser()
	g.browser.Jar = nil
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.url+"/api/auth/oidc/refresh?env=test", nil)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header = cookies
			resp, err := g.browser.Do(req)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("%v %v", resp, err)
				return
			}
			resp.Body.Close()
			if set := resp.Header.Values("Set-Cookie"); len(set) == 0 || !strings.HasPrefix(set[0], "oidc-refresh-token=rt-2;") {
				t.Errorf("cookies %v", set)
			}
		})
	}
	wg.Wait()
	if n := w.count("POST idp.acme.com/o/token") - before; n != 1 {
		t.Errorf("the token was used %d times", n)
	}
}

func TestFrame_IsNotUsedUpByLooking(t *testing.T) {
	t.Parallel()
	g, w := discovered(t, func(http.ResponseWriter, *http.Request) bool { return false })
	q := g.start("oidc", "").Query()
	w.form["start"] = q
	at := "/oidc/handler/frame?code=code-1&state=" + q.Get("state")
	if a := g.do(http.MethodHead, at, nil); a.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("%d", a.StatusCode)
	}
	if m := g.get(at).posted(t); m.Message.Response == nil {
		t.Errorf("%+v", m.Message.Error)
	}
	if a := g.get("/oidc/start?env=test&scope=" + strings.Repeat("a", 3000)); a.StatusCode != http.StatusBadRequest {
		t.Errorf("a scope without end: %d", a.StatusCode)
	}
}
