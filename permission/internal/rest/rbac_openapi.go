package rest

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v4"
)

//go:embed rbac.openapi.yaml
var rolesOpenAPI []byte

// RolesOpenAPI returns the OpenAPI document of the routes of [Roles] as JSON.
// It panics when there is a mistake in the file, which is part of the binary:
// that is a bug.
func RolesOpenAPI() []byte {
	var doc any
	if err := yaml.Unmarshal(rolesOpenAPI, &doc); err != nil {
		panic(fmt.Sprintf("permission: read rbac.openapi.yaml: %v", err))
	}
	data, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("permission: encode the OpenAPI document of roles: %v", err))
	}
	return data
}
