package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// inherit is the default namespace that stands for the holder's.
const inherit = "inherit"

// field is a [RelationField] with its path cut up.
type field struct {
	RelationField
	path []string
}

func newField(f RelationField) field {
	return field{RelationField: f, path: strings.Split(f.Path, ".")}
}

// applies reports whether the field counts for entities with the spec.type.
func (f *field) applies(specType string) bool {
	return len(f.SpecTypes) == 0 || slices.Contains(f.SpecTypes, specType)
}

// each calls visit with the value at the path, once for every way there.
func (f *field) each(e catalog.Entity, visit func(any)) {
	walk(map[string]any(e), f.path, visit)
}

func walk(v any, path []string, visit func(any)) {
	if len(path) == 0 {
		if v != nil {
			visit(v)
		}
		return
	}
	switch v := v.(type) {
	case map[string]any:
		walk(v[path[0]], path[1:], visit)
	case []any:
		for _, item := range v {
			walk(item, path, visit)
		}
	}
}

// refs calls visit with every reference that e holds in the field.
func (f *field) refs(e catalog.Entity, visit func(string)) {
	if !f.applies(e.SpecString("type")) {
		return
	}
	f.each(e, func(v any) {
		switch v := v.(type) {
		case string:
			if v != "" {
				visit(v)
			}
		case []any:
			for _, item := range v {
				if s, ok := item.(string); ok && s != "" {
					visit(s)
				}
			}
		}
	})
}

// parse completes a reference with the defaults of the field.
func (f *field) parse(ref, holder string) (catalog.Ref, error) {
	namespace := f.DefaultNamespace
	if namespace == "" || namespace == inherit {
		namespace = holder
	}
	return catalog.ParseRef(ref, catalog.RefDefaults{Kind: f.DefaultKind, Namespace: namespace})
}

// Relations returns the relations that follow from the fields of e, both
// directions of each, in the order of the fields and without doubles. What is
// not a reference is left out; [Model.CheckRelations] complains about it.
func (m *Model) Relations(e catalog.Entity) []catalog.Relation {
	k := m.rules(e)
	if k == nil {
		return nil
	}
	self, namespace := e.Ref().String(), e.Namespace()
	var out []catalog.Relation
	add := func(r catalog.Relation) {
		// Few relations: a scan is faster than a map. Many: a map is needed.
		if len(out) > 64 || !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	for i := range k.fields {
		f := &k.fields[i]
		f.refs(e, func(s string) {
			ref, err := f.parse(s, namespace)
			if err != nil {
				return
			}
			target := ref.String()
			add(catalog.Relation{Source: self, Type: f.Type, Target: target})
			add(catalog.Relation{Source: target, Type: f.Reverse, Target: self})
		})
	}
	if len(out) > 64 {
		out = distinct(out)
	}
	return out
}

// distinct removes doubles and keeps the order.
func distinct(in []catalog.Relation) []catalog.Relation {
	seen := make(map[catalog.Relation]bool, len(in))
	out := in[:0]
	for _, r := range in {
		if !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}

// CheckRelations reports the first reference of e that cannot be read, in the
// words of Backstage, or that points to a kind which the field does not allow.
func (m *Model) CheckRelations(e catalog.Entity) error {
	k := m.rules(e)
	if k == nil {
		return nil
	}
	namespace := e.Namespace()
	var first error
	for i := range k.fields {
		f := &k.fields[i]
		f.refs(e, func(s string) {
			if first != nil {
				return
			}
			ref, err := f.parse(s, namespace)
			if err == nil && !m.strict {
				err = f.checkKind(s, ref)
			}
			first = err
		})
	}
	if first != nil {
		return Wrap("Processor "+k.def.Processor+" threw an error while postprocessing", first)
	}
	return nil
}

func (f *field) checkKind(s string, ref catalog.Ref) error {
	if len(f.AllowedKinds) == 0 ||
		slices.ContainsFunc(f.AllowedKinds, func(kind string) bool { return strings.EqualFold(kind, ref.Kind) }) {
		return nil
	}
	return fault.Newf(fault.Invalid, "%s has the reference %q to a %s; allowed kinds are %s",
		f.Path, s, ref.Kind, strings.Join(f.AllowedKinds, ", "))
}

// KindInfo describes a kind to the user interface and the API.
type KindInfo struct {
	Kind        string         `json:"kind"`
	Plural      string         `json:"plural"`
	Title       string         `json:"title"`
	Description string         `json:"description,omitempty"`
	Icon        string         `json:"icon,omitempty"`
	Custom      bool           `json:"custom,omitempty"`
	APIVersions []string       `json:"apiVersions"`
	Types       []TypeInfo     `json:"types,omitempty"`
	Relations   []RelationInfo `json:"relations"`
}

// TypeInfo describes a value of spec.type that has a schema of its own.
type TypeInfo struct {
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
}

// RelationInfo describes a field that makes relations.
type RelationInfo struct {
	Path         string   `json:"path"`
	Type         string   `json:"type"`
	Label        string   `json:"label"`
	Reverse      string   `json:"reverse"`
	ReverseLabel string   `json:"reverseLabel"`
	DefaultKind  string   `json:"defaultKind,omitempty"`
	AllowedKinds []string `json:"allowedKinds,omitempty"`
	SpecTypes    []string `json:"specTypes,omitempty"`
}

// Kinds describes all kinds of the model, the built-in ones first.
func (m *Model) Kinds() []KindInfo {
	out := make([]KindInfo, 0, len(m.kinds))
	for _, k := range m.kinds {
		info := KindInfo{
			Kind: k.def.Kind, Plural: k.def.Plural, Title: k.def.Title, Description: k.def.Description,
			Icon: k.def.Icon, Custom: k.custom, APIVersions: slices.Clone(k.def.APIVersions),
			Relations: []RelationInfo{},
		}
		for _, t := range k.def.Types {
			info.Types = append(info.Types, TypeInfo{Type: t.Type, Description: t.Description})
		}
		for _, f := range k.def.Relations {
			info.Relations = append(info.Relations, RelationInfo{
				Path: f.Path, Type: f.Type, Label: f.Label, Reverse: f.Reverse, ReverseLabel: f.ReverseLabel,
				DefaultKind: f.DefaultKind, AllowedKinds: slices.Clone(f.AllowedKinds), SpecTypes: slices.Clone(f.SpecTypes),
			})
		}
		out = append(out, info)
	}
	return out
}

// Fingerprint changes when a kind changes, so that entities which were checked
// with another model are processed again.
func (m *Model) Fingerprint() string {
	var buf []byte
	for _, k := range m.kinds {
		buf = fmt.Appendf(buf, "%s|%t|", k.def.Kind, k.custom)
		buf = AppendCanonical(buf, k.def)
	}
	return digest(buf)
}
