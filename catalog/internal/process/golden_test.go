package process_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// fixtureURL is where the recorded server read its remote fixtures.
const fixtureURL = "http://localhost:7799/"

// recorded is a recorded call with its answer.
type recorded struct {
	Request struct {
		Path string `json:"path"`
		Body struct {
			Entity   catalog.Entity  `json:"entity"`
			Location json.RawMessage `json:"location"`
			Type     string          `json:"type"`
			Target   string          `json:"target"`
		} `json:"body"`
	} `json:"request"`
	Response struct {
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body"`
	} `json:"response"`
}

// goldens reads the recorded calls whose file matches.
func goldens(t *testing.T, pattern string) map[string]recorded {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(shared(t), "oracle", "backstage", "golden", "sqlite", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens %s: %v", pattern, err)
	}
	out := map[string]recorded{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r recorded
		if err := json.Unmarshal(data, &r); err != nil {
			// A body that is no object has no meaning here.
			continue
		}
		out[strings.TrimSuffix(filepath.Base(file), ".json")] = r
	}
	return out
}

func fixtureReader(t *testing.T) *world {
	return &world{
		base: fixtureURL, dir: filepath.Join(shared(t), "oracle", "backstage", "catalog"),
		fail: map[string]error{
			"http://localhost:7798/x.yaml": fault.New(fault.Forbidden, "Reading from 'http://localhost:7798/x.yaml' is not allowed. You may need to configure an integration for the target host, or add it to the configured list of allowed hosts at 'backend.reading.allow'"),
		},
	}
}

func strictPipeline(t *testing.T) *process.Pipeline {
	t.Helper()
	return newPipeline(t, process.Deps{Strict: true, Rules: allowAll(t), Reader: fixtureReader(t)})
}

func TestValidateEntity_AnswersAsRecorded(t *testing.T) {
	t.Parallel()
	p := strictPipeline(t)
	for name, call := range goldens(t, "catalog/validate-*.json") {
		var body struct {
			Error  json.RawMessage     `json:"error"`
			Errors []process.WireError `json:"errors"`
		}
		if call.Response.Status == 400 {
			if err := json.Unmarshal(call.Response.Body, &body); err != nil {
				t.Fatal(err)
			}
			if body.Error != nil {
				continue // refused before it comes here
			}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ref string
			if err := json.Unmarshal(call.Request.Body.Location, &ref); err != nil {
				t.Fatal(err)
			}
			at, err := process.ParseLocation(ref)
			var got []process.WireError
			if err != nil {
				got = []process.WireError{{Name: wireName(err), Message: err.Error()}}
			} else {
				got = p.ValidateEntity(t.Context(), call.Request.Body.Entity, at)
			}
			if diff := cmp.Diff(body.Errors, got); diff != "" {
				t.Errorf("errors (-recorded +got):\n%s", diff)
			}
		})
	}
}

func wireName(err error) string {
	var n interface{ WireName() string }
	if errors.As(err, &n) {
		return n.WireName()
	}
	return ""
}

func TestAnalyze_AnswersAsRecorded(t *testing.T) {
	t.Parallel()
	p := strictPipeline(t)
	for _, name := range []string{"gitlab", "plain-file", "not-url"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := goldens(t, "catalog/analyze-"+name+".json")["analyze-"+name]
			var at catalog.Location
			if err := json.Unmarshal(call.Request.Body.Location, &at); err != nil {
				t.Fatal(err)
			}
			got, err := p.Analyze(t.Context(), at.Target, "")
			if call.Response.Status != 200 {
				if !fault.Is(err, fault.Invalid) || !strings.Contains(string(call.Response.Body), err.Error()) {
					t.Errorf("error %v, recorded %s", err, call.Response.Body)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, call.Response.Body, got)
		})
	}
}

func sameJSON(t *testing.T, want json.RawMessage, got any) {
	t.Helper()
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal(want, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("(-recorded +got):\n%s", diff)
	}
}

func TestDryRun_AnswersAsRecorded(t *testing.T) {
	t.Parallel()
	p := strictPipeline(t)
	for name, call := range goldens(t, "locations/dry-run-*.json") {
		at := catalog.Location{Type: call.Request.Body.Type, Target: call.Request.Body.Target}
		if at.Type != "url" {
			continue // refused before it comes here
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entities, problems, err := p.DryRun(t.Context(), at)
			var body struct {
				Error struct {
					Message string `json:"message"`
				} `json:"error"`
				Entities json.RawMessage `json:"entities"`
			}
			if err := json.Unmarshal(call.Response.Body, &body); err != nil {
				t.Fatal(err)
			}
			if call.Response.Status != 201 {
				if err == nil || err.Error() != body.Error.Message {
					t.Errorf("error %q, recorded %q", err, body.Error.Message)
				}
				return
			}
			if err != nil || problems != nil {
				t.Fatal(err, problems)
			}
			sameJSON(t, body.Entities, entities)
		})
	}
}

