package authserver

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// Whatever the text, what passes for a loopback address leads to this machine
// and nowhere else, also in the eyes of a browser.
func FuzzCheckRedirect(f *testing.F) {
	for _, text := range []string{
		"http://127.0.0.1:1/callback", "http://localhost/", "http://[::1]:9/x?y=1", "http://127.0.0.1@evil.example/", `http://localhost\@evil.example`,
		"http:evil.example", "http:///evil.example", "//localhost/", "http://localhost:80:80/", "http://localhost%2eevil.example/", "HTTP://LOCALHOST/", "http://localhost/#",
	} {
		f.Add(text)
	}
	allowed, err := parsePatterns("", loopbackPatterns)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if checkRedirect(text, allowed) != nil {
			return
		}
		u, err := url.Parse(text)
		if err != nil {
			t.Fatalf("%q was allowed: %v", text, err)
		}
		home := slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, strings.ToLower(u.Hostname()))
		if u.Scheme != "http" || !home || u.User != nil || u.Opaque != "" || strings.ContainsAny(text, "\\#\r\n\t ") {
			t.Errorf("%q was allowed", text)
		}
		if back := withParams(text, url.Values{"code": {"c"}}); !strings.Contains(back, "code=c") {
			t.Errorf("%q became %q", text, back)
		}
	})
}

// A body of any form gives values or an error in OAuth's words, never both and
// never a panic.
func FuzzJSONValues(f *testing.F) {
	for _, text := range []string{`{"grant_type":"x"}`, `{"resource":["a","b"]}`, `{"a":1}`, `[]`, `null`, `{"a":{"b":[]}}`, `{"a":null}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		values, err := jsonValues(raw)
		if (values == nil) == (err == nil) {
			t.Errorf("%q: %v, %v", raw, values, err)
		}
		for name, list := range values {
			if len(list) > 1 && name != "resource" {
				t.Errorf("%q: %s is there %d times", raw, name, len(list))
			}
		}
	})
}
