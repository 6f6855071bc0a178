package httpx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// recorded is one answer of the system that clients know.
type recorded struct {
	Request struct {
		Method, Path, Auth string
		Headers            map[string]string
		Body               any
	}
	Response struct {
		Status  int
		Headers map[string]any
		Body    any
	}
}

func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("STAGEDOOR_SHARED")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIP: %s not found, recorded answers are not compared", dir)
	}
	return dir
}

type callerKey struct{}

// guard knows the tokens "user", "service" and "limited".
var guard = httpx.Guard{
	Authenticate: func(r *http.Request) (context.Context, error) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "bearer") || token == "" {
			if c, err := r.Cookie("backstage-auth"); err == nil {
				return context.WithValue(r.Context(), callerKey{}, "limited:"+c.Value), nil
			}
			return r.Context(), nil
		}
		if token == "bad" {
			return nil, fault.New(fault.Unauthenticated, "Illegal token")
		}
		return context.WithValue(r.Context(), callerKey{}, token), nil
	},
	Admit: func(ctx context.Context, _ string, access httpx.Access) error {
		caller, _ := ctx.Value(callerKey{}).(string)
		if name, limited := strings.CutPrefix(caller, "limited:"); limited {
			return access.Check(name, true)
		}
		return access.Check(caller, false)
	},
	Caller: func(ctx context.Context) string { s, _ := ctx.Value(callerKey{}).(string); return s },
}

var (
	pageParams = httpx.Params{List: []httpx.Param{
		{Name: "filter", Repeated: true},
		{Name: "fields", Repeated: true},
		{Name: "limit", Type: httpx.Integer, Min: httpx.Bound(0)},
		{Name: "offset", Type: httpx.Integer, Min: httpx.Bound(0)},
		{Name: "orderField", Repeated: true},
		{Name: "totalItems", Enum: []string{"include", "exclude"}},
		{Name: "cursor"},
		{Name: "order", Repeated: true},
		{Name: "after"},
	}}
	facetParams = httpx.Params{List: []httpx.Param{{Name: "facet", Required: true, Repeated: true}, {Name: "filter", Repeated: true}}}

	refsSchema = httpx.Schema{Type: httpx.Object, Required: []string{"entityRefs"}, Properties: []httpx.Property{
		{Name: "entityRefs", Schema: httpx.Schema{Type: httpx.Array, Items: &httpx.Schema{Type: httpx.String}}},
	}}
	analyzeSchema = httpx.Schema{Type: httpx.Object, Required: []string{"location"}, Properties: []httpx.Property{
		{Name: "location", Schema: httpx.Schema{Type: httpx.Object, Required: []string{"target", "type"}, Closed: true, Properties: []httpx.Property{
			{Name: "target", Schema: httpx.Schema{Type: httpx.String}}, {Name: "type", Schema: httpx.Schema{Type: httpx.String}},
		}}},
	}}
	validateSchema = httpx.Schema{Type: httpx.Object, Required: []string{"location", "entity"}, Properties: []httpx.Property{
		{Name: "location", Schema: httpx.Schema{Type: httpx.String}}, {Name: "entity", Schema: httpx.Schema{Type: httpx.Object}},
	}}
	locationSchema = httpx.Schema{Type: httpx.Object, Required: []string{"target", "type"}}
	querySchema    = httpx.Schema{Type: httpx.Object, Properties: []httpx.Property{{Name: "query", Schema: httpx.Schema{Type: httpx.Object}}}}
)

func query(p *httpx.Params) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := p.Parse(r); err != nil {
			return err
		}
		return httpx.JSON(w, r, []string{})
	}
}

func body(s *httpx.Schema) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := httpx.DecodeJSON(r, s, nil); err != nil {
			return err
		}
		return httpx.JSON(w, r, []string{})
	}
}

