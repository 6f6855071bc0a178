package rest

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v4"
)

//go:embed openapi.yaml
var openAPIFile []byte

// mustOpenAPI returns the OpenAPI document as JSON. The file is part of the
// binary, so that a mistake in it shows at every start.
func mustOpenAPI() []byte {
	var doc any
	if err := yaml.Unmarshal(openAPIFile, &doc); err != nil {
		panic(fmt.Sprintf("notification: read openapi.yaml: %v", err))
	}
	data, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("notification: encode openapi.json: %v", err))
	}
	return data
}
