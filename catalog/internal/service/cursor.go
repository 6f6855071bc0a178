package service

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/service/predicate"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// Cursor is a place in the result of a query together with the query. Clients
// get it as an opaque text and hand it back.
type Cursor struct {
	OrderFields    []CursorOrder `json:"orderFields"`
	IsPrevious     bool          `json:"isPrevious"`
	Query          any           `json:"query,omitempty"`
	FullTextFilter *CursorText   `json:"fullTextFilter,omitempty"`
	// OrderFieldValues is where the page begins, FirstSortValues where the
	// first page began.
	OrderFieldValues *index.Position `json:"orderFieldValues"`
	FirstSortValues  *index.Position `json:"firstSortFieldValues,omitempty"`
	TotalItems       *int            `json:"totalItems,omitempty"`
	// Filter is the form in which older servers carried the query.
	Filter *CursorFilter `json:"filter,omitempty"`
}

// CursorOrder is a sort field within a [Cursor].
type CursorOrder struct {
	Field string `json:"field"`
	Order string `json:"order"`
}

// CursorText is the text filter within a [Cursor].
type CursorText struct {
	Term   string   `json:"term"`
	Fields []string `json:"fields,omitempty"`
}

// CursorFilter is a filter within a [Cursor] of an older server.
type CursorFilter struct {
	Key    string          `json:"key,omitempty"`
	Values []string        `json:"values,omitempty"`
	AllOf  []*CursorFilter `json:"allOf,omitempty"`
	AnyOf  []*CursorFilter `json:"anyOf,omitempty"`
	Not    *CursorFilter   `json:"not,omitempty"`
}

// Encode renders the cursor for clients.
func (c *Cursor) Encode() string {
	data, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("encode cursor: %v", err)) // all fields can be encoded
	}
	return base64.StdEncoding.EncodeToString(data)
}

// DecodeCursor reads what Encode made. It returns an error with code invalid
// that says, in the words clients know, what is wrong with a text that it did
// not make.
func DecodeCursor(text string) (*Cursor, error) {
	data := decodeBase64(text)
	var raw any
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fault.Newf(fault.Invalid, "Malformed cursor: SyntaxError: %s", httpx.SyntaxMessage(data))
	}
	if issues := cursorIssues(raw); issues != nil {
		list, _ := json.MarshalIndent(issues, "", "  ")
		return nil, fault.Newf(fault.Invalid, "Malformed cursor: InputError: Malformed cursor: %s", list)
	}
	var c Cursor
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fault.Newf(fault.Invalid, "Malformed cursor: %s", err)
	}
	if c.Query != nil {
		if predicate.TooLarge(c.Query) {
			return nil, fault.New(fault.Invalid, "Malformed cursor: the query is too large")
		}
		if err := predicate.Check(c.Query); err != nil {
			return nil, fault.Newf(fault.Invalid, "Malformed cursor: %s", err)
		}
	}
	return &c, nil
}

// decodeBase64 is as lenient as clients are used to: it takes both alphabets,
// needs no padding and skips what does not belong to base64.
func decodeBase64(text string) []byte {
	var b strings.Builder
	before, _, _ := strings.Cut(text, "=")
	for _, r := range before {
		switch {
		case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '+', r == '/':
			b.WriteRune(r)
		case r == '-':
			b.WriteByte('+')
		case r == '_':
			b.WriteByte('/')
		}
	}
	clean := b.String()
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	data, _ := base64.RawStdEncoding.DecodeString(clean)
	if utf8.Valid(data) {
		return data
	}
	return []byte(string([]rune(string(data)))) // bad bytes become U+FFFD
}

// filter returns the filter that the cursor carries.
func (c *Cursor) filter() (catalog.Filter, error) {
	switch {
	case c.Query != nil:
		return predicate.Compile(c.Query)
	case c.Filter != nil:
		return c.Filter.compile(0)
	}
	return nil, nil
}

func (f *CursorFilter) compile(depth int) (catalog.Filter, error) {
	if depth > predicate.MaxDepth {
		return nil, fault.New(fault.Invalid, "Malformed cursor: the filter nests too deeply")
	}
	if f.Not != nil {
		inner, err := f.Not.compile(depth + 1)
		return catalog.Not{Filter: inner}, err
	}
	list := f.AllOf
	if f.AnyOf != nil {
		list = f.AnyOf
	}
	if list == nil {
		if f.Values == nil {
			return catalog.Exists{Key: f.Key}, nil
		}
		return catalog.Match{Key: f.Key, Values: f.Values}, nil
	}
	out := make([]catalog.Filter, 0, len(list))
	for _, item := range list {
		if item == nil {
			return nil, fault.New(fault.Invalid, "Malformed cursor: the filter holds null")
		}
		x, err := item.compile(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	if f.AnyOf != nil {
		return catalog.Or(out), nil
	}
	return catalog.And(out), nil
}

// cursorIssue is one complaint about a cursor's shape, as clients see it.
type cursorIssue struct {
	Code     string   `json:"code"`
	Expected string   `json:"expected,omitempty"`
	Received string   `json:"received,omitempty"`
	Path     []string `json:"path"`
	Message  string   `json:"message"`
}

func cursorIssues(raw any) []cursorIssue {
	m, ok := raw.(map[string]any)
	if !ok {
		return []cursorIssue{invalidType("object", raw, true)}
	}
	var out []cursorIssue
	need := func(key, want string, optional bool) {
		v, present := m[key]
		if !present && optional {
			return
		}
		if httpx.JSONType(v) != want || !present {
			out = append(out, invalidType(want, v, present, key))
		}
	}
	need("orderFields", "array", false)
	need("fullTextFilter", "object", true)
	need("orderFieldValues", "array", false)
	need("filter", "object", true)
	need("isPrevious", "boolean", false)
	need("query", "object", true)
	need("firstSortFieldValues", "array", true)
	need("totalItems", "number", true)
	if out != nil {
		return out
	}
	for i, v := range m["orderFields"].([]any) {
		order, _ := v.(map[string]any)
		direction, _ := order["order"].(string)
		if _, ok := order["field"].(string); !ok || direction != "asc" && direction != "desc" {
			out = append(out, cursorIssue{Code: "custom", Path: []string{"orderFields", fmt.Sprint(i)}, Message: "Expected a field and an order, asc or desc"})
		}
	}
	for _, key := range []string{"orderFieldValues", "firstSortFieldValues"} {
		values, _ := m[key].([]any)
		for i, v := range values {
			if t := httpx.JSONType(v); t != "string" && t != "null" {
				out = append(out, invalidType("string", v, true, key, fmt.Sprint(i)))
			}
		}
	}
	return out
}

func invalidType(want string, v any, present bool, path ...string) cursorIssue {
	is := cursorIssue{Code: "invalid_type", Expected: want, Received: httpx.JSONType(v), Path: path}
	if path == nil {
		is.Path = []string{}
	}
	if !present {
		is.Received, is.Message = "undefined", "Required"
		return is
	}
	is.Message = fmt.Sprintf("Expected %s, received %s", want, is.Received)
	return is
}
