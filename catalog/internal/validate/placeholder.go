package validate

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// placeholders replaces the placeholders of one entity by something of the
// type that they will have in the catalog.
type placeholders struct {
	file  string
	read  func(path string) ([]byte, error)
	merge bool
	// unknown are the paths of values that are known only where the network is.
	unknown [][]string
	// problems are local targets that cannot be read.
	problems []string
}

// resolve returns v with its placeholders replaced; maps and slices are
// changed in place.
func (p *placeholders) resolve(v any, path []string) any {
	switch v := v.(type) {
	case map[string]any:
		if key, target, ok := placeholder(v); ok {
			return p.replace(key, target, v, path)
		}
		if hasDollarKey(v) {
			return v
		}
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			v[k] = p.resolve(v[k], append(slices.Clip(path), k))
		}
	case []any:
		for i := range v {
			v[i] = p.resolve(v[i], append(slices.Clip(path), strconv.Itoa(i)))
		}
	}
	return v
}

// placeholder recognises an object whose one key begins with a dollar sign.
func placeholder(m map[string]any) (key, target string, ok bool) {
	if len(m) != 1 {
		return "", "", false
	}
	for k, v := range m {
		target, isText := v.(string)
		return k, target, isText && strings.HasPrefix(k, "$")
	}
	return "", "", false
}

func hasDollarKey(m map[string]any) bool {
	for k := range m {
		if strings.HasPrefix(k, "$") {
			return true
		}
	}
	return false
}

// replace gives the value for a placeholder; an unknown one stays as it is.
func (p *placeholders) replace(key, target string, original map[string]any, path []string) any {
	switch key {
	case "$text", "$openapi", "$asyncapi":
		if _, _, err := p.load(target); err != nil {
			p.problem(path, err)
		}
		return "(" + target + ")"
	case "$json", "$yaml":
		data, local, err := p.load(target)
		if err != nil {
			p.problem(path, err)
		}
		if !local || err != nil {
			p.unknown = append(p.unknown, path)
			return map[string]any{}
		}
		doc, err := yamlx.One(data, yamlx.Options{File: target, Merge: false})
		if err != nil {
			p.problem(path, err)
			p.unknown = append(p.unknown, path)
			return map[string]any{}
		}
		return doc.Value
	}
	return original
}

// load reads a target that is a file beside the entity's.
func (p *placeholders) load(target string) (data []byte, local bool, err error) {
	if u, err := url.Parse(target); err == nil && u.Scheme != "" {
		return nil, false, nil
	}
	data, err = p.read(filepath.Join(filepath.Dir(p.file), filepath.FromSlash(target)))
	return data, true, err
}

func (p *placeholders) problem(path []string, err error) {
	p.problems = append(p.problems, fmt.Sprintf("the placeholder at %s cannot be resolved here: %v", strings.Join(path, "."), err))
}