func TestProcess_StatusOfAnInvalidEntityIsAsRecorded(t *testing.T) {
	t.Parallel()
	call := goldens(t, "lifecycle/b-invalid.json")["b-invalid"]
	var want struct {
		Status struct {
			Items []catalog.StatusItem `json:"items"`
		} `json:"status"`
	}
	if err := json.Unmarshal(call.Response.Body, &want); err != nil {
		t.Fatal(err)
	}
	p := strictPipeline(t)
	entity := catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": "Component",
		"metadata": map[string]any{"name": "mutable-b", "annotations": map[string]any{
			catalog.AnnotationManagedByLocation: "url:http://x/y.yaml", catalog.AnnotationManagedByOriginLocation: "url:http://x/y.yaml",
		}},
		"spec": map[string]any{"type": "service", "lifecycle": "production"},
	}
	got := p.Process(t.Context(), process.Input{Entity: entity, LocationKey: "url:http://x/y.yaml"}, nil)
	if got.OK {
		t.Error("an invalid entity was accepted")
	}
	if diff := cmp.Diff(want.Status.Items, got.Problems); diff != "" {
		t.Errorf("status (-recorded +got):\n%s", diff)
	}
}

// goldenLocations are the locations of the recorded server's configuration.
func goldenLocations(t *testing.T) ([]catalog.Location, process.Rules) {
	t.Helper()
	dir := filepath.Join(shared(t), "oracle", "backstage", "catalog")
	kinds := func(names ...string) []process.Rule {
		rule := process.Rule{}
		for _, name := range names {
			rule.Allow = append(rule.Allow, process.AllowedKind{Kind: name})
		}
		return []process.Rule{rule}
	}
	var all []catalog.Location
	special := map[catalog.Location][]process.Rule{}
	add := func(name string, rules []process.Rule) {
		at := fileAt(filepath.Join(dir, filepath.FromSlash(name)))
		all = append(all, at)
		if rules != nil {
			special[at] = rules
		}
	}
	add("examples/entities.yaml", nil)
	add("examples/template/template.yaml", kinds("Template"))
	add("examples/org.yaml", kinds("User", "Group"))
	add("fixtures/all.yaml", kinds("Component", "System", "API", "Resource", "Location", "Domain", "User", "Group", "Template"))
	for _, name := range []string{"forbidden-kinds", "poison-no-metadata", "poison-missing-target", "poison-broken-yaml", "empty-documents"} {
		add("fixtures/"+name+".yaml", nil)
	}
	add("fixtures/unknown-kind.yaml", kinds("Spaceship", "Component"))
	add("fixtures/same-name-elsewhere.yaml", nil)
	add("fixtures/glob/*.yaml", nil)
	add("fixtures/does-not-exist.yaml", nil)
	all = append(all, urlAt(fixtureURL+"remote/catalog-info.yaml"), urlAt(fixtureURL+"remote/missing.yaml"))
	rules, err := process.NewRules(kinds("Component", "System", "API", "Resource", "Location"), special)
	if err != nil {
		t.Fatal(err)
	}
	return all, rules
}

func TestProcess_StrictModeGivesTheRecordedEntities(t *testing.T) {
	t.Parallel()
	locations, rules := goldenLocations(t)
	got := ingest(t, newPipeline(t, process.Deps{Strict: true, Rules: rules, Reader: fixtureReader(t)}), locations...)
	relations := map[string][]any{}
	for _, ref := range got.order {
		for _, rel := range got.results[ref].Relations {
			relations[rel.Source] = append(relations[rel.Source], map[string]any{"type": rel.Type, "targetRef": rel.Target})
		}
	}
	peer := filepath.Join(shared(t), "oracle", "backstage")
	checked := 0
	for name, call := range goldens(t, "catalog/by-name/*.json") {
		t.Run(name, func(t *testing.T) {
			parts := strings.Split(call.Request.Path, "/")
			ref := strings.ToLower(parts[len(parts)-3] + ":" + parts[len(parts)-2] + "/" + parts[len(parts)-1])
			entity, ok := got.entities[ref]
			if call.Response.Status == 404 {
				if ok {
					t.Errorf("%s is there, but was not recorded", ref)
				}
				return
			}
			if !ok {
				t.Fatalf("%s is missing: %v", ref, got.problems[ref])
			}
			checked++
			var want map[string]any
			if err := json.Unmarshal([]byte(strings.ReplaceAll(string(call.Response.Body), "<PEER_DIR>", peer)), &want); err != nil {
				t.Fatal(err)
			}
			meta, _ := want["metadata"].(map[string]any)
			delete(meta, "uid")
			delete(meta, "etag")
			have := map[string]any(entity.Clone())
			delete(have["metadata"].(map[string]any), "uid")
			delete(have["metadata"].(map[string]any), "etag")
			have["relations"] = sortRelations(relations[ref])
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("(-recorded +got):\n%s", diff)
			}
		})
	}
	if checked < 20 {
		t.Errorf("only %d entities were compared", checked)
	}
}

func sortRelations(in []any) []any {
	key := func(v any) string {
		m, _ := v.(map[string]any)
		return m["type"].(string) + "\x00" + m["targetRef"].(string)
	}
	out := slices.Clone(in)
	slices.SortFunc(out, func(a, b any) int { return strings.Compare(key(a), key(b)) })
	out = slices.CompactFunc(out, func(a, b any) bool { return key(a) == key(b) })
	if out == nil {
		out = []any{}
	}
	return out
}
