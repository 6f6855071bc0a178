package yamlx

import (
	"go.yaml.in/yaml/v4"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Tree is a document's value with the places of its parts, for readers whose
// messages must name lines, such as the configuration.
type Tree struct {
	// Value is what [Document.Value] holds at this place.
	Value any
	// At is where the value stands; in a mapping that is its key.
	At fault.Position
	// Keys are the names of a mapping in the order of the text.
	Keys []string
	// Fields are the values of a mapping.
	Fields map[string]*Tree
	// Items are the values of a sequence.
	Items []*Tree
}

// Tree returns the document's value with places, or nil for an empty or a
// broken document. It shares the values with the document.
func (d Document) Tree() *Tree {
	if d.root == nil || d.Err != nil {
		return nil
	}
	// Lines were moved when the value was built; an alias level keeps the
	// builder from moving them again, and from checking what it has checked.
	b := builder{schema: core, aliases: 1, opts: Options{}.withDefaults()}
	return d.tree(&b, d.root, d.root, d.Value)
}

func (d Document) tree(b *builder, place, n *yaml.Node, value any) *Tree {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	t := &Tree{Value: value, At: fault.Position{File: d.file, Line: place.Line, Column: place.Column}}
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			at := n
			if n.Kind == yaml.SequenceNode && i < len(n.Content) {
				at = n.Content[i]
			}
			t.Items = append(t.Items, d.tree(b, at, at, item))
		}
	case map[string]any:
		t.Fields = make(map[string]*Tree, len(v))
		d.fields(b, t, n, v)
	}
	return t
}

func (d Document) fields(b *builder, t *Tree, n *yaml.Node, value map[string]any) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			b.expanded = 0
			key, p := b.key(n.Content[i], 0)
			child, present := value[key]
			if p != nil || !present {
				continue
			}
			if t.Fields[key] == nil {
				t.Keys = append(t.Keys, key)
			}
			t.Fields[key] = d.tree(b, n.Content[i], n.Content[i+1], child)
		}
	}
	// What a merge key brought in has no node here; it stands where the
	// mapping stands.
	for key, child := range value {
		if t.Fields[key] == nil {
			t.Keys = append(t.Keys, key)
			t.Fields[key] = d.tree(b, n, &yaml.Node{Line: n.Line, Column: n.Column}, child)
		}
	}
}
