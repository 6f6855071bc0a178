package trial

import (
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
)

// Expectations are a file of tests of a policy.
type Expectations struct {
	// Policy is the file of the policy, relative to this one; empty leaves it
	// to the caller.
	Policy string
	// Catalog are files of entities, relative to this one.
	Catalog []string
	// Entities are those of the file itself.
	Entities []catalog.Entity
	// users are what users own things by, where the file says so.
	users map[string][]string
	tests []test
}

// test is one expectation.
type test struct {
	at               fault.Position
	name             string
	user, permission string
	resources        []string
	expect           permission.Result // empty: lists
	visible, hidden  []string
	only             bool // visible has all of the kinds in it
	kinds            []string
}

// expecting reads a file and collects what is wrong with it.
type expecting struct{ errs []error }

func (x *expecting) fail(at fault.Position, format string, args ...any) {
	x.errs = append(x.errs, fault.At(at, format, args...))
}

// ParseExpectations reads a file of expectations. The error names file, line
// and column of every mistake; its code is invalid, or too_large.
func ParseExpectations(file string, data []byte) (*Expectations, error) {
	doc, err := yamlx.One(data, yamlx.Options{File: file, MaxBytes: 16 << 20, MaxDepth: 100})
	if err != nil {
		return nil, err
	}
	t := doc.Tree()
	if t == nil {
		return nil, fault.At(fault.Position{File: file, Line: 1}, "the file has no tests")
	}
	x := &expecting{}
	e := x.file(t)
	if len(x.errs) > 0 {
		return nil, fault.Newf(fault.Invalid, "%w", joined(x.errs))
	}
	return e, nil
}

func (x *expecting) file(t *yamlx.Tree) *Expectations {
	e := &Expectations{users: map[string][]string{}}
	if !x.object(t, "a file of expectations", "policy", "catalog", "users", "entities", "tests") {
		return e
	}
	e.Policy = x.text(t.Fields["policy"], "policy")
	e.Catalog = x.texts(t.Fields["catalog"], "catalog")
	if f := t.Fields["users"]; f != nil {
		if f.Fields == nil {
			x.fail(f.At, "users must be an object of refs, each with the list of its groups")
		}
		for _, name := range f.Keys {
			ref := x.ref(name, "user", f.Fields[name].At)
			owns := []string{ref}
			for _, g := range x.texts(f.Fields[name], name) {
				owns = append(owns, x.ref(g, "group", f.Fields[name].At))
			}
			e.users[ref] = owns
		}
	}
	if f := t.Fields["entities"]; f != nil {
		for _, item := range f.Items {
			m, ok := item.Value.(map[string]any)
			if !ok || catalog.Entity(m).Kind() == "" || catalog.Entity(m).Name() == "" {
				x.fail(item.At, "an entity needs kind and metadata.name")
				continue
			}
			e.Entities = append(e.Entities, m)
		}
	}
	f := t.Fields["tests"]
	if f == nil || len(f.Items) == 0 {
		x.fail(t.At, "the file has no tests")
		return e
	}
	for _, item := range f.Items {
		e.tests = append(e.tests, x.test(item))
	}
	return e
}

func (x *expecting) test(t *yamlx.Tree) test {
	out := test{at: t.At}
	if !x.object(t, "a test", "name", "user", "permission", "resource", "expect", "visible", "hidden", "kinds") {
		return out
	}
	out.name = x.text(t.Fields["name"], "name")
	out.permission = x.text(t.Fields["permission"], "permission")
	out.kinds = x.texts(t.Fields["kinds"], "kinds")
	if f := t.Fields["user"]; f != nil {
		out.user = x.ref(x.text(f, "user"), "user", f.At)
	} else {
		x.fail(t.At, "a test needs a user")
	}
	out.resources = x.texts(t.Fields["resource"], "resource")
	visible, hidden, expect := t.Fields["visible"], t.Fields["hidden"], t.Fields["expect"]
	for _, ref := range x.texts(visible, "visible") {
		out.visible = append(out.visible, x.ref(ref, "", visible.At))
	}
	for _, ref := range x.texts(hidden, "hidden") {
		out.hidden = append(out.hidden, x.ref(ref, "", hidden.At))
	}
	out.only = len(out.kinds) > 0
	switch {
	case expect != nil && (visible != nil || hidden != nil):
		x.fail(expect.At, "a test has either expect, or visible and hidden")
	case expect != nil:
		word, _ := expect.Value.(string)
		out.expect = map[string]permission.Result{"allow": permission.Allow, "deny": permission.Deny, "conditional": permission.Conditional}[word]
		if out.expect == "" {
			x.fail(expect.At, "expect must be allow, deny or conditional")
		}
		if out.permission == "" {
			x.fail(t.At, "a test with expect needs a permission")
		}
	case visible == nil && hidden == nil:
		x.fail(t.At, "a test needs expect, or visible and hidden")
	}
	if out.permission == "" {
		out.permission = "catalog.entity.read"
	}
	if out.name == "" {
		out.name = out.user + " " + out.permission
	}
	return out
}

func (x *expecting) object(t *yamlx.Tree, what string, allowed ...string) bool {
	if t.Fields == nil {
		x.fail(t.At, "%s must be an object with the keys %s", what, strings.Join(allowed, ", "))
		return false
	}
	for _, key := range t.Keys {
		if slices.Contains(allowed, key) {
			continue
		}
		hint := "; it may have " + strings.Join(allowed, ", ")
		if near := condition.Nearest(key, allowed); near != "" {
			hint = "; did you mean " + near + "?"
		}
		x.fail(t.Fields[key].At, "%s has no key %q%s", what, key, hint)
	}
	return true
}

func (x *expecting) text(t *yamlx.Tree, what string) string {
	if t == nil {
		return ""
	}
	s, ok := t.Value.(string)
	if !ok {
		x.fail(t.At, "%s must be a text", what)
	}
	return s
}

func (x *expecting) texts(t *yamlx.Tree, what string) []string {
	if t == nil || t.Value == nil {
		return nil
	}
	if s, ok := t.Value.(string); ok {
		return []string{s}
	}
	list, ok := t.Value.([]any)
	if !ok {
		x.fail(t.At, "%s must be a text or a list of texts", what)
	}
	var out []string
	for i := range list {
		out = append(out, x.text(t.Items[i], what))
	}
	return out
}

func (x *expecting) ref(text, kind string, at fault.Position) string {
	ref, err := catalog.ParseRef(text, catalog.RefDefaults{Kind: kind})
	if err != nil {
		x.fail(at, "%w", err)
	}
	return ref.String()
}

// Users are the refs of the users that the file says something about.
func (e *Expectations) Users() []string { return slices.Sorted(maps.Keys(e.users)) }
