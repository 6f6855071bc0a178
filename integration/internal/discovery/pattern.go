package discovery

import (
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/dlclark/regexp2/v2"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
)

// Pattern is an ECMAScript regular expression, which is what configurations
// hold. The nil Pattern matches everything.
type Pattern struct{ re *regexp2.Regexp }

// NewPattern compiles a pattern; key names it in errors. With whole set it
// matches whole texts only. The empty pattern gives nil.
func NewPattern(key, text string, whole bool) (*Pattern, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // the nil Pattern is the one that matches everything
	}
	source := text
	if whole {
		if !strings.HasPrefix(source, "^") {
			source = "^" + source
		}
		if !strings.HasSuffix(source, "$") {
			source += "$"
		}
	}
	re, err := regexp2.Compile(source, regexp2.ECMAScript)
	if err != nil {
		return nil, fail.New(fail.Invalid, "%s: %q is no regular expression: %w", key, text, err)
	}
	re.MatchTimeout = time.Second
	return &Pattern{re}, nil
}

// Match reports whether the text matches. A pattern that takes too long does
// not.
func (p *Pattern) Match(text string) bool {
	if p == nil {
		return true
	}
	ok, err := p.re.MatchString(text)
	return err == nil && ok
}

// HasWildcard reports whether a path is a pattern for [Glob].
func HasWildcard(path string) bool { return strings.ContainsAny(path, "*?") }

// Glob reports whether a path matches a pattern with *, **, ? and {a,b}. As in
// Backstage, a name that begins with a dot is matched only by a part of the
// pattern that does so too.
func Glob(pattern, path string) bool {
	if ok, err := doublestar.Match(pattern, path); err != nil || !ok {
		return false
	}
	parts := strings.Split(pattern, "/")
	for name := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(name, ".") && !dotted(parts, name) {
			return false
		}
	}
	return true
}

func dotted(parts []string, name string) bool {
	for _, part := range parts {
		if !strings.HasPrefix(strings.TrimPrefix(part, "{"), ".") {
			continue
		}
		if ok, err := doublestar.Match(part, name); err == nil && ok {
			return true
		}
	}
	return false
}
