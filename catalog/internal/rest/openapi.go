package rest

import (
	_ "embed"
	"net/http"

	"github.com/stagedoor/stagedoor/internal/httpx"
)

//go:embed openapi.yaml
var openAPIFile []byte

// OpenAPI returns the catalog's OpenAPI document as JSON.
func OpenAPI() []byte { return httpx.OpenAPI(openAPIFile) }

func (h *rest) getOpenAPI(w http.ResponseWriter, r *http.Request) error {
	return httpx.JSONBytes(w, r, http.StatusOK, h.openAPI)
}
