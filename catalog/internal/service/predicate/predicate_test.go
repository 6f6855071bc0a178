package predicate_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/service/predicate"
)

func decode(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCheck_SaysWhatIsWrongInTheWordsOfTheWire(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"an unknown operator lists every alternative": {
			`{"kind":{"$nope":"x"}}`,
			`Validation error: Expected string, received object at "kind", or Expected number, received object at "kind", or Expected boolean, received object at "kind", or Required at "kind.$exists", or Required at "kind.$in", or Required at "kind.$contains", or Required at "kind.$hasPrefix", or Invalid at "kind"; Expected never, received object at "kind", or Expected string, received object, or Expected number, received object, or Expected boolean, received object, or Required at "$all"; Unrecognized key(s) in object: 'kind', or Required at "$any"; Unrecognized key(s) in object: 'kind', or Required at "$not"; Unrecognized key(s) in object: 'kind'`,
		},
		"a second key beside a combinator is named alone": {`{"$all":[],"kind":"x"}`, `Validation error: Unrecognized key(s) in object: 'kind'`},
		"a key that looks like an operator is invalid":    {`{"$nope":"x"}`, `Validation error: Invalid at "$nope"`},
		"values and operators are fine":                   {`{"kind":"a","n":3,"b":{"$exists":false},"c":{"$in":["x",1,true]},"d":{"$hasPrefix":"p"},"e":{"$contains":{"type":"t"}}}`, ""},
		"combinators nest":                                {`{"$all":[{"$any":[{"a":"b"}]},{"$not":{"c":"d"}}]}`, ""},
		"the empty object asks for nothing":               {`{}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := predicate.Check(decode(t, tc.in)); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCompile_MakesOneFilterOfAPredicate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   string
		want catalog.Filter
	}{
		"one field":           {`{"kind":"component"}`, catalog.Match{Key: "kind", Values: []string{"component"}}},
		"numbers are texts":   {`{"spec.ratio":0.25}`, catalog.Match{Key: "spec.ratio", Values: []string{"0.25"}}},
		"two fields are both": {`{"a":"1","b":true}`, catalog.And{catalog.Match{Key: "a", Values: []string{"1"}}, catalog.Match{Key: "b", Values: []string{"true"}}}},
		"not exists":          {`{"a":{"$exists":false}}`, catalog.Not{Filter: catalog.Exists{Key: "a"}}},
		"any and not":         {`{"$any":[{"a":"1"},{"$not":{"b":{"$in":["x"]}}}]}`, catalog.Or{catalog.Match{Key: "a", Values: []string{"1"}}, catalog.Not{Filter: catalog.Match{Key: "b", Values: []string{"x"}}}}},
		"a relation":          {`{"relations":{"$contains":{"type":"ownedBy","targetRef":{"$in":["group:default/A","group:default/b"]}}}}`, catalog.RelatedTo{Type: "ownedBy", Targets: []string{"group:default/a", "group:default/b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := predicate.Compile(decode(t, tc.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := predicate.Compile(decode(t, `{"spec.x":{"$contains":{"a":"b"}}}`)); err == nil {
		t.Error("$contains with an object on a field other than relations must be refused")
	}
}

func TestParseParams_ReadsAndsAndOrs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in        []string
		predicate string
		err       string
	}{
		"nothing":                        {nil, `null`, ""},
		"only separators ask nothing":    {[]string{","}, `null`, ""},
		"one statement":                  {[]string{"kind=component"}, `{"kind":"component"}`, ""},
		"and":                            {[]string{"kind=component,metadata.namespace=default"}, `{"$all":[{"kind":"component"},{"metadata.namespace":"default"}]}`, ""},
		"or":                             {[]string{"kind=user", "kind=group"}, `{"$any":[{"kind":"user"},{"kind":"group"}]}`, ""},
		"the same key twice is either":   {[]string{"kind=component,kind=api"}, `{"kind":{"$in":["component","api"]}}`, ""},
		"a bare key exists":              {[]string{"metadata.title"}, `{"metadata.title":{"$exists":true}}`, ""},
		"blanks around are trimmed":      {[]string{" kind = component , a = b "}, `{"$all":[{"kind":"component"},{"a":"b"}]}`, ""},
		"an empty value is a value":      {[]string{"a="}, `{"a":""}`, ""},
		"the value may hold equal signs": {[]string{"a=b=c"}, `{"a":"b=c"}`, ""},
		"no key":                         {[]string{"=x"}, "", "Invalid filter, '=x' is not a valid statement (expected a string on the form a=b or a= or a)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, err := predicate.ParseParams(tc.in)
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Fatalf("error %v, want %s", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decode(t, tc.predicate), set.Predicate()); diff != "" {
				t.Error(diff)
			}
			if p := set.Predicate(); p != nil {
				fromPredicate, err := predicate.Compile(p)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(set.Filter(), fromPredicate); diff != "" {
					t.Errorf("filter and predicate disagree: %s", diff)
				}
			}
		})
	}
}

func TestMatches_EvaluatesOverPlainFields(t *testing.T) {
	t.Parallel()
	fields := map[string]string{"type": "url", "target": "https://example.com/a.yaml"}
	for text, want := range map[string]bool{
		`{}`:                                    true,
		`{"type":"URL"}`:                        true,
		`{"type":"file"}`:                       false,
		`{"target":{"$hasPrefix":"https://e"}}`: true,
		`{"$not":{"type":"url"}}`:               false,
		`{"$any":[{"type":"file"},{"target":{"$exists":true}}]}`: true,
		`{"nope":{"$exists":false}}`:                             true,
		`{"type":{"$in":["file","url"]}}`:                        true,
	} {
		if got := predicate.Matches(decode(t, text), fields); got != want {
			t.Errorf("Matches(%s) = %v, want %v", text, got, want)
		}
	}
}

func FuzzParseParams(f *testing.F) {
	f.Add("kind=component,metadata.tags=go")
	f.Add("=,=x")
	f.Fuzz(func(t *testing.T, param string) {
		set, err := predicate.ParseParams([]string{param})
		if err != nil {
			return
		}
		if p := set.Predicate(); p != nil {
			if err := predicate.Check(p); err != nil {
				return // keys that begin with $ are no predicate keys
			}
			if _, err := predicate.Compile(p); err != nil {
				t.Fatalf("%q parses but does not compile: %v", param, err)
			}
		}
	})
}

func FuzzCheckAndCompile(f *testing.F) {
	f.Add(`{"kind":{"$in":["a"]}}`)
	f.Add(`{"$all":[{"relations":{"$contains":{"type":"x"}}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var v any
		if json.Unmarshal([]byte(text), &v) != nil || predicate.TooLarge(v) {
			return
		}
		if predicate.Check(v) == nil {
			_, _ = predicate.Compile(v)
		}
	})
}
