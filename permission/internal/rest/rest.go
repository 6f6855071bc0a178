// Package rest speaks the batch protocol of authorisation: POST
// /api/permission/authorize.
//
// What not: it decides nothing; policy.Authorizer does.
//
// Start reading at [REST.Register].
package rest

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
	"github.com/stagedoor/stagedoor/plugin"
)

// Authorizer answers several questions at once.
type Authorizer interface {
	AuthorizeAll(ctx context.Context, p permission.Permission, refs []string) (permission.Decision, []permission.Result, error)
}

// REST holds what the routes need. Registry and Authorizer are required.
type REST struct {
	Authorizer Authorizer
	Registry   *registry.Registry
}

// Register adds the routes of /api/permission.
func (h *REST) Register(r plugin.Router) {
	r.Handle("POST /authorize", plugin.UsersOnly, h.authorize)
	r.Handle("GET /health", plugin.Unauthenticated, func(w http.ResponseWriter, r *http.Request) error {
		return httpx.JSON(w, r, map[string]string{"status": "ok"})
	})
	document := wholeOpenAPI()
	r.Handle("GET /openapi.json", plugin.UsersAndServices, func(w http.ResponseWriter, r *http.Request) error {
		return httpx.JSONBytes(w, r, http.StatusOK, document)
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

// answer is the answer to one [item]. The conditions are for plugins that ask
// for a user.
type answer struct {
	ID           string                `json:"id"`
	Result       any                   `json:"result"`
	PluginID     string                `json:"pluginId,omitempty"`
	ResourceType string                `json:"resourceType,omitempty"`
	Conditions   *permission.Condition `json:"conditions,omitempty"`
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
	direct := plugin.PrincipalOf(r).Via == ""
	for i := range items {
		it := &items[i]
		// What a permission is about is not for the caller to say.
		if known, _, ok := h.Registry.Permission(it.Permission.Name); ok {
			it.Permission = known
		}
		// A user gets decisions, not the conditions behind them: those name what
		// others own.
		if direct && it.Permission.ResourceType != "" && len(it.ResourceRefs) == 0 && !it.List {
			return fault.New(fault.Invalid, "Resource permissions require a resourceRef to be set. Direct user requests without a resourceRef are not allowed.")
		}
	}
	answers := make([]answer, len(items))
	for _, group := range byPermission(items) {
		if err := h.answer(r.Context(), items, group, answers); err != nil {
			return err
		}
	}
	return httpx.JSON(w, r, map[string]any{"items": answers})
}

// byPermission groups the numbers of the items that ask about the same.
func byPermission(items []item) [][]int {
	var groups [][]int
	place := make(map[permission.Permission]int, 8)
	for i, it := range items {
		n, ok := place[it.Permission]
		if !ok {
			n = len(groups)
			place[it.Permission] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], i)
	}
	return groups
}

// answer answers the items of a group, which ask about one permission, with
// one decision and at most one application of its condition.
func (h *REST) answer(ctx context.Context, items []item, group []int, answers []answer) error {
	var refs []string
	for _, i := range group {
		refs = append(refs, items[i].ResourceRefs...)
	}
	p := items[group[0]].Permission
	d, results, err := h.Authorizer.AuthorizeAll(ctx, p, refs)
	if err != nil {
		return err
	}
	for _, i := range group {
		it := items[i]
		answers[i] = answer{ID: it.ID, Result: d.Result}
		n := len(it.ResourceRefs)
		switch {
		case d.Result != permission.Conditional:
		case n == 0 && it.List:
			answers[i].Result = []permission.Result{}
		case n == 0:
			_, owner, _ := h.Registry.Resource(p.ResourceType)
			answers[i].PluginID, answers[i].ResourceType, answers[i].Conditions = owner, p.ResourceType, d.Condition
		case it.List:
			answers[i].Result = results[:n]
		default:
			answers[i].Result = results[0]
		}
		if results != nil {
			results = results[n:]
		}
	}
	return nil
}
