package yamlx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// KeyOrder puts the keys of one mapping into the order in which they are
// written. The path leads from the root to the mapping; items of lists are
// numbered. The keys come sorted; the result must hold each of them once.
type KeyOrder func(path []string, keys []string) []string

// Marshal renders a JSON value as YAML in block style, with sorted keys and a
// final line break. Values of other types are taken through encoding/json.
// Strings that any YAML reader would take for something else are quoted, and
// text of several lines becomes a literal block. [Parse] gives the value back.
func Marshal(v any) ([]byte, error) { return MarshalOrdered(v, nil) }

// MarshalOrdered is [Marshal] with the caller's order of keys.
func MarshalOrdered(v any, order KeyOrder) ([]byte, error) {
	e := encoder{order: order}
	if err := e.root(v); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return e.out.Bytes(), nil
}

// maxWriteDepth stops values that contain themselves.
const maxWriteDepth = 10_000

type encoder struct {
	out   bytes.Buffer
	order KeyOrder
	path  []string
}

func (e *encoder) root(v any) error {
	v, err := plainJSON(v)
	if err != nil {
		return err
	}
	if isBlock(v) {
		return e.block(v, 0)
	}
	if err := e.inline(v, 0); err != nil {
		return err
	}
	return nil
}

// plainJSON turns a value of any type into one of the six JSON types.
func plainJSON(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string, float64, []any, map[string]any, json.Number:
		return v, nil
	case int:
		return json.Number(strconv.Itoa(v)), nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, err
	}
	return out, nil
}

// isBlock reports whether a value takes lines of its own.
func isBlock(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return false
}

// block writes a non-empty collection; the cursor is where its first entry
// begins, at column indent.
func (e *encoder) block(v any, indent int) error {
	if len(e.path) > maxWriteDepth {
		return fmt.Errorf("the value nests deeper than %d levels", maxWriteDepth)
	}
	if list, ok := v.([]any); ok {
		return e.list(list, indent)
	}
	entries := v.(map[string]any)
	for i, key := range e.keys(entries) {
		if i > 0 {
			e.indent(indent)
		}
		e.key(key, indent)
		if err := e.under(key, entries[key], indent, false); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) list(items []any, indent int) error {
	for i, item := range items {
		if i > 0 {
			e.indent(indent)
		}
		e.out.WriteByte('-')
		if err := e.under(strconv.Itoa(i), item, indent, true); err != nil {
			return err
		}
	}
	return nil
}

// under writes what stands after "key:" or "-".
func (e *encoder) under(step string, v any, indent int, inList bool) error {
	v, err := plainJSON(v)
	if err != nil {
		return err
	}
	e.path = append(e.path, step)
	defer func() { e.path = e.path[:len(e.path)-1] }()
	switch {
	case !isBlock(v):
		e.out.WriteByte(' ')
		return e.inline(v, indent+2)
	case inList:
		e.out.WriteByte(' ')
	default:
		e.out.WriteByte('\n')
		e.indent(indent + 2)
	}
	return e.block(v, indent+2)
}

func (e *encoder) keys(entries map[string]any) []string {
	keys := make([]string, 0, len(entries))
	for key := range entries {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	if e.order != nil {
		keys = e.order(e.path, keys)
	}
	return keys
}

func (e *encoder) indent(n int) { e.out.WriteString(strings.Repeat(" ", n)) }

// key writes a key and its colon. Parsers look for the colon only so far, so a
// long key is written in the explicit form.
func (e *encoder) key(key string, indent int) {
	text := scalarText(key)
	if len(text) <= 500 {
		e.out.WriteString(text + ":")
		return
	}
	e.out.WriteString("? " + text + "\n")
	e.indent(indent)
	e.out.WriteByte(':')
}

// inline writes a scalar or an empty collection and ends the line.
func (e *encoder) inline(v any, indent int) error {
	switch v := v.(type) {
	case nil:
		e.out.WriteString("null")
	case bool:
		e.out.WriteString(strconv.FormatBool(v))
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			e.out.WriteString("null")
		} else {
			e.out.WriteString(FormatNumber(v))
		}
	case json.Number:
		e.out.WriteString(v.String())
	case string:
		if literal, ok := literalBlock(v, indent); ok {
			e.out.WriteString(literal)
			return nil
		}
		e.out.WriteString(scalarText(v))
	case []any:
		e.out.WriteString("[]")
	case map[string]any:
		e.out.WriteString("{}")
	default:
		return fmt.Errorf("no YAML form for %T", v)
	}
	e.out.WriteByte('\n')
	return nil
}

// literalBlock renders text of several lines as | when that loses nothing.
func literalBlock(text string, indent int) (string, bool) {
	if !strings.Contains(text, "\n") || !printable(text) {
		return "", false
	}
	body := strings.TrimRight(text, "\n")
	if body == "" || body[0] == ' ' || body[0] == '\t' || body[0] == '\n' {
		return "", false
	}
	lines := strings.Split(body, "\n")
	for _, line := range lines {
		if line != "" && strings.TrimLeft(line, " \t") == "" {
			return "", false
		}
	}
	var b strings.Builder
	switch trailing := len(text) - len(body); trailing {
	case 0:
		b.WriteString("|-\n")
	case 1:
		b.WriteString("|\n")
	default:
		b.WriteString("|+\n")
		lines = append(lines, make([]string, trailing-1)...)
	}
	margin := strings.Repeat(" ", max(indent, 2))
	for _, line := range lines {
		if line != "" {
			b.WriteString(margin + line)
		}
		b.WriteByte('\n')
	}
	return b.String(), true
}

// printable reports whether text can stand unescaped in YAML.
func printable(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		switch {
		case r == '\n' || r == '\t':
		case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0, r == 0x2028, r == 0x2029, r == 0xfeff, r == 0xfffe, r == 0xffff:
			return false
		case !unicode.IsPrint(r) && !unicode.IsSpace(r) && r < 0x10000:
			return false
		}
	}
	return true
}

// scalarText renders a string on one line: plain if it reads back as itself,
// in single quotes if it only looks like something else, else escaped.
func scalarText(text string) string {
	switch {
	case strings.ContainsAny(text, "\n\t") || !printable(text):
		return doubleQuoted(text)
	case isPlain(text):
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// isPlain errs towards quotes: text that YAML 1.1 readers would take for a
// boolean, a number or a date is quoted too.
func isPlain(text string) bool {
	if text == "" || text[0] == ' ' || text[len(text)-1] == ' ' || text == "<<" || text == "=" {
		return false
	}
	if same, ok := core(text).(string); !ok || same != text {
		return false
	}
	if same, ok := yaml11(text).(string); !ok || same != text {
		return false
	}
	if strings.ContainsAny(text, "\u0085\u2028\u2029") || isMarker([]byte(text), "---") || isMarker([]byte(text), "...") {
		return false
	}
	if strings.IndexByte("!&*|>%@`\"'#{}[],", text[0]) >= 0 {
		return false
	}
	if strings.IndexByte("-?:", text[0]) >= 0 && (len(text) == 1 || text[1] == ' ') {
		return false
	}
	return !strings.Contains(text, ": ") && !strings.Contains(text, " #") && !strings.HasSuffix(text, ":")
}

// doubleQuoted renders text with escapes, the form that can say everything.
func doubleQuoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case printable(string(r)):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
