package model

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"sort"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// KindDefinition is one kind of entity as data. The kinds that ship are the
// files below kinds/; a company's own stand in the configuration under
// catalog.kinds, usually as {$include: kinds/service.yaml} items. See
// docs/catalog-kinds.md for a worked example.
type KindDefinition struct {
	// Kind is the value of kind, in the case that entities must use.
	Kind string `json:"kind"`
	// Plural is used in URLs and lists; the default is the lower-cased kind
	// with an s.
	Plural string `json:"plural,omitempty"`
	// Title is the name for people; the default is Kind.
	Title string `json:"title,omitempty"`
	// Description is one sentence for the user interface.
	Description string `json:"description,omitempty"`
	// Icon names an icon of the user interface.
	Icon string `json:"icon,omitempty"`
	// Layer names a model layer that must be switched on for the kind to
	// exist. Empty means always; the only other layer is "ai".
	Layer string `json:"layer,omitempty"`
	// Processor is the name that error messages give to the checker of the
	// kind; the default is BuiltinKindsEntityProcessor.
	Processor string `json:"processor,omitempty"`
	// APIVersions lists the accepted values of apiVersion. An entity of this
	// kind with another apiVersion is unrecognised, not invalid.
	APIVersions []string `json:"apiVersions"`
	// Metadata is a JSON schema (draft 07) for metadata, beyond the envelope.
	Metadata map[string]any `json:"metadata,omitempty"`
	// Spec is a JSON schema (draft 07) for spec. When it is given, entities
	// must have a spec.
	Spec map[string]any `json:"spec,omitempty"`
	// Types replaces Spec for entities whose spec.type is listed.
	Types []TypeDefinition `json:"types,omitempty"`
	// Relations lists the fields that refer to other entities.
	Relations []RelationField `json:"relations,omitempty"`

	// order holds the keys of the objects in the file as written, by JSON
	// pointer, so that the first error reported is the first one in the file.
	order map[string][]string
}

// TypeDefinition is the schema of spec for one value of spec.type.
type TypeDefinition struct {
	// Type is the value of spec.type.
	Type string `json:"type"`
	// Description is one sentence for the user interface.
	Description string `json:"description,omitempty"`
	// Layer is as in [KindDefinition].
	Layer string `json:"layer,omitempty"`
	// Spec is a JSON schema (draft 07) for spec.
	Spec map[string]any `json:"spec"`
}

// RelationField says that a field holds references and which relations they
// make: one of Type from the holder to the target, one of Reverse back.
type RelationField struct {
	// Path is the dotted path of a string or of an array of strings. Arrays of
	// objects on the way are walked through.
	Path string `json:"path"`
	// Type is the relation on the holder, for example ownedBy.
	Type string `json:"type"`
	// Reverse is the relation on the target, for example ownerOf.
	Reverse string `json:"reverse"`
	// Label and ReverseLabel are the names for people; the default is the
	// relation type in words.
	Label        string `json:"label,omitempty"`
	ReverseLabel string `json:"reverseLabel,omitempty"`
	// DefaultKind completes references that name no kind. Without it the kind
	// has to be written.
	DefaultKind string `json:"defaultKind,omitempty"`
	// DefaultNamespace completes references that name no namespace: "inherit",
	// which is the default, means that of the holder, anything else is a
	// namespace.
	DefaultNamespace string `json:"defaultNamespace,omitempty"`
	// AllowedKinds limits the kinds of the targets; empty means any.
	AllowedKinds []string `json:"allowedKinds,omitempty"`
	// SpecTypes limits the field to entities with one of these spec.type.
	SpecTypes []string `json:"specTypes,omitempty"`
}

// builtinProcessor is the checker's name in messages unless a kind gives one.
const builtinProcessor = "BuiltinKindsEntityProcessor"

// LayerAI is the layer of kinds and types for coding agents: AiResource, and
// API entities of type mcp-server.
const LayerAI = "ai"

//go:embed kinds/*.yaml
var kindFiles embed.FS

//go:embed envelope.yaml
var envelopeFile []byte

// shipped lists the built-in kinds in the order in which they are shown.
var shipped = []string{
	"component", "api", "resource", "system", "domain", "group", "user", "location", "template", "airesource",
}

// BuiltinKinds returns the definitions that ship, those of all layers
// included.
func BuiltinKinds() ([]KindDefinition, error) {
	out := make([]KindDefinition, 0, len(shipped))
	for _, name := range shipped {
		file := path.Join("kinds", name+".yaml")
		data, err := kindFiles.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read built-in kind %s: %w", name, err)
		}
		def, err := ParseKind(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out = append(out, def)
	}
	return out, nil
}

