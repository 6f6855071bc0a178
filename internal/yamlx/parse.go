package yamlx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// The limits that apply where [Options] has zero.
const (
	DefaultMaxBytes          = 64 << 20
	DefaultMaxDocuments      = 100_000
	DefaultMaxAliasExpansion = 100_000
	DefaultMaxDepth          = 500
)

// Options says how a stream is read. The zero value is Backstage's way with
// the default limits.
type Options struct {
	// File names the stream in error messages.
	File string
	// Merge switches the merge key << on (catalog.enableYamlMerge).
	Merge bool
	// MaxBytes limits the length of the whole stream.
	MaxBytes int
	// MaxDocuments limits the number of documents, empty ones included.
	MaxDocuments int
	// MaxAliasExpansion limits how many values one document may gain by
	// aliases, which is what stops an alias bomb.
	MaxAliasExpansion int
	// MaxDepth limits how deep collections may nest.
	MaxDepth int
}

func (o Options) withDefaults() Options {
	for field, standard := range map[*int]int{
		&o.MaxBytes: DefaultMaxBytes, &o.MaxDocuments: DefaultMaxDocuments,
		&o.MaxAliasExpansion: DefaultMaxAliasExpansion, &o.MaxDepth: DefaultMaxDepth,
	} {
		if *field <= 0 {
			*field = standard
		}
	}
	return o
}

// Document is one document of a stream. Its values belong to the caller:
// nothing in them is shared, not even between the uses of an alias.
type Document struct {
	// Index is the place in the stream from 0; empty documents count.
	Index int
	// Line is where the document's content begins, or its marker if it has
	// no content.
	Line int
	// Value is what the document says. It is nil for an empty document and
	// when Err is set.
	Value any
	// Empty marks a document without a value (or with the value null), which
	// readers of entities skip.
	Empty bool
	// Err is why the document could not be read. Its text begins with the
	// position; its code is fault.Invalid, or fault.TooLarge for a limit.
	Err error
	// ErrorAt is the position that Err begins with.
	ErrorAt fault.Position

	file string
	root *yaml.Node
}

// Parse reads all documents of data. It never fails as a whole: what cannot be
// read becomes a document with Err. A stream of comments has no documents.
func Parse(data []byte, opts Options) []Document {
	var docs []Document
	for doc := range Documents(data, opts) {
		docs = append(docs, doc)
	}
	return docs
}

// Documents is [Parse] one document at a time, for streams of which the values
// need not be in memory together. The documents keep parts of data alive.
func Documents(data []byte, opts Options) iter.Seq[Document] {
	opts = opts.withDefaults()
	return func(yield func(Document) bool) {
		if len(data) > opts.MaxBytes {
			yield(tooLarge(opts, 0, 1, "the text has %d bytes, more than the limit of %d", len(data), opts.MaxBytes))
			return
		}
		index := 0
		for piece := range split(clean(data)) {
			if index >= opts.MaxDocuments {
				yield(tooLarge(opts, index, piece.line, "more than the limit of %d documents", opts.MaxDocuments))
				return
			}
			if !yield(parsePiece(piece, index, opts)) {
				return
			}
			index++
		}
	}
}

// One reads a text that must hold at most one document, such as a
// configuration file. An empty text gives an empty document. The error is the
// document's own, or says that there are several.
func One(data []byte, opts Options) (Document, error) {
	docs := Parse(data, opts)
	switch {
	case len(docs) == 0:
		return Document{Line: 1, Empty: true, file: opts.File}, nil
	case docs[0].Err != nil:
		return docs[0], docs[0].Err
	case len(docs) > 1:
		return docs[0], fault.At(fault.Position{File: opts.File, Line: docs[1].Line},
			"a second document begins here, but the file must hold only one")
	}
	return docs[0], nil
}

// clean removes a byte order mark and makes the text valid UTF-8 in the way a
// JavaScript reader does, so that a stray byte is not the end of a file.
func clean(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	return data
}

func tooLarge(opts Options, index, line int, format string, args ...any) Document {
	pos := fault.Position{File: opts.File, Line: line}
	return Document{
		Index: index, Line: line, file: opts.File, ErrorAt: pos,
		Err: fault.Newf(fault.TooLarge, pos.String()+": "+format, args...),
	}
}

func parsePiece(p piece, index int, opts Options) Document {
	doc := Document{Index: index, Line: p.line, file: opts.File}
	if p.err != "" {
		return doc.failed(fault.Invalid, p.errLine, 1, p.err)
	}
	root, problem := composeLeniently(p.text)
	if problem != nil {
		return doc.failed(fault.Invalid, problem.line+p.line-1, problem.column, problem.text)
	}
	if root == nil {
		doc.Empty = true
		return doc
	}
	b := builder{opts: opts, text: p.text, offset: p.line - 1, schema: core}
	if p.version11 {
		b.schema = yaml11
	}
	b.merge = opts.Merge || p.version11
	value, problem := b.value(root, 0)
	if problem != nil {
		return doc.failed(problem.code, problem.line, problem.column, problem.text)
	}
	doc.Value, doc.Empty, doc.root = value, value == nil, root
	if hasText(root) {
		doc.Line = root.Line
	}
	return doc
}

