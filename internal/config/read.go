package config

import (
	"math"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Config is a resolved configuration, or a part of one. It never changes and
// is safe for concurrent use.
//
// Paths are dotted (backend.listen.port), items of lists are [0], a key that
// itself holds a dot is written ["a.b"] or reached with [Config.Child]. An
// explicit null counts as absent. Every error has code fault.Invalid (wrong
// type or value) or fault.NotFound (required and absent) and names file, line
// and full path.
type Config struct {
	root   *value // nil where there is nothing
	path   string // of root in the whole configuration
	layers []string
}

// New returns a configuration that holds data, for tests and built-in
// defaults. Errors about it name the place as file.
func New(data map[string]any, file string) *Config {
	return &Config{root: fromJSON(any(data), fault.Position{File: file}).withoutNulls()}
}

// Layers lists the files and URLs that were read, lowest first.
func (c *Config) Layers() []string { return slices.Clone(c.layers) }

// find follows a path; nil means absent.
func (c *Config) find(path string) *value {
	v := c.root
	for _, step := range splitPath(path) {
		if v == nil {
			return nil
		}
		v = v.child(step)
	}
	if v == nil || v.isNull() {
		return nil
	}
	return v
}

// full is the path within the whole configuration.
func (c *Config) full(path string) string {
	switch {
	case c.path == "":
		return path
	case path == "":
		return c.path
	case path[0] == '[':
		return c.path + path
	}
	return c.path + "." + path
}

func (c *Config) wrong(v *value, path, want string) error {
	return fault.At(v.at, "%s must be %s, got %s", c.full(path), want, v.typeName())
}

func (c *Config) missing(path string) error {
	at := fault.Position{}
	for v, steps := c.root, splitPath(path); v != nil; steps = steps[1:] {
		at = v.at
		if len(steps) == 0 {
			break
		}
		v = v.child(steps[0])
	}
	prefix := ""
	if at.File != "" {
		prefix = at.String() + ": "
	}
	return fault.Newf(fault.NotFound, "%smissing required configuration %s", prefix, c.full(path))
}

// Has reports whether there is a value at path that is not null.
func (c *Config) Has(path string) bool { return c.find(path) != nil }

// Keys returns the keys of the object at path, sorted; nil when there is none.
func (c *Config) Keys(path string) []string {
	if v := c.find(path); v != nil && v.kind == objectKind {
		return v.keys()
	}
	return nil
}

// Value returns the value at path as JSON types, or nil when there is none.
// The result is the caller's own copy.
func (c *Config) Value(path string) any {
	if v := c.find(path); v != nil {
		return v.plain()
	}
	return nil
}

// Source returns where the value at path was set, or the zero position.
func (c *Config) Source(path string) fault.Position {
	if v := c.find(path); v != nil {
		return v.at
	}
	return fault.Position{}
}

// Sub returns the part of the configuration at path. It is empty, never nil,
// when there is nothing.
func (c *Config) Sub(path string) *Config {
	return &Config{root: c.find(path), path: c.full(path)}
}

// Child returns the part under one key, which may hold any character.
func (c *Config) Child(key string) *Config {
	sub := &Config{path: joinKey(c.path, key)}
	if c.root != nil {
		if v := c.root.child(key); v != nil && !v.isNull() {
			sub.root = v
		}
	}
	return sub
}

// List returns the items of the list at path, none when there is no list
// there. A value that is not a list is an error.
func (c *Config) List(path string) ([]*Config, error) {
	v := c.find(path)
	if v == nil {
		return nil, nil
	}
	if v.kind != listKind {
		return nil, c.wrong(v, path, "a list")
	}
	items := make([]*Config, len(v.items))
	for i, item := range v.items {
		items[i] = &Config{root: item, path: joinIndex(c.full(path), i)}
	}
	return items, nil
}

// String returns the text at path. Empty text is an error, as it is in
// Backstage: it nearly always is a variable that was not filled in.
func (c *Config) String(path string) (string, error) { return required(c, path, c.StringOpt) }

// StringOpt is [Config.String] that reports absence as false.
func (c *Config) StringOpt(path string) (string, bool, error) {
	v := c.find(path)
	if v == nil {
		return "", false, nil
	}
	text, ok := v.scalar.(string)
	if !ok {
		return "", false, c.wrong(v, path, "text")
	}
	if text == "" {
		return "", false, fault.At(v.at, "%s must not be empty", c.full(path))
	}
	return text, true, nil
}

// Bool returns the boolean at path. The words and numbers that Backstage takes
// for booleans are accepted: yes, no, on, off, 1, 0 and text that says true or false.
func (c *Config) Bool(path string) (bool, error) { return required(c, path, c.BoolOpt) }

// BoolOpt is [Config.Bool] that reports absence as false.
func (c *Config) BoolOpt(path string) (result, found bool, err error) {
	v := c.find(path)
	if v == nil {
		return false, false, nil
	}
	if result, ok := toBool(v.scalar); ok {
		return result, true, nil
	}
	return false, false, c.wrong(v, path, "a boolean")
}

// Float returns the number at path, also one that is written as text.
func (c *Config) Float(path string) (float64, error) { return required(c, path, c.FloatOpt) }

// FloatOpt is [Config.Float] that reports absence as false.
func (c *Config) FloatOpt(path string) (float64, bool, error) {
	v := c.find(path)
	if v == nil {
		return 0, false, nil
	}
	if number, ok := toNumber(v.scalar); ok {
		return number, true, nil
	}
	return 0, false, c.wrong(v, path, "a number")
}

// Int returns the whole number at path, also one that is written as text.
func (c *Config) Int(path string) (int, error) { return required(c, path, c.IntOpt) }

// IntOpt is [Config.Int] that reports absence as false.
func (c *Config) IntOpt(path string) (int, bool, error) {
	number, found, err := c.FloatOpt(path)
	if err != nil || !found {
		return 0, false, err
	}
	if number != math.Trunc(number) || math.Abs(number) > 1<<53 {
		return 0, false, fault.At(c.Source(path), "%s must be a whole number, got %v", c.full(path), number)
	}
	return int(number), true, nil
}

// Duration returns the duration at path in any form that [ParseDuration] reads.
func (c *Config) Duration(path string) (time.Duration, error) {
	return required(c, path, c.DurationOpt)
}

// DurationOpt is [Config.Duration] that reports absence as false.
func (c *Config) DurationOpt(path string) (time.Duration, bool, error) {
	v := c.find(path)
	if v == nil {
		return 0, false, nil
	}
	duration, err := ParseDuration(v.plain())
	if err != nil {
		return 0, false, fault.At(v.at, "%s: %w", c.full(path), err)
	}
	return duration, true, nil
}

// Strings returns the list of texts at path. A single text is a list of one,
// which is what most of Backstage's keys allow.
func (c *Config) Strings(path string) ([]string, error) { return required(c, path, c.StringsOpt) }

// StringsOpt is [Config.Strings] that reports absence as false.
func (c *Config) StringsOpt(path string) ([]string, bool, error) {
	v := c.find(path)
	if v == nil {
		return nil, false, nil
	}
	if text, ok := v.scalar.(string); ok && text != "" {
		return []string{text}, true, nil
	}
	if v.kind != listKind {
		return nil, false, c.wrong(v, path, "a list of texts")
	}
	texts := make([]string, len(v.items))
	for i, item := range v.items {
		text, ok := item.scalar.(string)
		if !ok || text == "" {
			return nil, false, c.wrong(item, joinIndex(path, i), "text that is not empty")
		}
		texts[i] = text
	}
	return texts, true, nil
}

func required[T any](c *Config, path string, read func(string) (T, bool, error)) (T, error) {
	result, found, err := read(path)
	if err == nil && !found {
		err = c.missing(path)
	}
	return result, err
}
