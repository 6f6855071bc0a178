package model

import (
	"math"
	"unicode/utf8"
)

// acceptor is a quick answer to most questions: it knows the few keywords that
// the schemas of kinds consist of, and says yes to what is certainly valid.
// For everything else the full validator is asked, which is several times
// slower and knows all keywords and the reasons.
type acceptor struct {
	never      bool // uses a keyword that acceptors do not know
	types      jsonType
	minLength  int
	maxLength  int
	enum       map[string]bool // of strings; nil means any
	required   []string
	properties map[string]*acceptor
	closed     bool      // no properties but those
	rest       *acceptor // schema of other properties; nil means any
	items      *acceptor // nil means any
	minItems   int
	oneOf      []*acceptor // of types that exclude each other
}

// jsonType is a set of JSON types; the empty set means any.
type jsonType uint8

const (
	typeNull jsonType = 1 << iota
	typeBoolean
	typeNumber
	typeInteger
	typeString
	typeArray
	typeObject
)

var typeNames = map[string]jsonType{
	"null": typeNull, "boolean": typeBoolean, "number": typeNumber, "integer": typeInteger,
	"string": typeString, "array": typeArray, "object": typeObject,
}

// newAcceptor reads a schema; parts that it does not understand accept nothing.
func newAcceptor(doc any) *acceptor {
	if always, ok := doc.(bool); ok {
		return &acceptor{never: !always, maxLength: math.MaxInt}
	}
	s, ok := doc.(map[string]any)
	if !ok {
		return &acceptor{never: true}
	}
	a := &acceptor{maxLength: math.MaxInt}
	for keyword, v := range s {
		if !a.read(keyword, v) {
			return &acceptor{never: true}
		}
	}
	return a
}

// read takes in one keyword and reports whether it is a known one.
func (a *acceptor) read(keyword string, v any) (known bool) {
	switch keyword {
	case "$schema", "$comment", "title", "description", "examples", "default", "definitions":
		return true
	case "type":
		return a.readTypes(v)
	case "minLength":
		return readInt(&a.minLength, v)
	case "maxLength":
		return readInt(&a.maxLength, v)
	case "minItems":
		return readInt(&a.minItems, v)
	case "enum":
		a.enum = map[string]bool{}
		return eachString(v, func(s string) { a.enum[s] = true })
	case "required":
		return eachString(v, func(s string) { a.required = append(a.required, s) })
	case "properties":
		m, ok := v.(map[string]any)
		a.properties = make(map[string]*acceptor, len(m))
		for name, sub := range m {
			a.properties[name] = newAcceptor(sub)
		}
		return ok
	case "additionalProperties":
		if v == false {
			a.closed = true
		} else {
			a.rest = newAcceptor(v)
		}
		return true
	case "items":
		a.items = newAcceptor(v)
		return true
	case "oneOf":
		return a.readOneOf(v)
	}
	return false
}

func (a *acceptor) readTypes(v any) bool {
	if name, ok := v.(string); ok {
		a.types = typeNames[name]
		return a.types != 0
	}
	return eachString(v, func(name string) { a.types |= typeNames[name] }) && a.types != 0
}

// readOneOf knows the case where the type of a value tells which one it is.
func (a *acceptor) readOneOf(v any) bool {
	list, _ := v.([]any)
	var seen jsonType
	for _, item := range list {
		sub := newAcceptor(item)
		if sub.types == 0 || sub.types&seen != 0 || (sub.types|seen)&(typeNumber|typeInteger) == typeNumber|typeInteger {
			return false
		}
		seen |= sub.types
		a.oneOf = append(a.oneOf, sub)
	}
	return len(list) > 0
}

func readInt(into *int, v any) bool {
	switch n := v.(type) {
	case int:
		*into = n
		return true
	case float64:
		*into = int(n)
		return n == math.Trunc(n) && math.Abs(n) < 1<<31
	}
	return false
}

func eachString(v any, visit func(string)) bool {
	list, ok := v.([]any)
	for _, item := range list {
		s, isString := item.(string)
		if !isString {
			return false
		}
		visit(s)
	}
	return ok
}

// accepts reports that v is certainly valid. False means "ask the validator".
func (a *acceptor) accepts(v any) bool {
	if a.never || !a.ofType(v) {
		return false
	}
	if a.enum != nil {
		s, ok := v.(string)
		if !ok || !a.enum[s] {
			return false
		}
	}
	switch v := v.(type) {
	case string:
		if !a.acceptsLength(v) {
			return false
		}
	case []any:
		if !a.acceptsArray(v) {
			return false
		}
	case map[string]any:
		if !a.acceptsObject(v) {
			return false
		}
	}
	for _, sub := range a.oneOf {
		if sub.ofType(v) {
			return sub.accepts(v)
		}
	}
	return a.oneOf == nil
}

// ofType reports whether v is a JSON value of one of the types.
func (a *acceptor) ofType(v any) bool {
	var t jsonType
	switch v := v.(type) {
	case nil:
		t = typeNull
	case bool:
		t = typeBoolean
	case float64:
		t = typeNumber
		if v == math.Trunc(v) {
			t |= typeInteger
		}
	case string:
		t = typeString
	case []any:
		t = typeArray
	case map[string]any:
		t = typeObject
	default:
		return false
	}
	return a.types == 0 || a.types&t != 0
}

func (a *acceptor) acceptsLength(s string) bool {
	if len(s) <= a.maxLength && a.minLength <= 1 {
		return len(s) >= a.minLength
	}
	n := utf8.RuneCountInString(s)
	return n >= a.minLength && n <= a.maxLength
}

func (a *acceptor) acceptsArray(list []any) bool {
	if len(list) < a.minItems {
		return false
	}
	if a.items != nil {
		for _, item := range list {
			if !a.items.accepts(item) {
				return false
			}
		}
	}
	return true
}

func (a *acceptor) acceptsObject(m map[string]any) bool {
	for _, name := range a.required {
		if _, ok := m[name]; !ok {
			return false
		}
	}
	for name, v := range m {
		sub, known := a.properties[name]
		switch {
		case known && !sub.accepts(v):
			return false
		case known:
		case a.closed:
			return false
		case a.rest != nil && !a.rest.accepts(v):
			return false
		case a.rest == nil && !isJSON(v):
			return false
		}
	}
	return true
}

// isJSON reports whether v is a JSON value on the outside; another type is for
// the validator to complain about.
func isJSON(v any) bool {
	switch v.(type) {
	case nil, bool, float64, string, []any, map[string]any:
		return true
	}
	return false
}
