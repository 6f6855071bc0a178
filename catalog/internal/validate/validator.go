package validate

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// Result is the verdict on one document.
type Result struct {
	// File is the path as given on the command line, or below a directory
	// that was.
	File string `json:"file"`
	// Document is the place in the file from 0; empty documents count.
	Document int `json:"document"`
	// Line is where the problem or else the document begins, from 1.
	Line int `json:"line"`
	// Ref is the entity's reference, empty if the document has no name.
	Ref string `json:"ref"`
	// OK says that envelope and kind are right.
	OK bool `json:"ok"`
	// Error is why not.
	Error string `json:"error"`
	// Hint says how the document would be right.
	Hint string `json:"hint,omitempty"`
	// Warnings tell what will go wrong although envelope and kind are right,
	// such as a reference that cannot be read.
	Warnings []string `json:"warnings,omitempty"`
}

// Validator judges documents. It is safe for concurrent use.
type Validator struct {
	// Model is what is right.
	Model *model.Model
	// AI is the model with the layer for coding agents, if Model is without:
	// it gives hints. It may be nil.
	AI *model.Model
	// Merge switches YAML merge keys on, as catalog.enableYamlMerge does.
	Merge bool
	// ReadFile reads the targets of local placeholders; nil means os.ReadFile.
	ReadFile func(path string) ([]byte, error)
}

// scope says which documents of a file count.
type scope int

const (
	// everything: the user named the file, so every document must be an entity.
	everything scope = iota
	// entities: the file was found in a directory, so documents that do not
	// look like entities are somebody else's.
	entities
)

// Documents judges all documents of a file; empty ones are skipped. A file
// without any document gives no result.
func (v *Validator) Documents(file string, data []byte) []Result {
	return v.documents(file, data, everything)
}

func (v *Validator) documents(file string, data []byte, which scope) []Result {
	var out []Result
	for doc := range yamlx.Documents(data, yamlx.Options{File: file, Merge: v.Merge}) {
		if doc.Empty && doc.Err == nil || which == entities && !v.looksLikeEntity(doc, data) {
			continue
		}
		out = append(out, v.document(file, doc))
	}
	return out
}

// looksLikeEntity tells entities from the other YAML files of a repository: a
// Kubernetes manifest has an apiVersion and a kind as well.
func (v *Validator) looksLikeEntity(doc yamlx.Document, data []byte) bool {
	if doc.Err != nil {
		return strings.Contains(string(data), "backstage.io/v1")
	}
	root, _ := doc.Value.(map[string]any)
	e := catalog.Entity(root)
	if e.Kind() == "" {
		return false
	}
	if strings.Contains(e.APIVersion(), "backstage.io/") {
		return true
	}
	return v.Model.Claims(e)
}

func (v *Validator) document(file string, doc yamlx.Document) Result {
	r := Result{File: file, Document: doc.Index, Line: doc.Line}
	if doc.Err != nil {
		r.Line = doc.ErrorAt.Line
		r.Error = strings.TrimPrefix(doc.Err.Error(), doc.ErrorAt.String()+": ")
		return r
	}
	root, ok := doc.Value.(map[string]any)
	if !ok {
		r.Error = "expected an object at the root of the document, found " + typeName(doc.Value)
		return r
	}
	e := catalog.Entity(root)
	if e.Kind() != "" && e.Name() != "" {
		r.Ref = e.Ref().String()
	}
	p := placeholders{file: file, read: v.ReadFile, merge: v.Merge}
	if p.read == nil {
		p.read = os.ReadFile
	}
	p.resolve(root, nil)
	r.Warnings = p.problems
	err := check(v.Model, e, p.unknown)
	if err == nil {
		r.OK = true
		if err := v.Model.CheckRelations(e); err != nil {
			r.Warnings = append(r.Warnings, innermost(err).Error())
		}
		return r
	}
	cause := innermost(err)
	r.Error = cause.Error()
	if line := lineOf(doc, r.Error); line > 0 {
		r.Line = line
	}
	r.Hint = foreignKeys(e)
	if v.AI != nil && check(v.AI, e, p.unknown) == nil {
		r.Hint = "the entity is right with the model layer " + model.LayerAI + " (catalog.model.layers)"
	}
	return r
}

// check runs the steps that an entity passes on its way into the catalog.
func check(m *model.Model, e catalog.Entity, unknown [][]string) error {
	if err := m.CheckShape(e); err != nil {
		return err
	}
	m.Prepare(e)
	if err := m.CheckEnvelope(e); err != nil {
		return err
	}
	claimed, err := m.CheckKind(e, unknown...)
	if err == nil && !claimed {
		err = m.Unrecognized(e)
	}
	return err
}

// foreignKeys names the keys beside the four that an entity may have, which the
// message of the envelope does not.
func foreignKeys(e catalog.Entity) string {
	var foreign []string
	for key := range e {
		switch key {
		case "apiVersion", "kind", "metadata", "spec":
		default:
			foreign = append(foreign, strconv.Quote(key))
		}
	}
	if len(foreign) == 0 {
		return ""
	}
	sort.Strings(foreign)
	return "an entity has apiVersion, kind, metadata and spec; not " + strings.Join(foreign, ", ")
}

// innermost returns the cause at the bottom: on the command line the steps
// around it say nothing that file and document do not.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// lineOf finds the line that a message is about by the JSON pointer in it, or
// returns 0.
func lineOf(doc yamlx.Document, message string) int {
	message = strings.TrimPrefix(message, "Malformed envelope, ")
	if strings.HasPrefix(message, "/") {
		pointer, _, _ := strings.Cut(message, " ")
		return doc.PositionOf(pointer).Line
	}
	if rest, ok := strings.CutPrefix(message, `"`); ok {
		field, _, _ := strings.Cut(rest, `"`)
		return doc.Position(fieldPath(field)...).Line
	}
	return 0
}

// fieldPath turns the field of a format message into a path: labels.x/y.z is
// one label, not three steps.
func fieldPath(field string) []string {
	head, rest, found := strings.Cut(field, ".")
	switch {
	case !found:
		return []string{field}
	case head == "metadata":
		return []string{head, rest}
	case head == "labels" || head == "annotations":
		return []string{"metadata", head, rest}
	}
	return append([]string{"metadata", head}, strings.Split(rest, ".")...)
}

func typeName(v any) string {
	switch v := v.(type) {
	case []any:
		return "an array"
	case string:
		return "the text " + strconv.Quote(shorten(v))
	case bool, float64:
		return fmt.Sprint("the value ", v)
	}
	return "nothing"
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
