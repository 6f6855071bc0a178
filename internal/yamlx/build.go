package yamlx

import (
	"encoding/base64"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// builder turns the nodes of one document into values. On its way it moves the
// nodes' lines from the piece to the stream.
type builder struct {
	opts   Options
	schema schema
	merge  bool
	offset int    // lines before the piece
	text   []byte // the piece
	lines  []int  // where its lines begin, once needed
	cursor cursor // where textFrom was last

	block    int // column of the block collection we are in, 0 at the root
	flowLine int // line of the outermost flow collection we are in, 0 if none

	open     map[*yaml.Node]bool // anchored nodes under construction
	aliases  int                 // aliases we are inside of
	expanded int                 // values made by aliases
}

func (b *builder) problem(n *yaml.Node, format string, args ...any) *problem {
	return &problem{code: fault.Invalid, line: n.Line, column: n.Column, text: fmt.Sprintf(format, args...)}
}

func (b *builder) value(n *yaml.Node, depth int) (any, *problem) {
	if b.aliases == 0 {
		n.Line += b.offset
	} else if b.expanded++; b.expanded > b.opts.MaxAliasExpansion {
		p := b.problem(n, "aliases expand to more than %d values", b.opts.MaxAliasExpansion)
		p.code = fault.TooLarge
		return nil, p
	}
	if depth > b.opts.MaxDepth {
		p := b.problem(n, "collections nest deeper than %d levels", b.opts.MaxDepth)
		p.code = fault.TooLarge
		return nil, p
	}
	if n.Kind == yaml.AliasNode {
		return b.alias(n, depth)
	}
	if p := b.indented(n); p != nil {
		return nil, p
	}
	if n.Kind == yaml.ScalarNode {
		value, p := b.scalar(n)
		if f, ok := value.(float64); ok {
			return jsonNumber(f), p
		}
		return value, p
	}
	block, flowLine := b.block, b.flowLine
	switch {
	case b.aliases > 0:
	case n.Style&yaml.FlowStyle == 0:
		b.block = n.Column
	case b.flowLine == 0:
		b.flowLine = n.Line
	}
	value, p := b.collection(n, depth)
	b.block, b.flowLine = block, flowLine
	return value, p
}

func (b *builder) collection(n *yaml.Node, depth int) (any, *problem) {
	if n.Anchor != "" {
		if b.open == nil {
			b.open = map[*yaml.Node]bool{}
		}
		b.open[n] = true
		defer delete(b.open, n)
	}
	if n.Kind == yaml.MappingNode {
		return b.mapping(n, depth)
	}
	return b.sequence(n, depth)
}

// alias builds the target once more, so that no two places of the value share
// memory.
func (b *builder) alias(n *yaml.Node, depth int) (any, *problem) {
	if b.open[n.Alias] {
		return nil, b.problem(n, "the alias *%s refers to a collection that contains it", n.Value)
	}
	b.aliases++
	value, p := b.value(n.Alias, depth)
	b.aliases--
	if p != nil {
		p.line, p.column = n.Line, n.Column
	}
	return value, p
}

// scalar gives a scalar its meaning; infinities and NaN are still floats.
func (b *builder) scalar(n *yaml.Node) (any, *problem) {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	if n.Style&yaml.TaggedStyle == 0 {
		if n.Style&quoted != 0 || n.Tag == "!" {
			return n.Value, nil
		}
		return b.schema(n.Value), nil
	}
	switch n.Tag {
	case "!!null", "!!bool", "!!int", "!!float":
		return tagged(n.Tag, n.Value, b.schema), nil
	case "!!timestamp":
		stamp, ok := timestamp(n.Value)
		if !ok {
			return nil, b.problem(n, "!!timestamp needs a date that begins with yyyy-mm-dd")
		}
		return stamp, nil
	case "!!binary":
		return binary(n.Value), nil
	}
	return n.Value, nil
}

// binary decodes base64 as leniently as Node.js and gives the bytes the shape
// that a Node.js buffer has in JSON.
func binary(text string) any {
	text, _, _ = strings.Cut(text, "=")
	text = strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '+', r == '/':
			return r
		case r == '-':
			return '+'
		case r == '_':
			return '/'
		}
		return -1
	}, text)
	if len(text)%4 == 1 {
		text = text[:len(text)-1]
	}
	raw, _ := base64.RawStdEncoding.DecodeString(text)
	data := make([]any, len(raw))
	for i, c := range raw {
		data[i] = float64(c)
	}
	return map[string]any{"type": "Buffer", "data": data}
}

