package statement

import (
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/yamlx"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
)

// match says which permissions of which principals a statement is about. What
// is empty matches everything.
type match struct {
	// groups and users are refs in lower case, with * for any characters. A
	// principal matches when one of either does.
	groups, users []string
	permissions   []string // names, with * for any characters
	actions       []string // use is the action of permissions without one
	resourceType  string
	implied       bool // the resourceType is that of the conditions

	placedPermissions []placed
}

var actions = []string{"create", "read", "update", "delete", "use"}

func (r *reader) match(t *yamlx.Tree) match {
	var m match
	if !r.object(t, "match", "permission", "action", "resourceType", "group", "user") {
		return m
	}
	m.groups = r.refs(t.Fields["group"], "group")
	m.users = r.refs(t.Fields["user"], "user")
	m.placedPermissions = r.texts(t.Fields["permission"], "permission")
	for _, p := range m.placedPermissions {
		m.permissions = append(m.permissions, p.text)
		r.permission(p)
	}
	for _, a := range r.texts(t.Fields["action"], "action") {
		if !slices.Contains(actions, a.text) {
			r.fail(a.at, "action must be one of %s, got %q", strings.Join(actions, ", "), a.text)
		}
		m.actions = append(m.actions, a.text)
	}
	if f := t.Fields["resourceType"]; f != nil {
		m.resourceType = r.text(f, "resourceType")
		if _, _, ok := r.registry.Resource(m.resourceType); m.resourceType != "" && !ok {
			r.fail(f.At, "unknown resource type %q%s", m.resourceType, didYouMean(m.resourceType, r.resourceTypes()))
		}
	}
	return m
}

// refs reads refs of principals; the kind may be left out.
func (r *reader) refs(t *yamlx.Tree, kind string) []string {
	list := r.texts(t, kind)
	out := make([]string, 0, len(list))
	for _, p := range list {
		ref, err := catalog.ParseRef(p.text, catalog.RefDefaults{Kind: kind})
		if err != nil {
			r.fail(p.at, "%s: %w", kind, err)
			continue
		}
		if !strings.EqualFold(ref.Kind, kind) {
			r.fail(p.at, "%s must be the ref of a %s, got %q", kind, kind, p.text)
		}
		out = append(out, ref.String())
	}
	return out
}

// permission notes names that nothing has.
func (r *reader) permission(p placed) {
	for _, c := range p.text {
		if strings.ContainsRune(" \t\n,:/", c) {
			r.fail(p.at, "%q is not the name of a permission", p.text)
			return
		}
	}
	known := r.permissionNames()
	if slices.ContainsFunc(known, func(name string) bool { return glob(p.text, name) }) {
		return
	}
	if strings.Contains(p.text, "*") {
		r.find(p.at, "no permission that is known here matches %s", p.text)
		return
	}
	r.find(p.at, "unknown permission %s%s", p.text, didYouMean(p.text, known))
}

func (r *reader) permissionNames() []string {
	var names []string
	for _, pl := range r.registry.Known() {
		for _, p := range pl.Permissions {
			names = append(names, p.Name)
		}
	}
	return names
}

func (r *reader) resourceTypes() []string {
	var types []string
	for _, pl := range r.registry.Known() {
		for _, res := range pl.Resources {
			types = append(types, res.Type)
		}
	}
	return types
}

func didYouMean(word string, candidates []string) string {
	if near := condition.Nearest(word, candidates); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// glob matches a pattern in which * stands for any characters. Case counts.
func glob(pattern, text string) bool {
	head, rest, found := strings.Cut(pattern, "*")
	if !found {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	text = text[len(head):]
	for {
		part, tail, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(text, part)
		}
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text, rest = text[i+len(part):], tail
	}
}

// concerns reports whether the statement is about the permission; if not, why
// is a reason.
func (m *match) concerns(p permission.Permission) (bool, string) {
	if len(m.permissions) > 0 && !slices.ContainsFunc(m.permissions, func(g string) bool { return glob(g, p.Name) }) {
		return false, "it is about other permissions"
	}
	action := p.Action
	if action == "" {
		action = "use"
	}
	if len(m.actions) > 0 && !slices.Contains(m.actions, action) {
		return false, "it is about other actions"
	}
	if m.resourceType != "" && m.resourceType != p.ResourceType {
		if m.implied {
			return false, "its conditions are about " + m.resourceType
		}
		return false, "it is about another resource type"
	}
	return true, ""
}

// covers reports whether the statement is about the principal, by the ref that
// makes it so; the ref is empty when it is about everybody.
func (m *match) covers(who identity.Principal) (by string, ok bool) {
	if len(m.groups) == 0 && len(m.users) == 0 {
		return "", true
	}
	for _, g := range m.groups {
		for _, ref := range who.Ownership {
			if glob(g, strings.ToLower(ref)) {
				return ref, true
			}
		}
	}
	for _, u := range m.users {
		if glob(u, strings.ToLower(who.Subject)) {
			return who.Subject, true
		}
	}
	return "", false
}

// String renders the match for people.
func (m *match) String() string {
	what := "everything"
	switch {
	case len(m.permissions) > 0:
		what = strings.Join(m.permissions, ", ")
	case m.resourceType != "":
		what = m.resourceType
	}
	if len(m.actions) > 0 {
		what = strings.Join(m.actions, ", ") + " of " + what
	}
	if len(m.permissions) > 0 && m.resourceType != "" && !m.implied {
		what += " on " + m.resourceType
	}
	if who := slices.Concat(m.groups, m.users); len(who) > 0 {
		what += " for " + strings.Join(who, ", ")
	}
	return what
}

// json renders the match as the file would say it.
func (m *match) json() map[string]any {
	out := map[string]any{}
	for key, list := range map[string][]string{"group": m.groups, "user": m.users, "permission": m.permissions, "action": m.actions} {
		if len(list) > 0 {
			out[key] = list
		}
	}
	if m.resourceType != "" {
		out["resourceType"] = m.resourceType
	}
	return out
}
