package model_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
)

// TestGoldens_Relations takes the entities that a real Backstage served,
// derives their relations anew and compares with the relations in the answers:
// what an entity emits must be there, on it and on its target, and what is
// there must have been emitted by one of the two ends.
func TestGoldens_Relations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(shared(t), "oracle", "backstage", "golden", "sqlite", "catalog", "by-name", "*.json"))
	if err != nil || len(files) == 0 {
		t.Skipf("SKIP: the recorded answers were not found (%v)", err)
	}
	m := newModel(t, model.Options{Strict: true})
	served := map[string]map[catalog.Relation]bool{}
	emitted := map[catalog.Relation]bool{}
	for _, file := range files {
		e, ok := goldenEntity(t, file)
		if !ok {
			continue
		}
		ref := e.Ref().String()
		served[ref] = map[catalog.Relation]bool{}
		list, _ := e["relations"].([]any)
		for _, item := range list {
			r, _ := item.(map[string]any)
			typ, _ := r["type"].(string)
			target, _ := r["targetRef"].(string)
			served[ref][catalog.Relation{Source: ref, Type: typ, Target: target}] = true
		}
		delete(e, "relations")
		delete(e, "status")
		before := e.Clone()
		if err := refusal(m, e); err != nil {
			t.Errorf("%s was served, and refused here: %v", ref, err)
		}
		m.Finish(e)
		if diff := cmp.Diff(before, e); diff != "" {
			t.Errorf("%s was served in another form (-want +got)\n%s", ref, diff)
		}
		for _, r := range m.Relations(e) {
			emitted[r] = true
		}
	}
	count := 0
	for r := range emitted {
		if at, ok := served[r.Source]; ok && !at[r] {
			t.Errorf("emitted, but not served: %+v", r)
		}
	}
	for _, relations := range served {
		for r := range relations {
			count++
			// The other end may be an entity that was not recorded.
			if _, recorded := served[r.Target]; recorded && !emitted[r] {
				t.Errorf("served, but not emitted: %+v", r)
			}
		}
	}
	t.Logf("%d relations of %d recorded entities compared", count, len(served))
}

func goldenEntity(t *testing.T, file string) (catalog.Entity, bool) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Response struct {
			Status int             `json:"status"`
			Body   json.RawMessage `json:"body"`
		} `json:"response"`
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if golden.Response.Status != 200 {
		return nil, false
	}
	var e catalog.Entity
	if err := json.Unmarshal(golden.Response.Body, &e); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return e, true
}
