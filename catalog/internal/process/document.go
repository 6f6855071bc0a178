package process

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// The codes of a [Refusal].
const (
	codeSyntax     = "syntax"
	codeEnvelope   = "envelope"
	codeDuplicate  = "duplicate"
	codeRule       = "rule"
	codeUnreadable = "unreadable"
)

// document is one document of a file.
type document struct {
	key    string
	line   int
	entity catalog.Entity
	err    error
	code   string
	// dropped marks one that a later document of the file replaces, in silence.
	dropped bool
}

// parse reads the documents of a text. The key is the location key of the
// entities, the label names the file in messages.
func (p *Pipeline) parse(key, label string, data []byte) []document {
	var out []document
	for doc := range yamlx.Documents(data, yamlx.Options{File: label, Merge: p.merge}) {
		if doc.Empty {
			continue
		}
		d := document{key: key, line: doc.Line}
		object, isObject := doc.Value.(map[string]any)
		switch {
		case doc.Err != nil:
			d.line, d.code, d.err = doc.ErrorAt.Line, codeSyntax, doc.Err
			if p.strict {
				d.err = yamlError(key, data, doc)
			}
		case !isObject:
			d.code, d.err = codeSyntax, p.at(label, doc, plainError("Expected object at root, got "+typeOf(doc.Value), nil))
		default:
			d.entity = object
			if err := p.model.CheckShape(d.entity); err != nil {
				d.code, d.err = codeEnvelope, p.at(label, doc, err)
			}
		}
		out = append(out, d)
	}
	return p.settle(out)
}

// at puts the place of the document behind the message.
func (p *Pipeline) at(label string, doc yamlx.Document, err error) error {
	if p.strict {
		return err
	}
	return &placedError{err: err, place: fault.Position{File: label, Line: doc.Line}.String()}
}

// settle decides which of several documents for the same entity counts: the
// last, as in Backstage. Others are a problem, unless in strict mode.
func (p *Pipeline) settle(docs []document) []document {
	if len(docs) < 2 {
		return docs
	}
	last := make(map[string]int, len(docs))
	for i := range docs {
		if docs[i].err != nil {
			continue
		}
		ref := docs[i].key + " " + docs[i].entity.Ref().String()
		if before, ok := last[ref]; ok {
			p.supersede(&docs[before], &docs[i])
		}
		last[ref] = i
	}
	return docs
}

func (p *Pipeline) supersede(before, by *document) {
	if p.strict {
		before.dropped = true
		return
	}
	before.code = codeDuplicate
	before.err = inputError(fmt.Sprintf("%s stands twice in %s, at lines %d and %d; the last one counts",
		by.entity.Ref(), by.key, before.line, by.line))
}

// typeOf is what JavaScript calls the type of a value.
func typeOf(v any) string {
	switch v.(type) {
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	}
	return "object"
}

// yamlError words a syntax error as Backstage does, with the line and a mark
// below the column.
func yamlError(key string, data []byte, doc yamlx.Document) error {
	at := doc.ErrorAt
	text := strings.TrimPrefix(strings.TrimPrefix(doc.Err.Error(), at.String()), ": ")
	line := lineOf(data, at.Line)
	column := max(at.Column, 1)
	switch {
	case strings.HasPrefix(text, "a mapping cannot begin here"):
		text, column = "Nested mappings are not allowed in compact mappings", valueStart(line, column)
	case strings.HasSuffix(text, "map keys must be unique"):
		text = "Map keys must be unique"
	}
	return plainError(fmt.Sprintf("YAML error at %s, YAMLParseError: %s at line %d, column %d:\n\n%s\n%s^\n",
		key, text, at.Line, column, line, strings.Repeat(" ", column-1)), doc.Err)
}

func lineOf(data []byte, n int) string {
	for range n - 1 {
		_, rest, found := bytes.Cut(data, []byte("\n"))
		if !found {
			return ""
		}
		data = rest
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return strings.TrimSuffix(string(line), "\r")
}

// valueStart goes back from a second colon on a line to the beginning of the
// word before it.
func valueStart(line string, column int) int {
	i := min(column-1, len(line))
	for i > 0 && line[i-1] != ' ' {
		i--
	}
	return i + 1
}
