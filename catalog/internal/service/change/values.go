package change

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// The operations of a [Value].
const (
	Add     = "add"
	Remove  = "remove"
	Replace = "replace"
)

// Value is one changed value. Old is set for remove and replace, New for add
// and replace.
type Value struct {
	Op   string `json:"op"`
	Path string `json:"path"` // a JSON pointer
	Old  any    `json:"old,omitempty"`
	New  any    `json:"new,omitempty"`
}

// Values lists the changes that lead from one decoded JSON value to another,
// ordered by path. Lists whose items are all scalars are compared as sets of
// insertions and deletions at an index; other lists item by item.
func Values(from, to any) []Value {
	var out []Value
	diffValues("", from, to, &out)
	return out
}

func diffValues(path string, from, to any, out *[]Value) {
	switch a := from.(type) {
	case map[string]any:
		if b, ok := to.(map[string]any); ok {
			diffObjects(path, a, b, out)
			return
		}
	case []any:
		if b, ok := to.([]any); ok {
			diffLists(path, a, b, out)
			return
		}
	}
	if !reflect.DeepEqual(from, to) {
		*out = append(*out, Value{Op: Replace, Path: path, Old: from, New: to})
	}
}

func diffObjects(path string, a, b map[string]any, out *[]Value) {
	keys := slices.Sorted(maps.Keys(a))
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		p := path + "/" + escape(k)
		x, inA := a[k]
		y, inB := b[k]
		switch {
		case !inA:
			*out = append(*out, Value{Op: Add, Path: p, New: y})
		case !inB:
			*out = append(*out, Value{Op: Remove, Path: p, Old: x})
		default:
			diffValues(p, x, y, out)
		}
	}
}

func diffLists(path string, a, b []any, out *[]Value) {
	if scalars(a) && scalars(b) {
		diffScalars(path, a, b, out)
		return
	}
	for i := range max(len(a), len(b)) {
		p := path + "/" + strconv.Itoa(i)
		switch {
		case i >= len(a):
			*out = append(*out, Value{Op: Add, Path: p, New: b[i]})
		case i >= len(b):
			*out = append(*out, Value{Op: Remove, Path: p, Old: a[i]})
		default:
			diffValues(p, a[i], b[i], out)
		}
	}
}

// diffScalars reports a moved item neither as added nor as removed when the
// rest of the list kept its order.
func diffScalars(path string, a, b []any, out *[]Value) {
	for _, e := range edits(len(a), len(b), func(i, j int) bool { return a[i] == b[j] }) {
		switch e.op {
		case '-':
			*out = append(*out, Value{Op: Remove, Path: path + "/" + strconv.Itoa(e.a), Old: a[e.a]})
		case '+':
			*out = append(*out, Value{Op: Add, Path: path + "/" + strconv.Itoa(e.b), New: b[e.b]})
		}
	}
}

func scalars(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool {
		switch v.(type) {
		case map[string]any, []any:
			return true
		}
		return false
	})
}

var pointer = strings.NewReplacer("~", "~0", "/", "~1")

func escape(key string) string { return pointer.Replace(key) }
