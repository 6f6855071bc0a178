package httpx

import (
	"net"
	"net/http"
	"net/netip"
)

// Peer is the address that the request's connection comes from, which is that
// of a proxy where there is one; see [Facts] for the caller's. It reports false
// for connections that have none.
func Peer(r *http.Request) (netip.Addr, bool) { return address(r.RemoteAddr) }

// address reads an address with or without a port.
func address(s string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap().WithZone(""), true
}
