package index

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"strings"
	"testing"
)

// FuzzPrepare feeds any bytes in: nothing may panic, and of what is JSON the
// wire form is JSON too, and can be read a second time.
func FuzzPrepare(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"metadata":{}}`, `{"metadata":null}`, `{"metadata":{"etag":"x"},"kind":"A"}`,
		`{"metadata":{"etag":"x","name":"n"},"relations":[1],"status":{}}`, `{"kind":"A","metadata":{"uid":"u","name":"a\"\\\u00e4\ud83d\ude00"}}`,
		" {\n\"metadata\" : { \"name\" : \"a\" , \"annotations\" : { \"x\" : \"y\" } } , \"spec\" : [ 1 , [ null , true ] ] } ",
		`{"metadata":{"name":"a","tags":["x",{"y":[1.5e3]}],"annotations":[]}}`, `{"metadata":{"name":`, `{"a"`, `[]`, `{"\u12"`,
		`{"metadata":{"name":"` + strings.Repeat("é", 300) + `"}}`,
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	seed := maphash.MakeSeed()
	f.Fuzz(func(t *testing.T, in []byte, orphan bool) {
		r := Record{Ref: "a:b/c", UID: "uid", JSON: in, Orphan: orphan}
		fl := &flattener{seed: seed}
		p := prepare(&r, 0, fl)
		var e map[string]any
		if json.Unmarshal(in, &e) != nil || e == nil {
			return
		}
		if p.err != nil {
			t.Fatalf("%s: %v", in, p.err)
		}
		x := New(Options{})
		x.Apply([]Update{{Ref: r.Ref, Record: &r}})
		s := x.Snapshot()
		id, ok := s.Lookup(r.Ref)
		if !ok {
			t.Fatalf("%s is not there", in)
		}
		out := s.AppendJSON(nil, id)
		var back map[string]any
		if err := json.Unmarshal(out, &back); err != nil {
			t.Fatalf("%s became %s: %v", in, out, err)
		}
		meta, _ := back["metadata"].(map[string]any)
		if relations, ok := back["relations"].([]any); plainNames(in) && (meta["uid"] != "uid" || !ok || len(relations) > 0) {
			t.Fatalf("%s became %s", in, out)
		}
		for _, field := range []string{"metadata", "metadata.uid", "spec", "metadata.etag", "relations"} {
			if got := s.Project(nil, id, []string{field}); !json.Valid(got) {
				t.Fatalf("%s of %s is %s", field, in, got)
			}
		}
	})
}

// plainNames reports whether no name at the top occurs twice or is written
// with escapes, neither of which the catalog's own JSON does.
func plainNames(in []byte) bool {
	seen, plain := map[string]bool{}, true
	eachMember(in, func(name, _ []byte, _, _ int) bool {
		plain = plain && !seen[string(name)] && !bytes.Contains(name, []byte{'\\'})
		seen[string(name)] = true
		return true
	})
	return plain
}
