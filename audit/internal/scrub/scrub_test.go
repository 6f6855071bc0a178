package scrub

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const canary = "canary-7h1s-1s-s3cr3t"

func TestText_HasNoSecrets(t *testing.T) {
	t.Parallel()
	s := Scrubber{Known: strings.NewReplacer("configured-secret", "***").Replace, Token: "opaque-token-of-the-caller"}
	for in, want := range map[string]string{
		"":                                                         "",
		"plain words stay":                                         "plain words stay",
		"component:default/a":                                      "component:default/a",
		"it has configured-secret in it":                           "it has *** in it",
		"opaque-token-of-the-caller":                               "***",
		"a eyJhbGciOi.eyJzdWIiOi.abc-_ b":                          "a *** b",
		"Authorization: Bearer abcdefgh.1234":                      "Authorization: Bearer ***",
		"ghp_0123456789abcdefABCD is a token":                      "*** is a token",
		"AKIAIOSFODNN7EXAMPLE":                                     "***",
		"password=hunter22; host=db":                               "password=***; host=db",
		`{"clientSecret": "abcdef", "n": "b"}`:                     `{"clientSecret": "***", "n": "b"}`,
		"password: hunter22 and secret: no":                        "password: *** and secret: no",
		"verify the token: signature is wrong":                     "verify the token: signature is wrong",
		"https://u:p@h.example/p?x=1":                              "https://h.example/p",
		"see https://h/p?sig=1&ref=main#L1, ok":                    "see https://h/p?ref=main#L1, ok",
		"https://h/cb#access_token=x":                              "https://h/cb",
		"url:https://h/x/catalog-info.yaml?at=refs%2Fheads%2Fmain": "url:https://h/x/catalog-info.yaml?at=refs%2Fheads%2Fmain",
		"-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY----- x": "*** x",
		"zero\x00byte and \xff": "zerobyte and \uFFFD",
	} {
		if got := s.Text(in, 1000); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestText_IsBounded(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 1, 3, 10, 11} {
		got := Scrubber{}.Text(strings.Repeat("é", 100), limit)
		if len(got) > max(limit, len("…")) || !utf8.ValidString(got) {
			t.Errorf("limit %d gives %d bytes: %q", limit, len(got), got)
		}
	}
}

func TestMeta_HasNoSecretsAndSortedKeys(t *testing.T) {
	t.Parallel()
	s := Scrubber{Known: strings.NewReplacer(canary, "***").Replace}
	got := s.Meta(map[string]any{
		"z": canary, "a": []any{"x " + canary, map[string]string{"deep": canary}}, "token": "abc", "accessKey": 5, "hasPassword": true, "password": "",
		canary: 1, "n": 12345678901234567, "html": "<a&b>", "cookie": map[string]any{"x": "y"},
	})
	want := `{"***":1,"a":["x ***",{"deep":"***"}],"accessKey":"***","cookie":"***","hasPassword":true,"html":"<a&b>","n":12345678901234567,"password":"","token":"***","z":"***"}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, tc := range map[string]struct {
		meta map[string]any
		want string
	}{
		"nothing":             {nil, `{}`},
		"what is no JSON":     {map[string]any{"f": math.Inf(1), "b": 1}, `{"keys":["b","f"],"unusable":"json: unsupported value: +Inf"}`},
		"more than there may": {map[string]any{"list": make([]int, 20000)}, `{"keys":["list"],"truncated":"40010 bytes"}`},
	} {
		if got := s.Meta(tc.meta); got != tc.want || !json.Valid([]byte(got)) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func FuzzText_NeverLeaksTheToken(f *testing.F) {
	f.Add("before ", " after")
	f.Add("https://x/?a=", "#b")
	f.Fuzz(func(t *testing.T, before, after string) {
		got := Scrubber{Token: canary}.Text(before+canary+after, 500)
		if strings.Contains(got, canary) || !utf8.ValidString(got) {
			t.Errorf("%q", got)
		}
	})
}
