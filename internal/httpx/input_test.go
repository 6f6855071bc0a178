package httpx_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

func TestParams_SayWhatIsWrong(t *testing.T) {
	t.Parallel()
	params := httpx.Params{List: []httpx.Param{
		{Name: "limit", Type: httpx.Integer, Min: httpx.Bound(0), Max: httpx.Bound(100)},
		{Name: "ratio", Type: httpx.Number},
		{Name: "dryRun", Type: httpx.Boolean},
		{Name: "filter", Repeated: true},
		{Name: "note", AllowEmpty: true},
		{Name: "mode", Enum: []string{"a", "b"}, Repeated: true},
	}}
	for q, want := range map[string]string{
		"":                          "",
		"limit=5&filter=a&filter=b": "",
		"limit=1e1":                 "",
		"note=":                     "",
		"filter[]=a&filter[1]=b":    "",
		"filter=&filter=a":          "",
		"limit=x":                   "request/query/limit must be integer",
		"limit=1.5":                 "request/query/limit must be integer",
		"limit=1&limit=2":           "request/query/limit must be integer",
		"limit=-1":                  "request/query/limit must be >= 0",
		"limit=101":                 "request/query/limit must be <= 100",
		"ratio=NaN":                 "request/query/ratio must be number",
		"dryRun=maybe":              "request/query/dryRun must be boolean",
		"mode=a&mode=c":             "request/query/mode/1 must be equal to one of the allowed values: a, b",
		"nope=1":                    "Unknown query parameter 'nope'",
		"limit[0]=1":                "Unknown query parameter 'limit[0]'",
		"filter=":                   "Empty value found for query parameter 'filter'",
		"filter":                    "Empty value found for query parameter 'filter'",
		"nope=1&limit=x":            "Unknown query parameter 'nope'",
	} {
		t.Run(q, func(t *testing.T) {
			t.Parallel()
			_, err := params.Parse(httptest.NewRequest("GET", "/?"+q, nil))
			switch {
			case want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case want != "" && (err == nil || err.Error() != want || !fault.Is(err, fault.Invalid)):
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

func TestQuery_GivesValuesAsTheyWereMeant(t *testing.T) {
	t.Parallel()
	params := httpx.Params{AllowUnknown: true, List: []httpx.Param{{Name: "types", Repeated: true}, {Name: "limit", Type: httpx.Integer}, {Name: "on", Type: httpx.Boolean}}}
	q, err := params.Parse(httptest.NewRequest("GET", "/?types[0]=a%2Cb&types[1]=c+d&limit=99999999999999999999&on=true&filters[kind]=x&bad=%zz", nil))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a,b", "c d"}, q.Strings("types")); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	if n, ok := q.Int("limit"); !ok || n < 1<<30 {
		t.Errorf("a number too large is %d, %v", n, ok)
	}
	if _, ok := q.Int("none"); ok || !q.Bool("on") || q.Bool("none") || q.String("bad") != "%zz" || q.Has("none") {
		t.Error("missing or odd values are wrong")
	}
	if diff := cmp.Diff(map[string][]string{"kind": {"x"}}, q.Map("filters")); diff != "" {
		t.Errorf("filters (-want +got):\n%s", diff)
	}
}

func TestSchema_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	schema := httpx.Schema{
		Type: httpx.Object, Required: []string{"a"}, Closed: true,
		Properties: []httpx.Property{
			{Name: "a", Schema: httpx.Schema{Type: httpx.String, Min: httpx.Bound(1), Max: httpx.Bound(3)}},
			{Name: "list", Schema: httpx.Schema{Type: httpx.Array, Min: httpx.Bound(1), Items: &httpx.Schema{Type: httpx.Integer, Min: httpx.Bound(0)}}},
			{Name: "either", Schema: httpx.Schema{Types: []httpx.Type{httpx.String, httpx.Boolean}, Nullable: true}},
			{Name: "mode", Schema: httpx.Schema{Enum: []any{"x", 1.0}}},
			{Name: "labels", Schema: httpx.Schema{Type: httpx.Object, Values: &httpx.Schema{Type: httpx.String}}},
			{Name: "choice", Schema: httpx.Schema{AnyOf: []*httpx.Schema{{Type: httpx.Number}, {Type: httpx.Object, Required: []string{"b"}}}}},
			{Name: "whole", Schema: httpx.Schema{Type: httpx.Number}},
		},
	}
	for text, want := range map[string]string{
		`{"a":"äöü","list":[0,1],"either":null,"mode":1,"labels":{"k":"v"},"choice":{"b":1},"whole":1.5}`: "",
		`[]`:                           "request/body must be object",
		`{}`:                           "request/body must have required property 'a'",
		`{"a":1}`:                      "request/body/a must be string",
		`{"a":null}`:                   "request/body/a must be string",
		`{"a":""}`:                     "request/body/a must NOT have fewer than 1 characters",
		`{"a":"long"}`:                 "request/body/a must NOT have more than 3 characters",
		`{"a":"x","b":1}`:              "request/body must NOT have additional properties",
		`{"a":"x","list":[]}`:          "request/body/list must NOT have fewer than 1 items",
		`{"a":"x","list":[1,"y"]}`:     "request/body/list/1 must be integer",
		`{"a":"x","list":[1.5]}`:       "request/body/list/0 must be integer",
		`{"a":"x","list":[-1]}`:        "request/body/list/0 must be >= 0",
		`{"a":"x","either":1}`:         "request/body/either must be string,boolean",
		`{"a":"x","mode":"y"}`:         "request/body/mode must be equal to one of the allowed values: x, 1",
		`{"a":"x","labels":{"a/b":1}}`: "request/body/labels/a~1b must be string",
		`{"a":"x","choice":"no"}`:      "request/body/choice must be number",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("POST", "/", strings.NewReader(text))
			r.Header.Set("Content-Type", "application/json; charset=utf-8")
			var into any
			err := httpx.DecodeJSON(r, &schema, &into)
			switch {
			case want == "" && (err != nil || into == nil):
				t.Errorf("refused: %v", err)
			case want != "" && (err == nil || err.Error() != want || !fault.Is(err, fault.Invalid)):
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

func TestDecodeJSON_RefusesWhatIsNoJSONBody(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ contentType, body, want string }{
		"another media type": {"text/plain", "x", "unsupported media type text/plain"},
		"a form":             {"application/x-www-form-urlencoded", "a=b", "unsupported media type application/x-www-form-urlencoded"},
		"text":               {"application/json", "not json", `Unexpected token 'n', "not json" is not valid JSON`},
		"a JSON text":        {"application/json", `"x"`, `Unexpected token '"', ""x"" is not valid JSON`},
		"a wrong type":       {"application/json", `{"n":{"count":"x"}}`, "request/body/n/count must be integer"},
		"an empty body":      {"application/json", "", ""},
		"blanks":             {"application/json", "  ", ""},
		"a vendor's JSON":    {"application/merge-patch+json", "{}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("POST", "/", strings.NewReader(tc.body))
			r.Header.Set("Content-Type", tc.contentType)
			var into struct {
				N struct {
					Count int `json:"count"`
				} `json:"n"`
			}
			err := httpx.DecodeJSON(r, nil, &into)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || err.Error() != tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// The expectations are what Node 20 says.
func TestSyntaxMessage_SpeaksAsJavaScriptDoes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:              "Unexpected end of JSON input",
		`{`:             "Expected property name or '}' in JSON at position 1",
		`{a}`:           "Expected property name or '}' in JSON at position 1",
		`{,`:            "Expected property name or '}' in JSON at position 1",
		`{"a"`:          "Expected ':' after property name in JSON at position 4",
		`{"a" 1}`:       "Expected ':' after property name in JSON at position 5",
		`{"a":}`:        `Unexpected token '}', "{"a":}" is not valid JSON`,
		`{"a":1,}`:      "Expected double-quoted property name in JSON at position 7",
		`{"a":"b`:       "Unterminated string in JSON at position 7",
		`{"a":1}x`:      "Unexpected non-whitespace character after JSON at position 7",
		`{"a":1 "b":2}`: "Expected ',' or '}' after property value in JSON at position 7",
		`[1,`:           "Unexpected end of JSON input",
		`[1 2]`:         "Expected ',' or ']' after array element in JSON at position 3",
		`[1,]`:          `Unexpected token ']', "[1,]" is not valid JSON`,
		`[,`:            `Unexpected token ',', "[," is not valid JSON`,
		`"x`:            "Unterminated string in JSON at position 2",
		`tru`:           "Unexpected end of JSON input",
		`[tru]`:         `Unexpected token ']', "[tru]" is not valid JSON`,
		`[nulx]`:        `Unexpected token 'x', "[nulx]" is not valid JSON`,
		`[1, 'a']`:      `Unexpected token ''', "[1, 'a']" is not valid JSON`,
		`[01]`:          "Unexpected number in JSON at position 2",
		`[-]`:           "No number after minus sign in JSON at position 2",
		`[1.]`:          "Unterminated fractional number in JSON at position 3",
		`[1e]`:          "Exponent part is missing a number in JSON at position 3",
		`["\x"]`:        "Bad escaped character in JSON at position 3",
		`["\u12"]`:      "Bad Unicode escape in JSON at position 6",
		"[\"a\nb\"]":    "Bad control character in string literal in JSON at position 3",
		`["😀" 1]`:       "Expected ',' or ']' after array element in JSON at position 6",
		`{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":1, "b": nope, "cccccccccccccc":3333333333333333}`: `Unexpected token 'o', ...":1, "b": nope, "cccc"... is not valid JSON`,
		` {"a":[1,-2.5e+3,true,false,null,"\u00e9\n"],"b":{}, "c":[]} `:                               "",
		`1x`: "Unexpected non-whitespace character after JSON at position 1",
	} {
		if got := httpx.SyntaxMessage([]byte(text)); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func FuzzSyntaxMessage(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e3,"x\u0041"]}`, `[`, "\xff", `{"a":nul}`, `[[[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if (httpx.SyntaxMessage(text) == "") != validJSON(text) {
			t.Errorf("%q: message %q, but valid is %v", text, httpx.SyntaxMessage(text), validJSON(text))
		}
	})
}
