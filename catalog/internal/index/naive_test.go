package index

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"unicode/utf16"

	"github.com/stagedoor/stagedoor/catalog"
)

// naive is the read model written as plainly as possible, to compare with.
type naive struct {
	strict bool
	recs   map[string]Record
}

// naiveRow is one searchable value; a nil value is null.
type naiveRow struct {
	key   string
	value *string
}

func (n *naive) rows(r Record) []naiveRow {
	dec := json.NewDecoder(bytes.NewReader(r.JSON))
	dec.UseNumber()
	var e map[string]any
	if err := dec.Decode(&e); err != nil {
		panic(err)
	}
	var rows []naiveRow
	add := func(key string, v any) {
		key = strings.ToLower(key)
		if len(utf16.Encode([]rune(key))) > 200 {
			return
		}
		row := naiveRow{key: key}
		if v != nil {
			if text := fmt.Sprint(v); len(utf16.Encode([]rune(text))) <= 200 {
				row.value = &text
			}
		}
		rows = append(rows, row)
	}
	var visit func(path string, v any)
	visit = func(path string, v any) {
		switch path {
		case "attachments", "relations", "status", "metadata.uid", "metadata.etag":
			return
		}
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				if path != "" {
					k = path + "." + k
				}
				visit(k, x)
			}
		case []any:
			for _, x := range v {
				visit(path, x)
				switch x.(type) {
				case string, json.Number, bool:
					if text := fmt.Sprint(x); len(utf16.Encode([]rune(text))) <= 200 {
						add(path+"."+text, true)
					}
				}
			}
		default:
			add(path, v)
		}
	}
	visit("", e)
	add("metadata.uid", r.UID)
	meta, _ := e["metadata"].(map[string]any)
	if meta["namespace"] == nil {
		add("metadata.namespace", "default")
	}
	if r.Orphan {
		add(catalogOrphanKey, "true")
	}
	for _, rel := range n.relations(r.Ref) {
		add("relations."+rel.Type, rel.Target)
	}
	return rows
}

const catalogOrphanKey = "metadata.annotations." + catalog.AnnotationOrphan

func (n *naive) relations(ref string) []catalog.Relation {
	set := map[catalog.Relation]bool{}
	for _, r := range n.recs {
		for _, rel := range r.Relations {
			if rel.Source == ref {
				set[rel] = true
			}
		}
	}
	out := []catalog.Relation{}
	for rel := range set {
		out = append(out, rel)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Type != out[j].Type {
			return out[i].Type < out[j].Type
		}
		return out[i].Target < out[j].Target
	})
	return out
}

func (n *naive) holds(f catalog.Filter, ref string, rows []naiveRow) bool {
	any := func(key string, ok func(v string) bool) bool {
		for _, r := range rows {
			if r.key == strings.ToLower(key) && r.value != nil && ok(strings.ToLower(*r.value)) {
				return true
			}
		}
		return false
	}
	switch f := f.(type) {
	case nil:
		return true
	case catalog.And:
		for _, g := range f {
			if !n.holds(g, ref, rows) {
				return false
			}
		}
		return true
	case catalog.Or:
		for _, g := range f {
			if n.holds(g, ref, rows) {
				return true
			}
		}
		return false
	case catalog.Not:
		return !n.holds(f.Filter, ref, rows)
	case catalog.Match:
		for _, want := range f.Values {
			if any(f.Key, func(v string) bool { return v == strings.ToLower(want) }) {
				return true
			}
		}
		return false
	case catalog.Exists:
		return slices.ContainsFunc(rows, func(r naiveRow) bool { return r.key == strings.ToLower(f.Key) })
	case catalog.HasPrefix:
		return any(f.Key, func(v string) bool { return strings.HasPrefix(v, strings.ToLower(f.Prefix)) })
	case catalog.RelatedTo:
		for _, rel := range n.relations(ref) {
			if (f.Type == "" || strings.EqualFold(f.Type, rel.Type)) && (len(f.Targets) == 0 || slices.Contains(f.Targets, rel.Target)) {
				return true
			}
		}
		return false
	}
	panic("unknown filter")
}

func naiveValue(rows []naiveRow, field string) *string {
	var out *string
	for _, r := range rows {
		if r.key == strings.ToLower(field) && r.value != nil {
			if v := strings.ToLower(*r.value); out == nil || v < *out {
				out = &v
			}
		}
	}
	return out
}

