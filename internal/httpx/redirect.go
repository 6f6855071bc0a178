package httpx

import (
	"net/url"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// SafeRedirect returns the target of a redirect if it leads to the site itself
// (a path such as /catalog?x=1) or to one of the allowed origins, which are
// exact or patterns as in [CORS]. It returns an error with code invalid for
// anything else. The error does not repeat the target.
//
// Browsers read addresses more generously than net/url: a backslash counts as
// a slash, tabs and line ends vanish, full-width and ideographic characters
// become ASCII in host names. Whatever they might read in another way is
// refused, so a host with other letters must be written in its xn-- form.
func SafeRedirect(allowed []string, target string) (string, error) {
	refused := fault.New(fault.Invalid, "the redirect target is not allowed: use a path of this site, or an address at an allowed origin")
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return "", refused
		}
	}
	u, err := url.Parse(target)
	if err != nil || u.User != nil || u.Opaque != "" || confusingPath(target) || confusingPath(u.Path) {
		return "", refused
	}
	if u.Scheme == "" && u.Host == "" && strings.HasPrefix(target, "/") {
		return target, nil
	}
	origin, ok := OriginOf(u)
	if !ok || !(&CORS{Origins: allowed}).allows(origin) {
		return "", refused
	}
	return u.String(), nil
}

// OriginOf returns scheme://host[:port] of an http or https URL as browsers
// write it: in lower case and without the port that goes without saying. It
// reports false for what has no such origin.
func OriginOf(u *url.URL) (string, bool) {
	scheme := strings.ToLower(u.Scheme)
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if host == "" || strings.ContainsAny(host, "%*?[]") || strings.HasSuffix(u.Host, ":") {
		return "", false
	}
	switch {
	case scheme == "https" && port == "443", scheme == "http" && port == "80":
		port = ""
	case scheme != "https" && scheme != "http":
		return "", false
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" {
		host += ":" + port
	}
	return scheme + "://" + host, true
}

// confusingPath reports whether the path, once somebody decodes it again,
// would start like a host.
func confusingPath(path string) bool {
	return strings.HasPrefix(path, "//") || strings.Contains(path, "\\")
}
