package model_test

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
)

func TestAppendCanonical_WritesWhatJavaScriptWrites(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   any
		want string
	}{
		"null":                              {nil, `null`},
		"a whole number":                    {1.0, `1`},
		"a fraction":                        {1.10, `1.1`},
		"minus zero":                        {math.Copysign(0, -1), `0`},
		"a number that lost its precision":  {12345678901234567890.0, `12345678901234567000`},
		"the last number without exponent":  {1e20, `100000000000000000000`},
		"the first number with an exponent": {1e21, `1e+21`},
		"a small number":                    {0.000001, `0.000001`},
		"a smaller number":                  {1.5e-7, `1.5e-7`},
		"a tiny number":                     {5e-324, `5e-324`},
		"a huge number":                     {-1.7976931348623157e308, `-1.7976931348623157e+308`},
		"no number":                         {math.NaN(), `null`},
		"infinity":                          {math.Inf(1), `null`},
		"an int of a Go caller":             {3, `3`},
		"control characters":                {"\b\f\n\r\t\x01\x1f\x7f", `"\b\f\n\r\t\u0001\u001f` + "\x7f\""},
		"quotes and no HTML escapes":        {`"<a>&\`, `"\"<a>&\\"`},
		"line separators stay":              {"\u2028", "\"\u2028\""},
		"broken UTF-8":                      {"a\xffb", "\"a\uFFFDb\""},
		"sorted keys":                       {map[string]any{"b": []any{true, false}, "a": map[string]any{}, "": nil}, `{"":null,"a":{},"b":[true,false]}`},
		"an entity within":                  {[]any{catalog.Entity{"kind": "X"}}, `[{"kind":"X"}]`},
		"something else":                    {[]string{"a"}, `["a"]`},
	} {
		if got := string(model.AppendCanonical(nil, tc.in)); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

func TestAppendEntity_PutsKeysInTheOrderOfTheWire(t *testing.T) {
	t.Parallel()
	e := catalog.Entity{
		"spec": map[string]any{"b": 1.0, "a": 2.0}, "kind": "Component", "apiVersion": "backstage.io/v1alpha1",
		"relations": []any{}, "status": map[string]any{},
		"metadata": map[string]any{
			"uid": "u", "etag": "e", "tags": []any{"x"}, "labels": map[string]any{}, "title": "T", "name": "n",
			"description": "D", "namespace": "default", "annotations": map[string]any{"z": "1", "a": "2"},
		},
	}
	const want = `{"metadata":{"namespace":"default","annotations":{"a":"2","z":"1"},"name":"n","title":"T","description":"D",` +
		`"labels":{},"tags":["x"],"uid":"u","etag":"e"},"apiVersion":"backstage.io/v1alpha1","kind":"Component","spec":{"a":2,"b":1}}`
	if got := string(model.AppendEntity(nil, e)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string(model.AppendEntity([]byte("x"), catalog.Entity{})); got != "x{}" {
		t.Errorf("an empty entity: got %s", got)
	}
}

func TestCompareUTF16_OrdersAsJavaScript(t *testing.T) {
	t.Parallel()
	in := []string{"", "a", "b", "aa", "Z", "é", "\uE000", "\uFFFD", "\U0001F600", "\U0010FFFF", "\u20AC", "a\U0001F600", "a\uFF5E"}
	want := slices.Clone(in)
	slices.SortFunc(want, func(a, b string) int {
		return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
	})
	slices.SortFunc(in, model.CompareUTF16)
	if !slices.Equal(in, want) {
		t.Errorf("got %q, want %q", in, want)
	}
}

// FuzzCanonical checks that canonical JSON is JSON of the same value, that it
// is stable, and that an entity in wire order is the same value as well.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":[null,true,"x"]}`, `"\ud83d\ude00\u2028\\"`, `1e-7`, `123456789012345678901234567890`, `[[[]]]`, `-0`,
		`{"metadata":{"name":"x","uid":"y","z":{},"annotations":null},"kind":"K","spec":[],"other":1}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var v any
		if json.Unmarshal([]byte(s), &v) != nil {
			t.Skip("not JSON")
		}
		text := model.AppendCanonical(nil, v)
		var back any
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%s became %s: %v", s, text, err)
		}
		if !reflect.DeepEqual(v, back) {
			t.Fatalf("%s became %s", s, text)
		}
		if again := model.AppendCanonical(nil, back); string(again) != string(text) {
			t.Fatalf("%s became %s and then %s", s, text, again)
		}
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		var wire map[string]any
		if err := json.Unmarshal(model.AppendEntity(nil, m), &wire); err != nil {
			t.Fatalf("%s as an entity: %v", s, err)
		}
		want := map[string]any{}
		for k, x := range m {
			_, object := x.(map[string]any)
			if k != "relations" && k != "status" && (k != "metadata" || object) {
				want[k] = x
			}
		}
		if !reflect.DeepEqual(want, wire) {
			t.Fatalf("%s as an entity is %v", s, wire)
		}
	})
}

func TestSanitizeURLs_ReplacesScripts(t *testing.T) {
	t.Parallel()
	e := catalog.Entity{"metadata": map[string]any{"annotations": map[string]any{
		"backstage.io/view-url":        " \tJava\nscript\t:alert(1)",
		"backstage.io/edit-url":        "https://example.com/javascript:",
		"backstage.io/source-location": "url:https://example.com/",
	}}}
	model.SanitizeURLs(e)
	if got := e.Annotation("backstage.io/view-url"); got != model.RejectedURL {
		t.Errorf("view-url is %q", got)
	}
	if got := e.Annotation("backstage.io/edit-url"); !strings.HasPrefix(got, "https://example.com") {
		t.Errorf("edit-url is %q", got)
	}
	model.SanitizeURLs(catalog.Entity{})
}
