package yamlx

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// The parser lets some things pass that npm's reader refuses: lines inside [ ]
// or { }, further lines of a quoted text and the head of a block text, that are
// indented no deeper than the block collection around them. A reader of such a line cannot tell
// where it belongs, so it is an error here too.

func (b *builder) indented(n *yaml.Node) *problem {
	if b.aliases > 0 || b.block == 0 {
		return nil
	}
	if b.flowLine > 0 && n.Line > b.flowLine && n.Column <= b.block && hasText(n) {
		return b.problem(n, "a line inside [ ] or { } must be indented deeper than the block around it")
	}
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && n.Column <= b.block {
		return b.problem(n, "the block text must begin on the line of its key or deeper than it")
	}
	if n.Kind == yaml.ScalarNode && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return b.continued(n)
	}
	return nil
}

// hasText is false for the null that stands where nothing is written.
func hasText(n *yaml.Node) bool {
	return n.Kind != yaml.ScalarNode || n.Value != "" || n.Style != 0
}

// continued checks the indentation of the second and further lines of a
// quoted text.
func (b *builder) continued(n *yaml.Node) *problem {
	text := b.textFrom(n)
	quote := byte('"')
	if n.Style&yaml.SingleQuotedStyle != 0 {
		quote = '\''
	}
	start := bytes.IndexByte(text, quote)
	if start < 0 {
		return nil
	}
	line := n.Line
	for i := start + 1; i < len(text) && text[i] != quote; i++ {
		switch {
		case text[i] == '\\' && quote == '"' && i+1 < len(text) && text[i+1] != '\n':
			i++
		case text[i] == '\n':
			line++
			rest := text[i+1:]
			spaces := len(rest) - len(bytes.TrimLeft(rest, " "))
			if spaces < b.block && spaces < len(rest) && strings.IndexByte("\r\n", rest[spaces]) < 0 {
				p := b.problem(n, "quoted text that goes on over several lines must be indented deeper than the block around it")
				p.line, p.column = line, spaces+1
				return p
			}
		}
	}
	return nil
}

// textFrom returns the source from where the node begins.
func (b *builder) textFrom(n *yaml.Node) []byte {
	if b.lines == nil {
		b.lines = append(make([]int, 0, 64), 0)
		for i, c := range b.text {
			if c == '\n' {
				b.lines = append(b.lines, i+1)
			}
		}
	}
	line := n.Line - b.offset - 1
	if line < 0 || line >= len(b.lines) {
		return nil
	}
	// Nodes come in the order of the text, so go on from the last place: a
	// long line with many texts would otherwise be walked for each of them.
	at := &b.cursor
	if at.column == 0 || at.line != line || at.column > n.Column {
		*at = cursor{line: line, column: 1, offset: b.lines[line]}
	}
	for ; at.column < n.Column && at.offset < len(b.text); at.column++ {
		_, size := utf8.DecodeRune(b.text[at.offset:])
		at.offset += size
	}
	return b.text[at.offset:]
}

// cursor is a place in the text of a piece; line counts from 0.
type cursor struct{ line, column, offset int }
