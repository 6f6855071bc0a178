package predicate

import (
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Limits on filters, so that nobody can keep the read model busy with one.
const (
	MaxStatements = 5000
	MaxDepth      = 40
)

// Set is what the filter= parameters of one request say: any of the groups,
// each of which wants all of its statements.
type Set []Group

// Group holds the statements of one filter= parameter.
type Group []Statement

// Statement asks for a key. Without Values the key must exist; with them it
// must have one of the values.
type Statement struct {
	Key    string
	Values []string
}

// ParseParams reads filter= parameters: commas between statements, key=value
// or a bare key. The same key twice in one parameter asks for either value.
// An empty parameter list gives a nil Set, which restricts nothing. It returns
// an error with code invalid that quotes the bad statement.
func ParseParams(params []string) (Set, error) {
	var set Set
	n := 0
	for _, param := range params {
		var group Group
		for text := range strings.SplitSeq(param, ",") {
			text = strings.TrimSpace(text)
			if text == "" {
				continue
			}
			if n++; n > MaxStatements {
				return nil, fault.Newf(fault.Invalid, "Invalid filter, more than %d statements", MaxStatements)
			}
			key, value, hasValue := strings.Cut(text, "=")
			if key = strings.TrimSpace(key); key == "" {
				return nil, fault.Newf(fault.Invalid, "Invalid filter, '%s' is not a valid statement (expected a string on the form a=b or a= or a)", text)
			}
			group = group.add(key, strings.TrimSpace(value), hasValue)
		}
		if group != nil {
			set = append(set, group)
		}
	}
	return set, nil
}

func (g Group) add(key, value string, hasValue bool) Group {
	for i := range g {
		if g[i].Key == key {
			if hasValue {
				g[i].Values = append(g[i].Values, value)
			}
			return g
		}
	}
	s := Statement{Key: key}
	if hasValue {
		s.Values = []string{value}
	}
	return append(g, s)
}

// Filter returns the filter of the set; nil for a set that restricts nothing.
func (s Set) Filter() catalog.Filter {
	or := make(catalog.Or, 0, len(s))
	for _, group := range s {
		and := make(catalog.And, 0, len(group))
		for _, st := range group {
			if st.Values == nil {
				and = append(and, catalog.Exists{Key: st.Key})
			} else {
				and = append(and, catalog.Match{Key: st.Key, Values: st.Values})
			}
		}
		if len(and) == 1 {
			or = append(or, and[0])
		} else {
			or = append(or, and)
		}
	}
	switch len(or) {
	case 0:
		return nil
	case 1:
		return or[0]
	}
	return or
}

// Predicate returns the set as a predicate, the form in which cursors carry
// it; nil for a set that restricts nothing.
func (s Set) Predicate() any {
	alternatives := make([]any, 0, len(s))
	for _, group := range s {
		all := make([]any, 0, len(group))
		for _, st := range group {
			all = append(all, map[string]any{st.Key: st.condition()})
		}
		if len(all) == 1 {
			alternatives = append(alternatives, all[0])
		} else {
			alternatives = append(alternatives, map[string]any{"$all": all})
		}
	}
	switch len(alternatives) {
	case 0:
		return nil
	case 1:
		return alternatives[0]
	}
	return map[string]any{"$any": alternatives}
}

func (st Statement) condition() any {
	switch len(st.Values) {
	case 0:
		return map[string]any{"$exists": true}
	case 1:
		return st.Values[0]
	}
	in := make([]any, len(st.Values))
	for i, v := range st.Values {
		in[i] = v
	}
	return map[string]any{"$in": in}
}

// TooLarge reports whether a decoded predicate nests deeper than [MaxDepth] or
// holds more than [MaxStatements] values.
func TooLarge(v any) bool {
	n := 0
	return tooLarge(v, 0, &n)
}

func tooLarge(v any, depth int, n *int) bool {
	if *n++; *n > 4*MaxStatements || depth > MaxDepth {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			if tooLarge(x, depth+1, n) {
				return true
			}
		}
	case []any:
		for _, x := range v {
			if tooLarge(x, depth+1, n) {
				return true
			}
		}
	}
	return false
}
