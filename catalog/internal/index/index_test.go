package index

import (
	"encoding/json"
	"errors"
	"log/slog"
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

func component(name string, relations ...catalog.Relation) Record {
	return record("component:default/"+name, "uid-"+name,
		`{"metadata":{"name":"`+name+`","namespace":"default"},"apiVersion":"v1","kind":"Component","spec":{}}`, relations...)
}

func TestApplyTellsOfNeighbours(t *testing.T) {
	t.Parallel()
	a, b := component("a"), component("b")
	x := loaded(t, false, a, b)
	etag := func(ref string) string {
		s := x.Snapshot()
		id, _ := s.Lookup(ref)
		return s.Etag(id)
	}
	before := etag(b.Ref)
	var told []catalog.Change
	cancel := x.Subscribe(func(c []catalog.Change) { told = c })

	a.Relations = both("dependsOn", "dependencyOf", a.Ref, b.Ref)
	x.Apply([]Update{{Seq: 7, Ref: a.Ref, Record: &a}})
	want := []catalog.Change{{Seq: 7, Ref: a.Ref}, {Seq: 7, Ref: b.Ref}}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
	if etag(b.Ref) == before || x.Snapshot().Seq() != 7 {
		t.Error("the neighbour looks as before")
	}

	told = nil
	x.Apply([]Update{{Seq: 8, Ref: a.Ref, Record: &a}})
	if told != nil {
		t.Errorf("nothing changed, but %v was told", told)
	}
	x.Apply([]Update{{Seq: 9, Ref: a.Ref}})
	want = []catalog.Change{{Seq: 9, Ref: a.Ref, Removed: true}, {Seq: 9, Ref: b.Ref}}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
	if etag(b.Ref) != before {
		t.Error("the neighbour's etag did not come back")
	}

	cancel()
	told = nil
	x.Apply([]Update{{Seq: 10, Ref: a.Ref, Record: &a}})
	if told != nil {
		t.Error("told after cancel")
	}
}

func TestApplyIgnoresWhatIsOutOfDate(t *testing.T) {
	t.Parallel()
	a := component("a")
	x := loaded(t, false)
	x.Apply([]Update{{Seq: 3, Ref: a.Ref, Record: &a}, {Seq: 4, Ref: a.Ref}})
	x.Apply([]Update{{Seq: 2, Ref: a.Ref, Record: &a}})
	if n := x.Snapshot().Len(); n != 0 {
		t.Errorf("%d entities, want none: the removal is newer", n)
	}
	bad := Record{Ref: "component:default/bad", JSON: []byte(`{"metadata":{"name":`)}
	x = New(Options{Logger: slog.New(slog.DiscardHandler)})
	x.Apply([]Update{{Seq: 5, Ref: bad.Ref, Record: &bad}, {Seq: 6, Ref: a.Ref, Record: &a}})
	if n := x.Snapshot().Len(); n != 1 {
		t.Errorf("%d entities, want 1: a bad one spoils no other", n)
	}
}

func TestLoadReplacesAllOrNothing(t *testing.T) {
	t.Parallel()
	x := loaded(t, false, component("a"))
	load := func(err error, recs ...Record) error {
		return x.LoadAt(5, func(yield func(Record) bool) error {
			for _, r := range recs {
				yield(r)
			}
			return err
		})
	}
	stop := errors.New("stop")
	if err := load(stop, component("b")); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if err := load(nil, component("b"), Record{Ref: "x:y/z", JSON: []byte(`[]`)}); !errors.Is(err, errJSON) {
		t.Errorf("got %v", err)
	}
	if _, ok := x.Snapshot().Lookup("component:default/a"); !ok || x.Snapshot().Len() != 1 {
		t.Error("a load that failed changed something")
	}
	if err := load(nil, component("b"), component("c"), component("b")); err != nil {
		t.Fatal(err)
	}
	if s := x.Snapshot(); s.Len() != 2 || s.Seq() != 5 {
		t.Errorf("%d entities at %d", s.Len(), s.Seq())
	}
}

func TestAncestry(t *testing.T) {
	t.Parallel()
	leaf, mid, root := component("leaf"), component("mid"), component("root")
	leaf.Parents = []string{mid.Ref, "component:default/gone"}
	mid.Parents = []string{root.Ref, leaf.Ref}
	root.Parents = []string{"provider:config"}
	s := loaded(t, false, root, leaf, mid).Snapshot()
	a, ok := s.Ancestry("Component:default/LEAF")
	if !ok || a.Root != leaf.Ref {
		t.Fatalf("got %v, %v", a, ok)
	}
	got := map[string][]string{}
	var order []string
	for _, item := range a.Items {
		got[s.Ref(item.ID)] = item.Parents
		order = append(order, s.Ref(item.ID))
	}
	if diff := cmp.Diff([]string{leaf.Ref, mid.Ref, root.Ref}, order); diff != "" {
		t.Error(diff)
	}
	want := map[string][]string{leaf.Ref: leaf.Parents, mid.Ref: mid.Parents, root.Ref: {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, ok := s.Ancestry("component:default/nope"); ok {
		t.Error("there is no such entity")
	}
}
