package httpx

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Schema describes a request body, or a part of one, as far as handlers need
// it. It is checked as JSON schema would be, in the order and with the words
// that clients of Backstage know: the first problem is the one reported.
type Schema struct {
	Type       Type // empty: anything
	Types      []Type
	Required   []string
	Properties []Property
	// Closed refuses properties that are not listed.
	Closed bool
	Items  *Schema
	// Values is the schema of properties that are not listed.
	Values   *Schema
	Enum     []any
	Min, Max *float64 // numbers: value; strings: length; arrays: items
	Nullable bool
	AnyOf    []*Schema
}

// Property is a named part of an object.
type Property struct {
	Name   string
	Schema Schema
}

// Check returns an error with code invalid that says which part of value, as
// decoded by encoding/json, does not fit. where is what the value is called,
// such as request/body.
func (s *Schema) Check(where string, value any) error {
	if value == nil && s.Nullable {
		return nil
	}
	types := s.Types
	if s.Type != "" {
		types = append([]Type{s.Type}, types...)
	}
	if len(types) > 0 && !slices.ContainsFunc(types, func(t Type) bool { return hasType(value, t) }) {
		names := make([]string, len(types))
		for i, t := range types {
			names[i] = string(t)
		}
		return wrong(where, "must be "+strings.Join(names, ","))
	}
	if err := s.checkValue(where, value); err != nil {
		return err
	}
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(e any) bool { return reflect.DeepEqual(e, value) }) {
		names := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			names[i] = fmt.Sprint(e)
		}
		return wrong(where, "must be equal to one of the allowed values: "+strings.Join(names, ", "))
	}
	return s.checkAnyOf(where, value)
}

func (s *Schema) checkValue(where string, value any) error {
	switch v := value.(type) {
	case float64:
		if text := outOfBounds(v, s.Min, s.Max); text != "" {
			return wrong(where, text)
		}
	case string:
		if text := outOfSize(float64(utf8.RuneCountInString(v)), s.Min, s.Max, "characters"); text != "" {
			return wrong(where, text)
		}
	case []any:
		if text := outOfSize(float64(len(v)), s.Min, s.Max, "items"); text != "" {
			return wrong(where, text)
		}
		for i, item := range v {
			if s.Items != nil {
				if err := s.Items.Check(where+"/"+strconv.Itoa(i), item); err != nil {
					return err
				}
			}
		}
	case map[string]any:
		return s.checkObject(where, v)
	}
	return nil
}

func (s *Schema) checkObject(where string, object map[string]any) error {
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			return wrong(where, "must have required property '"+name+"'")
		}
	}
	if s.Closed || s.Values != nil {
		names := make([]string, 0, len(object))
		for name := range object {
			if !slices.ContainsFunc(s.Properties, func(p Property) bool { return p.Name == name }) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			if s.Closed {
				return wrong(where, "must NOT have additional properties")
			}
			if err := s.Values.Check(where+"/"+pointer(name), object[name]); err != nil {
				return err
			}
		}
	}
	for i := range s.Properties {
		p := &s.Properties[i]
		if value, ok := object[p.Name]; ok {
			if err := p.Schema.Check(where+"/"+pointer(p.Name), value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Schema) checkAnyOf(where string, value any) error {
	var first error
	for _, option := range s.AnyOf {
		err := option.Check(where, value)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func hasType(value any, t Type) bool {
	switch v := value.(type) {
	case string:
		return t == String
	case bool:
		return t == Boolean
	case float64:
		return t == Number || t == Integer && v == math.Trunc(v)
	case map[string]any:
		return t == Object
	case []any:
		return t == Array
	}
	return false
}

func outOfSize(n float64, low, high *float64, what string) string {
	switch {
	case high != nil && n > *high:
		return "must NOT have more than " + formatNumber(*high) + " " + what
	case low != nil && n < *low:
		return "must NOT have fewer than " + formatNumber(*low) + " " + what
	}
	return ""
}

// pointer escapes a name for a JSON pointer.
func pointer(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func wrong(where, text string) error { return fault.New(fault.Invalid, where+" "+text) }
