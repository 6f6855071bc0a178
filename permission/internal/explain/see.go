package explain

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
)

// readEntity is the permission by which entities are seen.
const readEntity = "catalog.entity.read"

// Visible is what a user can see of the catalog.
type Visible struct {
	User      string             `json:"user"`
	Ownership []string           `json:"ownership"`
	Result    permission.Result  `json:"result"`
	Reason    string             `json:"reason"`
	Source    *permission.Source `json:"source"`
	Visible   int                `json:"visible"`
	Total     int                `json:"total"`
	Kinds     []KindCount        `json:"kinds"`
}

// KindCount counts the entities of a kind.
type KindCount struct {
	Kind    string `json:"kind"`
	Visible int    `json:"visible"`
	Total   int    `json:"total"`
}

// Visible says what the user can see, of one kind or of all. Without detail
// the totals are those of what the user can see, because the number of hidden
// things is hidden too.
func (x *Explainer) Visible(ctx context.Context, who identity.Principal, kind string, detail bool) (Visible, error) {
	p, err := x.permission(readEntity)
	if err != nil {
		return Visible{}, err
	}
	d, err := x.deps.Source().Decide(ctx, who, p)
	if err != nil {
		return Visible{}, err
	}
	out := Visible{
		User: who.Subject, Ownership: append([]string{}, who.Ownership...), Result: d.Result, Reason: d.Reason,
		Kinds: []KindCount{},
	}
	if d.Source.File != "" {
		out.Source = &d.Source
	}
	total, err := x.kinds(ctx, identity.System("permission"), kind)
	if err != nil {
		return out, err
	}
	seen := total
	switch d.Result {
	case permission.Deny:
		seen = nil
	case permission.Conditional:
		// The catalog applies the condition as it does for the user's own
		// requests.
		if seen, err = x.kinds(ctx, who, kind); err != nil {
			return out, err
		}
	case permission.Allow:
	}
	for name, n := range total {
		count := KindCount{Kind: name, Visible: seen[name], Total: n}
		if !detail {
			count.Total = count.Visible
		}
		if count.Total > 0 {
			out.Kinds = append(out.Kinds, count)
		}
		out.Visible += count.Visible
		out.Total += count.Total
	}
	slices.SortFunc(out.Kinds, func(a, b KindCount) int { return cmp.Compare(a.Kind, b.Kind) })
	return out, nil
}

// kinds counts the entities that the principal sees by kind.
func (x *Explainer) kinds(ctx context.Context, who identity.Principal, kind string) (map[string]int, error) {
	var filter catalog.Filter
	if kind != "" {
		filter = catalog.Match{Key: "kind", Values: []string{kind}}
	}
	if x.deps.Reader == nil {
		return nil, fault.New(fault.NotImplemented, "this portal has no catalog")
	}
	facets, err := x.deps.Reader.Facets(identity.NewContext(ctx, who), []string{"kind"}, filter)
	if err != nil {
		return nil, fmt.Errorf("count entities: %w", err)
	}
	out := map[string]int{}
	for _, f := range facets["kind"] {
		out[f.Value] = f.Count
	}
	return out, nil
}

// Viewers is who may do something with a resource.
type Viewers struct {
	ResourceRef string   `json:"resourceRef"`
	Permission  string   `json:"permission"`
	Total       int      `json:"total"`
	Allowed     int      `json:"allowed"`
	Items       []Viewer `json:"items"`
}

// Viewer is one user in [Viewers].
type Viewer struct {
	User        string             `json:"user"`
	DisplayName string             `json:"displayName,omitempty"`
	Result      permission.Result  `json:"result"`
	Reason      string             `json:"reason"`
	Source      *permission.Source `json:"source"`

	open *open // set when the result depends on the resource
}

// open is a conditional decision about a user.
type open struct {
	who identity.Principal
	d   permission.Decision
}

// Page is a part of a list.
type Page struct {
	Limit, Offset int
	// Result keeps those with this result; empty keeps all.
	Result permission.Result
}

// Viewers decides for all users of the catalog. Those that are allowed come
// first, then it is by ref.
func (x *Explainer) Viewers(ctx context.Context, name, resourceRef string, page Page) (Viewers, error) {
	p, err := x.permission(name)
	if err != nil {
		return Viewers{}, err
	}
	if p.ResourceType != "" && resourceRef == "" {
		return Viewers{}, fault.Newf(fault.Invalid, "%s is about a resource; name one with resourceRef", p.Name)
	}
	system := identity.NewContext(ctx, identity.System("permission"))
	if x.deps.Reader == nil || x.deps.Directory == nil || x.deps.Directory() == nil {
		return Viewers{}, fault.New(fault.NotImplemented, "this portal has no catalog of users")
	}
	users, err := x.deps.Reader.Query(system, catalog.Query{Filter: catalog.Match{Key: "kind", Values: []string{"user"}}, Limit: -1})
	if err != nil {
		return Viewers{}, fmt.Errorf("list users: %w", err)
	}
	out := Viewers{ResourceRef: resourceRef, Permission: p.Name, Total: len(users.Items), Items: []Viewer{}}
	all, err := x.decideAll(system, p, resourceRef, users.Items)
	if err != nil {
		return out, err
	}
	for _, v := range all {
		if v.Result == permission.Allow {
			out.Allowed++
		}
		if page.Result == "" || v.Result == page.Result {
			out.Items = append(out.Items, v)
		}
	}
	slices.SortFunc(out.Items, func(a, b Viewer) int {
		return cmp.Or(cmp.Compare(a.Result, b.Result), cmp.Compare(a.User, b.User)) // ALLOW comes before DENY
	})
	out.Items = out.Items[min(max(page.Offset, 0), len(out.Items)):]
	if page.Limit > 0 {
		out.Items = out.Items[:min(page.Limit, len(out.Items))]
	}
	return out, x.tellWhy(system, p, resourceRef, out.Items)
}

