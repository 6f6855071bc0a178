package validate_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/catalog/internal/validate"
	"github.com/stagedoor/stagedoor/internal/fault"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", name, diff)
	}
}

func TestPaths_TellsEveryDocumentOfATree(t *testing.T) {
	t.Parallel()
	var lines, text strings.Builder
	sum, err := newValidator(t).Paths(t.Context(), []string{filepath.Join("testdata", "tree")}, func(r validate.Result) error {
		r.File = filepath.ToSlash(r.File)
		if err := validate.WriteJSON(&lines, r); err != nil {
			return err
		}
		return validate.WriteText(&text, r, true)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.WriteSummary(&text, sum); err != nil {
		t.Fatal(err)
	}
	golden(t, "tree.jsonl", lines.String())
	golden(t, "tree.txt", text.String())
}

func TestPaths_OfAFileThatIsNamedEveryDocumentCounts(t *testing.T) {
	t.Parallel()
	var got []validate.Result
	_, err := newValidator(t).Paths(t.Context(), []string{filepath.Join("testdata", "tree", "chart", "deployment.yaml")},
		func(r validate.Result) error { got = append(got, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].OK || got[0].Ref != "deployment:default/not-ours" {
		t.Errorf("got %+v", got)
	}
}

func TestPaths_AMissingPathIsAnError(t *testing.T) {
	t.Parallel()
	_, err := newValidator(t).Paths(t.Context(), []string{filepath.Join("testdata", "nowhere")},
		func(validate.Result) error { return nil })
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want code not_found", err)
	}
}

func TestDocuments_AnEmptyFileHasNoVerdict(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "a comment": "# nothing\n", "empty documents": "---\n---\n"} {
		if got := newValidator(t).Documents("x.yaml", []byte(text)); len(got) != 0 {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestRun_WritesForPeopleAndForMachines(t *testing.T) {
	t.Parallel()
	paths := []string{filepath.Join("testdata", "tree", "apis.yml")}
	for name, tc := range map[string]struct {
		opts validate.Options
		want string
	}{
		"people":             {validate.Options{}, "5 documents in 1 files, 2 refused, 1 warnings\n"},
		"machines":           {validate.Options{JSON: true}, `"ok":true`},
		"with the layer too": {validate.Options{Model: model.Options{AI: true}}, "5 documents in 1 files, 2 refused, 1 warnings\n"},
	} {
		var out strings.Builder
		sum, err := validate.Run(t.Context(), &out, tc.opts, paths)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if sum.Failed != 2 || !strings.Contains(out.String(), tc.want) {
			t.Errorf("%s: %+v\n%s", name, sum, out.String())
		}
		if _, err := validate.Run(t.Context(), &out, tc.opts, []string{"nowhere"}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: a missing path gives %v", name, err)
		}
	}
	_, err := validate.Run(t.Context(), &strings.Builder{}, validate.Options{Model: model.Options{Kinds: []model.KindDefinition{{}}}}, paths)
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("a wrong kind gives %v", err)
	}
}
