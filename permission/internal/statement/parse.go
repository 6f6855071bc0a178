package statement

import (
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
)

// The limits of a policy's text.
const (
	maxBytes   = 1 << 20
	maxDepth   = 64
	maxAliases = 20_000
)

// Options say how a policy is read. Registry is required and must be complete:
// it tells which permissions, resource types and rules there are.
type Options struct {
	// File names the policy in messages and decisions.
	File     string
	Registry *registry.Registry
	// Now is when the policy was loaded.
	Now time.Time
}

// Parse reads a policy. The error joins what is wrong with it, one line for
// each mistake with file, line and column; its code is invalid, or too_large.
// The findings are about permissions that no plugin defines, which may be those
// of services elsewhere.
func Parse(data []byte, o Options) (*Policy, []Finding, error) {
	doc, err := yamlx.One(data, yamlx.Options{
		File: o.File, MaxBytes: maxBytes, MaxDepth: maxDepth, MaxAliasExpansion: maxAliases,
	})
	if err != nil {
		return nil, nil, err
	}
	t := doc.Tree()
	if t == nil {
		return nil, nil, fault.At(fault.Position{File: o.File, Line: 1}, "the policy is empty; it needs statements")
	}
	return FromTree(t, o)
}

// FromTree is [Parse] of a policy that stands within another file.
func FromTree(t *yamlx.Tree, o Options) (*Policy, []Finding, error) {
	r := &reader{registry: o.Registry}
	p := r.policy(t, o)
	if err := r.err(); err != nil {
		return nil, nil, err
	}
	return p, r.findings, nil
}

func (r *reader) policy(t *yamlx.Tree, o Options) *Policy {
	if !r.object(t, "a policy", "default", "description", "rules", "statements") {
		return nil
	}
	p := &Policy{file: o.File, loaded: o.Now, byDefault: permission.Deny, cache: newCache()}
	if f := t.Fields["default"]; f != nil && r.oneOf(f, "default", "deny", "allow") == "allow" {
		p.byDefault = permission.Allow
	}
	r.optionalText(t, "description", "the description")
	if f := t.Fields["rules"]; f != nil {
		r.readRules(f)
	}
	f := t.Fields["statements"]
	if f == nil {
		r.fail(t.At, "a policy needs statements")
		return nil
	}
	for _, item := range r.list(f, "statements") {
		if s := r.statement(item, o.File); s != nil {
			p.statements = append(p.statements, s)
		}
	}
	return p
}

// entry is one statement.
type entry struct {
	source    permission.Source
	text      string // in one line
	match     match
	result    permission.Result // what it says, Allow or Deny
	otherwise permission.Result // where its condition does not hold; empty is next
	when      *when
}

func (r *reader) statement(t *yamlx.Tree, file string) *entry {
	if !r.object(t, "a statement", "name", "description", "match", "allow", "effect", "when", "otherwise") {
		return nil
	}
	before := len(r.errs)
	s := &entry{source: permission.Source{File: file, Line: t.At.Line}}
	if t.At.File != "" {
		s.source.File = t.At.File
	}
	name := r.optionalText(t, "name", "the name")
	r.optionalText(t, "description", "the description")
	s.result = r.effect(t)
	if f := t.Fields["match"]; f != nil {
		s.match = r.match(f)
	}
	if f := t.Fields["when"]; f != nil {
		s.when = r.when(f, &s.match)
	}
	r.otherwise(t, s)
	if len(r.errs) > before {
		return nil
	}
	s.text = s.oneLine()
	s.source.Statement = name
	if name == "" {
		s.source.Statement = s.text
	}
	return s
}

// effect reads allow: true, or effect: allow. A statement with a condition
// allows where it says nothing.
func (r *reader) effect(t *yamlx.Tree) permission.Result {
	allow, effect := t.Fields["allow"], t.Fields["effect"]
	switch {
	case allow != nil && effect != nil:
		r.fail(effect.At, "a statement has either allow or effect")
	case allow != nil:
		b, ok := allow.Value.(bool)
		if !ok {
			r.fail(allow.At, "allow must be true or false, got %s", typeOf(allow.Value))
		}
		if b {
			return permission.Allow
		}
	case effect != nil:
		if r.oneOf(effect, "effect", "allow", "deny") == "allow" {
			return permission.Allow
		}
	case t.Fields["when"] == nil:
		r.fail(t.At, "a statement needs one of allow, effect and when")
	default:
		return permission.Allow
	}
	return permission.Deny
}

// otherwise reads what the statement says where its condition does not hold. A
// statement that allows decides for everything it matches, unless it says
// next. A statement that denies leaves what it does not deny to those behind
// it, unless it says allow.
func (r *reader) otherwise(t *yamlx.Tree, s *entry) {
	f := t.Fields["otherwise"]
	if t.Fields["when"] == nil {
		if f != nil {
			r.fail(f.At, "otherwise needs a when")
		}
		return
	}
	if s.result == permission.Allow {
		s.otherwise = permission.Deny
		if f != nil && r.oneOf(f, "otherwise of a statement that allows", "deny", "next") == "next" {
			s.otherwise = ""
		}
		return
	}
	if f != nil && r.oneOf(f, "otherwise of a statement that denies", "next", "allow") == "allow" {
		s.otherwise = permission.Allow
	}
}

// oneLine renders the statement for people.
func (s *entry) oneLine() string {
	word := "deny"
	if s.result == permission.Allow {
		word = "allow"
	}
	text := word + " " + s.match.String()
	if s.when != nil {
		text += " when " + condition.Text(s.when.written)
		switch {
		case s.result == permission.Allow && s.otherwise == "":
			text += ", otherwise next"
		case s.result == permission.Deny && s.otherwise == permission.Allow:
			text += ", otherwise allow"
		}
	}
	return text
}
