package statement

import (
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
)

// when is the condition of a statement.
type when struct {
	written  permission.Condition // aliases and made-up rules included
	resource permission.Resource  // with the rules of the policy
	constant bool                 // the same for everybody
	bound    condition.Expr       // when constant
}

// bind makes the condition ready for a principal.
func (w *when) bind(who identity.Principal) (condition.Expr, error) {
	if w.constant {
		return w.bound, nil
	}
	return condition.Bind(w.resource, w.written, who)
}

// node is a condition as it was written, with its places.
type node struct {
	at       fault.Position
	op       string // allOf, anyOf, not, or empty for a rule
	children []*node
	each     *each // in bodies of rules, for allOf and anyOf

	rule, resourceType string
	params             map[string]any
	paramsAt           *yamlx.Tree
}

// leaves calls fn with every rule.
func (n *node) leaves(fn func(*node)) {
	if n.op == "" {
		fn(n)
	}
	for _, c := range n.children {
		c.leaves(fn)
	}
	if n.each != nil {
		n.each.body.leaves(fn)
	}
}

// condition renders a node that has no placeholders.
func (n *node) condition() permission.Condition {
	list := make([]permission.Condition, len(n.children))
	for i, c := range n.children {
		list[i] = c.condition()
	}
	switch n.op {
	case "allOf":
		return permission.Condition{AllOf: list}
	case "anyOf":
		return permission.Condition{AnyOf: list}
	case "not":
		return permission.Condition{Not: &list[0]}
	}
	return permission.Condition{Rule: n.rule, ResourceType: n.resourceType, Params: n.params}
}

// maxNesting is how deep written conditions may nest. Rules add their own
// depth, and the protocol ends at [permission.MaxConditionDepth].
const maxNesting = 16

// node reads a condition; in the body of a rule it may go through lists.
func (r *reader) node(t *yamlx.Tree, depth int, inRule bool) *node {
	n := &node{at: t.At}
	if depth > maxNesting {
		r.fail(t.At, "conditions nest deeper than %d levels", maxNesting)
		return n
	}
	if _, isList := t.Value.([]any); isList {
		r.fail(t.At, "a condition must be an object; write anyOf: or allOf: before the list")
		return n
	}
	if !r.object(t, "a condition", "allOf", "anyOf", "not", "rule", "params", "resourceType") {
		return n
	}
	var forms []string
	for _, key := range t.Keys {
		if key == "allOf" || key == "anyOf" || key == "not" || key == "rule" {
			forms = append(forms, key)
		}
	}
	if len(forms) != 1 {
		r.fail(t.At, "a condition has exactly one of allOf, anyOf, not and rule")
		return n
	}
	f := t.Fields[forms[0]]
	if forms[0] == "rule" {
		r.leaf(n, t)
		return n
	}
	n.op = forms[0]
	if len(t.Keys) > 1 {
		r.fail(t.At, "params and resourceType belong to a rule, not beside %s", n.op)
	}
	switch {
	case n.op == "not":
		n.children = []*node{r.node(f, depth+1, inRule)}
	case f.Fields != nil && inRule:
		n.each = r.each(f, depth)
	default:
		for _, item := range r.list(f, n.op) {
			n.children = append(n.children, r.node(item, depth+1, inRule))
		}
		if list, ok := f.Value.([]any); ok && len(list) == 0 {
			r.fail(f.At, "%s needs at least one condition", n.op)
		}
	}
	return n
}

func (r *reader) leaf(n *node, t *yamlx.Tree) {
	n.at = t.Fields["rule"].At
	n.rule = r.text(t.Fields["rule"], "rule")
	n.resourceType = r.optionalText(t, "resourceType", "resourceType")
	n.paramsAt = t.Fields["params"]
	if n.paramsAt == nil {
		return
	}
	params, ok := n.paramsAt.Value.(map[string]any)
	if !ok {
		r.fail(n.paramsAt.At, "params must be an object, got %s", typeOf(n.paramsAt.Value))
	}
	n.params = params
}

// when reads the condition of a statement and fixes the resource type that the
// statement is about.
func (r *reader) when(t *yamlx.Tree, m *match) *when {
	before := len(r.errs)
	n := r.node(t, 0, false)
	if len(r.errs) > before {
		return nil
	}
	resource, ok := r.resourceOf(n, m)
	if !ok {
		return nil
	}
	for _, p := range m.placedPermissions {
		known, _, ok := r.registry.Permission(p.text)
		switch {
		case !ok:
		case known.ResourceType == "":
			r.fail(p.at, "%s is not about a resource, so it cannot have conditions; allow or deny it", p.text)
		case known.ResourceType != resource.Type:
			r.fail(p.at, "%s is about %s, but the conditions are about %s", p.text, known.ResourceType, resource.Type)
		}
	}
	if m.resourceType == "" {
		m.resourceType, m.implied = resource.Type, true
	}
	n.leaves(func(l *node) { r.checkLeaf(l, resource) })
	if len(r.errs) > before {
		return nil
	}
	w := &when{written: n.condition(), resource: resource, constant: true}
	n.leaves(func(l *node) { w.constant = w.constant && isConstant(l, resource) })
	bound, err := condition.Bind(resource, w.written, somebody)
	if err != nil {
		r.fail(t.At, "the condition cannot be used: %w", err)
		return nil
	}
	w.bound = bound
	return w
}