// query returns the refs of the result of q over all pages.
func (n *naive) query(q PageQuery) []string {
	orders := q.Order
	if n.strict && len(orders) > 1 {
		orders = orders[:1]
	}
	type item struct {
		ref, uid string
		vals     []*string
	}
	var items []item
	for ref, r := range n.recs {
		rows := n.rows(r)
		if !n.holds(q.Filter, ref, rows) || !n.text(q, rows) {
			continue
		}
		it := item{ref: ref, uid: r.UID}
		for _, o := range orders {
			it.vals = append(it.vals, naiveValue(rows, o.Field))
		}
		if n.strict && len(orders) > 0 && it.vals[0] == nil {
			continue
		}
		items = append(items, it)
	}
	sort.Slice(items, func(i, j int) bool {
		a, b := items[i], items[j]
		for k, o := range orders {
			x, y := a.vals[k], b.vals[k]
			switch {
			case x == nil && y == nil:
			case x == nil || y == nil:
				return y == nil
			case *x != *y:
				return (*x < *y) != o.Desc
			}
		}
		return (a.uid < b.uid) != (len(orders) > 0 && orders[0].Desc)
	})
	out := []string{}
	for _, it := range items {
		out = append(out, it.ref)
	}
	return out
}

func (n *naive) text(q PageQuery, rows []naiveRow) bool {
	term := strings.ToLower(strings.TrimSpace(q.Text.Term))
	if term == "" {
		return true
	}
	fields := q.Text.Fields
	switch {
	case len(fields) > 0:
	case len(q.Order) > 0:
		fields = []string{q.Order[0].Field}
	case n.strict:
		fields = []string{"metadata.uid"}
	default:
		fields = []string{"metadata.name", "metadata.title", "metadata.description"}
	}
	for _, r := range rows {
		if r.value == nil || !slices.ContainsFunc(fields, func(f string) bool { return strings.ToLower(f) == r.key }) {
			continue
		}
		v := strings.ToLower(*r.value)
		if n.strict && naiveLike("%"+term+"%", v) || !n.strict && strings.Contains(v, term) {
			return true
		}
	}
	return false
}

func naiveLike(pattern, text string) bool {
	if pattern == "" {
		return text == ""
	}
	switch pattern[0] {
	case '%':
		for i := 0; i <= len(text); i++ {
			if naiveLike(pattern[1:], text[i:]) {
				return true
			}
		}
		return false
	case '_':
		return text != "" && naiveLike(pattern[1:], text[1:])
	}
	return text != "" && text[0] == pattern[0] && naiveLike(pattern[1:], text[1:])
}

func (n *naive) facet(key string, f catalog.Filter) []catalog.Facet {
	counts := map[string]int{}
	for ref, r := range n.recs {
		rows := n.rows(r)
		if !n.holds(f, ref, rows) {
			continue
		}
		seen := map[string]bool{}
		for _, row := range rows {
			if row.key == strings.ToLower(key) && row.value != nil && !seen[*row.value] {
				seen[*row.value] = true
				counts[*row.value]++
			}
		}
	}
	out := []catalog.Facet{}
	for v, c := range counts {
		out = append(out, catalog.Facet{Value: v, Count: c})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Value < out[j].Value })
	return out
}

// world makes random entities, filters and orders that have to do with each
// other.
type world struct{ *rand.Rand }

func newWorld(seed uint64) world { return world{rand.New(rand.NewPCG(seed, 7))} }

func (w world) pick(of ...string) string { return of[w.IntN(len(of))] }

