package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// value is one configuration value with its place. Values are never changed
// once a Config holds them; merging makes new ones.
type value struct {
	scalar any // nil, bool, float64 or string, if neither items nor fields
	items  []*value
	fields map[string]*value
	kind   kind
	at     fault.Position
	// outside marks text from an environment variable or an included file.
	outside bool
}

type kind uint8

const (
	scalarKind kind = iota
	listKind
	objectKind
)

func newObject(at fault.Position) *value {
	return &value{kind: objectKind, fields: map[string]*value{}, at: at}
}

// fromTree copies a parsed document.
func fromTree(t *yamlx.Tree) *value {
	v := &value{at: t.At}
	switch scalar := t.Value.(type) {
	case []any:
		v.kind = listKind
		for _, item := range t.Items {
			v.items = append(v.items, fromTree(item))
		}
	case map[string]any:
		v.kind = objectKind
		v.fields = make(map[string]*value, len(t.Fields))
		for key, field := range t.Fields {
			v.fields[key] = fromTree(field)
		}
	default:
		v.scalar = scalar
	}
	return v
}

// fromJSON gives a JSON value one place for all its parts.
func fromJSON(data any, at fault.Position) *value {
	v := &value{at: at}
	switch data := data.(type) {
	case []any:
		v.kind = listKind
		for _, item := range data {
			v.items = append(v.items, fromJSON(item, at))
		}
	case map[string]any:
		v.kind = objectKind
		v.fields = make(map[string]*value, len(data))
		for key, field := range data {
			v.fields[key] = fromJSON(field, at)
		}
	default:
		v.scalar = data
	}
	return v
}

// isNull is true for an explicit null, which hides what lower layers say.
func (v *value) isNull() bool { return v.kind == scalarKind && v.scalar == nil }

// merge lays over on base: objects deeply, everything else replaced.
func merge(base, over *value) *value {
	if base == nil || over == nil || base.kind != objectKind || over.kind != objectKind {
		if over == nil {
			return base
		}
		return over
	}
	out := &value{kind: objectKind, at: over.at, fields: maps.Clone(base.fields)}
	for key, field := range over.fields {
		out.fields[key] = merge(out.fields[key], field)
	}
	return out
}

// withoutNulls removes the nulls that have done their work of hiding lower
// layers. Inside lists null is a value like others and stays.
func (v *value) withoutNulls() *value {
	if v.kind != objectKind {
		return v
	}
	out := &value{kind: objectKind, at: v.at, fields: make(map[string]*value, len(v.fields))}
	for key, field := range v.fields {
		if !field.isNull() {
			out.fields[key] = field.withoutNulls()
		}
	}
	return out
}

// plain is the value as JSON types, freshly made.
func (v *value) plain() any {
	switch v.kind {
	case listKind:
		items := make([]any, len(v.items))
		for i, item := range v.items {
			items[i] = item.plain()
		}
		return items
	case objectKind:
		fields := make(map[string]any, len(v.fields))
		for key, field := range v.fields {
			fields[key] = field.plain()
		}
		return fields
	case scalarKind:
	}
	return v.scalar
}

func (v *value) keys() []string { return slices.Sorted(maps.Keys(v.fields)) }

// inOrder are the keys in the order of the text, for messages.
func (v *value) inOrder() []string {
	keys := v.keys()
	slices.SortStableFunc(keys, func(a, b string) int {
		left, right := v.fields[a].at, v.fields[b].at
		if left.Line != right.Line {
			return left.Line - right.Line
		}
		return left.Column - right.Column
	})
	return keys
}

// typeName names a value's type for error messages.
func (v *value) typeName() string {
	switch v.kind {
	case listKind:
		return "a list"
	case objectKind:
		return "an object"
	case scalarKind:
	}
	switch v.scalar.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case float64:
		return "a number"
	}
	return "text"
}

// child follows one step: a key, or the number of a list's item.
func (v *value) child(step string) *value {
	switch v.kind {
	case objectKind:
		return v.fields[step]
	case listKind:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(v.items) {
			return v.items[i]
		}
	case scalarKind:
	}
	return nil
}

// splitPath cuts a dotted path into steps. Items of lists are [0]; a key that
// holds a dot or a bracket is written ["a.b"].
func splitPath(path string) []string {
	var steps []string
	for rest := path; rest != ""; {
		step, length := bracketed(rest)
		if length == 0 {
			for length < len(rest) && rest[length] != '.' {
				if _, bracket := bracketed(rest[length:]); bracket > 0 {
					break
				}
				length++
			}
			step = rest[:length]
		}
		steps = append(steps, step)
		rest = strings.TrimPrefix(rest[length:], ".")
	}
	return steps
}

// bracketed reads a step in brackets at the start of text, and how long it is
// there; zero if there is none.
func bracketed(text string) (step string, length int) {
	if strings.HasPrefix(text, `["`) {
		if end := strings.Index(text[2:], `"]`); end >= 0 {
			return text[2 : 2+end], end + 4
		}
	}
	if end := strings.IndexByte(text, ']'); text[0] == '[' && end > 1 {
		if _, err := strconv.Atoi(text[1:end]); err == nil {
			return text[1:end], end + 1
		}
	}
	return "", 0
}

// joinKey adds a key to a path in the form that splitPath reads.
func joinKey(path, key string) string {
	switch {
	case key == "" || strings.ContainsAny(key, ".[]"):
		return path + `["` + key + `"]`
	case path == "":
		return key
	}
	return path + "." + key
}

func joinIndex(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
