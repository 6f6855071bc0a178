package statement

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
)

// rule is a rule as data: a condition with placeholders for its parameters.
type rule struct {
	permission.Rule
	ResourceType string
	at           fault.Position
	body         *node
}

// each makes one condition for each item of a list parameter.
type each struct {
	at      fault.Position
	param   string
	pattern *pattern // nil takes every item
	body    *node
}

// readRules reads the rules of a policy. Rules may be made of others that
// stand anywhere in the list, but not of themselves.
func (r *reader) readRules(t *yamlx.Tree) {
	before := len(r.errs)
	for _, item := range r.list(t, "rules") {
		if x := r.rule(item); x != nil {
			r.rules = append(r.rules, x)
		}
	}
	if len(r.errs) > before {
		return
	}
	r.refuseCycles()
	if len(r.errs) > before {
		return
	}
	for _, x := range r.rules {
		r.complete(x)
	}
	for _, x := range r.rules {
		r.tryRule(x)
	}
}

func (r *reader) rule(t *yamlx.Tree) *rule {
	before := len(r.errs)
	if !r.object(t, "a rule", "name", "resourceType", "description", "params", "condition") {
		return nil
	}
	x := &rule{at: t.At, ResourceType: "catalog-entity"}
	for _, key := range []string{"name", "condition"} {
		if t.Fields[key] == nil {
			r.fail(t.At, "a rule needs a %s", key)
			return nil
		}
	}
	x.Name = r.text(t.Fields["name"], "the name of a rule")
	if f := t.Fields["resourceType"]; f != nil {
		x.ResourceType = r.text(f, "resourceType")
	}
	x.Description = r.optionalText(t, "description", "the description")
	if f := t.Fields["params"]; f != nil {
		for _, item := range r.list(f, "params") {
			r.param(x, item)
		}
	}
	res, ok := r.resource(x.ResourceType)
	if !ok {
		r.fail(t.At, "unknown resource type %q%s", x.ResourceType, didYouMean(x.ResourceType, r.resourceTypes()))
	}
	if ruleOf(res, x.Name) != nil {
		r.fail(t.Fields["name"].At, "%s has a rule %s already", x.ResourceType, x.Name)
	}
	x.body = r.node(t.Fields["condition"], 0, true)
	if len(r.errs) > before {
		return nil
	}
	names := map[string]string{}
	for _, p := range x.Params {
		names[p.Name] = p.Type
	}
	r.checkBody(x.body, names)
	if len(r.errs) > before {
		return nil
	}
	return x
}

func (r *reader) param(x *rule, t *yamlx.Tree) {
	if !r.object(t, "a parameter", "name", "type", "description", "default", "optional") {
		return
	}
	var p permission.Param
	if f := t.Fields["name"]; f != nil {
		p.Name = r.text(f, "the name of a parameter")
	} else {
		r.fail(t.At, "a parameter needs a name")
	}
	if !identifier.MatchString(p.Name) {
		r.fail(t.At, "the name of a parameter must be a word, got %q", p.Name)
	}
	if slices.ContainsFunc(x.Params, func(o permission.Param) bool { return o.Name == p.Name }) {
		r.fail(t.At, "the parameter %s occurs twice", p.Name)
	}
	p.Description = r.optionalText(t, "description", "the description")
	p.Type = "string"
	if f := t.Fields["type"]; f != nil {
		p.Type = r.oneOf(f, "the type of a parameter", "string", "number", "boolean", "list")
	}
	if f := t.Fields["default"]; f != nil {
		if p.Default = f.Value; !condition.Fits(p.Type, f.Value) {
			r.fail(f.At, "the default of %s does not fit its type %s: %s", p.Name, p.Type, typeOf(f.Value))
		}
	}
	if f := t.Fields["optional"]; f != nil {
		b, ok := f.Value.(bool)
		if !ok {
			r.fail(f.At, "optional must be true or false, got %s", typeOf(f.Value))
		}
		p.Optional = b
		if b && p.Default == nil {
			r.fail(f.At, "the optional parameter %s needs a default: a rule made of others cannot leave a hole", p.Name)
		}
	}
	p.Optional = p.Default != nil
	x.Params = append(x.Params, p)
}

