package index

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
)

func record(ref, uid, js string, rel ...catalog.Relation) Record {
	return Record{Ref: ref, UID: uid, JSON: []byte(js), Relations: rel}
}

func loaded(t testing.TB, strict bool, recs ...Record) *Index {
	t.Helper()
	x := New(Options{Strict: strict})
	err := x.Load(func(yield func(Record) bool) error {
		for _, r := range recs {
			if !yield(r) {
				break
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func both(typ, reverse, source, target string) []catalog.Relation {
	return []catalog.Relation{{Source: source, Type: typ, Target: target}, {Source: target, Type: reverse, Target: source}}
}

func TestAppendJSON(t *testing.T) {
	t.Parallel()
	pay := record("component:default/pay", "u-1",
		`{"metadata":{"namespace":"default","name":"Pay","title":"Päy \"x\""},"apiVersion":"v1","kind":"Component","spec":{"owner":"a"}}`,
		both("ownedBy", "ownerOf", "component:default/pay", "group:default/a")...)
	own := record("group:default/a", "u-2", `{"metadata":{"name":"a","etag":"mine"},"kind":"Group","spec":{}}`)
	lost := record("component:default/lost", "u-3", `{"metadata":{"name":"lost","uid":"theirs","annotations":{"x":"y"}},"kind":"Component"}`)
	lost.Orphan = true
	lost.Status = []catalog.StatusItem{{Type: "t", Level: "error", Message: "m"}}
	s := loaded(t, false, pay, own, lost).Snapshot()

	tests := []struct{ name, ref, want string }{
		{
			"uid and etag stand last in the metadata, relations last", "Component:default/PAY",
			`{"metadata":{"namespace":"default","name":"Pay","title":"Päy \"x\"","uid":"u-1","etag":"ETAG"},"apiVersion":"v1","kind":"Component","spec":{"owner":"a"},"relations":[{"type":"ownedBy","targetRef":"group:default/a"}]}`,
		},
		{
			"an author's etag stays", "group:default/a",
			`{"metadata":{"name":"a","uid":"u-2","etag":"mine"},"kind":"Group","spec":{},"relations":[{"type":"ownerOf","targetRef":"component:default/pay"}]}`,
		},
		{
			"an orphan says so, an author's uid is replaced", "component:default/lost",
			`{"metadata":{"name":"lost","annotations":{"x":"y","backstage.io/orphan":"true"},"uid":"u-3","etag":"ETAG"},"kind":"Component","relations":[],"status":{"items":[{"type":"t","level":"error","message":"m"}]}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			id, ok := s.Lookup(tt.ref)
			if !ok {
				t.Fatalf("no %s", tt.ref)
			}
			want := replaceOnce(tt.want, "ETAG", s.Etag(id))
			got := string(s.AppendJSON(nil, id))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if !json.Valid([]byte(got)) {
				t.Errorf("not JSON: %s", got)
			}
		})
	}
}

func replaceOnce(s, old, with string) string {
	for i := 0; i+len(old) <= len(s); i++ {
		if s[i:i+len(old)] == old {
			return s[:i] + with + s[i+len(old):]
		}
	}
	return s
}

func TestProject(t *testing.T) {
	t.Parallel()
	s := loaded(t, false, record("component:default/web", "u-1",
		`{"metadata":{"namespace":"default","annotations":{"example.com/project":"shop","a":{"b":1}},"name":"web","links":[{"url":"x"}]},"apiVersion":"v1","kind":"Component","spec":{"type":"t","n":null}}`,
		both("ownedBy", "ownerOf", "component:default/web", "group:default/a")...)).Snapshot()
	id, _ := s.Lookup("component:default/web")
	etag := s.Etag(id)
	tests := []struct {
		name   string
		fields []string
		want   string
	}{
		{"fields come in the order asked for and share their parents", []string{"kind", "metadata.namespace", "metadata.name"}, `{"kind":"Component","metadata":{"namespace":"default","name":"web"}}`},
		{"a dotted annotation is found", []string{"metadata.annotations.example.com/project"}, `{"metadata":{"annotations":{"example.com/project":"shop"}}}`},
		{"arrays are whole", []string{"metadata.links"}, `{"metadata":{"links":[{"url":"x"}]}}`},
		{"nothing is found within arrays", []string{"metadata.links.url"}, `{}`},
		{"case matters", []string{"Metadata.Name"}, `{}`},
		{"relations", []string{"relations"}, `{"relations":[{"type":"ownedBy","targetRef":"group:default/a"}]}`},
		{"uid and etag", []string{"metadata.uid", "metadata.etag"}, `{"metadata":{"uid":"u-1","etag":"` + etag + `"}}`},
		{"null is a value, a missing status is not", []string{"spec.n", "status"}, `{"spec":{"n":null}}`},
		{"the whole metadata", []string{"metadata.name", "metadata"}, `{"metadata":{"namespace":"default","annotations":{"example.com/project":"shop","a":{"b":1}},"name":"web","links":[{"url":"x"}],"uid":"u-1","etag":"` + etag + `"}}`},
		{"a part of what is there whole", []string{"spec", "spec.type"}, `{"spec":{"type":"t","n":null}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, string(s.Project(nil, id, tt.fields))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
