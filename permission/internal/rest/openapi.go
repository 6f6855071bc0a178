package rest

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v4"
)

//go:embed openapi.yaml
var openAPIFile []byte

// OpenAPI returns the OpenAPI document as JSON. It panics when there is a
// mistake in the file, which is part of the binary: that is a bug.
func OpenAPI() []byte {
	var doc any
	if err := yaml.Unmarshal(openAPIFile, &doc); err != nil {
		panic(fmt.Sprintf("permission: read openapi.yaml: %v", err))
	}
	data, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("permission: encode openapi.json: %v", err))
	}
	return data
}