func (w world) ref() string {
	return w.pick("component", "group", "api") + ":default/" + w.pick("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
}

func (w world) value() any {
	switch w.IntN(12) {
	case 0:
		return nil
	case 1:
		return w.IntN(3)
	case 2:
		return w.IntN(2) == 0
	case 3:
		return strings.Repeat(w.pick("x", "ä", "😀"), 95+w.IntN(12))
	case 4:
		return ""
	case 5, 6:
		list := []any{}
		for range w.IntN(3) {
			list = append(list, w.value())
		}
		return list
	case 7:
		return map[string]any{w.pick("Key", "key", "other"): w.value()}
	case 8:
		return w.pick("a_b", "a%b", "a\nb", "ÄÖ", "äö", "quote\"")
	}
	return w.pick("go", "Go", "java", "true", "kotlin", "True", "go.x")
}

func (w world) entity(ref string) Record {
	kind, rest, _ := strings.Cut(ref, ":")
	_, name, _ := strings.Cut(rest, "/")
	meta := map[string]any{"name": name}
	if w.IntN(4) > 0 {
		meta["namespace"] = "default"
	}
	for _, k := range []string{"title", "tags", "labels", "description", "uid", "etag"} {
		if w.IntN(3) == 0 {
			meta[k] = w.value()
		}
	}
	if w.IntN(2) == 0 {
		meta["tags"] = []any{w.pick("go", "Go", "java"), w.pick("go.x", "rust", "c")}
	}
	if w.IntN(3) == 0 {
		meta["annotations"] = map[string]any{"example.com/x": w.pick("one", "two")}
	}
	spec := map[string]any{}
	for _, k := range []string{"type", "Owner", "n"} {
		if w.IntN(2) == 0 {
			spec[k] = w.value()
		}
	}
	js, err := json.Marshal(map[string]any{"metadata": meta, "apiVersion": "v1", "kind": strings.ToUpper(kind[:1]) + kind[1:], "spec": spec})
	if err != nil {
		panic(err)
	}
	r := Record{
		Ref: ref, JSON: js, UID: fmt.Sprintf("%08x-%s", w.Uint32(), ref), Orphan: w.IntN(10) == 0,
		Version: w.Int64N(9), LocationKey: "url:x", Parents: []string{"location:default/x"},
	}
	for range w.IntN(5) {
		typ, reverse := "ownedBy", "ownerOf"
		if w.IntN(2) == 0 {
			typ, reverse = "dependsOn", "dependencyOf"
		}
		target := w.ref()
		r.Relations = append(r.Relations, catalog.Relation{Source: ref, Type: typ, Target: target}, catalog.Relation{Source: target, Type: reverse, Target: ref})
		if w.IntN(8) == 0 {
			r.Relations = append(r.Relations, catalog.Relation{Source: w.ref(), Type: "custom", Target: w.ref()})
		}
	}
	if w.IntN(5) == 0 {
		r.Status = []catalog.StatusItem{{Type: "x", Level: "error", Message: w.pick("m", "n")}}
	}
	return r
}

func (w world) key() string {
	return w.pick("kind", "Metadata.Name", "metadata.namespace", "metadata.title", "metadata.tags", "metadata.tags.go", "metadata.tags.go.x",
		"metadata.labels", "metadata.labels.key", "spec.type", "spec.owner", "spec.n", "spec.type.true", "spec.n.1", "relations.ownedBy",
		"relations.DependencyOf", "relations.custom", "metadata.uid", "metadata.etag", "apiversion", "nope", catalogOrphanKey,
		"metadata.annotations.example.com/x", "metadata.description")
}

func (w world) filter(depth int) catalog.Filter {
	n := 10
	if depth == 0 {
		n = 7
	}
	switch w.IntN(n) {
	case 0, 1, 2:
		m := catalog.Match{Key: w.key()}
		for range 1 + w.IntN(2) {
			m.Values = append(m.Values, w.pick("component", "GROUP", "go", "true", "1", "a", "b", "", "one", "default", "group:default/a", "äö", w.ref()))
		}
		return m
	case 3:
		return catalog.Exists{Key: w.key()}
	case 4:
		return catalog.HasPrefix{Key: w.key(), Prefix: w.pick("", "g", "t", "Comp", "group:default", "a")}
	case 5:
		f := catalog.RelatedTo{Type: w.pick("", "ownedBy", "dependencyOf", "custom", "nope")}
		for range w.IntN(3) {
			f.Targets = append(f.Targets, w.ref())
		}
		return f
	case 6:
		return nil
	case 7:
		return catalog.Not{Filter: w.filter(depth - 1)}
	case 8:
		f := catalog.And{}
		for range w.IntN(4) {
			f = append(f, w.filter(depth-1))
		}
		return f
	}
	f := catalog.Or{}
	for range w.IntN(4) {
		f = append(f, w.filter(depth-1))
	}
	return f
}

func (w world) query() PageQuery {
	q := PageQuery{Limit: -1, Filter: w.filter(2)}
	for range w.IntN(4) {
		q.Order = append(q.Order, catalog.Order{Field: w.key(), Desc: w.IntN(2) == 0})
	}
	if w.IntN(3) == 0 {
		q.Text.Term = w.pick("g", "O", "a_b", "%", "_", "ä", " go ", "default", "x%x")
		for range w.IntN(3) {
			q.Text.Fields = append(q.Text.Fields, w.key())
		}
	}
	return q
}
