package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/catalog/internal/rest"
	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/permission"
)

// policy decides by the name of the permission; what is not named is allowed.
type policy map[string]permission.Decision

func (p policy) Authorize(_ context.Context, r permission.Request) (permission.Decision, error) {
	if d, ok := p[r.Permission.Name]; ok {
		return d, nil
	}
	return permission.Decision{Result: permission.Allow}, nil
}

// noURLs is a reader of a world without network.
type noURLs struct{ files map[string]string }

func (n noURLs) Read(_ context.Context, target string, _ fetch.Options) (fetch.File, error) {
	text, ok := n.files[target]
	if !ok {
		return fetch.File{}, fault.Newf(fault.NotFound, "could not read %s, 404 Not Found", target)
	}
	return fetch.File{URL: target, Data: []byte(text)}, nil
}

func (n noURLs) Search(ctx context.Context, target string, o fetch.Options) ([]fetch.File, error) {
	f, err := n.Read(ctx, target, o)
	return []fetch.File{f}, err
}

func (noURLs) Describe(string) (fetch.Info, bool) { return fetch.Info{}, false }

// api is the catalog's REST interface over an empty database.
type api struct {
	t       testing.TB
	mux     *httpx.Mux
	engine  *ingest.Engine
	index   *index.Index
	service *service.Service
	doc     *openapi3.T
}

type options struct {
	policy   policy
	audit    audit.Log
	strict   bool
	readOnly bool
	files    map[string]string
	run      bool
	lifetime time.Duration
}

func newAPI(t testing.TB, o options) *api {
	t.Helper()
	if o.policy == nil {
		o.policy = policy{}
	}
	kinds, err := model.New(model.Options{Strict: o.strict})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := process.NewRules([]process.Rule{{Allow: []process.AllowedKind{
		{Kind: "Component"}, {Kind: "API"}, {Kind: "Location"}, {Kind: "System"}, {Kind: "Resource"}, {Kind: "Group"}, {Kind: "User"}, {Kind: "Domain"},
	}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	pipeline := process.New(process.Deps{Model: kinds, Reader: noURLs{o.files}, Rules: rules, Strict: o.strict, Clock: time.Now})
	a := &api{t: t, index: index.New(index.Options{Strict: o.strict}), doc: document(t)}
	a.engine = ingest.New(ingest.Deps{
		Store: store.New(dbtest.SQLite(t)), Pipeline: pipeline, Sink: a.index, Clock: time.Now, NewID: uuid.NewString, Strict: o.strict,
	})
	if err := a.engine.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.service = service.New(service.Deps{Index: a.index, Authorizer: o.policy, Audit: o.audit, Strict: o.strict, ReadOnly: o.readOnly})
	a.service.Use(service.Parts{Engine: a.engine, Pipeline: pipeline, Model: kinds})
	a.mux = httpx.NewMux("catalog", "/api/catalog", httpx.Guard{
		Authenticate: func(r *http.Request) (context.Context, error) {
			p := identity.Principal{Kind: identity.User, Subject: "user:default/jane"}
			if r.Header.Get("x-test-service") != "" {
				p = identity.Principal{Kind: identity.Service, Subject: "plugin:test"}
			}
			return identity.NewContext(r.Context(), p), nil
		},
	})
	for _, r := range rest.New(rest.Deps{Service: a.service, Lifetime: o.lifetime}) {
		a.mux.Handle(r.Pattern, r.Access, a.recorded(r.Handler))
	}
	if o.run {
		a.run()
	}
	return a
}

// run lets the engine read locations until the test ends.
func (a *api) run() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.engine.Run(ctx) }()
	a.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			a.t.Error(err)
		}
	})
}

func (a *api) idle() {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), 20*time.Second)
	defer cancel()
	if err := a.engine.WaitIdle(ctx); err != nil {
		a.t.Fatal(err)
	}
}

func document(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(rest.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// recorded checks every answer, and every request that was answered well,
// against the OpenAPI document.
func (a *api) recorded(h httpx.Handler) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if strings.HasSuffix(r.Pattern, "/events") {
			return h(w, r)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		handlerErr := h(rec, r)
		if handlerErr == nil {
			r.Body = io.NopCloser(bytes.NewReader(body))
			a.validate(r, rec)
		}
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		if handlerErr != nil {
			return handlerErr
		}
		w.WriteHeader(rec.Code)
		_, err = w.Write(rec.Body.Bytes())
		return err
	}
}

func (a *api) validate(r *http.Request, rec *httptest.ResponseRecorder) {
	a.t.Helper()
	method, pattern, _ := strings.Cut(r.Pattern, " ")
	path := strings.TrimPrefix(pattern, "/api/catalog")
	item := a.doc.Paths.Value(path)
	if item == nil || item.GetOperation(method) == nil {
		a.t.Errorf("%s %s is not in the OpenAPI document", method, path)
		return
	}
	params := map[string]string{}
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			params[name] = r.PathValue(name)
		}
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params,
		Route:   &routers.Route{Spec: a.doc, Path: path, PathItem: item, Method: method, Operation: item.GetOperation(method)},
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, ExcludeRequestBody: r.ContentLength == 0},
	}
	if rec.Code < 400 {
		if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
			a.t.Errorf("%s %s: the request does not fit the OpenAPI document: %v", method, r.URL, err)
		}
	}
	err := openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: rec.Code, Header: rec.Header(), Body: io.NopCloser(bytes.NewReader(rec.Body.Bytes())),
	})
	if err != nil {
		a.t.Errorf("%s %s: the answer does not fit the OpenAPI document: %v\n%s", method, r.URL, err, rec.Body)
	}
}

// answer is a decoded answer.
type answer struct {
	status int
	header http.Header
	text   string
}

func (x answer) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(x.text), v); err != nil {
		t.Fatalf("decode answer: %v\n%s", err, x.text)
	}
}

func (x answer) message(t testing.TB) string {
	t.Helper()
	var e httpx.Envelope
	x.into(t, &e)
	return e.Error.Message
}

func (a *api) call(method, path, body string, header ...string) answer {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), method, "/api/catalog"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	a.mux.ServeHTTP(rec, r)
	return answer{rec.Code, rec.Header(), rec.Body.String()}
}

func (a *api) get(path string) answer { a.t.Helper(); return a.call(http.MethodGet, path, "") }

// push stores entities, which must all be good.
func (a *api) push(entities ...catalog.Entity) {
	a.t.Helper()
	result, err := a.engine.Push(a.t.Context(), "test", ingest.PushRequest{Upsert: entities})
	if err != nil {
		a.t.Fatal(err)
	}
	if result.Failed() > 0 {
		a.t.Fatalf("refused: %+v", result)
	}
}

func component(name string, spec map[string]any) catalog.Entity {
	full := map[string]any{"type": "service", "lifecycle": "production", "owner": "team-a"}
	for k, v := range spec {
		full[k] = v
	}
	return catalog.Entity{"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": map[string]any{"name": name}, "spec": full}
}

func group(name string) catalog.Entity {
	return catalog.Entity{"apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": map[string]any{"name": name}, "spec": map[string]any{"type": "team", "children": []any{}}}
}

func escape(s string) string { return url.QueryEscape(s) }

func numbered(n int) string { return fmt.Sprintf("c-%03d", n) }
