// Package rest speaks the batch protocol of authorisation: POST
// /api/permission/authorize.
//
// What not: it decides nothing; permission.Authorizer does.
//
// Start reading at [REST.Register].
package rest

import (
	"encoding/json"
	"net/http"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/plugin"
)

// REST holds what the routes need.
type REST struct{ Authorizer permission.Authorizer }

// Register adds the routes of /api/permission.
func (h *REST) Register(r plugin.Router) {
	r.Handle("POST /authorize", plugin.UsersOnly, h.authorize)
	r.Handle("GET /health", plugin.Unauthenticated, func(w http.ResponseWriter, r *http.Request) error {
		return httpx.JSON(w, r, map[string]string{"status": "ok"})
	})
}

// item is one question of a batch. ResourceRefs holds several when asked for
// a list of results.
type item struct {
	ID           string
	Permission   permission.Permission
	ResourceRefs []string
	List         bool
}

// answer is the answer to one [item].
type answer struct {
	ID     string `json:"id"`
	Result any    `json:"result"`
}

func (h *REST) authorize(w http.ResponseWriter, r *http.Request) error {
	var body any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return fault.Newf(fault.Invalid, "read request: %w", err)
	}
	items, err := parseBatch(body)
	if err != nil {
		return err
	}
	// A user gets decisions, not the conditions behind them: those name what
	// others own.
	for _, it := range items {
		if it.Permission.ResourceType != "" && len(it.ResourceRefs) == 0 && !it.List {
			return fault.New(fault.Invalid, "Resource permissions require a resourceRef to be set. Direct user requests without a resourceRef are not allowed.")
		}
	}
	answers := make([]answer, 0, len(items))
	for _, it := range items {
		result, err := h.decide(r, it)
		if err != nil {
			return err
		}
		answers = append(answers, answer{it.ID, result})
	}
	return httpx.JSON(w, r, map[string]any{"items": answers})
}

// decide asks about each of the item's resources. One decision that holds for
// all of them is given as one result.
func (h *REST) decide(r *http.Request, it item) (any, error) {
	refs := it.ResourceRefs
	if len(refs) == 0 {
		refs = []string{""}
	}
	results := make([]permission.Result, 0, len(refs))
	same := true
	for _, ref := range refs {
		d, err := h.Authorizer.Authorize(r.Context(), permission.Request{Permission: it.Permission, ResourceRef: ref})
		if err != nil {
			return nil, err
		}
		results = append(results, d.Result)
		same = same && d.Result == results[0]
	}
	if same {
		return results[0], nil
	}
	return results, nil
}