// likeCatalog is a root with stand-ins for some routes of the real portal.
func likeCatalog(t *testing.T, opts httpx.RootOptions) *httpx.Root {
	t.Helper()
	opts.Guard = guard
	root, err := httpx.NewRoot(opts)
	if err != nil {
		t.Fatal(err)
	}
	m := root.Plugin("catalog")
	m.Handle("GET /entities", httpx.Default, query(&pageParams))
	m.Handle("GET /entities/by-query", httpx.Default, query(&pageParams))
	m.Handle("POST /entities/by-query", httpx.Default, body(&querySchema))
	m.Handle("GET /entity-facets", httpx.Default, query(&facetParams))
	m.Handle("POST /entities/by-refs", httpx.Default, body(&refsSchema))
	m.Handle("POST /analyze-location", httpx.Default, body(&analyzeSchema))
	m.Handle("POST /validate-entity", httpx.Default, body(&validateSchema))
	m.Handle("POST /locations", httpx.Default, body(&locationSchema))
	m.Handle("GET /entities/by-name/{kind}/{namespace}/{name}", httpx.Default, func(_ http.ResponseWriter, r *http.Request) error {
		return fault.Newf(fault.NotFound, "No entity named '%s' found, with kind '%s' in namespace '%s'", r.PathValue("name"), r.PathValue("kind"), r.PathValue("namespace"))
	})
	root.Plugin("user-settings").Handle("GET /buckets/{bucket}/keys/{key}", httpx.AllowUser, query(&pageParams))
	root.Plugin("notifications").Handle("GET /notifications", httpx.AllowUser, query(&pageParams))
	root.Plugin("notifications").Handle("POST /notifications", httpx.AllowService, body(&httpx.Schema{}))
	root.Plugin("auth").Handle("GET /{provider}/start", httpx.AllowAnonymous, func(_ http.ResponseWriter, r *http.Request) error {
		if r.PathValue("provider") == "guest" {
			return fault.New(fault.NotImplemented, "Not implemented")
		}
		return fault.Newf(fault.NotFound, "Unknown auth provider '%s'", r.PathValue("provider"))
	})
	root.Started()
	return root
}

func TestAnswers_AreThoseThatBackstageGives(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shared(t), "oracle", "backstage", "golden", "sqlite")
	root := likeCatalog(t, httpx.RootOptions{
		CSP: []httpx.Directive{{Name: "connect-src", Sources: []string{"'self'", "http:", "https:"}}},
		CORS: httpx.CORS{
			Origins: []string{"http://localhost:3000"}, Credentials: true,
			Methods: []string{"GET", "HEAD", "PATCH", "POST", "PUT", "DELETE"},
		},
	})
	for _, name := range []string{
		"root/api-root", "root/unknown-api-plugin", "root/unknown-api-plugin-no-auth", "root/cors-preflight-other-origin",
		"health/liveness", "health/readiness", "proxy/unknown",
		"auth/empty-bearer", "auth/wrong-scheme", "auth/token-in-query", "auth/unknown-provider-start", "auth/guest-start",
		"catalog/unknown-route", "catalog/by-name-bad", "catalog/by-name-missing", "catalog/page-limit-bad", "catalog/page-limit-negative",
		"catalog/page-offset-negative", "catalog/by-query-limit-bad", "catalog/by-query-limit-negative", "catalog/by-query-total-bad",
		"catalog/by-query-cursor-empty", "catalog/facets-none", "catalog/by-refs-no-refs", "catalog/by-refs-text",
		"catalog/analyze-empty", "catalog/analyze-extra", "catalog/validate-empty", "catalog/validate-no-location",
		"catalog/validate-not-object", "catalog/post-by-query-bad-array",
		"locations/create-empty", "locations/create-no-target", "locations/create-no-auth",
		"user-settings/no-auth", "user-settings/service", "notifications/no-auth", "notifications/send-user-forbidden",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(dir, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var want recorded
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			got := replay(root, want)
			if got.Code != want.Response.Status {
				t.Errorf("status %d, want %d", got.Code, want.Response.Status)
			}
			for _, header := range []string{
				"content-type", "etag", "vary", "x-frame-options", "content-security-policy",
				"referrer-policy", "strict-transport-security", "x-content-type-options", "x-dns-prefetch-control",
				"x-download-options", "x-permitted-cross-domain-policies", "x-xss-protection", "access-control-allow-origin",
			} {
				wanted, has := want.Response.Headers[header].(string)
				_, secure := want.Response.Headers["content-security-policy"]
				if !has && !secure && !strings.HasPrefix(header, "content-type") && header != "etag" && header != "vary" {
					continue // recorded only where it is asked for
				}
				if actual := got.Header().Get(header); actual != wanted {
					t.Errorf("%s is %q, want %q", header, actual, wanted)
				}
			}
			var gotBody any = got.Body.String()
			_ = json.Unmarshal(got.Body.Bytes(), &gotBody) // or it is text
			if diff := cmp.Diff(want.Response.Body, gotBody); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func replay(h http.Handler, want recorded) *httptest.ResponseRecorder {
	var payload []byte
	if text, ok := want.Request.Body.(string); ok {
		payload = []byte(text)
	} else if want.Request.Body != nil {
		payload, _ = json.Marshal(want.Request.Body)
	}
	r := httptest.NewRequest(want.Request.Method, want.Request.Path, bytes.NewReader(payload))
	if payload != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range want.Request.Headers {
		r.Header.Set(k, v)
	}
	switch want.Request.Auth {
	case "user", "service", "bad":
		r.Header.Set("Authorization", "Bearer "+want.Request.Auth)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
