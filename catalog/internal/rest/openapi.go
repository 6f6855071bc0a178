package rest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"

	"go.yaml.in/yaml/v4"

	"github.com/stagedoor/stagedoor/internal/httpx"
)

//go:embed openapi.yaml
var openAPIFile []byte

// OpenAPI returns the catalog's OpenAPI document as JSON.
func OpenAPI() ([]byte, error) {
	var doc any
	if err := yaml.Unmarshal(openAPIFile, &doc); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode openapi.json: %w", err)
	}
	return data, nil
}

func mustOpenAPI() []byte {
	data, err := OpenAPI()
	if err != nil {
		panic(err)
	}
	return data
}

func (h *rest) getOpenAPI(w http.ResponseWriter, r *http.Request) error {
	return httpx.JSONBytes(w, r, http.StatusOK, h.openAPI)
}