// somebody stands for whoever will ask, when conditions are tried out.
var somebody = identity.Principal{
	Kind: identity.User, Subject: "user:default/somebody",
	Ownership: []string{"user:default/somebody", "group:default/some-group"},
}

// resourceOf finds what the conditions are about: what the statement or its
// rules say, or the one type that has all the rules.
func (r *reader) resourceOf(n *node, m *match) (permission.Resource, bool) {
	said := m.resourceType
	for _, p := range m.placedPermissions {
		if known, _, ok := r.registry.Permission(p.text); ok && said == "" {
			said = known.ResourceType
		}
	}
	n.leaves(func(l *node) {
		if said == "" {
			said = l.resourceType
		}
	})
	if said != "" {
		res, ok := r.resource(said)
		if !ok {
			r.fail(n.at, "unknown resource type %q%s", said, didYouMean(said, r.resourceTypes()))
		}
		return res, ok
	}
	var fitting []permission.Resource
	for _, typ := range r.resourceTypes() {
		res, _ := r.resource(typ)
		all := true
		n.leaves(func(l *node) { all = all && ruleOf(res, l.rule) != nil })
		if all {
			fitting = append(fitting, res)
		}
	}
	if len(fitting) == 1 {
		return fitting[0], true
	}
	if len(fitting) > 1 {
		r.fail(n.at, "several resource types have these rules; say which with match: {resourceType: …}")
		return permission.Resource{}, false
	}
	r.unknownRules(n)
	return permission.Resource{}, false
}

// unknownRules complains about rules that no resource type has, or that no
// type has together.
func (r *reader) unknownRules(n *node) {
	var all []string
	for _, typ := range r.resourceTypes() {
		res, _ := r.resource(typ)
		for _, rule := range res.Rules {
			all = append(all, rule.Name)
		}
	}
	before := len(r.errs)
	n.leaves(func(l *node) {
		if !slices.ContainsFunc(all, func(name string) bool { return strings.EqualFold(name, l.rule) }) {
			r.fail(l.at, "unknown rule %q%s", l.rule, didYouMean(l.rule, all))
		}
	})
	if len(r.errs) == before {
		r.fail(n.at, "no resource type has all of these rules")
	}
}

// resource is the resource type with the rules of the policy beside its own.
func (r *reader) resource(typ string) (permission.Resource, bool) {
	if r.registry == nil {
		return permission.Resource{Type: typ}, true
	}
	res, _, ok := r.registry.Resource(typ)
	for _, rule := range r.rules {
		if rule.ResourceType == typ {
			res.Rules = append(res.Rules, rule.Rule)
		}
	}
	return res, ok
}

func ruleOf(res permission.Resource, name string) *permission.Rule {
	i := slices.IndexFunc(res.Rules, func(r permission.Rule) bool { return strings.EqualFold(r.Name, name) })
	if i < 0 {
		return nil
	}
	return &res.Rules[i]
}

// checkLeaf checks a rule and its parameters, and tries it out.
func (r *reader) checkLeaf(l *node, res permission.Resource) {
	if l.resourceType != "" && l.resourceType != res.Type {
		r.fail(l.at, "the rule is about %s, but the statement is about %s", l.resourceType, res.Type)
		return
	}
	rule := ruleOf(res, l.rule)
	if rule == nil {
		names := make([]string, len(res.Rules))
		for i := range res.Rules {
			names[i] = res.Rules[i].Name
		}
		hint := didYouMean(l.rule, names)
		if hint == "" {
			hint = "; it has " + strings.Join(names, ", ")
		}
		r.fail(l.at, "%s has no rule %q%s", res.Type, l.rule, hint)
		return
	}
	if err := condition.CheckParams(*rule, l.params); err != nil {
		r.fail(l.placeOf(err, rule), "%w", err)
		return
	}
	bound, err := condition.Bind(res, l.condition(), somebody)
	if err == nil && bound.Condition() != nil && res.Check != nil {
		err = res.Check(*bound.Condition())
	}
	if err != nil {
		r.fail(l.at, "rule %s: %w", l.rule, err)
	}
}

// placeOf is where the parameter stands that the message is about.
func (n *node) placeOf(err error, rule *permission.Rule) fault.Position {
	if n.paramsAt == nil {
		return n.at
	}
	for _, key := range n.paramsAt.Keys {
		known := slices.ContainsFunc(rule.Params, func(p permission.Param) bool { return p.Name == key })
		if strings.Contains(err.Error(), "the parameter "+key+" of") || (!known && strings.Contains(err.Error(), `"`+key+`"`)) {
			return n.paramsAt.Fields[key].At
		}
	}
	return n.paramsAt.At
}

// isConstant reports whether a leaf says the same for everybody.
func isConstant(l *node, res permission.Resource) bool {
	rule := ruleOf(res, l.rule)
	if rule == nil || rule.Expand != nil {
		return false // what it is made of may have aliases
	}
	return !hasAlias(l.params)
}

func hasAlias(v any) bool {
	switch v := v.(type) {
	case string:
		return v == condition.CurrentUser || v == condition.OwnerRefs
	case []any:
		return slices.ContainsFunc(v, hasAlias)
	case map[string]any:
		for _, x := range v {
			if hasAlias(x) {
				return true
			}
		}
	}
	return false
}
