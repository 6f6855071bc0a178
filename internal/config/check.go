package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Severity says whether a [Problem] must be solved.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // the configuration is wrong
	Warning Severity = "warning" // it is probably not what was meant
)

// Problem is one finding of [Check].
type Problem struct {
	Severity Severity       `json:"severity"`
	Path     string         `json:"path"`
	At       fault.Position `json:"-"`
	Message  string         `json:"message"`
}

// String renders the problem on one line, place first.
func (p Problem) String() string {
	prefix := ""
	if at := p.At.String(); at != "" {
		prefix = at + ": "
	}
	return fmt.Sprintf("%s%s: %s", prefix, p.Severity, p.Message)
}

// checkedRoots are the top-level keys that are ours to judge. What stands
// elsewhere belongs to plugins, who check it themselves.
var checkedRoots = []string{"app", "auth", "backend", "catalog", "integrations", "organization", "permission", "stagedoor"}

// Check compares the configuration with the keys that are known by name. A
// value of a wrong type is an error; an unknown key that resembles a known one
// is a warning. The problems are sorted by place.
func Check(c *Config) []Problem {
	var problems []Problem
	if c.root == nil {
		return nil
	}
	known := keySet{builtinKeys()}
	for _, key := range c.root.keys() {
		if slices.Contains(checkedRoots, key) {
			checkValue(c.root.fields[key], key, known.child(key), &problems)
		} else if near := nearest(key, checkedRoots); near != "" && len(known.child(key)) == 0 {
			problems = append(problems, typo(c.root.fields[key], "", key, near))
		}
	}
	for _, rule := range valueRules {
		if text, isText := c.Value(rule.path).(string); isText && !slices.Contains(rule.allowed, text) {
			problems = append(problems, Problem{
				Severity: Error, Path: rule.path, At: c.Source(rule.path),
				Message: fmt.Sprintf("%s must be one of %s, got %q", rule.path, strings.Join(rule.allowed, ", "), text),
			})
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if order := strings.Compare(a.At.File, b.At.File); order != 0 {
			return order
		}
		return a.At.Line - b.At.Line
	})
	return problems
}

// valueRules are our own keys that allow a few words only.
var valueRules = []struct {
	path    string
	allowed []string
}{
	{"catalog.orphanStrategy", []string{"keep", "delete"}},
	{"catalog.orphanProviderStrategy", []string{"keep", "delete"}},
	{"catalog.defaultLocationConflictStrategy", []string{"refresh", "reject"}},
	{"backend.database.client", []string{"better-sqlite3", "sqlite3", "pg", "embedded-postgres"}},
	{"stagedoor.auth.ownership", []string{"direct", "ancestry"}},
	{"stagedoor.compatibility", []string{"default", "strict"}},
}

func checkValue(v *value, path string, known keySet, problems *[]Problem) {
	if len(known) == 0 || v.isNull() {
		return
	}
	if types := typesOf(known); len(types) > 0 && !fits(v, types) {
		*problems = append(*problems, Problem{
			Severity: Error, Path: path, At: v.at,
			Message: fmt.Sprintf("%s must be %s, got %s", path, describe(types), v.typeName()),
		})
		return
	}
	for i, item := range v.items {
		checkValue(item, joinIndex(path, i), known.item(), problems)
	}
	for _, key := range v.keys() {
		child := known.child(key)
		if len(child) == 0 {
			if near := nearest(key, names(known)); near != "" && v.fields[near] == nil {
				*problems = append(*problems, typo(v.fields[key], path, key, near))
			}
			continue
		}
		checkValue(v.fields[key], joinKey(path, key), child, problems)
	}
}

func typo(v *value, path, key, near string) Problem {
	return Problem{
		Severity: Warning, Path: joinKey(path, key), At: v.at,
		Message: fmt.Sprintf("%s is not a known key; did you mean %s?", joinKey(path, key), joinKey(path, near)),
	}
}

func typesOf(known keySet) []string {
	var types []string
	for _, n := range known {
		types = append(types, n.types...)
	}
	return types
}

func names(known keySet) []string {
	var out []string
	for _, n := range known {
		out = append(out, slices.Collect(maps.Keys(n.fields))...)
	}
	slices.Sort(out)
	return out
}

// fits accepts what the readers of [Config] accept, so also text where a
// variable stands for a number or a boolean.
func fits(v *value, types []string) bool {
	for _, name := range types {
		ok := false
		switch name {
		case "any":
			ok = true
		case "object":
			ok = v.kind == objectKind
		case "list":
			ok = v.kind == listKind
		case "string":
			_, ok = v.scalar.(string)
		case "number":
			_, ok = toNumber(v.scalar)
		case "boolean":
			_, ok = toBool(v.scalar)
		case "duration":
			_, err := ParseDuration(v.plain())
			ok = err == nil
		}
		if ok {
			return true
		}
	}
	return false
}

func describe(types []string) string {
	words := map[string]string{
		"object": "an object", "list": "a list", "string": "text", "number": "a number", "boolean": "a boolean",
		"duration": "a duration such as {minutes: 5}, PT5M or 5m",
	}
	var out []string
	for _, name := range types {
		if word := words[name]; word != "" && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return strings.Join(out, " or ")
}

// nearest returns the candidate that is a likely meaning of a mistyped key, or
// nothing. Case never counts; short keys allow one slip and longer ones two.
func nearest(key string, candidates []string) string {
	best, allowed := "", 1
	if len(key) < 4 {
		allowed = 0
	} else if len(key) > 7 {
		allowed = 2
	}
	for _, candidate := range candidates {
		if distance := editDistance(strings.ToLower(key), strings.ToLower(candidate)); distance <= allowed {
			best, allowed = candidate, distance-1
		}
	}
	return best
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
