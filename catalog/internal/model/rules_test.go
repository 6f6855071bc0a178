package model_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/internal/fault"
)

func TestNew_RefusesWrongDefinitions(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, want string }{
		"a kind with a blank":         {"kind: My Kind\napiVersions: [a/v1]", "kind must start with a letter"},
		"no apiVersions":              {"kind: Mine", "apiVersions must list"},
		"a wrong apiVersion":          {"kind: Mine\napiVersions: [A_b/v1]", `apiVersions has "A_b/v1"`},
		"a schema that is none":       {"kind: Mine\napiVersions: [a/v1]\nspec: {type: strnig}", "schema of Mine"},
		"a pattern that is none":      {"kind: Mine\napiVersions: [a/v1]\nspec: {properties: {x: {pattern: '('}}}", "schema of Mine"},
		"a reference elsewhere":       {"kind: Mine\napiVersions: [a/v1]\nspec: {$ref: 'https://example.com/x.json'}", "not supported"},
		"a type without a spec":       {"kind: Mine\napiVersions: [a/v1]\ntypes: [{type: x, spec: null}]", "every item of types"},
		"a type twice":                {"kind: Mine\napiVersions: [a/v1]\ntypes: [{type: x, spec: {}}, {type: x, spec: {}}]", "every item of types"},
		"a relation of the kind":      {"kind: Mine\napiVersions: [a/v1]\nrelations: [{path: kind, type: a, reverse: b}]", "must be a dotted path"},
		"a relation without its name": {"kind: Mine\napiVersions: [a/v1]\nrelations: [{path: spec.a, type: a b, reverse: b}]", "is not a relation type"},
		"an unknown layer":            {"kind: Mine\napiVersions: [a/v1]\nlayer: hot", `layer "hot" is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			def, err := model.ParseKind([]byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			_, err = model.New(model.Options{Kinds: []model.KindDefinition{def}})
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an invalid error with %q", err, tc.want)
			}
		})
	}
}

func TestParseKind_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"an unknown key": "kind: Mine\napiVersion: a/v1", "a wrong type": "kind: [a]", "no YAML": "kind: [", "nothing": "",
	} {
		if _, err := model.ParseKind([]byte(text)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want code invalid", name, err)
		}
	}
	if _, err := model.KindFromValue(map[string]any{"kind": "Mine", "nope": 1.0}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown key in a value: got %v, want code invalid", err)
	}
}

func TestNew_ACustomKindReplacesABuiltInOneInItsPlace(t *testing.T) {
	t.Parallel()
	def, err := model.KindFromValue(map[string]any{
		"kind": "Component", "apiVersions": []any{"backstage.io/v1alpha1"}, "description": "ours",
	})
	if err != nil {
		t.Fatal(err)
	}
	m := newModel(t, model.Options{Kinds: []model.KindDefinition{def}})
	kinds := m.Kinds()
	if kinds[0].Kind != "Component" || !kinds[0].Custom || kinds[0].Plural != "components" || len(kinds) != 9 {
		t.Errorf("got %+v", kinds[0])
	}
	e := entityOf(t, "{apiVersion: backstage.io/v1alpha1, kind: Component, metadata: {name: x}}")
	if claimed, err := m.CheckKind(e); !claimed || err != nil {
		t.Errorf("claimed %t, %v", claimed, err)
	}
	if _, err := model.New(model.Options{Kinds: []model.KindDefinition{def, def}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("the same kind twice: %v", err)
	}
}

func TestKinds_DescribesRelationsInWords(t *testing.T) {
	t.Parallel()
	kinds := newModel(t, model.Options{AI: true}).Kinds()
	var names []string
	for _, k := range kinds {
		names = append(names, k.Plural)
	}
	want := "components apis resources systems domains groups users locations templates airesources"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if r := kinds[0].Relations[0]; r.Label != "owned by" || r.ReverseLabel != "owner of" || r.DefaultKind != "Group" {
		t.Errorf("got %+v", r)
	}
}

func TestFingerprint_ChangesWithTheKinds(t *testing.T) {
	t.Parallel()
	plain, again := newModel(t, model.Options{}).Fingerprint(), newModel(t, model.Options{}).Fingerprint()
	custom := newModel(t, model.Options{Kinds: customKinds(t)}).Fingerprint()
	agents := newModel(t, model.Options{AI: true}).Fingerprint()
	if plain != again {
		t.Error("the same kinds give different fingerprints")
	}
	if plain == custom || plain == agents || custom == agents {
		t.Error("different kinds give the same fingerprint")
	}
}

func TestCheckKind_PassesOverWhatIsUnknown(t *testing.T) {
	t.Parallel()
	m := newModel(t, model.Options{})
	e := entityOf(t, `
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: x}
spec: {type: {}, lifecycle: production, owner: team-a, dependsOn: [{}]}`)
	if _, err := m.CheckKind(e); err == nil {
		t.Error("the entity passed although nothing is unknown")
	}
	if _, err := m.CheckKind(e, []string{"spec", "type"}, []string{"spec", "dependsOn", "0"}); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestStrict_DoesNotCheckAllowedKinds(t *testing.T) {
	t.Parallel()
	e := entityOf(t, "{apiVersion: example.com/v1, kind: Cluster, metadata: {name: x}, spec: {owner: 'component:x', region: eu-west-1}}")
	if err := newModel(t, model.Options{Kinds: customKinds(t), Strict: true}).CheckRelations(e); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestFinish_SortsReferencesAndNothingElse(t *testing.T) {
	t.Parallel()
	m := newModel(t, model.Options{})
	e := entityOf(t, `
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: x, tags: [b, a]}
spec: {type: s, lifecycle: p, owner: o, dependsOn: ['component:b', 'component:B', 'component:a'], other: [b, a]}`)
	m.Finish(e)
	want := `{"metadata":{"name":"x","tags":["b","a"]},"apiVersion":"backstage.io/v1alpha1","kind":"Component",` +
		`"spec":{"dependsOn":["component:B","component:a","component:b"],"lifecycle":"p","other":["b","a"],"owner":"o","type":"s"}}`
	if diff := cmp.Diff(want, string(model.AppendEntity(nil, e))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRelations_OfManyReferencesHaveNoDoubles(t *testing.T) {
	t.Parallel()
	m := newModel(t, model.Options{})
	var members []any
	for i := range 500 {
		members = append(members, "u"+string(rune('a'+i%26)))
	}
	e := catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": map[string]any{"name": "g"},
		"spec": map[string]any{"type": "team", "children": []any{}, "members": members},
	}
	if got := len(m.Relations(e)); got != 52 {
		t.Errorf("got %d relations, want 52", got)
	}
}

// TestGoldens_ValidateEntity compares with what a real Backstage answered.
func TestGoldens_ValidateEntity(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(shared(t), "oracle", "backstage", "golden", "sqlite", "catalog", "validate-*.json"))
	if err != nil || len(files) == 0 {
		t.Skipf("SKIP: the recorded answers were not found (%v)", err)
	}
	m := newModel(t, model.Options{Strict: true})
	compared := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var golden struct {
			Request struct {
				Body struct {
					Entity   any    `json:"entity"`
					Location string `json:"location"`
				} `json:"body"`
			} `json:"request"`
			Response struct {
				Status int `json:"status"`
				Body   any `json:"body"`
			} `json:"response"`
		}
		if err := json.Unmarshal(data, &golden); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		root, ok := golden.Request.Body.Entity.(map[string]any)
		if !ok || !strings.HasPrefix(golden.Request.Body.Location, "url:") {
			continue
		}
		compared++
		var want, got any
		if golden.Response.Status != 200 {
			want = golden.Response.Body
		}
		if err := refusal(m, root); err != nil {
			got = map[string]any{"errors": []any{wire(t, err)}}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", filepath.Base(file), diff)
		}
	}
	t.Logf("%d recorded answers compared", compared)
}

// refusal is the first error that an entity meets on its way in.
func refusal(m *model.Model, e catalog.Entity) error {
	if err := m.CheckShape(e); err != nil {
		return err
	}
	m.Prepare(e)
	if err := m.CheckEnvelope(e); err != nil {
		return err
	}
	claimed, err := m.CheckKind(e)
	if err != nil {
		return err
	}
	if !claimed {
		return m.Unrecognized(e)
	}
	return m.CheckRelations(e)
}

func wire(t *testing.T, err error) map[string]any {
	t.Helper()
	var e *model.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is not an *Error", err)
	}
	out := map[string]any{"name": e.WireName(), "message": e.Error()}
	if cause := e.WireCause(); cause != nil {
		out["cause"] = cause
	}
	return out
}

// shared finds the folder of test input beside the checkout.
func shared(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("STAGEDOOR_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared")
		}
		if dir == filepath.Dir(dir) {
			t.Skip("SKIP: go.mod not found above the test")
		}
		dir = filepath.Dir(dir)
	}
}
