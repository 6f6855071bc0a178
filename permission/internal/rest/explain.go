package rest

import (
	"context"
	"net/http"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/explain"
	"github.com/stagedoor/stagedoor/plugin"
)

// ReadPolicies is the permission to see policies, and what others may do.
var ReadPolicies = permission.Permission{Name: "policy.entity.read", Action: "read", ResourceType: "policy-entity"}

// Explaining holds what the routes that explain need. All fields are required.
type Explaining struct {
	Explainer  *explain.Explainer
	Authorizer permission.Authorizer
	// Policy describes the policy in force.
	Policy func() PolicyJSON
}

// Register adds the routes.
func (h *Explaining) Register(r plugin.Router) {
	r.Handle("POST /explain", plugin.UsersAndServices, h.explain)
	r.Handle("GET /explain/visible", plugin.UsersAndServices, h.visible)
	r.Handle("GET /explain/viewers", plugin.UsersAndServices, h.viewers)
	r.Handle("GET /policy", plugin.UsersAndServices, h.policy)
}

// mayRead reports whether the caller may see policies and what others may do.
func (h *Explaining) mayRead(ctx context.Context) (bool, error) {
	d, err := h.Authorizer.Authorize(ctx, permission.Request{Permission: ReadPolicies})
	return d.Result == permission.Allow, err
}

func (h *Explaining) requireRead(ctx context.Context) error {
	ok, err := h.mayRead(ctx)
	if err == nil && !ok {
		return fault.New(fault.Forbidden, "this needs the permission policy.entity.read")
	}
	return err
}

// about finds whom a question is about. Everybody may ask about itself; detail
// is what only those get who may see policies.
func (h *Explaining) about(ctx context.Context, user string) (who identity.Principal, detail bool, err error) {
	caller := identity.FromContext(ctx)
	if explain.IsSelf(caller, user) {
		detail, err = h.mayRead(ctx)
		return caller, detail, err
	}
	if user == "" {
		return who, false, fault.New(fault.Invalid, "user is required, because the caller is none")
	}
	if err := h.requireRead(ctx); err != nil {
		return who, false, err
	}
	who, err = h.Explainer.Principal(ctx, user)
	return who, true, err
}

var (
	text          = httpx.Schema{Type: httpx.String}
	explainSchema = httpx.Schema{Type: httpx.Object, Required: []string{"permission"}, Properties: []httpx.Property{
		{Name: "user", Schema: text}, {Name: "permission", Schema: text}, {Name: "resourceRef", Schema: text},
	}}
	visibleParams = httpx.Params{List: []httpx.Param{{Name: "user", AllowEmpty: true}, {Name: "kind", AllowEmpty: true}}}
	viewersParams = httpx.Params{List: []httpx.Param{
		{Name: "resourceRef", Required: true},
		{Name: "permission", AllowEmpty: true},
		{Name: "result", Enum: []string{"ALLOW", "DENY"}},
		{Name: "limit", Type: httpx.Integer, Min: httpx.Bound(0), Max: httpx.Bound(1000)},
		{Name: "offset", Type: httpx.Integer, Min: httpx.Bound(0)},
	}}
)

func (h *Explaining) explain(w http.ResponseWriter, r *http.Request) error {
	var body struct{ User, Permission, ResourceRef string }
	if err := httpx.DecodeJSON(r, &explainSchema, &body); err != nil {
		return err
	}
	who, detail, err := h.about(r.Context(), body.User)
	if err != nil {
		return err
	}
	answer, err := h.Explainer.Explain(r.Context(), explain.Question{
		Who: who, Permission: body.Permission, ResourceRef: body.ResourceRef, Detail: detail,
	})
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, answer)
}

func (h *Explaining) visible(w http.ResponseWriter, r *http.Request) error {
	q, err := visibleParams.Parse(r)
	if err != nil {
		return err
	}
	who, detail, err := h.about(r.Context(), q.String("user"))
	if err != nil {
		return err
	}
	answer, err := h.Explainer.Visible(r.Context(), who, q.String("kind"), detail)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, answer)
}

func (h *Explaining) viewers(w http.ResponseWriter, r *http.Request) error {
	q, err := viewersParams.Parse(r)
	if err != nil {
		return err
	}
	if err := h.requireRead(r.Context()); err != nil {
		return err
	}
	name := q.String("permission")
	if name == "" {
		name = "catalog.entity.read"
	}
	page := explain.Page{Limit: 100, Result: permission.Result(q.String("result"))}
	if n, ok := q.Int("limit"); ok {
		page.Limit = n
	}
	if n, ok := q.Int("offset"); ok {
		page.Offset = n
	}
	answer, err := h.Explainer.Viewers(r.Context(), name, q.String("resourceRef"), page)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, answer)
}
