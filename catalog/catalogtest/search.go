package catalogtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
)

// longest is the length above which keys and values are not searched.
const longest = 200

// row is one value of an entity.
type row struct {
	value  string // as written
	folded string // in lower case
	null   bool
}

// searched is an entity with its values by lower-cased path.
type searched struct {
	entity    catalog.Entity
	rows      map[string][]row
	relations []catalog.Relation
}

// search flattens an entity. Relations, status, attachments and etag are not
// searched as values.
func search(e catalog.Entity) searched {
	s := searched{entity: e, rows: map[string][]row{}}
	for key, v := range e {
		switch key {
		case "relations", "status", "attachments":
		default:
			s.flatten(key, v)
		}
	}
	s.add("metadata.namespace", e.Namespace())
	list, _ := e["relations"].([]any)
	for _, item := range list {
		r, _ := item.(map[string]any)
		typ, _ := r["type"].(string)
		target, _ := r["targetRef"].(string)
		s.relations = append(s.relations, catalog.Relation{Source: e.Ref().String(), Type: typ, Target: target})
		s.add("relations."+typ, target)
	}
	return s
}

func (s searched) flatten(path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			switch full := path + "." + k; full {
			case "metadata.namespace", "metadata.etag":
			default:
				s.flatten(full, x)
			}
		}
	case []any:
		for _, item := range v {
			s.flatten(path, item)
			switch item.(type) {
			case map[string]any, []any, nil:
			default:
				s.add(path+"."+text(item), true)
			}
		}
	default:
		s.add(path, v)
	}
}

func (s searched) add(path string, v any) {
	if len(path) > longest {
		return
	}
	key := strings.ToLower(path)
	value := text(v)
	if v == nil || value == "" || len(value) > longest {
		s.rows[key] = append(s.rows[key], row{null: true})
		return
	}
	s.rows[key] = append(s.rows[key], row{value: value, folded: strings.ToLower(value)})
}

// text renders a scalar.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

// first returns the smallest value at a field.
func (s searched) first(field string) (string, bool) {
	best, found := "", false
	for _, r := range s.rows[strings.ToLower(field)] {
		if !r.null && (!found || r.folded < best) {
			best, found = r.folded, true
		}
	}
	return best, found
}

// holds evaluates a filter.
func (s searched) holds(f catalog.Filter) bool {
	switch f := f.(type) {
	case nil:
		return true
	case catalog.And:
		return !slices.ContainsFunc(f, func(x catalog.Filter) bool { return !s.holds(x) })
	case catalog.Or:
		return slices.ContainsFunc(f, s.holds)
	case catalog.Not:
		return !s.holds(f.Filter)
	case catalog.Exists:
		return len(s.rows[strings.ToLower(f.Key)]) > 0
	case catalog.Match:
		return slices.ContainsFunc(s.rows[strings.ToLower(f.Key)], func(r row) bool {
			return !r.null && slices.ContainsFunc(f.Values, func(v string) bool { return strings.ToLower(v) == r.folded })
		})
	case catalog.HasPrefix:
		prefix := strings.ToLower(f.Prefix)
		return slices.ContainsFunc(s.rows[strings.ToLower(f.Key)], func(r row) bool {
			return !r.null && strings.HasPrefix(r.folded, prefix)
		})
	case catalog.RelatedTo:
		return slices.ContainsFunc(s.relations, func(r catalog.Relation) bool {
			return (f.Type == "" || strings.EqualFold(f.Type, r.Type)) &&
				(len(f.Targets) == 0 || slices.Contains(f.Targets, r.Target))
		})
	}
	panic(fmt.Sprintf("catalogtest: unknown filter %T", f))
}
