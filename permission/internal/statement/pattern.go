package statement

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
)

var (
	identifier  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)
	placeholder = regexp.MustCompile(`\{([A-Za-z][A-Za-z0-9]*)\}`)
)

// pattern is a text with placeholders. Those of names that have a value stand
// for it; the others take what is there, up to the text behind them and never
// over a slash.
type pattern struct{ segments []segment }

// segment is literal text, or a name.
type segment struct{ literal, name string }

func parsePattern(text string) (*pattern, error) {
	p := &pattern{}
	rest := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		if at[0] > rest {
			p.segments = append(p.segments, segment{literal: text[rest:at[0]]})
		} else if rest > 0 {
			return nil, fault.Newf(fault.Invalid, "two placeholders of %q stand side by side, so that nobody can tell where the first one ends", text)
		}
		p.segments = append(p.segments, segment{name: text[at[2]:at[3]]})
		rest = at[1]
	}
	if rest < len(text) {
		p.segments = append(p.segments, segment{literal: text[rest:]})
	}
	return p, nil
}

func (p *pattern) names() []string {
	var names []string
	for _, s := range p.segments {
		if s.name != "" {
			names = append(names, s.name)
		}
	}
	return names
}

// bind matches a text without regard to case and puts what the unknown names
// take into bound.
func (p *pattern) bind(text string, known, bound map[string]any) bool {
	for i, s := range p.segments {
		literal := s.literal
		if v, ok := known[s.name]; ok && s.name != "" {
			literal = fmt.Sprint(v)
		} else if s.name != "" {
			end := len(text)
			if i+1 < len(p.segments) {
				next := p.segments[i+1]
				stop := next.literal
				if next.name != "" {
					stop = fmt.Sprint(known[next.name])
				}
				end = indexFold(text, stop)
			}
			if end < 1 || strings.Contains(text[:end], "/") {
				return false
			}
			bound[s.name], text = text[:end], text[end:]
			continue
		}
		if len(text) < len(literal) || !strings.EqualFold(text[:len(literal)], literal) {
			return false
		}
		text = text[len(literal):]
	}
	return text == ""
}

// indexFold is strings.Index without regard to case.
func indexFold(text, part string) int {
	for i := 0; i+len(part) <= len(text); i++ {
		if strings.EqualFold(text[i:i+len(part)], part) {
			return i
		}
	}
	return -1
}

// fill replaces placeholders in a parameter of a rule.
func fill(v any, env map[string]any) any {
	switch v := v.(type) {
	case string:
		if m := placeholder.FindStringSubmatch(v); m != nil && m[0] == v {
			return env[m[1]]
		}
		return placeholder.ReplaceAllStringFunc(v, func(s string) string { return fmt.Sprint(env[s[1:len(s)-1]]) })
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			filled := fill(item, env)
			if list, ok := permission.Texts(filled); ok {
				if _, isText := item.(string); isText {
					for _, s := range list {
						out = append(out, s)
					}
					continue
				}
			}
			out = append(out, filled)
		}
		return out
	case map[string]any:
		if v == nil {
			return v
		}
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = fill(x, env)
		}
		return out
	}
	return v
}