// decideAll decides for each of the users, on all processors.
func (x *Explainer) decideAll(ctx context.Context, p permission.Permission, ref string, users []catalog.Entity) ([]Viewer, error) {
	out := make([]Viewer, len(users))
	g, ctx := errgroup.WithContext(ctx)
	size := len(users)/runtime.GOMAXPROCS(0) + 1
	for start := 0; start < len(users); start += size {
		g.Go(func() error {
			judge := x.judge(ctx, p, ref)
			for i := start; i < min(start+size, len(users)); i++ {
				var err error
				if out[i], err = x.viewer(ctx, users[i], p, ref, judge); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return out, g.Wait()
}

func (x *Explainer) viewer(ctx context.Context, e catalog.Entity, p permission.Permission, resourceRef string, judge func(permission.Condition) (exists, holds bool, err error)) (Viewer, error) {
	ref := e.Ref().String()
	owns, err := x.deps.Directory().OwnershipOf(ctx, ref)
	if err != nil {
		return Viewer{}, fmt.Errorf("find what %s owns things by: %w", ref, err)
	}
	who := identity.Principal{Kind: identity.User, Subject: ref, Ownership: owns}
	d, err := x.deps.Source().Decide(ctx, who, p)
	if err != nil {
		return Viewer{}, err
	}
	v := Viewer{User: ref, Result: d.Result, Reason: d.Reason}
	profile, _ := e.Spec()["profile"].(map[string]any)
	if v.DisplayName, _ = profile["displayName"].(string); v.DisplayName == "" {
		v.DisplayName, _ = e.Metadata()["title"].(string)
	}
	if d.Source.File != "" {
		v.Source = &d.Source
	}
	if d.Result != permission.Conditional {
		return v, nil
	}
	v.Result = permission.Deny
	exists, allowed, err := judge(*d.Condition)
	if err != nil {
		return v, err
	}
	if !exists {
		v.Reason = noSuchThing(resourceRef)
		return v, nil
	}
	if allowed {
		v.Result = permission.Allow
	}
	v.open = &open{who, d}
	return v, nil
}

// tellWhy says why those are allowed or denied for whom it depends on the
// resource. It is for the users of one page: for all it would take long.
func (x *Explainer) tellWhy(ctx context.Context, p permission.Permission, ref string, viewers []Viewer) error {
	judge, source := x.judge(ctx, p, ref), x.deps.Source()
	holds := func(c permission.Condition) (bool, error) {
		_, ok, err := judge(c)
		return ok, err
	}
	for i := range viewers {
		v := &viewers[i]
		if v.open == nil {
			continue
		}
		steps, err := source.Trace(ctx, v.open.who, p)
		if err != nil {
			return err
		}
		var at int
		if at, v.Reason, err = why(v.open.d, v.Result == permission.Allow, steps, source.State().Default, nil, holds); err != nil {
			return err
		}
		if len(steps) > 0 {
			if v.Source = nil; at >= 0 {
				v.Source = &steps[at].Source
			}
		}
	}
	return nil
}

func noSuchThing(ref string) string { return "there is no such thing as " + ref }

// judge applies conditions to one resource. What many users share, such as a
// part of their conditions that names no owner, is applied once.
func (x *Explainer) judge(ctx context.Context, p permission.Permission, ref string) func(permission.Condition) (exists, holds bool, err error) {
	known := map[string]bool{}
	leaf := func(c permission.Condition) (bool, error) {
		key := condition.Key(c)
		if v, ok := known[key]; ok {
			return v, nil
		}
		v, err := x.holds(ctx, p, ref, c)
		known[key] = v
		return v, err
	}
	there, probed := false, false
	return func(c permission.Condition) (exists, holds bool, err error) {
		if !probed {
			if there, err = x.holds(ctx, p, ref, permission.Condition{AllOf: []permission.Condition{}}); err != nil {
				return false, false, err
			}
			probed = true
		}
		if !there {
			return false, false, nil
		}
		holds, err = evaluate(c, leaf)
		return true, holds, err
	}
}

// evaluate is [condition.Judge] that stops where the result is clear.
func evaluate(c permission.Condition, leaf func(permission.Condition) (bool, error)) (bool, error) {
	switch {
	case c.AllOf != nil:
		for _, inner := range c.AllOf {
			if ok, err := evaluate(inner, leaf); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	case c.AnyOf != nil:
		for _, inner := range c.AnyOf {
			if ok, err := evaluate(inner, leaf); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case c.Not != nil:
		ok, err := evaluate(*c.Not, leaf)
		return !ok && err == nil, err
	}
	return leaf(c)
}

// IsSelf reports whether the ref names the principal itself.
func IsSelf(who identity.Principal, ref string) bool {
	return who.Kind == identity.User && (ref == "" || strings.EqualFold(ref, who.Subject))
}
