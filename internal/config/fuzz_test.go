package config

import (
	"strings"
	"testing"
)

// FuzzSubstitute holds that substitution never panics, leaves text without
// variables alone, and gives values of variables through untouched.
func FuzzSubstitute(f *testing.F) {
	for _, seed := range []string{
		"", "${A}", "$${A}", "a${A}b${B:-c}", "${", "${A", "${{ x }}", "${A:-${B}}", "$$${A}", "${}", "${ A }", "${A:-}", "}{", "${UNSET}",
	} {
		f.Add(seed, "value")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		env := func(name string) (string, bool) { return value, name == "A" }
		got, ok := substitute(text, env)
		switch {
		case !strings.Contains(text, "${"):
			if !ok || got != text {
				t.Errorf("substitute(%q) = %q, %t; want it unchanged", text, got, ok)
			}
		case !ok && got != "":
			t.Errorf("substitute(%q) is undefined and %q", text, got)
		}
		if strings.ContainsAny(text, "{}") || strings.HasSuffix(text, "$") {
			return
		}
		if got, ok := substitute(text+"${A}"+text, env); !ok || got != text+value+text {
			t.Errorf("the value %q around %q became %q, %t", value, text, got, ok)
		}
	})
}

func TestSplitPath_ReadsWhatJoinKeyWrites(t *testing.T) {
	t.Parallel()
	for _, steps := range [][]string{{"a"}, {"a", "b"}, {"a.b", "c"}, {"/x.y/z", "t"}, {"a", "", "b"}, {"[", "]"}, {"page:x/y"}} {
		path := ""
		for _, step := range steps {
			path = joinKey(path, step)
		}
		got := splitPath(path)
		if strings.Join(got, "|") != strings.Join(steps, "|") {
			t.Errorf("%q is written %q and read %q", steps, path, got)
		}
	}
	if got := splitPath(joinIndex("a.b", 3) + ".c"); strings.Join(got, "|") != "a|b|3|c" {
		t.Errorf("an index is read as %q", got)
	}
}
