package validate_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/catalog/internal/validate"
)

// manifest is what the real validators said about the public corpus.
type manifest struct {
	Files []struct {
		File      string `json:"file"`
		Kind      string `json:"kind"`
		Documents []struct {
			I       int    `json:"i"`
			Kind    string `json:"kind"`
			Valid   bool   `json:"valid"`
			WithAI  *bool  `json:"validWithAiModel"`
			Error   string `json:"error"`
			AIError string `json:"aiError"`
		} `json:"documents"`
	} `json:"files"`
}

func corpus(t *testing.T) (string, manifest) {
	t.Helper()
	dir := filepath.Join(shared(t), "corpus", "portal")
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Skipf("SKIP: the corpus manifest was not found: %v", err)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return dir, m
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
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("SKIP: go.mod not found above the test")
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(filepath.Dir(dir), "shared")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIP: the test input was not found: %v", err)
	}
	return dir
}

func newValidator(t testing.TB) *validate.Validator {
	t.Helper()
	plain, err := model.New(model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ai, err := model.New(model.Options{AI: true})
	if err != nil {
		t.Fatal(err)
	}
	return &validate.Validator{Model: plain, AI: ai}
}

func TestCorpus_EveryVerdictAgrees(t *testing.T) {
	t.Parallel()
	dir, m := corpus(t)
	v := newValidator(t)
	ai := &validate.Validator{Model: v.AI}
	files, documents, agreed, aiAgreed, aiTotal, messages := 0, 0, 0, 0, 0, 0
	for _, f := range m.Files {
		if f.Kind != "entity" && f.Kind != "template" {
			continue
		}
		files++
		path := filepath.Join(dir, f.File)
		got := verdicts(t, v, path)
		withAI := verdicts(t, ai, path)
		if len(got) != len(f.Documents) {
			t.Errorf("%s: %d verdicts for %d documents", f.File, len(got), len(f.Documents))
		}
		for _, d := range f.Documents {
			documents++
			r, ok := got[d.I]
			switch {
			case !ok:
				t.Errorf("%s document %d: no verdict", f.File, d.I)
				continue
			case r.OK != d.Valid:
				t.Errorf("%s document %d (%s): ok %t, want %t: %s", f.File, d.I, d.Kind, r.OK, d.Valid, r.Error)
				continue
			}
			agreed++
			if d.Error != "" {
				messages++
				if !strings.HasPrefix(r.Error, d.Error) {
					t.Errorf("%s document %d: error %q, want %q", f.File, d.I, r.Error, d.Error)
				}
			}
			if d.WithAI == nil {
				continue
			}
			aiTotal++
			if x := withAI[d.I]; x.OK != *d.WithAI || x.Error != d.AIError {
				t.Errorf("%s document %d: with the layer for agents ok %t, want %t: %s", f.File, d.I, x.OK, *d.WithAI, x.Error)
				continue
			}
			if (r.Hint != "") != *d.WithAI {
				t.Errorf("%s document %d: hint %q, although the layer for agents says %t", f.File, d.I, r.Hint, *d.WithAI)
			}
			aiAgreed++
		}
	}
	t.Logf("%d of %d verdicts in %d files agree, %d messages compared; %d of %d with the layer for agents",
		agreed, documents, files, messages, aiAgreed, aiTotal)
}

func verdicts(t *testing.T, v *validate.Validator, path string) map[int]validate.Result {
	t.Helper()
	out := map[int]validate.Result{}
	_, err := v.Paths(t.Context(), []string{path}, func(r validate.Result) error {
		out[r.Document] = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCorpus_AWalkFindsTheEntitiesAndNothingElse(t *testing.T) {
	t.Parallel()
	dir, m := corpus(t)
	want, found := map[string]bool{}, map[string]bool{}
	for _, f := range m.Files {
		for _, d := range f.Documents {
			want[fmt.Sprintf("%s#%d", f.File, d.I)] = d.Valid
		}
	}
	sum, err := newValidator(t).Paths(t.Context(), []string{dir}, func(r validate.Result) error {
		rel, err := filepath.Rel(dir, r.File)
		if err != nil {
			return err
		}
		at := fmt.Sprintf("%s#%d", filepath.ToSlash(rel), r.Document)
		found[at] = true
		if ok, listed := want[at]; !listed || ok != r.OK {
			t.Errorf("%s: ok %t, want %t (listed: %t): %s", at, r.OK, ok, listed, r.Error)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for at := range want {
		if !found[at] {
			t.Errorf("%s was not found", at)
		}
	}
	t.Logf("%+v", sum)
}