func (d Document) failed(code fault.Code, line, column int, text string) Document {
	d.ErrorAt = fault.Position{File: d.file, Line: line, Column: column}
	if code == fault.Invalid {
		d.Err = fault.At(d.ErrorAt, "%s", text)
	} else {
		d.Err = fault.New(code, d.ErrorAt.String()+": "+text)
	}
	return d
}

// problem is an error before it knows its file.
type problem struct {
	code         fault.Code
	line, column int
	text         string
}

// composeLeniently is [compose] for texts that hold UTF-16 surrogates as
// escapes, which JSON files do for characters such as emoji and the parser
// refuses. They are rewritten from where it stumbled.
func composeLeniently(text []byte) (*yaml.Node, *problem) {
	if last := len(text) - 1; last >= 0 && text[last] != '\n' {
		// Without a final line break a block scalar would lose its own.
		text = append(text[:len(text):len(text)], '\n')
	}
	root, p := compose(text)
	if p == nil {
		return root, nil
	}
	if strings.Contains(p.text, "Unicode character escape") {
		if rewritten := joinSurrogates(text, p.line); rewritten != nil {
			return compose(rewritten)
		}
	}
	if strings.Contains(p.text, "control characters are not allowed") {
		p.line, p.column = controlCharacter(text)
		p.text = "a control character is not allowed here; write it as an escape in double quotes"
	}
	return nil, p
}

var surrogates = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}`)

// joinSurrogates replaces escaped surrogate pairs from the line on by one
// escape, and lone surrogates by the replacement character. It returns nil if
// there are none.
func joinSurrogates(text []byte, line int) []byte {
	start := 0
	for ; line > 1; line-- {
		start += bytes.IndexByte(text[start:], '\n') + 1
	}
	if !surrogates.Match(text[start:]) {
		return nil
	}
	joined := surrogates.ReplaceAllFunc(text[start:], func(escape []byte) []byte {
		if len(escape) < 12 {
			return []byte(`\uFFFD`)
		}
		high, _ := strconv.ParseUint(string(escape[2:6]), 16, 32)
		low, _ := strconv.ParseUint(string(escape[8:12]), 16, 32)
		return fmt.Appendf(nil, `\U%08X`, utf16.DecodeRune(rune(high), rune(low)))
	})
	return append(bytes.Clone(text[:start]), joined...)
}

// controlCharacter finds the first character that YAML does not allow raw.
func controlCharacter(text []byte) (line, column int) {
	line, column = 1, 1
	for _, r := range string(text) {
		switch {
		case r == '\n':
			line, column = line+1, 0
		case r < ' ' && r != '\t' && r != '\r', r > 0x7f && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			return line, column
		}
		column++
	}
	return line, column
}

// compose parses the text of one document into nodes. It returns nil and nil
// for a text without content.
func compose(text []byte) (root *yaml.Node, p *problem) {
	// The texts are strangers' and the parser is not ours: should it ever
	// panic, one document is lost and not the process.
	defer func() {
		if reason := recover(); reason != nil {
			root, p = nil, &problem{code: fault.Invalid, line: 1, column: 1, text: fmt.Sprintf("the document cannot be parsed: %v", reason)}
		}
	}()
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		return nil, syntaxProblem(err)
	}
	var doc yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, syntaxProblem(err)
	}
	if doc.Kind != yaml.DocumentNode {
		return &doc, nil
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	// One piece is one document; anything behind it is text that the parser
	// could not attach, such as a scalar after the end of a collection.
	var rest yaml.Node
	switch err := loader.Load(&rest); {
	case errors.Is(err, io.EOF):
		return doc.Content[0], nil
	case err != nil:
		return nil, syntaxProblem(err)
	}
	return nil, &problem{
		code: fault.Invalid, line: rest.Line, column: rest.Column,
		text: "unexpected content after the end of the document's value",
	}
}

func syntaxProblem(err error) *problem {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return &problem{code: fault.Invalid, line: 1, column: 1, text: err.Error()}
	}
	line, column := load.Mark.Line, load.Mark.Column
	if line == 0 {
		line, column = max(load.ContextMark.Line, 1), load.ContextMark.Column
	}
	text := plainWords(load.Message)
	if load.ContextMsg != "" {
		text = load.ContextMsg + ": " + text
	}
	return &problem{code: fault.Invalid, line: line, column: column, text: text}
}

// plainWords replaces the parser's terser messages by ones that say what to do.
func plainWords(message string) string {
	for _, m := range []struct{ has, say string }{
		{"mapping values are not allowed", "a mapping cannot begin here; quote the value if it contains \": \", or check the indentation"},
		{"found character that cannot start any token", "a plain value cannot begin with this character (a tab, %, @ or `); quote the value"},
		{"did not find expected <document start>", "unexpected text after the document's value; check the indentation"},
		{"found unexpected end of stream", "the text ends before the closing quote"},
		{"could not find expected ':'", "expected \":\" after the key"},
		{"unknown anchor", message + " (an anchor must stand before its aliases)"},
	} {
		if strings.Contains(message, m.has) {
			return m.say
		}
	}
	return message
}
