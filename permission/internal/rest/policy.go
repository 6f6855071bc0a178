package rest

import (
	"net/http"
	"time"

	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
)

// PolicyJSON is the answer of GET /policy.
type PolicyJSON struct {
	// Enabled is permission.enabled.
	Enabled bool `json:"enabled"`
	// File is the file the policy was read from; empty when it has none.
	File string `json:"file"`
	// Files are all of them.
	Files []string `json:"files"`
	// LoadedAt is absent where nothing was loaded.
	LoadedAt *time.Time `json:"loadedAt,omitempty"`
	// Default is allow or deny: what holds where no statement decides.
	Default    string             `json:"default"`
	Statements []policy.Statement `json:"statements"`
	// Problem is why the newest policy was refused.
	Problem *policy.Problem `json:"problem,omitempty"`
	// Skipped are the lines of its files that were left out.
	Skipped []policy.Problem `json:"skipped,omitempty"`
}

func (h *Explaining) policy(w http.ResponseWriter, r *http.Request) error {
	if err := h.requireRead(r.Context()); err != nil {
		return err
	}
	return httpx.JSON(w, r, h.Policy())
}
