package model_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
)

// testCase is one case of a file in testdata.
type testCase struct{ name, entity, want string }

func readCases(t *testing.T, file string) []testCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var out []testCase
	for _, part := range strings.Split(string(data), "\n=== ")[1:] {
		name, rest, _ := strings.Cut(part, "\n")
		entity, want, ok := strings.Cut(rest, "\n-----\n")
		if !ok {
			t.Fatalf("%s: case %q has no line of dashes", file, name)
		}
		out = append(out, testCase{name: name, entity: entity, want: strings.TrimSpace(want)})
	}
	return out
}

// entityOf reads YAML into JSON values.
func entityOf(t testing.TB, text string) catalog.Entity {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var e catalog.Entity
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func newModel(t testing.TB, opts model.Options) *model.Model {
	t.Helper()
	m, err := model.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// judge runs an entity through the model and tells the outcome in the language
// of the test files.
func judge(m *model.Model, e catalog.Entity) string {
	say := func(step string, err error) string {
		name := "Error"
		var named interface{ WireName() string }
		if errors.As(err, &named) {
			name = named.WireName()
		}
		return step + ": " + name + ": " + err.Error()
	}
	if err := m.CheckShape(e); err != nil {
		return say("shape", err)
	}
	m.Prepare(e)
	if err := m.CheckEnvelope(e); err != nil {
		return say("envelope", err)
	}
	claimed, err := m.CheckKind(e)
	if err != nil {
		return say("kind", err)
	}
	if !claimed {
		return say("unrecognized", m.Unrecognized(e))
	}
	m.Finish(e)
	if err := m.CheckRelations(e); err != nil {
		return say("relations", err)
	}
	return "ok"
}

func TestModel_Language(t *testing.T) {
	t.Parallel()
	custom := customKinds(t)
	for file, opts := range map[string]model.Options{
		"envelope.txt":  {},
		"kinds.txt":     {},
		"relations.txt": {},
		"ai.txt":        {AI: true},
		"custom.txt":    {Kinds: custom},
	} {
		m := newModel(t, opts)
		for _, tc := range readCases(t, file) {
			t.Run(file+"/"+tc.name, func(t *testing.T) {
				t.Parallel()
				e := entityOf(t, tc.entity)
				got := judge(m, e)
				if _, relations, wanted := strings.Cut(tc.want, "\n"); wanted && got == "ok" {
					for _, r := range m.Relations(e) {
						got += "\n" + r.Source + " " + r.Type + " " + r.Target
					}
					_ = relations
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
}

func customKinds(t *testing.T) []model.KindDefinition {
	t.Helper()
	files, err := filepath.Glob("testdata/kinds/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []model.KindDefinition
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		def, err := model.ParseKind(data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, def)
	}
	return out
}
