package model

import (
	"strings"
	"testing"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64)
	for name, tc := range map[string]struct {
		check     func(string) bool
		good, bad []string
	}{
		"apiVersion": {
			validAPIVersion,
			[]string{"v1", "backstage.io/v1alpha1", "a--b.c/V1"},
			[]string{"", "/v1", "a/", "a/v-1", "A.io/v1", "-a/v1", "a./v1", "a/b/c", "a/" + long, strings.Repeat("a.", 127) + "a/v1"},
		},
		"kind":        {validKind, []string{"A", "a1", "Component"}, []string{"", "1a", "a-b", "Ä", long}},
		"name":        {validName, []string{"a", "A", "1", "a-b_c.d", "a--b"}, []string{"", "-a", "a-", ".a", "a b", "ä", long}},
		"label value": {validLabelValue, []string{"", "a.b"}, []string{" ", "a/b"}},
		"namespace":   {validDNSLabel, []string{"a", "1", "a--b"}, []string{"", "-a", "a-", "A", "a_b", "a.b", long}},
		"tag":         {validTag, []string{"a", "c++", "c#", "a:b", "a-b"}, []string{"", "-a", "a-", "a--b", "A", "a.b", "a b", long}},
		"annotation key": {
			func(s string) bool { return validPrefixed(s, validName) },
			[]string{"a", "backstage.io/x_y.z", "a/b"},
			[]string{"", "/a", "a/", "a/b/c", "A.io/x", "a/b c"},
		},
		"url": {
			validURL,
			[]string{
				"https://example.com", "HTTP://EXAMPLE.com:8080/x y", "mailto:jane@example.com", "a:b", "x://", "https:example.com",
				" https://example.com ", "https://user:pw@example.com/", "https://[::1]:80/", "file:///etc", "slack://open?x", "https://ex\nample.com",
			},
			[]string{"", "/relative", "example.com", "https://", "https:", "1a:b", "https://a b", "https://a:99999", "https://a:x", "http://[::1", "://x", "https://:80"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range tc.good {
				if !tc.check(s) {
					t.Errorf("%q was refused", s)
				}
			}
			for _, s := range tc.bad {
				if tc.check(s) {
					t.Errorf("%q was accepted", s)
				}
			}
		})
	}
}
