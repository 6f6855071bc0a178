package predicate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/httpx"
)

// The checker below mirrors how a schema of nested unions reports errors: an
// alternative either matches, matches with a complaint (soft), or fails. One
// soft alternative hides the complaints of all others, which is why the
// messages name a wrong key of "$all" but list every alternative otherwise.

// state of a checked value.
type state int

const (
	valid state = iota
	soft
	failed
)

// issue is one complaint. Either text or alternatives is set.
type issue struct {
	path         []string
	text         string
	alternatives [][]issue
}

type outcome struct {
	state  state
	issues []issue
}

func (o *outcome) merge(other outcome) {
	o.state = max(o.state, other.state)
	o.issues = append(o.issues, other.issues...)
}

type checker func(v any, path []string) outcome

// Check reports what is wrong with a predicate that was decoded from JSON, in
// the text that follows "Invalid query: " on the wire, or nil.
func Check(v any) error {
	o := checkPredicate(v, nil)
	if o.state == valid {
		return nil
	}
	parts := make([]string, len(o.issues))
	for i, is := range o.issues {
		parts[i] = is.render()
	}
	return fmt.Errorf("Validation error: %s", strings.Join(parts, "; "))
}

func checkPredicate(v any, path []string) outcome {
	return union(v, path, checkExpression, checkPrimitive,
		object("$all", arrayOf(checkPredicate), true),
		object("$any", arrayOf(checkPredicate), true),
		object("$not", checkPredicate, true))
}

func checkExpression(v any, path []string) outcome {
	return union(v, path,
		record(func(key string) bool { return !strings.HasPrefix(key, "$") }, checkValue),
		record(func(key string) bool { return strings.HasPrefix(key, "$") }, never))
}

func checkValue(v any, path []string) outcome {
	return union(v, path, checkPrimitive,
		object("$exists", typed("boolean"), false),
		object("$in", arrayOf(checkPrimitive), false),
		object("$contains", checkPredicate, false),
		object("$hasPrefix", typed("string"), false))
}

func checkPrimitive(v any, path []string) outcome {
	return union(v, path, typed("string"), typed("number"), typed("boolean"))
}

func union(v any, path []string, options ...checker) outcome {
	var complaints [][]issue
	var firstSoft *outcome
	for _, option := range options {
		o := option(v, path)
		if o.state == valid {
			return o
		}
		if o.state == soft && firstSoft == nil {
			firstSoft = &o
		}
		complaints = append(complaints, o.issues)
	}
	if firstSoft != nil {
		return *firstSoft
	}
	return outcome{failed, []issue{{path: path, alternatives: complaints}}}
}

func typed(want string) checker {
	return func(v any, path []string) outcome {
		if got := httpx.JSONType(v); got != want {
			return fail(path, expected(want, v))
		}
		return outcome{}
	}
}

func never(v any, path []string) outcome { return fail(path, expected("never", v)) }

func arrayOf(item checker) checker {
	return func(v any, path []string) outcome {
		items, ok := v.([]any)
		if !ok {
			return fail(path, expected("array", v))
		}
		var o outcome
		for i, x := range items {
			o.merge(item(x, at(path, fmt.Sprintf("[%d]", i))))
		}
		return o
	}
}

func record(keyOK func(string) bool, value checker) checker {
	return func(v any, path []string) outcome {
		m, ok := v.(map[string]any)
		if !ok {
			return fail(path, expected("object", v))
		}
		var o outcome
		for _, key := range slices.Sorted(maps.Keys(m)) {
			p := at(path, key)
			if !keyOK(key) {
				o.merge(outcome{soft, []issue{{path: p, text: "Invalid"}}})
			}
			o.merge(value(m[key], p))
		}
		return o
	}
}

// object checks an object with one required key. Further keys are a soft
// complaint of strict objects and nothing to the others.
func object(key string, value checker, strict bool) checker {
	return func(v any, path []string) outcome {
		m, ok := v.(map[string]any)
		if !ok {
			return fail(path, expected("object", v))
		}
		var o outcome
		if x, ok := m[key]; ok {
			o.merge(value(x, at(path, key)))
		} else {
			o.merge(fail(at(path, key), "Required"))
		}
		if !strict {
			return o
		}
		var extra []string
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if k != key {
				extra = append(extra, "'"+k+"'")
			}
		}
		if extra != nil {
			o.merge(outcome{soft, []issue{{path: path, text: "Unrecognized key(s) in object: " + strings.Join(extra, ", ")}}})
		}
		return o
	}
}

func fail(path []string, text string) outcome {
	return outcome{failed, []issue{{path: path, text: text}}}
}

func expected(want string, v any) string {
	return fmt.Sprintf("Expected %s, received %s", want, httpx.JSONType(v))
}

func at(path []string, key string) []string { return append(slices.Clip(path), key) }

func (is issue) render() string {
	if is.alternatives != nil {
		var texts []string
		for _, alternative := range is.alternatives {
			parts := make([]string, len(alternative))
			for i, x := range alternative {
				parts[i] = x.render()
			}
			if text := strings.Join(parts, "; "); !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
		return strings.Join(texts, ", or ")
	}
	if len(is.path) == 0 {
		return is.text
	}
	return fmt.Sprintf("%s at \"%s\"", is.text, renderPath(is.path))
}

func renderPath(path []string) string {
	var b strings.Builder
	for i, p := range path {
		if i > 0 && !strings.HasPrefix(p, "[") {
			b.WriteByte('.')
		}
		b.WriteString(p)
	}
	return b.String()
}
