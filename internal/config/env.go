package config

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

const envPrefix = "APP_CONFIG_"

var envPart = regexp.MustCompile(`(?i)^[a-z][a-z0-9]*(?:[-_:][a-z0-9]+)*$`)

// fromEnviron reads the layer of APP_CONFIG_ variables. What follows the
// prefix is the path, its parts divided by _; the value is JSON or else text.
// Empty variables do not count. It returns nil if there are none.
func fromEnviron(environ []string) (*value, error) {
	var root *value
	var problems []error
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		path, ours := strings.CutPrefix(name, envPrefix)
		if !ours || text == "" {
			continue
		}
		if root == nil {
			root = newObject(fault.Position{File: "environment"})
		}
		if err := setEnv(root, name, path, text); err != nil {
			problems = append(problems, err)
		}
	}
	return root, errors.Join(problems...)
}

func setEnv(root *value, name, path, text string) error {
	at := fault.Position{File: "environment variable " + name}
	parts := strings.Split(path, "_")
	for _, part := range parts {
		if !envPart.MatchString(part) {
			return fault.At(at, "%q cannot be part of a configuration key; a part is letters, digits, - and : and begins with a letter", part)
		}
	}
	holder := root
	for i, part := range parts[:len(parts)-1] {
		next := holder.fields[part]
		if next == nil {
			next = newObject(at)
			holder.fields[part] = next
		}
		if next.kind != objectKind {
			return fault.At(at, "cannot set a key below %s, which %s sets to %s", strings.Join(parts[:i+1], "."), next.at.File, next.typeName())
		}
		holder = next
	}
	last := parts[len(parts)-1]
	if taken := holder.fields[last]; taken != nil {
		return fault.At(at, "%s is already set by %s", strings.Join(parts, "."), taken.at.File)
	}
	var data any
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		data = text
	} else if data == nil {
		return fault.At(at, "the value may not be null")
	}
	set := fromJSON(data, at)
	set.outside = true
	holder.fields[last] = set
	return nil
}