// each reads {forEach: param, matching: pattern, condition: …}.
func (r *reader) each(t *yamlx.Tree, depth int) *each {
	e := &each{at: t.At, body: &node{at: t.At}}
	if !r.object(t, "a loop", "forEach", "matching", "condition") {
		return e
	}
	for _, key := range []string{"forEach", "condition"} {
		if t.Fields[key] == nil {
			r.fail(t.At, "a loop needs a %s", key)
			return e
		}
	}
	e.param = r.text(t.Fields["forEach"], "forEach")
	e.at = t.Fields["forEach"].At
	if f := t.Fields["matching"]; f != nil {
		p, err := parsePattern(r.text(f, "matching"))
		if err != nil {
			r.fail(f.At, "matching: %w", err)
		}
		e.pattern = p
	}
	e.body = r.node(t.Fields["condition"], depth+1, true)
	return e
}

// checkBody checks the placeholders of a body against the names in scope.
func (r *reader) checkBody(n *node, scope map[string]string) {
	for _, c := range n.children {
		r.checkBody(c, scope)
	}
	if e := n.each; e != nil {
		if typ, ok := scope[e.param]; !ok || typ != "list" {
			r.fail(e.at, "forEach needs the name of a list parameter, got %q", e.param)
			return
		}
		inner := map[string]string{"item": "string"}
		for name, typ := range scope {
			inner[name] = typ
		}
		if e.pattern != nil {
			for _, name := range e.pattern.names() {
				if scope[name] == "list" {
					r.fail(e.at, "matching cannot hold the list parameter {%s}", name)
				}
				inner[name] = "string"
			}
		}
		r.checkBody(e.body, inner)
	}
	if n.op == "" && n.paramsAt != nil {
		r.checkPlaceholders(n.paramsAt, scope)
	}
}

func (r *reader) checkPlaceholders(t *yamlx.Tree, scope map[string]string) {
	if s, ok := t.Value.(string); ok {
		for _, m := range placeholder.FindAllStringSubmatch(s, -1) {
			switch typ, known := scope[m[1]]; {
			case !known:
				r.fail(t.At, "nothing is called {%s} here", m[1])
			case typ == "list" && s != m[0]:
				r.fail(t.At, "the list {%s} cannot be part of a text", m[1])
			}
		}
	}
	for _, item := range t.Items {
		r.checkPlaceholders(item, scope)
	}
	for _, key := range t.Keys {
		r.checkPlaceholders(t.Fields[key], scope)
	}
}

// maxRuleSize bounds how many conditions a rule is made of, rules within rules
// included; loops count once.
const maxRuleSize = 1000

// refuseCycles finds rules that are made of themselves, and those that grow
// out of all proportion.
func (r *reader) refuseCycles() {
	sizes := map[*rule]int{}
	var path []*rule
	var visit func(x *rule) int
	visit = func(x *rule) int {
		if size, done := sizes[x]; done {
			return size
		}
		path = append(path, x)
		size := 0
		x.body.leaves(func(l *node) {
			used := r.ruleNamed(x.ResourceType, l.rule)
			if used == nil {
				size++
			} else if i := slices.Index(path, used); i >= 0 {
				names := ""
				for _, p := range path[i:] {
					names += p.Name + " → "
				}
				r.fail(l.at, "the rule %s is made of itself: %s", used.Name, names+used.Name)
			} else {
				size += visit(used)
			}
		})
		if size > maxRuleSize || len(path) > 8 {
			r.fail(x.at, "the rule %s is made of too many others", x.Name)
			size = maxRuleSize
		}
		path = path[:len(path)-1]
		sizes[x] = size
		return size
	}
	for _, x := range r.rules {
		visit(x)
	}
}

