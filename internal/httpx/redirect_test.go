package httpx_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

var redirectOrigins = []string{"https://portal.example", "http://localhost:3000", "https://*.preview.example", "https://xn--mnchen-3ya.example", "http://[::1]:7007"}

func TestSafeRedirect_LetsThroughWhatStaysAtHome(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/":                                         "/",
		"/catalog?filters[kind]=api#top":            "/catalog?filters[kind]=api#top",
		"/a//b":                                     "/a//b",
		"/search?q=https://evil.example":            "/search?q=https://evil.example",
		"https://portal.example":                    "https://portal.example",
		"https://portal.example/catalog":            "https://portal.example/catalog",
		"https://portal.example:443/x":              "https://portal.example:443/x",
		"HTTPS://Portal.Example/x":                  "https://Portal.Example/x",
		"http://localhost:3000/x?y#z":               "http://localhost:3000/x?y#z",
		"https://pr-7.preview.example/":             "https://pr-7.preview.example/",
		"https://xn--mnchen-3ya.example/":           "https://xn--mnchen-3ya.example/",
		"http://[::1]:7007/x":                       "http://[::1]:7007/x",
		"https://portal.example/?u=//evil.example/": "https://portal.example/?u=//evil.example/",
	} {
		if got, err := httpx.SafeRedirect(redirectOrigins, target); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", target, got, err, want)
		}
	}
}

func TestSafeRedirect_RefusesWhatLeadsAway(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{
		"nothing":                             "",
		"a relative path":                     "catalog",
		"a host without scheme":               "//evil.example",
		"three slashes":                       "///evil.example",
		"two slashes":                         "//",
		"backslashes":                         `\\evil.example`,
		"a slash and a backslash":             `/\evil.example`,
		"a backslash inside":                  `https://portal.example\@evil.example`,
		"a script":                            "javascript:alert(1)",
		"a script in capitals":                "JaVaScRiPt:alert(1)",
		"a script behind a tab":               "java\tscript:alert(1)",
		"a script behind a space":             " javascript:alert(1)",
		"a script with a host":                "javascript://portal.example/%0aalert(1)",
		"data":                                "data:text/html,<script>alert(1)</script>",
		"a file":                              "file:///etc/passwd",
		"another scheme at the host":          "ftp://portal.example/",
		"the wrong scheme":                    "http://portal.example/",
		"another host":                        "https://evil.example/",
		"another port":                        "https://portal.example:8443/",
		"a host that ends alike":              "https://evilportal.example/",
		"a host that begins alike":            "https://portal.example.evil.example/",
		"a trailing dot":                      "https://portal.example./",
		"an empty port":                       "https://portal.example:/",
		"user info":                           "https://portal.example@evil.example/",
		"user info at the right host":         "https://evil.example@portal.example/",
		"user info and password":              "https://user:portal.example@evil.example/",
		"one slash after the scheme":          "https:/evil.example",
		"no slash after the scheme":           "https:evil.example",
		"an encoded slash":                    "/%2fevil.example",
		"an encoded backslash":                "/%5cevil.example",
		"an encoded backslash, absolute":      "https://portal.example/%5c%5cevil.example",
		"two slashes in an absolute path":     "https://portal.example//evil.example",
		"an encoded host":                     "https://portal%2eexample/",
		"a fragment that looks like a host":   "https://evil.example#@portal.example",
		"a query that looks like a host":      "https://evil.example?@portal.example",
		"a line end":                          "/catalog\r\nSet-Cookie: a=b",
		"a null":                              "/catalog\x00",
		"an ideographic full stop":            "https://portal。example/",
		"a full-width letter":                 "https://ｐortal.example/",
		"Cyrillic letters":                    "https://роrtal.example/",
		"an IDN not in its ASCII form":        "https://münchen.example/",
		"a slash that only looks like one":    "https://portal.example\u2044@evil.example",
		"two labels for a pattern's one":      "https://a/b.preview.example/",
		"the pattern itself":                  "https://*.preview.example/",
		"a pattern's host behind an evil one": "https://evil.example/.preview.example",
		"a zone":                              "http://[::1%25eth0]:7007/",
		"a broken escape":                     "/%zz",
	} {
		if got, err := httpx.SafeRedirect(redirectOrigins, target); !fault.Is(err, fault.Invalid) || got != "" {
			t.Errorf("%s: got %q, %v, want an error with code invalid", name, got, err)
		}
	}
}

// Whatever is let through is a path or leads to an origin of the list, also for
// those who take backslashes for slashes and leave out what cannot be seen.
func FuzzSafeRedirect(f *testing.F) {
	for _, seed := range []string{"/", "/x?y#z", "https://portal.example/", "//evil.example", `/\evil.example`, "https:/\t/evil.example", "https://portal.example@evil.example", "https://pr.preview.example/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		got, err := httpx.SafeRedirect(redirectOrigins, target)
		if err != nil {
			if got != "" {
				t.Errorf("%q is refused and still gives %q", target, got)
			}
			return
		}
		if strings.ContainsAny(got, "\\\t\r\n\x00") {
			t.Errorf("%q gives %q", target, got)
		}
		if strings.HasPrefix(got, "/") {
			if strings.HasPrefix(got, "//") {
				t.Errorf("%q gives a host: %q", target, got)
			}
			return
		}
		u, err := url.Parse(got)
		if err != nil || u.User != nil {
			t.Fatalf("%q gives %q, %v", target, got, err)
		}
		origin, ok := httpx.OriginOf(u)
		preview := strings.HasPrefix(origin, "https://") && strings.HasSuffix(origin, ".preview.example")
		if !ok || !preview && !slices.Contains(redirectOrigins, origin) {
			t.Errorf("%q leads to %q", target, got)
		}
	})
}
