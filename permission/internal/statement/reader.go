package statement

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
)

// Finding is something about a policy that is probably not what was meant.
type Finding struct {
	At      fault.Position
	Message string
}

// String renders the finding on one line, place first.
func (f Finding) String() string { return f.At.String() + ": " + f.Message }

// reader reads one policy and collects everything that is wrong with it.
type reader struct {
	registry *registry.Registry
	errs     []error
	findings []Finding
	rules    []*rule
}

// maxErrors bounds what is said about one file.
const maxErrors = 50

func (r *reader) fail(at fault.Position, format string, args ...any) {
	if len(r.errs) < maxErrors {
		r.errs = append(r.errs, fault.At(at, format, args...))
	}
}

func (r *reader) find(at fault.Position, format string, args ...any) {
	r.findings = append(r.findings, Finding{at, fmt.Sprintf(format, args...)})
}

func (r *reader) err() error {
	if len(r.errs) == 0 {
		return nil
	}
	return fault.Newf(fault.Invalid, "%w", errors.Join(r.errs...))
}

// object checks that t is a mapping with none but the allowed keys.
func (r *reader) object(t *yamlx.Tree, what string, allowed ...string) bool {
	if t.Fields == nil {
		r.fail(t.At, "%s must be an object with the keys %s, got %s", what, strings.Join(allowed, ", "), typeOf(t.Value))
		return false
	}
	ok := true
	for _, key := range t.Keys {
		if slices.Contains(allowed, key) {
			continue
		}
		ok = false
		hint := "; it may have " + strings.Join(allowed, ", ")
		if near := condition.Nearest(key, allowed); near != "" {
			hint = "; did you mean " + near + "?"
		}
		r.fail(t.Fields[key].At, "%s has no key %q%s", what, key, hint)
	}
	return ok
}

// list checks that t is a sequence.
func (r *reader) list(t *yamlx.Tree, what string) []*yamlx.Tree {
	if _, ok := t.Value.([]any); !ok {
		r.fail(t.At, "%s must be a list, got %s", what, typeOf(t.Value))
	}
	return t.Items
}

// text reads a non-empty text.
func (r *reader) text(t *yamlx.Tree, what string) string {
	s, ok := t.Value.(string)
	if !ok || strings.TrimSpace(s) == "" {
		r.fail(t.At, "%s must be a text, got %s", what, typeOf(t.Value))
		return ""
	}
	return s
}

// optionalText is [reader.text] of a key that may be missing.
func (r *reader) optionalText(t *yamlx.Tree, key, what string) string {
	if f := t.Fields[key]; f != nil {
		return r.text(f, what)
	}
	return ""
}

// placed is a text with its place.
type placed struct {
	text string
	at   fault.Position
}

// texts reads one text or a list of them.
func (r *reader) texts(t *yamlx.Tree, what string) []placed {
	if t == nil {
		return nil
	}
	if _, ok := t.Value.(string); ok {
		return []placed{{r.text(t, what), t.At}}
	}
	items, ok := t.Value.([]any)
	if !ok || len(items) == 0 {
		r.fail(t.At, "%s must be a text or a list of at least one text, got %s", what, typeOf(t.Value))
		return nil
	}
	out := make([]placed, 0, len(items))
	for _, item := range t.Items {
		if s := r.text(item, "an item of "+what); s != "" {
			out = append(out, placed{s, item.At})
		}
	}
	return out
}

// oneOf reads one of some words.
func (r *reader) oneOf(t *yamlx.Tree, what string, words ...string) string {
	s, ok := t.Value.(string)
	if !ok || !slices.Contains(words, s) {
		r.fail(t.At, "%s must be %s, got %s", what, strings.Join(words, " or "), typeOf(t.Value))
		return ""
	}
	return s
}

// typeOf names a value in a message.
func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		if len(v) > 40 {
			v = v[:40] + "…"
		}
		return fmt.Sprintf("%q", v)
	case bool:
		return fmt.Sprintf("the boolean %t", v)
	case float64:
		return fmt.Sprintf("the number %v", v)
	case []any:
		return "a list"
	}
	return "an object"
}
