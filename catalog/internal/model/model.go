package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Options choose what a [Model] knows.
type Options struct {
	// Kinds are the custom kinds of the configuration. One with the name of a
	// built-in kind replaces it.
	Kinds []KindDefinition
	// AI switches on the layer "ai": AiResource, and API entities of type
	// mcp-server. Backstage has it off unless a module is installed.
	AI bool
	// Strict keeps to Backstage's own checks where ours are stricter: the
	// allowed kinds of a relation field are not checked then.
	Strict bool
}

// Model checks entities and derives what follows from their kind. It does not
// change after [New] and is safe for concurrent use.
type Model struct {
	shape    *schema
	envelope *schema
	kinds    []*kindRules
	byName   map[string]*kindRules
	strict   bool
}

// kindRules is a compiled [KindDefinition].
type kindRules struct {
	def      KindDefinition
	custom   bool
	schema   *schema
	byType   map[string]*schema
	fields   []field
	versions map[string]bool
}

// New compiles the built-in kinds and those of opts. It returns an error with
// code invalid that names the kind when a definition is wrong.
func New(opts Options) (*Model, error) {
	m := &Model{byName: map[string]*kindRules{}, strict: opts.Strict}
	if err := m.compileEnvelope(); err != nil {
		return nil, err
	}
	builtin, err := BuiltinKinds()
	if err != nil {
		return nil, err
	}
	for _, def := range builtin {
		if err := m.add(def, opts.AI, false); err != nil {
			return nil, err
		}
	}
	seen := map[string]bool{}
	for _, def := range opts.Kinds {
		if seen[strings.ToLower(def.Kind)] {
			return nil, fault.Newf(fault.Invalid, "kind definition %s: the kind is defined twice", def.Kind)
		}
		seen[strings.ToLower(def.Kind)] = true
		if err := m.add(def, opts.AI, true); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Model) compileEnvelope() error {
	v, order, err := orderedYAML(envelopeFile)
	if err != nil {
		return fmt.Errorf("envelope schemas: %w", err)
	}
	doc, _ := v.(map[string]any)
	for name, into := range map[string]**schema{"shape": &m.shape, "entity": &m.envelope} {
		sub, _ := doc[name].(map[string]any)
		s, err := compileSchema("envelope-"+name, sub, func(p string) []string { return order["/"+name+p] })
		if err != nil {
			return err
		}
		*into = s
	}
	return nil
}

// add compiles def and puts it into the model, in the place of an older one.
func (m *Model) add(def KindDefinition, ai, custom bool) error {
	if err := def.check(); err != nil {
		return err
	}
	enabled := func(layer string) (bool, error) {
		switch layer {
		case "":
			return true, nil
		case LayerAI:
			return ai, nil
		}
		return false, fault.Newf(fault.Invalid, "kind definition %s: layer %q is not known; the only one is %q", def.Kind, layer, LayerAI)
	}
	if on, err := enabled(def.Layer); err != nil || !on {
		return err
	}
	k := &kindRules{def: def, custom: custom, byType: map[string]*schema{}, versions: map[string]bool{}}
	for _, v := range def.APIVersions {
		k.versions[v] = true
	}
	var err error
	if k.schema, err = def.compile(def.Kind, def.Spec, "/spec"); err != nil {
		return err
	}
	k.def.Types = nil
	for i, t := range def.Types {
		on, err := enabled(t.Layer)
		if err != nil {
			return err
		}
		if !on {
			continue
		}
		k.def.Types = append(k.def.Types, t)
		if k.byType[t.Type], err = def.compile(def.Kind+"-"+t.Type, t.Spec, fmt.Sprintf("/types/%d/spec", i)); err != nil {
			return err
		}
	}
	for _, f := range def.Relations {
		k.fields = append(k.fields, newField(f))
	}
	m.put(k)
	return nil
}

func (m *Model) put(k *kindRules) {
	name := strings.ToLower(k.def.Kind)
	if old := m.byName[name]; old != nil {
		m.kinds[slices.Index(m.kinds, old)] = k
	} else {
		m.kinds = append(m.kinds, k)
	}
	m.byName[name] = k
}

// compile builds the schema of an entity of the kind whose spec has the given
// schema, which stands at the pointer in the definition.
func (d *KindDefinition) compile(name string, spec map[string]any, pointer string) (*schema, error) {
	properties := map[string]any{}
	doc := map[string]any{"type": "object", "properties": properties}
	if d.Metadata != nil {
		properties["metadata"] = d.Metadata
	}
	if spec != nil {
		properties["spec"] = spec
		doc["required"] = []any{"spec"}
		if shared, ok := spec["definitions"]; ok {
			// So that {$ref: '#/definitions/x'} means what its author meant.
			doc["definitions"] = shared
		}
	}
	return compileSchema(name, doc, func(p string) []string {
		if rest, ok := strings.CutPrefix(p, "/properties/spec"); ok {
			return d.order[pointer+rest]
		}
		if rest, ok := strings.CutPrefix(p, "/properties/metadata"); ok {
			return d.order["/metadata"+rest]
		}
		return nil
	})
}

// CheckShape checks the least that makes an object an entity: apiVersion, kind
// and metadata.name. Backstage treats a file with a document that fails it as
// a broken file. The error is a TypeError with code invalid.
func (m *Model) CheckShape(e catalog.Entity) error {
	if v := m.shape.first(map[string]any(e)); v != nil {
		return NewError("TypeError", v.text())
	}
	return nil
}

// Prepare fills metadata.namespace in place.
func (m *Model) Prepare(e catalog.Entity) {
	if meta := e.Metadata(); meta != nil && meta["namespace"] == nil {
		meta["namespace"] = catalog.DefaultNamespace
	}
}

// CheckEnvelope checks what all entities have in common: the envelope schema,
// no foreign root fields, the formats of the fields. It leaves e unchanged and
// returns an *[Error].
func (m *Model) CheckEnvelope(e catalog.Entity) error {
	if cause := m.envelopeError(e); cause != nil {
		return Wrap("Policy check failed for "+e.Ref().String(), cause)
	}
	return nil
}

func (m *Model) envelopeError(e catalog.Entity) error {
	if v := m.envelope.first(map[string]any(e)); v != nil {
		return NewError("Error", "Malformed envelope, "+v.pointer()+" "+v.message)
	}
	for _, key := range []string{"relations", "status"} {
		if _, ok := e[key]; ok {
			return NewError("Error", "Unknown field "+key)
		}
	}
	if err := checkFormats(e); err != nil {
		return err
	}
	return nil
}

// CheckKind checks e against the kind that it says it is. claimed is false
// when there is no such kind with this apiVersion; [Model.Unrecognized] is the
// error for entities that nobody claims. A claimed entity that is wrong gives
// an *[Error]. Values at or below one of the unknown paths, such as
// placeholders that were not resolved, are not complained about.
func (m *Model) CheckKind(e catalog.Entity, unknown ...[]string) (claimed bool, err error) {
	k := m.rules(e)
	if k == nil {
		return false, nil
	}
	s := k.schema
	if t := k.byType[e.SpecString("type")]; t != nil {
		s = t
	}
	if v := s.first(map[string]any(e), unknown...); v != nil {
		return true, Wrap("Processor "+k.def.Processor+" threw an error while validating the entity "+e.Ref().String(),
			NewError("TypeError", v.text()))
	}
	return true, nil
}

// Unrecognized is the error for an entity that no kind and no processor claims.
func (m *Model) Unrecognized(e catalog.Entity) error {
	return NewError("InputError", "No processor recognized the entity "+e.Ref().String()+
		" as valid, possibly caused by a foreign kind or apiVersion")
}

// rules returns the kind that claims e, or nil.
func (m *Model) rules(e catalog.Entity) *kindRules {
	kind := e.Kind()
	k := m.byName[strings.ToLower(kind)]
	if k == nil || k.def.Kind != kind || !k.versions[e.APIVersion()] {
		return nil
	}
	return k
}

// Finish sorts the arrays of references in place, whose order means nothing.
func (m *Model) Finish(e catalog.Entity) {
	k := m.rules(e)
	if k == nil {
		return
	}
	for i := range k.fields {
		k.fields[i].each(e, func(v any) {
			if list, ok := v.([]any); ok {
				sortStrings(list)
			}
		})
	}
}

// sortStrings sorts a list of strings in place; a list with anything else in
// it stays as it is.
func sortStrings(list []any) {
	sorted := true
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			return
		}
		if i > 0 && sorted {
			before, _ := list[i-1].(string)
			sorted = CompareUTF16(before, s) <= 0
		}
	}
	if !sorted {
		slices.SortStableFunc(list, func(a, b any) int { return CompareUTF16(a.(string), b.(string)) })
	}
}

// Claims reports whether the kind and the apiVersion of e are ones of the
// model, whatever else is wrong with it.
func (m *Model) Claims(e catalog.Entity) bool { return m.rules(e) != nil }
