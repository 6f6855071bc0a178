package plugintest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/stagedoor/stagedoor/internal/httpx"
)

// documented holds the routes of a plugin against its OpenAPI document.
type documented struct {
	tb  testing.TB
	doc *openapi3.T
}

func newDocumented(tb testing.TB, text []byte) *documented {
	tb.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		tb.Fatalf("read the OpenAPI document: %v", err)
	}
	if err := doc.Validate(tb.Context()); err != nil {
		tb.Fatalf("the OpenAPI document: %v", err)
	}
	return &documented{tb, doc}
}

// compare says which routes the document leaves out or makes up.
func (d *documented) compare(routes []httpx.Route) {
	d.tb.Helper()
	served := map[string]bool{}
	for _, r := range routes {
		if strings.HasPrefix(r.Path, "/.backstage/") || r.Path == "/openapi.json" {
			continue
		}
		served[r.Method+" "+r.Path] = true
		if item := d.doc.Paths.Value(r.Path); item == nil || item.GetOperation(r.Method) == nil {
			d.tb.Errorf("%s %s is served but not described", r.Method, r.Path)
		}
	}
	for path, item := range d.doc.Paths.Map() {
		for method := range item.Operations() {
			if !served[method+" "+path] {
				d.tb.Errorf("%s %s is described but not served", method, path)
			}
		}
	}
}

// check wraps a handler: every answer, and every request that is answered
// well, must fit the document.
func (d *documented) check(path string, h httpx.Handler) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		item := d.doc.Paths.Value(path)
		if item == nil || item.GetOperation(r.Method) == nil {
			return h(w, r) // compare has said so
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		if err := h(rec, r); err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		d.validate(path, item, r, rec)
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		if rec.Body.Len() > 0 { // to write nothing is an error where there may be no body
			_, err = w.Write(rec.Body.Bytes())
		}
		return err
	}
}

func (d *documented) validate(path string, item *openapi3.PathItem, r *http.Request, rec *httptest.ResponseRecorder) {
	params := map[string]string{}
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			params[name] = r.PathValue(name)
		}
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params,
		Route:   &routers.Route{Spec: d.doc, Path: path, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method)},
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, ExcludeRequestBody: r.ContentLength == 0},
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		d.tb.Errorf("%s %s: the request does not fit the OpenAPI document: %v", r.Method, r.URL, err)
	}
	err := openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: rec.Code, Header: rec.Header(), Body: io.NopCloser(bytes.NewReader(rec.Body.Bytes())),
	})
	if err != nil {
		d.tb.Errorf("%s %s: the answer does not fit the OpenAPI document: %v\n%s", r.Method, r.URL, err, rec.Body)
	}
}
