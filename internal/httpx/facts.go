package httpx

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Facts are what a request tells about itself.
type Facts struct {
	Method string
	Path   string // without the query, which may hold secrets
	// IP is the caller's address; behind a trusted proxy, the one that the
	// proxy names.
	IP        string
	Host      string // without the port
	UserAgent string
}

// FactsOf returns the facts of the request that ctx belongs to, and false when
// it belongs to none.
func FactsOf(ctx context.Context) (Facts, bool) {
	s, ok := ctx.Value(scopeKey{}).(*scope)
	if !ok || s.facts.Method == "" {
		return Facts{}, false
	}
	return s.facts, true
}

func factsOf(r *http.Request, trust *TrustProxy) Facts {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	return Facts{Method: r.Method, Path: r.URL.Path, IP: trust.client(r), Host: host, UserAgent: r.UserAgent()}
}

// TrustProxy says which proxies are believed when they name the caller in
// X-Forwarded-For. The nil TrustProxy believes none.
type TrustProxy struct {
	hops int // how many proxies stand in front; -1 for all
	nets []netip.Prefix
}

// proxyNames are names for networks, as Express knows them.
var proxyNames = map[string][]string{
	"loopback":    {"127.0.0.0/8", "::1/128"},
	"linklocal":   {"169.254.0.0/16", "fe80::/10"},
	"uniquelocal": {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"},
}

// ParseTrustProxy reads backend.trustProxy as Express does: true, the number
// of proxies, or addresses, networks and the names loopback, linklocal and
// uniquelocal, as a list or separated by commas. It returns an error with code
// invalid for anything else.
func ParseTrustProxy(v any) (*TrustProxy, error) {
	var list []string
	switch v := v.(type) {
	case nil:
		return nil, nil //nolint:nilnil // nobody is trusted
	case bool:
		if v {
			return &TrustProxy{hops: -1}, nil
		}
		return nil, nil //nolint:nilnil // see above
	case float64:
		if v < 0 || v != float64(int(v)) {
			return nil, fault.Newf(fault.Invalid, "backend.trustProxy: %v is no number of proxies", v)
		}
		return &TrustProxy{hops: int(v)}, nil
	case string:
		list = strings.Split(v, ",")
	case []any:
		for _, item := range v {
			list = append(list, fmt.Sprint(item))
		}
	default:
		return nil, fault.Newf(fault.Invalid, "backend.trustProxy: expected true, a number or addresses, found %T", v)
	}
	t := &TrustProxy{}
	for _, item := range list {
		item = strings.TrimSpace(item)
		names, known := proxyNames[item]
		if !known {
			names = []string{item}
		}
		for _, name := range names {
			prefix, err := netip.ParsePrefix(name)
			if addr, aerr := netip.ParseAddr(name); aerr == nil {
				prefix, err = addr.Prefix(addr.BitLen())
			}
			if err != nil {
				return nil, fault.Newf(fault.Invalid, "backend.trustProxy: %q is no address, no network and none of loopback, linklocal, uniquelocal", item)
			}
			t.nets = append(t.nets, prefix)
		}
	}
	return t, nil
}

// client is the address that the request comes from: the last one on the way
// that no trusted proxy vouches for.
func (t *TrustProxy) client(r *http.Request) string {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	if t == nil {
		return address
	}
	way := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for hop := 1; len(way) > 0 && t.trusts(address, hop); hop++ {
		next := strings.TrimSpace(way[len(way)-1])
		if _, err := netip.ParseAddr(next); err != nil {
			break // nothing, or nothing that could be believed
		}
		address, way = next, way[:len(way)-1]
	}
	return address
}

func (t *TrustProxy) trusts(address string, hop int) bool {
	if t.hops != 0 {
		return t.hops < 0 || hop <= t.hops
	}
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	for _, n := range t.nets {
		if n.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}
