package httpx

import (
	"encoding/json"
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v4"
)

// OpenAPI returns an OpenAPI document in YAML as JSON. The paths and components
// of further documents are added to the first. It is for documents that are
// part of the binary: it panics when one cannot be read, or when two say
// different things under one name, which is a bug.
func OpenAPI(first []byte, further ...[]byte) []byte {
	doc := openAPI(first)
	for _, text := range further {
		add := openAPI(text)
		merge(doc, add, "paths")
		for section := range object(add, "components") {
			if doc["components"] == nil {
				doc["components"] = map[string]any{}
			}
			merge(object(doc, "components"), object(add, "components"), section)
		}
	}
	data, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("encode OpenAPI document: %v", err))
	}
	return data
}

func openAPI(text []byte) map[string]any {
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		panic(fmt.Sprintf("read OpenAPI document: %v", err))
	}
	return doc
}

func object(in map[string]any, key string) map[string]any {
	m, _ := in[key].(map[string]any)
	return m
}

// merge adds the members of from[key] to into[key].
func merge(into, from map[string]any, key string) {
	if into[key] == nil {
		into[key] = map[string]any{}
	}
	target := object(into, key)
	for name, value := range object(from, key) {
		if known, ok := target[name]; ok && !reflect.DeepEqual(known, value) {
			panic(fmt.Sprintf("two OpenAPI documents say different things about %s %s", key, name))
		}
		target[name] = value
	}
}
