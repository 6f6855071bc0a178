package rest

import (
	_ "embed"

	"github.com/stagedoor/stagedoor/internal/httpx"
)

//go:embed openapi.yaml
var openAPIFile []byte

//go:embed rbac.openapi.yaml
var rolesFile []byte

// OpenAPI returns the OpenAPI document of decisions and explanations as JSON.
func OpenAPI() []byte { return httpx.OpenAPI(openAPIFile) }

// RolesOpenAPI returns the OpenAPI document of the routes of [Roles] as JSON.
func RolesOpenAPI() []byte { return httpx.OpenAPI(rolesFile) }

// wholeOpenAPI is both, as it is served.
func wholeOpenAPI() []byte { return httpx.OpenAPI(openAPIFile, rolesFile) }
