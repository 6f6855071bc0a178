package yamlx

import (
	"encoding/json"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// key gives the name of the property that a mapping's key stands for. JSON has
// only strings, so null is the empty name, numbers and booleans are what
// JavaScript prints for them and collections are their own text in flow style.
func (b *builder) key(n *yaml.Node, depth int) (string, *problem) {
	target := n
	if n.Kind == yaml.AliasNode {
		target = n.Alias
	}
	if target.Kind != yaml.ScalarNode {
		// Built for its limits and errors; the text is what counts.
		if _, p := b.value(n, depth+1); p != nil {
			return "", p
		}
		return b.flow(n), nil
	}
	if b.aliases == 0 {
		n.Line += b.offset
	}
	if p := b.indented(n); p != nil {
		return "", p
	}
	value, p := b.scalar(target)
	if p != nil {
		return "", p
	}
	return propertyName(value), nil
}

func propertyName(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return FormatNumber(v)
	}
	text, _ := json.Marshal(value)
	return string(text)
}

// flow renders a node in flow style on one line.
func (b *builder) flow(n *yaml.Node) string {
	switch n.Kind { //nolint:exhaustive // documents and streams do not nest
	case yaml.AliasNode:
		return "*" + n.Value
	case yaml.SequenceNode:
		if len(n.Content) == 0 {
			return "[]"
		}
		items := make([]string, len(n.Content))
		for i, item := range n.Content {
			items[i] = b.flow(item)
		}
		return "[ " + strings.Join(items, ", ") + " ]"
	case yaml.MappingNode:
		if len(n.Content) == 0 {
			return "{}"
		}
		var entries []string
		for i := 0; i+1 < len(n.Content); i += 2 {
			entry, value := b.flow(n.Content[i]), n.Content[i+1]
			if value.Kind != yaml.ScalarNode || value.Value != "" || value.Style != 0 {
				entry += ": " + b.flow(value)
			}
			entries = append(entries, entry)
		}
		return "{ " + strings.Join(entries, ", ") + " }"
	}
	return b.flowScalar(n)
}

func (b *builder) flowScalar(n *yaml.Node) string {
	switch {
	case n.Style&yaml.SingleQuotedStyle != 0:
		return "'" + strings.ReplaceAll(n.Value, "'", "''") + "'"
	case n.Style&(yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return doubleQuoted(n.Value)
	}
	value, _ := b.scalar(n)
	switch value.(type) {
	case nil:
		if n.Value == "" {
			return "null"
		}
	case float64:
		return strings.ToLower(n.Value)
	}
	return n.Value
}