func (b *builder) sequence(n *yaml.Node, depth int) (any, *problem) {
	items := make([]any, len(n.Content))
	for i, item := range n.Content {
		value, p := b.value(item, depth+1)
		if p != nil {
			return nil, p
		}
		items[i] = value
	}
	if n.Tag == "!!omap" && n.Style&yaml.TaggedStyle != 0 {
		return b.orderedMap(n)
	}
	return items, nil
}

func (b *builder) mapping(n *yaml.Node, depth int) (any, *problem) {
	out := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		keyNode, valueNode := n.Content[i], n.Content[i+1]
		if b.isMerge(keyNode) {
			if p := b.mergeInto(out, keyNode, valueNode, depth); p != nil {
				return nil, p
			}
			continue
		}
		key, p := b.key(keyNode, depth)
		if p != nil {
			return nil, p
		}
		if _, taken := out[key]; taken && b.repeats(n.Content[:i], keyNode) {
			return nil, b.problem(keyNode, "the key %q occurs twice; map keys must be unique", key)
		}
		value, p := b.value(valueNode, depth+1)
		if p != nil {
			return nil, p
		}
		out[key] = value
	}
	if n.Tag == "!!set" && n.Style&yaml.TaggedStyle != 0 {
		return b.set(n)
	}
	return out, nil
}

// set and orderedMap check the two collections that JSON has no word for; the
// npm reader hands them on as a JavaScript Set and Map, which are {} in JSON.
func (b *builder) set(n *yaml.Node) (any, *problem) {
	for i := 1; i < len(n.Content); i += 2 {
		if value, _ := b.scalar(n.Content[i]); n.Content[i].Kind != yaml.ScalarNode || value != nil {
			return nil, b.problem(n.Content[i], "an item of a !!set cannot have a value")
		}
	}
	return map[string]any{}, nil
}

func (b *builder) orderedMap(n *yaml.Node) (any, *problem) {
	var keys []*yaml.Node
	for _, item := range n.Content {
		if item.Kind != yaml.MappingNode || len(item.Content) != 2 {
			return nil, b.problem(item, "an item of an !!omap must be a mapping with one key")
		}
		if b.repeats(keys, item.Content[0]) {
			return nil, b.problem(item, "the key %q occurs twice in an !!omap", item.Content[0].Value)
		}
		keys = append(keys, item.Content[0], item.Content[1])
	}
	return map[string]any{}, nil
}

// repeats reports whether the scalar key equals one of the keys before it. The
// number 1 and the text "1" differ here although both name the same property,
// and then the later one wins, as in JavaScript.
func (b *builder) repeats(before []*yaml.Node, key *yaml.Node) bool {
	if key.Kind != yaml.ScalarNode {
		return false
	}
	value, _ := b.scalar(key)
	for i := 0; i < len(before); i += 2 {
		if before[i].Kind != yaml.ScalarNode || b.isMerge(before[i]) {
			continue
		}
		other, _ := b.scalar(before[i])
		switch other.(type) {
		case nil, bool, float64, string:
			if _, composite := value.(map[string]any); !composite && other == value {
				return true
			}
		}
	}
	return false
}

func (b *builder) isMerge(key *yaml.Node) bool {
	return b.merge && key.Kind == yaml.ScalarNode && key.Value == "<<" &&
		key.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0
}

// mergeInto adds the entries of one mapping or a list of mappings that out
// does not have yet.
func (b *builder) mergeInto(out map[string]any, key, source *yaml.Node, depth int) *problem {
	key.Line += b.offset * boolToInt(b.aliases == 0)
	value, p := b.value(source, depth+1)
	if p != nil {
		return p
	}
	parts, isList := value.([]any)
	if !isList {
		parts = []any{value}
	}
	for _, part := range parts {
		entries, ok := part.(map[string]any)
		if !ok {
			return b.problem(source, "a merge key (<<) needs a mapping or a list of mappings")
		}
		for name, entry := range entries {
			if _, taken := out[name]; !taken {
				out[name] = entry
			}
		}
	}
	return nil
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
