package fetch

import (
	"net"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// Allow names a host that may be read without an integration, one item of
// backend.reading.allow.
type Allow struct {
	// Host is a name, an address or *.domain, with an optional port. Without a
	// port the standard ports of http and https are meant.
	Host string `json:"host"`
	// Paths are prefixes of which one must fit; none means every path.
	Paths []string `json:"paths,omitempty"`
}

// matches reports whether the rule covers the URL.
func (a Allow) matches(u *url.URL) bool {
	return a.matchesHost(hostPort(u)) && a.matchesPath(u.Path)
}

// matchesHost compares with a host as [hostPort] renders it.
func (a Allow) matchesHost(host string) bool {
	want := strings.ToLower(a.Host)
	if suffix, ok := strings.CutPrefix(want, "*"); ok && strings.HasPrefix(suffix, ".") {
		return strings.HasSuffix(host, suffix) && len(host) > len(suffix)
	}
	return host == want
}

// matchesPath compares the cleaned path, so that dots do not lead out of a
// prefix.
func (a Allow) matchesPath(p string) bool {
	if len(a.Paths) == 0 {
		return true
	}
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	for _, prefix := range a.Paths {
		if strings.HasPrefix(clean, prefix) {
			return true
		}
	}
	return false
}

// exact reports whether the rule names one host in full.
func (a Allow) exact() bool { return !strings.HasPrefix(a.Host, "*") }

// hostPort renders the host in lower case, with the port unless it is the
// standard one of the scheme.
func hostPort(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" || (u.Scheme == "http" && port == "80") || (u.Scheme == "https" && port == "443") {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, port)
}

// trust says how far the rules let a dialled host go.
func trust(rules []Allow, host, port string) Trust {
	u := url.URL{Scheme: "https", Host: net.JoinHostPort(strings.ToLower(host), port)}
	candidates := []string{hostPort(&u)}
	u.Scheme = "http"
	candidates = append(candidates, hostPort(&u))
	_, err := netip.ParseAddr(host)
	for _, rule := range rules {
		if !rule.exact() {
			continue
		}
		for _, candidate := range candidates {
			if rule.matchesHost(candidate) {
				if err == nil {
					return Any
				}
				return Inside
			}
		}
	}
	return Public
}
