package condition

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/stagedoor/stagedoor/permission"
)

// Expr is a condition in its simplest form, or one of the constants. The zero
// Expr is false.
type Expr struct {
	always bool
	open   *permission.Condition
	key    string // of open
}

// The constants.
var (
	True  = Expr{always: true}
	False = Expr{}
)

// Of simplifies a condition.
func Of(c permission.Condition) Expr {
	switch {
	case c.AllOf != nil:
		return And(each(c.AllOf)...)
	case c.AnyOf != nil:
		return Or(each(c.AnyOf)...)
	case c.Not != nil:
		return Not(Of(*c.Not))
	case matchesNothing(c):
		return False
	}
	return of(c)
}

// of takes a condition that is simple already.
func of(c permission.Condition) Expr { return Expr{open: &c, key: Key(c)} }

func each(cs []permission.Condition) []Expr {
	out := make([]Expr, len(cs))
	for i, c := range cs {
		out[i] = Of(c)
	}
	return out
}

// Condition returns the condition, or nil for a constant. It is shared: do not
// change it.
func (e Expr) Condition() *permission.Condition { return e.open }

// Always reports whether the expression is the constant true.
func (e Expr) Always() bool { return e.open == nil && e.always }

// Never reports whether the expression is the constant false.
func (e Expr) Never() bool { return e.open == nil && !e.always }

// Decision returns the expression as a decision without a reason.
func (e Expr) Decision() permission.Decision {
	switch {
	case e.open != nil:
		return permission.Decision{Result: permission.Conditional, Condition: e.open}
	case e.always:
		return permission.Decision{Result: permission.Allow}
	}
	return permission.Decision{Result: permission.Deny}
}

// Not negates.
func Not(e Expr) Expr {
	switch {
	case e.open == nil:
		return Expr{always: !e.always}
	case e.open.Not != nil:
		return of(*e.open.Not)
	}
	return of(permission.Condition{Not: e.open})
}

// And holds where all hold. And() is true.
func And(parts ...Expr) Expr {
	if only, ok := single(parts, false); ok {
		return only
	}
	open, decided := collect(parts, false, func(c *permission.Condition) []permission.Condition { return c.AllOf })
	switch {
	case decided:
		return False
	case len(open) == 0:
		return True
	case len(open) == 1:
		return of(open[0])
	}
	return of(permission.Condition{AllOf: open})
}

// Or holds where one holds. Or() is false.
func Or(parts ...Expr) Expr {
	if only, ok := single(parts, true); ok {
		return only
	}
	open, decided := collect(parts, true, func(c *permission.Condition) []permission.Condition { return c.AnyOf })
	switch {
	case decided:
		return True
	case len(open) == 0:
		return False
	case len(open) == 1:
		return of(open[0])
	}
	return of(permission.Condition{AnyOf: open})
}

// single finds the part that is all that counts: the one that decides, or the
// only one that is no constant.
func single(parts []Expr, deciding bool) (only Expr, ok bool) {
	for _, part := range parts {
		switch {
		case part.open != nil && ok:
			return Expr{}, false
		case part.open != nil:
			only, ok = part, true
		case part.always == deciding:
			return part, true
		}
	}
	return only, ok
}

// collect flattens the parts of a conjunction or disjunction, and drops
// constants and repetitions. It reports whether one part, or a part beside its
// opposite, decides for the whole.
func collect(parts []Expr, deciding bool, inner func(*permission.Condition) []permission.Condition) (open []permission.Condition, decided bool) {
	seen := map[string]bool{}
	add := func(c permission.Condition, key string) {
		if !seen[key] {
			seen[key] = true
			open = append(open, c)
		}
	}
	for _, part := range parts {
		if part.open == nil {
			if part.always == deciding {
				return nil, true
			}
			continue
		}
		list := inner(part.open)
		if list == nil {
			add(*part.open, part.key)
			continue
		}
		for _, c := range list {
			add(c, Key(c))
		}
	}
	for _, c := range open {
		if c.Not != nil && seen[Key(*c.Not)] {
			return nil, true
		}
	}
	return open, false
}

// Key is a text that two conditions share exactly when they are written the
// same.
func Key(c permission.Condition) string { return string(appendKey(make([]byte, 0, 128), &c)) }

func appendKey(b []byte, c *permission.Condition) []byte {
	list := func(mark byte, cs []permission.Condition) []byte {
		b = append(b, mark)
		for i := range cs {
			b = append(appendKey(b, &cs[i]), ',')
		}
		return append(b, ')')
	}
	switch {
	case c.AllOf != nil:
		return list('&', c.AllOf)
	case c.AnyOf != nil:
		return list('|', c.AnyOf)
	case c.Not != nil:
		return appendKey(append(b, '!'), c.Not)
	}
	b = appendText(b, c.Rule)
	b = appendText(b, c.ResourceType)
	return appendValue(b, c.Params)
}

// appendText appends a text so that nobody can tell it for two.
func appendText(b []byte, s string) []byte {
	b = append(strconv.AppendInt(b, int64(len(s)), 10), ':')
	return append(b, s...)
}

// appendValue appends a JSON value.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendText(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case float64:
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	case nil:
		return append(b, "null"...)
	case []any:
		b = append(b, '[')
		for _, x := range v {
			b = append(appendValue(b, x), ',')
		}
		return append(b, ']')
	case []string:
		b = append(b, '[')
		for _, x := range v {
			b = append(appendText(b, x), ',')
		}
		return append(b, ']')
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		b = append(b, '{')
		for _, k := range keys {
			b = appendText(b, k)
			b = append(appendValue(b, v[k]), ',')
		}
		return append(b, '}')
	}
	return fmt.Appendf(b, "%T(%v)", v, v)
}

// oneOf are the built-in rules that hold when one item of a list fits, so that
// nothing fits an empty list.
var oneOf = map[string]string{
	"IS_ENTITY_KIND":  "kinds",
	"IS_ENTITY_OWNER": "claims",
	"IS_TASK_OWNER":   "createdBy",
	"IS_OWNER":        "owners",
}

func matchesNothing(c permission.Condition) bool {
	param, ok := oneOf[c.Rule]
	if !ok {
		return false
	}
	switch list := c.Params[param].(type) {
	case []any:
		return len(list) == 0
	case []string:
		return len(list) == 0
	}
	return false
}

// Leaves calls fn with every rule of the condition until fn returns false. It
// reports whether fn never did.
func Leaves(c permission.Condition, fn func(leaf permission.Condition) bool) bool {
	inner := func(c permission.Condition) bool { return Leaves(c, fn) }
	switch {
	case c.AllOf != nil:
		return !slices.ContainsFunc(c.AllOf, func(c permission.Condition) bool { return !inner(c) })
	case c.AnyOf != nil:
		return !slices.ContainsFunc(c.AnyOf, func(c permission.Condition) bool { return !inner(c) })
	case c.Not != nil:
		return inner(*c.Not)
	}
	return fn(c)
}
