package model

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// patternTimeout bounds one match of a pattern, because patterns come from
// configuration and texts from strangers.
const patternTimeout = 50 * time.Millisecond

// schema is a compiled JSON schema that reports the same first error as Ajv
// does with allErrors: the one that comes first in Ajv's order of keywords.
type schema struct {
	compiled *jsonschema.Schema
	quick    *acceptor
	// rank is the position of every schema and keyword, by JSON pointer, in
	// the order in which Ajv evaluates them.
	rank map[string]int
}

// compileSchema compiles doc. keys returns the keys of the object at a pointer
// in the order in which they were written, or nil if that is unknown.
func compileSchema(name string, doc map[string]any, keys func(pointer string) []string) (*schema, error) {
	at := "stagedoor:///" + url.PathEscape(name) + ".json"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.UseRegexpEngine(ecmaRegexp)
	c.UseLoader(noLoader{})
	if err := c.AddResource(at, doc); err != nil {
		return nil, fault.Newf(fault.Invalid, "schema of %s: %w", name, err)
	}
	compiled, err := c.Compile(at)
	if err != nil {
		return nil, fault.Newf(fault.Invalid, "schema of %s: %w", name, err)
	}
	r := ranker{keys: keys, rank: map[string]int{}}
	r.visit(doc, "")
	return &schema{compiled: compiled, quick: newAcceptor(doc), rank: r.rank}, nil
}

// noLoader refuses references to other documents: a schema that fetches is a
// schema whose meaning depends on the network.
type noLoader struct{}

func (noLoader) Load(at string) (any, error) {
	return nil, fmt.Errorf("%s: references to other documents are not supported", at)
}

// pattern is an ECMAScript regular expression with a time limit.
type pattern struct{ re *regexp2.Regexp }

func (p pattern) MatchString(s string) bool {
	ok, err := p.re.MatchString(s)
	return ok && err == nil
}

func (p pattern) String() string { return p.re.String() }

func ecmaRegexp(s string) (jsonschema.Regexp, error) {
	re, err := regexp2.Compile(s, regexp2.ECMAScript)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", s, err)
	}
	re.MatchTimeout = patternTimeout
	return pattern{re}, nil
}

// violation is one failed keyword.
type violation struct {
	path    []string // of the value
	rank    int
	message string
	params  string
}

// text renders the violation as Backstage does for kinds.
func (v *violation) text() string {
	return v.pointer() + " " + v.message + " - " + v.params
}

// pointer renders the path, <root> for the entity itself.
func (v *violation) pointer() string {
	if len(v.path) == 0 {
		return "<root>"
	}
	var b strings.Builder
	for _, token := range v.path {
		b.WriteByte('/')
		b.WriteString(escapePointer(token))
	}
	return b.String()
}

// first returns the first violation that v has, or nil. Violations at or below
// one of the unknown paths do not count.
func (s *schema) first(v any, unknown ...[]string) *violation {
	if s.quick.accepts(v) {
		return nil
	}
	err := s.compiled.Validate(v)
	if err == nil {
		return nil
	}
	var failed *jsonschema.ValidationError
	if !errors.As(err, &failed) {
		return &violation{message: err.Error()}
	}
	var best *violation
	s.leaves(failed, func(leaf *jsonschema.ValidationError) {
		for _, u := range unknown {
			if hasPrefix(leaf.InstanceLocation, u) {
				return
			}
		}
		x := s.violation(leaf)
		if best == nil || x.before(best) {
			best = x
		}
	})
	return best
}

// leaves calls visit for every error that has no cause.
func (s *schema) leaves(err *jsonschema.ValidationError, visit func(*jsonschema.ValidationError)) {
	_, isName := err.ErrorKind.(*kind.PropertyNames)
	if len(err.Causes) == 0 || isName {
		visit(err)
		return
	}
	for _, cause := range err.Causes {
		s.leaves(cause, visit)
	}
}