// ParseKind reads a kind definition from one YAML document. Unknown keys and
// wrong types are errors with code invalid. The definition is checked in full
// by [New].
func ParseKind(data []byte) (KindDefinition, error) {
	v, order, err := orderedYAML(data)
	if err != nil {
		return KindDefinition{}, err
	}
	def, err := KindFromValue(v)
	def.order = order
	return def, err
}

// KindFromValue reads a kind definition from configuration data, one item of
// catalog.kinds. Errors are as those of [ParseKind].
func KindFromValue(v any) (KindDefinition, error) {
	var def KindDefinition
	data, err := json.Marshal(v)
	if err != nil {
		return def, fault.Newf(fault.Invalid, "kind definition: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&def); err != nil {
		return def, fault.Newf(fault.Invalid, "kind definition: %w", err)
	}
	return def, nil
}

var (
	kindPattern     = regexp.MustCompile(`^[a-zA-Z][a-z0-9A-Z]*$`)
	relationPattern = regexp.MustCompile(`^\w+$`)
)

// check reports the first thing that is wrong with the definition itself, and
// fills in the defaults.
func (d *KindDefinition) check() error {
	if !kindPattern.MatchString(d.Kind) || len(d.Kind) > 63 {
		return fault.Newf(fault.Invalid, "kind definition %q: kind must start with a letter, go on with letters and digits and have at most 63 characters", d.Kind)
	}
	if len(d.APIVersions) == 0 {
		return fault.Newf(fault.Invalid, "kind definition %s: apiVersions must list at least one apiVersion", d.Kind)
	}
	for _, v := range d.APIVersions {
		if !validAPIVersion(v) {
			return fault.Newf(fault.Invalid, "kind definition %s: apiVersions has %q, which is not of the form [prefix/]suffix", d.Kind, v)
		}
	}
	seen := map[string]bool{}
	for _, t := range d.Types {
		if t.Type == "" || t.Spec == nil || seen[t.Type] {
			return fault.Newf(fault.Invalid, "kind definition %s: every item of types needs a type of its own and a spec (at %q)", d.Kind, t.Type)
		}
		seen[t.Type] = true
	}
	for i := range d.Relations {
		if err := d.Relations[i].check(); err != nil {
			return fmt.Errorf("kind definition %s: %w", d.Kind, err)
		}
	}
	if d.Plural == "" {
		d.Plural = strings.ToLower(d.Kind) + "s"
	}
	if d.Title == "" {
		d.Title = d.Kind
	}
	if d.Processor == "" {
		d.Processor = builtinProcessor
	}
	return nil
}

// check reports what is wrong with the field and fills in the labels.
func (f *RelationField) check() error {
	root, rest, _ := strings.Cut(f.Path, ".")
	if (root != "spec" && root != "metadata") || rest == "" || strings.Contains(rest, "..") {
		return fault.Newf(fault.Invalid, "relation path %q must be a dotted path below spec or metadata", f.Path)
	}
	for _, t := range []string{f.Type, f.Reverse} {
		if !relationPattern.MatchString(t) {
			return fault.Newf(fault.Invalid, "relation %s: %q is not a relation type; use letters, digits and underscores", f.Path, t)
		}
	}
	if f.Label == "" {
		f.Label = words(f.Type)
	}
	if f.ReverseLabel == "" {
		f.ReverseLabel = words(f.Reverse)
	}
	return nil
}

// words turns ownedBy into "owned by".
func words(camel string) string {
	var b strings.Builder
	for i, r := range camel {
		if r >= 'A' && r <= 'Z' && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

// orderedYAML decodes a YAML document into JSON values, and the order in which
// the keys of every object are written.
func orderedYAML(data []byte) (any, map[string][]string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, nil, fault.Newf(fault.Invalid, "kind definition: %w", err)
	}
	if len(doc.Content) != 1 {
		return nil, nil, fault.New(fault.Invalid, "kind definition: expected one YAML document")
	}
	order := map[string][]string{}
	v, err := orderedNode(doc.Content[0], "", order)
	return v, order, err
}

func orderedNode(n *yaml.Node, pointer string, order map[string][]string) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		out := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			v, err := orderedNode(n.Content[i+1], pointer+"/"+escapePointer(key), order)
			if err != nil {
				return nil, err
			}
			out[key] = v
			order[pointer] = append(order[pointer], key)
		}
		return out, nil
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for i, item := range n.Content {
			v, err := orderedNode(item, fmt.Sprintf("%s/%d", pointer, i), order)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case yaml.AliasNode:
		return nil, fault.Newf(fault.Invalid, "kind definition: line %d: aliases are not supported", n.Line)
	default: // a scalar
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, fault.Newf(fault.Invalid, "kind definition: line %d: %w", n.Line, err)
	}
	return v, nil
}

// sortedKeys returns the keys of m in a stable order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// escapePointer writes one token of a JSON pointer.
func escapePointer(token string) string { return pointerEscaper.Replace(token) }
