package rest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/service/predicate"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// The parameters that several routes have.
var (
	paramFields = httpx.Param{Name: "fields", Repeated: true}
	paramLimit  = httpx.Param{Name: "limit", Type: httpx.Integer, Min: httpx.Bound(0)}
	paramFilter = httpx.Param{Name: "filter", Repeated: true}
	paramOffset = httpx.Param{Name: "offset", Type: httpx.Integer, Min: httpx.Bound(0)}
	schemaTexts = httpx.Schema{Type: httpx.Array, Items: &httpx.Schema{Type: httpx.String}}
	schemaText  = httpx.Schema{Type: httpx.String}
)

// parseFields reads the paths of fields= parameters; nil means everything.
func parseFields(values []string) ([]string, error) {
	var out []string
	for _, v := range values {
		for path := range strings.SplitSeq(v, ",") {
			if path = strings.TrimSpace(path); path != "" && !slices.Contains(out, path) {
				out = append(out, path)
			}
		}
	}
	if slices.ContainsFunc(out, func(path string) bool { return strings.Contains(path, "[") }) {
		return nil, fault.New(fault.Invalid, "invalid fields, array type fields are not supported")
	}
	return out, nil
}

// parseOrder reads order= parameters of the form asc:field.
func parseOrder(values []string) ([]catalog.Order, error) {
	var out []catalog.Order
	for _, v := range values {
		direction, field, ok := strings.Cut(v, ":")
		field = strings.TrimSpace(field)
		if !ok || field == "" || direction != "asc" && direction != "desc" {
			return nil, fault.Newf(fault.Invalid, "Invalid order parameter %s, expected \"<asc or desc>:<field name>\"", quote(v))
		}
		out = append(out, catalog.Order{Field: field, Desc: direction == "desc"})
	}
	return out, nil
}

// parseOrderFields reads orderField= parameters of the form field,asc.
func parseOrderFields(values []string) ([]catalog.Order, error) {
	var out []catalog.Order
	for _, v := range values {
		field, direction, ok := strings.Cut(v, ",")
		direction, _, _ = strings.Cut(direction, ",")
		if ok && direction != "asc" && direction != "desc" {
			return nil, fault.New(fault.Invalid, "Invalid order field order, must be asc or desc")
		}
		out = append(out, catalog.Order{Field: field, Desc: direction == "desc"})
	}
	return out, nil
}

// parsePredicate reads the query of a body: nil when there is none.
func parsePredicate(query any) (catalog.Filter, error) {
	if query == nil {
		return nil, nil
	}
	if err := checkPredicate(query); err != nil {
		return nil, err
	}
	if _, ok := query.(map[string]any); !ok {
		return nil, fault.New(fault.Invalid, "Query must be an object")
	}
	return predicate.Compile(query)
}

// appendQuoted appends a JSON string.
func appendQuoted(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return append(dst, quote(s)...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// quote renders a JSON string without escaping for HTML.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string can be encoded
	return strings.TrimSuffix(b.String(), "\n")
}
