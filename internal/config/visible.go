package config

import (
	"encoding/json"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// FrontendSchema says which keys browsers may see beyond the built-in ones,
// as a built Backstage front-end states it. The zero value adds none.
type FrontendSchema struct{ roots keySet }

// LoadFrontendSchema reads the .config-schema.json that lies beside a built
// Backstage front-end: a list of JSON schemas with the keywords visibility and
// deepVisibility.
func LoadFrontendSchema(data []byte) (*FrontendSchema, error) {
	var file struct {
		Schemas []struct {
			PackageName string         `json:"packageName"`
			Value       map[string]any `json:"value"`
		} `json:"schemas"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fault.Newf(fault.Invalid, "read the front-end's configuration schema: %w", err)
	}
	out := &FrontendSchema{}
	for _, schema := range file.Schemas {
		// A tree of its own for each: what one schema says of all other keys
		// holds also for those that only another schema names.
		root := &keyNode{}
		addSchema(root, schema.Value, schema.Value, 0)
		out.roots = append(out.roots, root)
	}
	return out, nil
}

// maxSchemaDepth ends schemas that refer to themselves.
const maxSchemaDepth = 25

func addSchema(n *keyNode, schema, document map[string]any, depth int) {
	if depth > maxSchemaDepth {
		return
	}
	n.frontend = n.frontend || schema["visibility"] == "frontend" || schema["deepVisibility"] == "frontend"
	n.frontendDeep = n.frontendDeep || schema["deepVisibility"] == "frontend"
	n.secret = n.secret || schema["visibility"] == "secret" || schema["deepVisibility"] == "secret"
	if properties, ok := schema["properties"].(map[string]any); ok {
		for name, property := range properties {
			if inner, ok := property.(map[string]any); ok && name != "*" {
				addSchema(n.field(name), inner, document, depth+1)
			}
		}
	}
	if others, ok := schema["additionalProperties"].(map[string]any); ok {
		addSchema(n.field("*"), others, document, depth+1)
	}
	for _, keyword := range []string{"items", "additionalItems"} {
		switch items := schema[keyword].(type) {
		case map[string]any:
			addSchema(n.item(), items, document, depth+1)
		case []any:
			addAll(n.item(), items, document, depth)
		}
	}
	for _, keyword := range []string{"anyOf", "oneOf", "allOf"} {
		if variants, ok := schema[keyword].([]any); ok {
			addAll(n, variants, document, depth)
		}
	}
	if ref, ok := schema["$ref"].(string); ok {
		if target := follow(document, ref); target != nil {
			addSchema(n, target, document, depth+1)
		}
	}
}

func addAll(n *keyNode, schemas []any, document map[string]any, depth int) {
	for _, schema := range schemas {
		if inner, ok := schema.(map[string]any); ok {
			addSchema(n, inner, document, depth+1)
		}
	}
}

// follow resolves a reference inside the document, the only kind there is.
func follow(document map[string]any, ref string) map[string]any {
	at := document
	for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		next, ok := at[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)].(map[string]any)
		if !ok {
			return nil
		}
		at = next
	}
	return at
}

// Frontend returns the part of the configuration that browsers may see: the
// keys marked @frontend in known.txt and those of the schemas given. Objects
// and lists appear when something in them is visible or they are themselves.
func (c *Config) Frontend(schemas ...*FrontendSchema) map[string]any {
	set := keySet{builtinKeys()}
	for _, schema := range schemas {
		if schema != nil {
			set = append(set, schema.roots...)
		}
	}
	if c.root != nil {
		if visible, ok := visible(c.root, set, false, false).(map[string]any); ok {
			return visible
		}
	}
	return map[string]any{}
}

// AppConfig is one element of what a Backstage front-end finds as its
// configuration in index.html.
type AppConfig struct {
	Context        string         `json:"context"`
	DeprecatedKeys []string       `json:"deprecatedKeys"`
	Data           map[string]any `json:"data"`
}

// FrontendConfigs is [Config.Frontend] in the shape that is put into the page:
// a list of one merged configuration.
func (c *Config) FrontendConfigs(schemas ...*FrontendSchema) []AppConfig {
	return []AppConfig{{Context: "app", DeprecatedKeys: []string{}, Data: c.Frontend(schemas...)}}
}

// visible filters a value. Inherited is the visibility by a deep mark above;
// listVisible that of the list for its scalar items. It returns nil for what
// is hidden.
func visible(v *value, set keySet, inherited, listVisible bool) any {
	shown := (inherited || listVisible || set.has(isFrontend)) && !set.has(isSecret)
	inherited = inherited || set.has(isFrontendDeep)
	switch v.kind {
	case listKind:
		items := []any{}
		for _, item := range v.items {
			if out := visible(item, set.item(), inherited, shown && item.kind == scalarKind); out != nil {
				items = append(items, out)
			}
		}
		if len(items) > 0 || shown {
			return items
		}
		return nil
	case objectKind:
		fields := map[string]any{}
		for key, field := range v.fields {
			if out := visible(field, set.child(key), inherited, false); out != nil {
				fields[key] = out
			}
		}
		if len(fields) > 0 || shown {
			return fields
		}
		return nil
	case scalarKind:
	}
	if shown {
		return v.scalar
	}
	return nil
}