// violation describes a leaf.
func (s *schema) violation(leaf *jsonschema.ValidationError) *violation {
	v := &violation{path: leaf.InstanceLocation}
	at := ""
	if _, fragment, ok := strings.Cut(leaf.SchemaURL, "#"); ok {
		at = fragment
		if plain, err := url.PathUnescape(fragment); err == nil {
			at = plain
		}
	}
	v.rank = s.rank[at]
	if keyword := leaf.ErrorKind.KeywordPath(); len(keyword) > 0 {
		if r, ok := s.rank[at+"/"+keyword[0]]; ok {
			v.rank = r
		}
	}
	v.message, v.params = describe(leaf.ErrorKind)
	return v
}

// before orders violations: items of an array by their index, everything else
// by the order of keywords, and values of one map by name.
func (v *violation) before(w *violation) bool {
	for i := 0; i < len(v.path) && i < len(w.path); i++ {
		a, b := v.path[i], w.path[i]
		if a == b {
			continue
		}
		m, errA := strconv.Atoi(a)
		n, errB := strconv.Atoi(b)
		if errA == nil && errB == nil {
			return m < n
		}
		if v.rank != w.rank {
			return v.rank < w.rank
		}
		return a < b
	}
	return v.rank < w.rank
}

func hasPrefix(path, prefix []string) bool {
	if len(prefix) > len(path) {
		return false
	}
	for i, token := range prefix {
		if path[i] != token {
			return false
		}
	}
	return true
}

// keywordOrder is the order in which Ajv evaluates keywords: those of numbers
// and strings, those of any type, those of arrays and objects.
var keywordOrder = []string{
	"$ref", "type",
	"maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum", "multipleOf",
	"maxLength", "minLength", "pattern", "format",
	"const", "enum", "not", "anyOf", "oneOf", "allOf", "if", "then", "else",
	"maxItems", "minItems", "contains", "uniqueItems", "additionalItems", "items",
	"maxProperties", "minProperties", "required", "dependencies", "propertyNames",
	"additionalProperties", "properties", "patternProperties",
}

// ranker numbers schemas and keywords in the order of their evaluation.
type ranker struct {
	keys func(pointer string) []string
	rank map[string]int
	doc  map[string]any
}

func (r *ranker) visit(v any, at string) {
	s, ok := v.(map[string]any)
	if !ok {
		return
	}
	if r.doc == nil {
		r.doc = s
	}
	if _, seen := r.rank[at]; seen {
		return
	}
	r.rank[at] = len(r.rank)
	for _, keyword := range keywordOrder {
		sub, ok := s[keyword]
		if !ok {
			continue
		}
		here := at + "/" + keyword
		r.rank[here] = len(r.rank)
		switch keyword {
		case "$ref":
			r.follow(sub)
		case "properties", "patternProperties", "dependencies":
			r.visitNamed(sub, here)
		case "not", "if", "then", "else", "contains", "additionalItems", "propertyNames", "additionalProperties":
			delete(r.rank, here)
			r.visit(sub, here)
		case "anyOf", "oneOf", "allOf", "items":
			r.visitList(sub, here)
		}
	}
}

// visitNamed visits the schemas of an object in the order as written.
func (r *ranker) visitNamed(v any, at string) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	keys := r.keys(at)
	if len(keys) == 0 {
		keys = sortedKeys(m)
	}
	for _, k := range keys {
		r.visit(m[k], at+"/"+escapePointer(k))
	}
}

func (r *ranker) visitList(v any, at string) {
	list, ok := v.([]any)
	if !ok {
		delete(r.rank, at)
		r.visit(v, at)
		return
	}
	for i, item := range list {
		r.visit(item, at+"/"+strconv.Itoa(i))
	}
}

// follow visits the target of a reference within the document.
func (r *ranker) follow(ref any) {
	s, _ := ref.(string)
	pointer, ok := strings.CutPrefix(s, "#/")
	if !ok {
		return
	}
	var v any = r.doc
	for _, token := range strings.Split(pointer, "/") {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		v = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]
	}
	r.visit(v, "/"+pointer)
}
