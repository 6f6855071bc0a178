package authserver

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// pattern says which URLs are allowed. It is written as a URL: the scheme is
// compared as it stands, host and path may hold *, and the port may be *. The
// pattern * alone allows every URL. A pattern without host, such as
// cursor:* or cursor://*, allows every host or path of the scheme.
type pattern struct {
	any        bool
	scheme     string
	host, path *regexp.Regexp
	anyPort    bool
	port       string
}

var wildcardPort = regexp.MustCompile(`:\*(/|$)`)

// parsePattern returns an error with code invalid for what is no pattern.
func parsePattern(text string) (pattern, error) {
	if text == "*" {
		return pattern{any: true}, nil
	}
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok || scheme == "" || strings.ContainsAny(scheme, "*/") {
		return pattern{}, fault.Newf(fault.Invalid, "%q is no URL pattern: it must name a scheme, as in https://example.com/*", text)
	}
	p := pattern{scheme: strings.ToLower(scheme)}
	authority, hasAuthority := strings.CutPrefix(rest, "//")
	if !hasAuthority {
		p.host, p.path, p.anyPort = glob("*", true), glob(rest, false), true
		return p, nil
	}
	if wildcardPort.MatchString(authority) {
		p.anyPort = true
		authority = wildcardPort.ReplaceAllString(authority, "$1")
	}
	host, path, hasPath := strings.Cut(authority, "/")
	path = "/" + path
	if !hasPath && p.scheme != "http" && p.scheme != "https" {
		path = "*" // such URLs may have no path at all
	}
	if !p.anyPort {
		host, p.port = splitPort(host)
		if p.port == defaultPort(p.scheme) {
			p.port = ""
		}
	}
	if host == "" {
		host = "*"
	}
	p.host, p.path = glob(strings.Trim(host, "[]"), true), glob(path, false)
	return p, nil
}

// splitPort cuts a port off a host, which may be an IPv6 address in brackets.
func splitPort(host string) (name, port string) {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[:i], host[i+1:]
	}
	return host, ""
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}

// glob compiles a text in which * stands for anything. Hosts have no case.
func glob(text string, fold bool) *regexp.Regexp {
	parts := strings.Split(text, "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	prefix := "(?s)^"
	if fold {
		prefix = "(?si)^"
	}
	return regexp.MustCompile(prefix + strings.Join(parts, ".*") + "$")
}

// allows reports whether the URL fits.
func (p pattern) allows(u *url.URL) bool {
	if p.any {
		return true
	}
	port := u.Port()
	if port == defaultPort(u.Scheme) {
		port = ""
	}
	path := u.EscapedPath()
	switch {
	case u.Opaque != "":
		path = u.Opaque
	case u.Scheme == "http" || u.Scheme == "https":
		path = pathOf(u)
	}
	return u.Scheme == p.scheme && p.host.MatchString(u.Hostname()) && (p.anyPort || port == p.port) && p.path.MatchString(path)
}

// patterns allow what one of them allows.
type patterns []pattern

func parsePatterns(key string, texts []string) (patterns, error) {
	list := make(patterns, 0, len(texts))
	for _, text := range texts {
		p, err := parsePattern(text)
		if err != nil {
			return nil, fault.Newf(fault.Invalid, "%s: %w", key, err)
		}
		list = append(list, p)
	}
	return list, nil
}

func (ps patterns) allow(u *url.URL) bool {
	for _, p := range ps {
		if p.allows(u) {
			return true
		}
	}
	return false
}
