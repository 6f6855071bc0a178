package yamlx_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// differences are the texts that we read otherwise than npm on purpose.
var differences = map[string]string{
	"a: \x01":         "raw control characters are refused",
	"a: \"\x01\"":     "raw control characters are refused",
	"a: 1\rb: 2":      "a lone carriage return ends a line, as YAML says",
	"a: {\n\tb: 1\n}": "a tab may stand inside a flow collection, as YAML says",
	"a: !!merge <<":   "the tag of merge keys has no meaning for values",
}

func TestParse_ReadsWhatNpmYamlReads(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/npm/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Text      string
		Documents []struct{ JSON, Error string }
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, tc := range cases {
		if differences[tc.Text] != "" {
			continue
		}
		docs := yamlx.Parse([]byte(tc.Text), yamlx.Options{File: "f.yaml"})
		if len(docs) != len(tc.Documents) {
			t.Errorf("%q has %d documents, want %d", tc.Text, len(docs), len(tc.Documents))
			continue
		}
		for i, doc := range docs {
			want := tc.Documents[i]
			if (doc.Err != nil) != (want.Error != "") {
				t.Errorf("%q, document %d: error %v, npm says %q", tc.Text, i, doc.Err, want.Error)
				continue
			}
			if doc.Err == nil {
				if diff := cmp.Diff(canonical(t, want.JSON), encoded(t, doc.Value)); diff != "" {
					t.Errorf("%q, document %d (-npm +ours):\n%s", tc.Text, i, diff)
				}
			} else if doc.ErrorAt.Line == 0 || doc.ErrorAt.Column == 0 {
				t.Errorf("%q: the error %q has no line and column", tc.Text, doc.Err)
			}
		}
	}
}

func TestParse_AgreesWithTheSharedOracle(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(shared(t), "oracle", "yaml-cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var oracle struct {
		Cases []struct {
			T   string
			Out *string
			Err *string
		}
	}
	if err := json.Unmarshal(data, &oracle); err != nil {
		t.Fatal(err)
	}
	if len(oracle.Cases) == 0 {
		t.Fatal("the oracle holds no cases")
	}
	for _, tc := range oracle.Cases {
		values := []any{}
		var failed error
		for _, doc := range yamlx.Parse([]byte(tc.T), yamlx.Options{}) {
			values = append(values, doc.Value)
			if doc.Err != nil {
				failed = doc.Err
			}
		}
		if (failed != nil) != (tc.Err != nil) {
			t.Errorf("%q: error %v, want one: %v", tc.T, failed, tc.Err != nil)
			continue
		}
		if failed == nil {
			if diff := cmp.Diff(canonical(t, *tc.Out), encoded(t, values)); diff != "" {
				t.Errorf("%q (-npm +ours):\n%s", tc.T, diff)
			}
		}
	}
}

func TestParse_AgreesWithTheVerdictsOverTheCorpus(t *testing.T) {
	t.Parallel()
	corpus := filepath.Join(shared(t), "corpus", "portal")
	data, err := os.ReadFile(filepath.Join(corpus, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Files []struct {
			File, Kind, Parse string
			Documents         []struct{ I int }
		}
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, file := range manifest.Files {
		if file.Parse == "n/a" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(corpus, file.File))
		if err != nil {
			t.Errorf("read %s: %v", file.File, err)
			continue
		}
		read++
		ok := true
		docs := yamlx.Parse(text, yamlx.Options{File: file.File})
		for _, doc := range docs {
			if doc.Err != nil {
				ok = false
				if file.Parse == "ok" {
					t.Errorf("%v, want it to parse", doc.Err)
				}
			}
		}
		if ok && file.Parse != "ok" {
			t.Errorf("%s parses, want %s", file.File, file.Parse)
		}
		for _, want := range file.Documents {
			if want.I >= len(docs) {
				t.Errorf("%s has %d documents, want document %d", file.File, len(docs), want.I)
			}
		}
	}
	if read < 100 {
		t.Errorf("only %d files were read", read)
	}
}

// shared is the folder of real files and recorded answers beside the checkout.
func shared(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("STAGEDOOR_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	dir = filepath.Join(dir, "..", "shared")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIP: %s not found; set STAGEDOOR_SHARED", dir)
	}
	return dir
}

func canonical(t testing.TB, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return encoded(t, v)
}

func encoded(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
