package yamlx_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// FuzzParse holds that no text makes the reader panic or outgrow its limits,
// and that what it reads survives the way through JSON and through YAML.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a: 1\n---\nb: [1, {c: d}]\n", "a: &x {p: 1}\nb: *x\n", "? [a]\n: b\n", "%YAML 1.1\n---\na: yes\n", "a: |\n  x\n...\n", "a: \"\\ud83d\\ude00\"",
		"- - a\n- \"x\n  y\"\n", "a: !!binary aGk=\n", "<<: {a: 1}\n", "a: {\n b}\n",
	} {
		f.Add([]byte(seed), false)
	}
	opts := yamlx.Options{File: "f", MaxBytes: 1 << 16, MaxDocuments: 50, MaxAliasExpansion: 1000, MaxDepth: 60}
	f.Fuzz(func(t *testing.T, data []byte, merge bool) {
		opts := opts
		opts.Merge = merge
		docs := yamlx.Parse(data, opts)
		if len(docs) > opts.MaxDocuments+1 {
			t.Fatalf("%d documents", len(docs))
		}
		for _, doc := range docs {
			if doc.Err != nil {
				if doc.Value != nil || doc.ErrorAt.Line < 1 {
					t.Fatalf("an error with a value or without a line: %+v", doc)
				}
				continue
			}
			asJSON, err := json.Marshal(doc.Value)
			if err != nil {
				t.Fatalf("not a JSON value: %v", err)
			}
			fromJSON := yamlx.Parse(asJSON, yamlx.Options{})
			if len(fromJSON) != 1 || fromJSON[0].Err != nil || !bytes.Equal(asJSON, []byte(encoded(t, fromJSON[0].Value))) {
				t.Fatalf("JSON %s reads as %+v", asJSON, fromJSON)
			}
			asYAML, err := yamlx.Marshal(doc.Value)
			if err != nil {
				t.Fatal(err)
			}
			fromYAML := yamlx.Parse(asYAML, yamlx.Options{})
			if len(fromYAML) != 1 || fromYAML[0].Err != nil || !bytes.Equal(asJSON, []byte(encoded(t, fromYAML[0].Value))) {
				t.Fatalf("%s is written as\n%s\nwhich reads as %+v", asJSON, asYAML, fromYAML)
			}
		}
	})
}