// ruleNamed finds a rule of the policy.
func (r *reader) ruleNamed(resourceType, name string) *rule {
	i := slices.IndexFunc(r.rules, func(x *rule) bool { return x.ResourceType == resourceType && strings.EqualFold(x.Name, name) })
	if i < 0 {
		return nil
	}
	return r.rules[i]
}

// complete gives the rule its Expand.
func (r *reader) complete(x *rule) {
	x.Expand = func(params map[string]any) (permission.Condition, error) {
		if err := condition.CheckParams(x.Rule, params); err != nil {
			return permission.Condition{}, err
		}
		env := map[string]any{}
		for _, p := range x.Params {
			env[p.Name] = p.Default
			if v, given := params[p.Name]; given && v != nil {
				env[p.Name] = v
			}
		}
		res, _ := r.resource(x.ResourceType)
		return x.body.expand(env, res)
	}
}

// expand fills in the placeholders.
func (n *node) expand(env map[string]any, res permission.Resource) (permission.Condition, error) {
	if n.op == "" {
		return n.expandLeaf(env, res)
	}
	list := []permission.Condition{}
	for _, c := range n.children {
		x, err := c.expand(env, res)
		if err != nil {
			return x, err
		}
		list = append(list, x)
	}
	if n.each != nil {
		var err error
		if list, err = n.each.expand(env, res); err != nil {
			return permission.Condition{}, err
		}
	}
	switch n.op {
	case "allOf":
		return permission.Condition{AllOf: list}, nil
	case "anyOf":
		return permission.Condition{AnyOf: list}, nil
	}
	return permission.Condition{Not: &list[0]}, nil
}

func (n *node) expandLeaf(env map[string]any, res permission.Resource) (permission.Condition, error) {
	params, _ := fill(n.params, env).(map[string]any)
	c := permission.Condition{Rule: n.rule, ResourceType: res.Type, Params: params}
	used := ruleOf(res, n.rule)
	if used == nil {
		return c, nil
	}
	if c.Rule = used.Name; used.Expand == nil {
		return c, condition.CheckParams(*used, params)
	}
	x, err := used.Expand(params)
	if err != nil {
		return x, fmt.Errorf("rule %s: %w", used.Name, err)
	}
	return x, nil
}

func (e *each) expand(env map[string]any, res permission.Resource) ([]permission.Condition, error) {
	list := []permission.Condition{}
	items, ok := permission.Texts(env[e.param])
	if !ok {
		return nil, fault.Newf(fault.Invalid, "the parameter %s must be a list of texts, got %s; pass it on as {%s}", e.param, typeOf(env[e.param]), e.param)
	}
	for _, item := range items {
		inner := make(map[string]any, len(env)+2)
		for k, v := range env {
			inner[k] = v
		}
		inner["item"] = item
		if e.pattern != nil && !e.pattern.bind(item, env, inner) {
			continue
		}
		c, err := e.body.expand(inner, res)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// tryRule expands the rule with examples of its parameters.
func (r *reader) tryRule(x *rule) {
	if r.registry == nil {
		return
	}
	params := map[string]any{}
	for _, p := range x.Params {
		params[p.Name] = p.Default
		if p.Default == nil || p.Default == condition.OwnerRefs || p.Default == condition.CurrentUser {
			params[p.Name] = map[string]any{"number": 1.0, "boolean": true, "list": []any{somebody.Ownership[1]}, "string": "x"}[p.Type]
		}
	}
	res, _ := r.resource(x.ResourceType)
	ok := true
	x.body.leaves(func(l *node) {
		if ruleOf(res, l.rule) == nil {
			ok = false
			r.unknownRules(l)
		}
	})
	if !ok {
		return
	}
	c, err := x.Expand(params)
	if err != nil {
		r.fail(x.at, "the rule %s cannot be used: %w", x.Name, err)
		return
	}
	if e := condition.Of(c); e.Condition() != nil && res.Check != nil {
		if err := res.Check(*e.Condition()); err != nil {
			r.fail(x.at, "the rule %s cannot be used: %w", x.Name, err)
		}
	}
}
