package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// transformer resolves ${VAR}, $env, $file and $include in one source.
type transformer struct {
	env    func(string) (string, bool)
	read   func(path string) ([]byte, error) // nil where no files can be read
	errors []error
}

// maxIncludes limits how deep includes nest; a cycle ends there at the latest.
const maxIncludes = 20

// scope is where a value stands: the folder that paths are relative to and
// the includes that led here.
type scope struct {
	dir   string
	chain []string
}

func (t *transformer) fail(at fault.Position, format string, args ...any) *value {
	t.errors = append(t.errors, fault.At(at, format, args...))
	return nil
}

// transform returns the resolved value, or nil where it is undefined and its
// key is to be absent.
func (t *transformer) transform(v *value, path string, in scope) *value {
	switch v.kind {
	case scalarKind:
		return t.substituted(v)
	case listKind:
		out := &value{kind: listKind, at: v.at, items: []*value{}}
		for i, item := range v.items {
			if resolved := t.transform(item, joinIndex(path, i), in); resolved != nil {
				out.items = append(out.items, resolved)
			}
		}
		return out
	case objectKind:
	}
	for _, key := range []string{"$file", "$env", "$include"} {
		if v.fields[key] != nil {
			return t.include(v, key, path, in)
		}
	}
	out := &value{kind: objectKind, at: v.at, fields: make(map[string]*value, len(v.fields))}
	for _, key := range v.inOrder() {
		if resolved := t.transform(v.fields[key], joinKey(path, key), in); resolved != nil {
			out.fields[key] = resolved
		}
	}
	return out
}

func (t *transformer) substituted(v *value) *value {
	text, isText := v.scalar.(string)
	if !isText || !strings.Contains(text, "${") {
		return v
	}
	resolved, ok := substitute(text, t.env)
	if !ok {
		return nil
	}
	return &value{scalar: resolved, at: v.at, outside: true}
}

// substitute replaces ${NAME} and ${NAME:-fallback} in text; $${ stands for a
// literal ${. The fallback also serves for an empty variable. It reports false
// when a variable is unset, which makes the whole text undefined.
func substitute(text string, env func(string) (string, bool)) (string, bool) {
	var out strings.Builder
	for {
		start := strings.Index(text, "${")
		if start < 0 {
			out.WriteString(text)
			return out.String(), true
		}
		length := strings.IndexAny(text[start+2:], "{}")
		if length < 0 || text[start+2+length] == '{' {
			// Not closed before another brace: no variable, plain text.
			out.WriteString(text[:start+2])
			text = text[start+2:]
			continue
		}
		end := start + 2 + length
		if start > 0 && text[start-1] == '$' {
			out.WriteString(text[:start-1] + text[start:end+1])
			text = text[end+1:]
			continue
		}
		out.WriteString(text[:start])
		replacement, ok := variable(text[start+2:end], env)
		if !ok {
			return "", false
		}
		out.WriteString(replacement)
		text = text[end+1:]
	}
}

func variable(expression string, env func(string) (string, bool)) (string, bool) {
	name, fallback, hasFallback := strings.Cut(expression, ":-")
	found, set := env(strings.TrimSpace(name))
	if !hasFallback {
		return found, set
	}
	if found == "" {
		found = strings.TrimSpace(fallback)
	}
	return found, found != ""
}

// include resolves an object of which one key is $file, $env or $include.
func (t *transformer) include(v *value, key, path string, in scope) *value {
	parameter := v.fields[key]
	if len(v.fields) != 1 {
		return t.fail(parameter.at, "%s: %s must be the only key of its object", path, key)
	}
	text, isText := parameter.scalar.(string)
	if !isText {
		return t.fail(parameter.at, "%s: %s needs text, got %s", path, key, parameter.typeName())
	}
	target, ok := substitute(text, t.env)
	if !ok {
		return t.fail(parameter.at, "%s: %s %q names a variable that is not set", path, key, text)
	}
	if key == "$env" {
		found, set := t.env(target)
		if !set {
			return nil
		}
		return &value{scalar: found, at: parameter.at, outside: true}
	}
	if t.read == nil {
		return t.fail(parameter.at, "%s: %s is not possible in a configuration that is read from a URL", path, key)
	}
	if key == "$file" {
		data, err := t.read(resolve(in.dir, target))
		if err != nil {
			return t.fail(parameter.at, "%s: %s %s: %w", path, key, target, plainReason(err))
		}
		return &value{scalar: strings.TrimRight(string(data), " \t\r\n\v\f\u00a0\ufeff"), at: parameter.at, outside: true}
	}
	return t.includeTree(parameter, target, path, in)
}

// includeTree reads a part of another file and resolves it in turn, relative
// to that file.
func (t *transformer) includeTree(parameter *value, target, path string, in scope) *value {
	name, inner, _ := strings.Cut(target, "#")
	file := resolve(in.dir, name)
	chain := append(slices.Clone(in.chain), file+"#"+inner)
	if slices.Contains(in.chain, file+"#"+inner) {
		return t.fail(parameter.at, "%s: $include goes round in a circle: %s", path, strings.Join(chain, " → "))
	}
	if len(chain) > maxIncludes {
		return t.fail(parameter.at, "%s: $include nests deeper than %d files", path, maxIncludes)
	}
	root, err := t.parseIncluded(file, name)
	if err != nil {
		return t.fail(parameter.at, "%s: $include %s: %w", path, target, err)
	}
	found := root
	if inner != "" {
		steps := strings.Split(inner, ".")
		for i, step := range steps {
			if found == nil || found.kind != objectKind {
				return t.fail(parameter.at, "%s: $include %s: the value at %q in %s is not an object", path, target, strings.Join(steps[:i], "."), name)
			}
			found = found.fields[step]
		}
	}
	if found == nil {
		return nil
	}
	resolved := t.transform(found, path, scope{dir: filepath.Dir(file), chain: chain})
	if resolved != nil && resolved.kind == scalarKind {
		resolved = &value{scalar: resolved.scalar, at: resolved.at, outside: true}
	}
	return resolved
}

func (t *transformer) parseIncluded(file, name string) (*value, error) {
	switch filepath.Ext(name) {
	case ".json", ".yaml", ".yml":
	default:
		return nil, fault.New(fault.Invalid, "only .json, .yaml and .yml files can be included; use $file for plain text")
	}
	data, err := t.read(file)
	if err != nil {
		return nil, plainReason(err)
	}
	if filepath.Ext(name) == ".json" {
		if err := checkJSON(data, file); err != nil {
			return nil, err
		}
	}
	doc, err := yamlx.One(data, yamlx.Options{File: file})
	if err != nil {
		return nil, err
	}
	if doc.Empty {
		return &value{at: fault.Position{File: file, Line: 1}}, nil
	}
	return fromTree(doc.Tree()), nil
}

// checkJSON refuses what is YAML but not JSON in a .json file.
func checkJSON(data []byte, file string) error {
	var v any
	err := json.Unmarshal(data, &v)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	before := data[:max(syntax.Offset-1, 0)]
	return fault.At(fault.Position{
		File: file, Line: bytes.Count(before, []byte("\n")) + 1, Column: len(before) - bytes.LastIndexByte(before, '\n'),
	}, "%w", err)
}

func resolve(dir, target string) string {
	if filepath.IsAbs(target) {
		return filepath.Clean(target)
	}
	return filepath.Join(dir, target)
}
