package authserver

import (
	"net/url"
	"slices"
	"strings"
)

const maxURI = 2048

// loopbackPatterns are where command lines and desktop programs listen.
var loopbackPatterns = []string{
	"http://localhost:*/*", "http://127.0.0.1:*/*", "http://[::1]:*/*",
}

// executed are schemes whose URLs a browser runs or opens in place.
var executed = []string{"javascript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source"}

// parseRedirect reads a redirect URI as clients may ask for: absolute, without
// fragment and credentials, and nothing that a browser would execute.
func parseRedirect(text string) (*url.URL, *Error) {
	bad := func(why string) (*url.URL, *Error) {
		return nil, refuse(codeInvalidRedirect, "Invalid redirect_uri: %s", why)
	}
	if text == "" || len(text) > maxURI {
		return bad("it is empty or too long")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }):
		return bad("it is no URL")
	case !u.IsAbs():
		return bad("it is not absolute")
	case slices.Contains(executed, u.Scheme):
		return bad("the scheme is not allowed")
	case (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() == "":
		return bad("it names no host")
	case u.User != nil:
		return bad("it holds credentials")
	case u.Fragment != "" || strings.Contains(text, "#"):
		return bad("it has a fragment")
	}
	return u, nil
}

// checkRedirect is [parseRedirect] for a URI that must also be allowed by the
// configuration.
func checkRedirect(text string, allowed patterns) *Error {
	u, problem := parseRedirect(text)
	if problem != nil {
		return problem
	}
	if !allowed.allow(u) {
		return refuse(codeInvalidRedirect, "Invalid redirect_uri '%s': the portal's configuration does not allow it", bare(u))
	}
	return nil
}

// bare is a URI without its query, for messages.
func bare(u *url.URL) string {
	short := *u
	short.RawQuery, short.ForceQuery = "", false
	return short.String()
}

// registered reports whether the client named the redirect URI. URIs are
// compared as text; for loopback addresses the port does not count (RFC 8252),
// because programs listen where there is room.
func registered(requested *url.URL, text string, uris []string) bool {
	if slices.Contains(uris, text) {
		return true
	}
	if !loopback(requested) {
		return false
	}
	return slices.ContainsFunc(uris, func(uri string) bool {
		u, err := url.Parse(uri)
		return err == nil && u.Scheme == requested.Scheme && u.Hostname() == requested.Hostname() &&
			pathOf(u) == pathOf(requested) && u.RawQuery == requested.RawQuery
	})
}

// pathOf is the path of an http URL, which is never empty.
func pathOf(u *url.URL) string {
	if path := u.EscapedPath(); path != "" {
		return path
	}
	return "/"
}

// loopback reports whether the URL leads to the machine of the browser.
func loopback(u *url.URL) bool {
	return u.Scheme == "http" && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
}

// withParams adds parameters to a URI and keeps those it has.
func withParams(uri string, params url.Values) string {
	u, err := url.Parse(uri)
	if err != nil {
		return uri // it was checked when it was stored
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += params.Encode()
	return u.String()
}
