package yamlx

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Node returns the parsed nodes of the document with lines counted in the
// stream, or nil for an empty or broken document. It is read-only.
func (d Document) Node() *yaml.Node { return d.root }

// Position returns where the value at a path stands: the place of its key in
// a mapping, of the item in a sequence (items are numbered from "0"). If the
// path leads nowhere, the place of the last part that exists is returned,
// which is where the missing one belongs.
func (d Document) Position(path ...string) fault.Position {
	if d.root == nil {
		return fault.Position{File: d.file, Line: d.Line}
	}
	at, value := d.root, d.root
	for _, step := range path {
		label, next := child(value, step)
		if next == nil {
			break
		}
		at, value = label, next
	}
	return fault.Position{File: d.file, Line: at.Line, Column: at.Column}
}

// PositionOf is [Document.Position] for a JSON pointer such as /spec/owner.
func (d Document) PositionOf(pointer string) fault.Position {
	if pointer == "" {
		return d.Position()
	}
	steps := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, step := range steps {
		steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
	}
	return d.Position(steps...)
}

// child returns the node that marks the place of a child, and the child.
func child(parent *yaml.Node, step string) (label, value *yaml.Node) {
	if parent.Kind == yaml.AliasNode {
		parent = parent.Alias
	}
	switch parent.Kind { //nolint:exhaustive // scalars have no children
	case yaml.SequenceNode:
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(parent.Content) {
			return nil, nil
		}
		return parent.Content[i], parent.Content[i]
	case yaml.MappingNode:
		for i := len(parent.Content) - 2; i >= 0; i -= 2 {
			key := parent.Content[i]
			if key.Kind == yaml.AliasNode {
				key = key.Alias
			}
			if key.Kind == yaml.ScalarNode && key.Value == step {
				return parent.Content[i], parent.Content[i+1]
			}
		}
	}
	return nil, nil
}
