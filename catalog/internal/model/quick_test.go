package model

import (
	"encoding/json"
	"testing"

	"github.com/stagedoor/stagedoor/catalog"
)

// TestPlainEnvelope_NeverContradictsTheSchema puts all sorts of values into
// all fields: what is plain must pass the schemas.
func TestPlainEnvelope_NeverContradictsTheSchema(t *testing.T) {
	t.Parallel()
	m, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	values := []string{
		`null`, `""`, `"x"`, `5`, `true`, `[]`, `{}`, `["a"]`, `[""]`, `[5]`, `[null]`, `{"a":"b"}`, `{"a":5}`, `{"a":null}`, `{"a":""}`,
		`[{"url":"u"}]`, `[{"url":""}]`, `[{"title":"t"}]`, `[{"url":"u","title":""}]`, `[{"url":"u","icon":5}]`, `[{"url":"u","type":"t","x":1}]`,
	}
	plain, other := 0, 0
	check := func(e catalog.Entity) {
		text, _ := json.Marshal(e)
		for name, tc := range map[string]struct {
			plain bool
			s     *schema
		}{"shape": {plainShape(e), m.shape}, "entity": {plainEnvelope(e), m.envelope}} {
			if !tc.plain {
				other++
				continue
			}
			plain++
			if v := tc.s.first(map[string]any(e)); v != nil {
				t.Errorf("%s: %s is plain, but %s", name, text, v.text())
			}
		}
	}
	for _, field := range []string{"name", "namespace", "title", "description", "uid", "etag", "labels", "annotations", "tags", "links", "other"} {
		for _, value := range values {
			check(entityWith(t, `{"apiVersion":"a/b","kind":"K","metadata":{"name":"n","`+field+`":`+value+`},"spec":{}}`))
		}
	}
	for _, field := range []string{"apiVersion", "kind", "metadata", "spec", "relations", "status", "other"} {
		for _, value := range values {
			check(entityWith(t, `{"apiVersion":"a/b","kind":"K","metadata":{"name":"n"},"`+field+`":`+value+`}`))
		}
	}
	check(catalog.Entity{})
	if plain < 50 || other < 50 {
		t.Errorf("%d plain, %d other: the test tests nothing", plain, other)
	}
}

func entityWith(t *testing.T, text string) catalog.Entity {
	t.Helper()
	var e catalog.Entity
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	return e
}
