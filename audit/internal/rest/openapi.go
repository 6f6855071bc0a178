package rest

import (
	_ "embed"

	"github.com/stagedoor/stagedoor/internal/httpx"
)

//go:embed openapi.yaml
var openAPIFile []byte

// OpenAPI returns the OpenAPI document as JSON.
func OpenAPI() []byte { return httpx.OpenAPI(openAPIFile) }
