package model

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// entitiesOf reads the entities of the test language.
func entitiesOf(t testing.TB) (all, right []any) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(data), "\n=== ")[1:] {
			text, want, _ := strings.Cut(part, "\n-----\n")
			_, text, _ = strings.Cut(text, "\n")
			var v any
			if err := yaml.Unmarshal([]byte(text), &v); err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			v = nil
			if err := json.Unmarshal(raw, &v); err != nil {
				t.Fatal(err)
			}
			all = append(all, v)
			if strings.HasPrefix(want, "ok") && filepath.Base(file) != "custom.txt" {
				right = append(right, v)
			}
		}
	}
	return all, right
}

// schemasOf returns every schema of a model with all layers.
func schemasOf(t testing.TB) map[string]*schema {
	t.Helper()
	m, err := New(Options{AI: true})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*schema{"shape": m.shape, "envelope": m.envelope}
	for _, k := range m.kinds {
		out[k.def.Kind] = k.schema
		for name, s := range k.byType {
			out[k.def.Kind+"-"+name] = s
		}
	}
	return out
}

func TestAcceptor_AgreesWithTheValidator(t *testing.T) {
	t.Parallel()
	all, _ := entitiesOf(t)
	for name, s := range schemasOf(t) {
		for _, v := range all {
			if s.quick.accepts(v) && s.compiled.Validate(v) != nil {
				t.Errorf("%s: the acceptor takes what the validator refuses: %v", name, v)
			}
		}
	}
}

func TestAcceptor_TakesWhatIsRight(t *testing.T) {
	t.Parallel()
	_, right := entitiesOf(t)
	schemas := schemasOf(t)
	for _, v := range right {
		e := v.(map[string]any)
		kind := e["kind"].(string)
		spec, _ := e["spec"].(map[string]any)
		s := schemas[kind]
		if typ, ok := spec["type"].(string); ok && schemas[kind+"-"+typ] != nil {
			s = schemas[kind+"-"+typ]
		}
		if !schemas["envelope"].quick.accepts(v) || !s.quick.accepts(v) {
			t.Errorf("the acceptor leaves this to the validator: %v", v)
		}
	}
}

func TestAcceptor_KnowsItsLimits(t *testing.T) {
	t.Parallel()
	for text, tc := range map[string]struct{ yes, no []any }{
		`{}`:                               {[]any{nil, "x", 1.0}, []any{1, []string{}}},
		`true`:                             {[]any{nil}, nil},
		`false`:                            {nil, []any{nil}},
		`{"type": "integer"}`:              {[]any{1.0, -3.0}, []any{1.5, "1", 1}},
		`{"type": ["string", "null"]}`:     {[]any{"", nil}, []any{1.0}},
		`{"minLength": 2, "maxLength": 3}`: {[]any{"ab", "äöü", 5.0}, []any{"a", "ä", "abcd"}},
		`{"enum": ["a"]}`:                  {[]any{"a"}, []any{"b", 1.0}},
		`{"enum": ["a", 1]}`:               {nil, []any{"a", 1.0}},
		`{"pattern": "a"}`:                 {nil, []any{"a"}},
		`{"type": "strnig"}`:               {nil, []any{"a"}},
		`{"oneOf": [{"type": "string", "minLength": 1}, {"type": "array"}]}`: {[]any{"a", []any{}}, []any{"", 1.0}},
		`{"oneOf": [{"type": "string"}, {"minLength": 1}]}`:                  {nil, []any{"a", ""}},
		`{"oneOf": [{"type": "number"}, {"type": "integer"}]}`:               {nil, []any{1.0, 1.5}},
		`{"additionalProperties": {"type": "string"}}`:                       {[]any{map[string]any{"a": "b"}}, []any{map[string]any{"a": 1.0}}},
	} {
		var doc any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		a := newAcceptor(doc)
		for _, v := range tc.yes {
			if !a.accepts(v) {
				t.Errorf("%s does not take %v", text, v)
			}
		}
		for _, v := range tc.no {
			if a.accepts(v) {
				t.Errorf("%s takes %v", text, v)
			}
		}
	}
}

// FuzzAcceptor looks for a value that the acceptor takes and the validator
// refuses.
func FuzzAcceptor(f *testing.F) {
	all, _ := entitiesOf(f)
	for _, v := range all {
		raw, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	schemas := schemasOf(f)
	f.Fuzz(func(t *testing.T, text string) {
		var v any
		if json.Unmarshal([]byte(text), &v) != nil {
			t.Skip("not JSON")
		}
		for name, s := range schemas {
			if s.quick.accepts(v) {
				if err := s.compiled.Validate(v); err != nil {
					t.Errorf("%s takes %s, the validator says %v", name, text, err)
				}
			}
		}
	})
}
