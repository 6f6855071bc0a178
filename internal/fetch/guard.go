package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Trust says which addresses a host may lead to.
type Trust int

// The levels of trust.
const (
	// Public admits only addresses of the public internet.
	Public Trust = iota
	// Inside admits private and loopback addresses as well, for hosts that the
	// operator named in full.
	Inside
	// Any admits every address, for addresses that the operator wrote down as
	// such.
	Any
)

// Guard makes connections and refuses those that end at an address the host
// is not trusted with. The address is looked at when it is dialled, after name
// resolution, so that a name that changes its answer gains nothing.
type Guard struct {
	// Trust says how far a host (with its port) is trusted; nil means [Public].
	Trust func(host, port string) Trust
	// Lookup resolves names; nil means the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Timeout ends one attempt to connect; zero means ten seconds.
	Timeout time.Duration
}

// DialContext connects to address. A refused address gives an error with code
// forbidden.
func (g Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "dial "+address)
	}
	trust := Public
	if g.Trust != nil {
		trust = g.Trust(host, port)
	}
	timeout := g.Timeout
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	dialer := &net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error {
		return admit(host, address, trust)
	}}
	if g.Lookup == nil {
		return dialer.DialContext(ctx, network, address)
	}
	addrs, err := g.Lookup(ctx, host)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "resolve "+host)
	}
	var failures []error
	for _, addr := range addrs {
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(addr.String(), port))
		if err == nil {
			return conn, nil
		}
		failures = append(failures, err)
	}
	if len(failures) == 0 {
		return nil, fault.Newf(fault.Unavailable, "resolve %s: no address", host)
	}
	return nil, errors.Join(failures...)
}

// Transport returns a transport whose connections all go through the guard. It
// ignores proxy settings of the environment, because a proxy would connect
// where the guard cannot see.
func (g Guard) Transport() *http.Transport {
	return &http.Transport{
		DialContext:           g.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          32,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 20 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// admit is the check of one resolved address.
func admit(host, address string, trust Trust) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fault.Newf(fault.Forbidden, "%s leads to the address %s, which cannot be checked", host, address)
	}
	class := Classify(ap.Addr())
	switch {
	case class == "", trust == Any:
		return nil
	case trust == Inside && (class == "private" || class == "loopback" || class == "shared"):
		return nil
	}
	return fault.Newf(fault.Forbidden, "%s leads to a %s address, and the configuration does not allow that for this host", host, class)
}

// special are the blocks of addresses that are not of the public internet and
// that package netip has no word for.
var special = []struct {
	prefix netip.Prefix
	class  string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "reserved"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved"},
	{netip.MustParsePrefix("192.0.2.0/24"), "reserved"},
	{netip.MustParsePrefix("192.88.99.0/24"), "reserved"},
	{netip.MustParsePrefix("198.18.0.0/15"), "reserved"},
	{netip.MustParsePrefix("198.51.100.0/24"), "reserved"},
	{netip.MustParsePrefix("203.0.113.0/24"), "reserved"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("100.100.100.200/32"), "metadata"},
	{netip.MustParsePrefix("fd00:ec2::/32"), "metadata"},
	{netip.MustParsePrefix("fec0::/10"), "private"},
	{netip.MustParsePrefix("100::/64"), "reserved"},
	{netip.MustParsePrefix("2001::/23"), "reserved"},
	{netip.MustParsePrefix("2001:db8::/32"), "reserved"},
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48")
	sixToFour  = netip.MustParsePrefix("2002::/16")
	v4Compat   = netip.MustParsePrefix("::/96")
)

// Classify names the kind of an address that is not of the public internet:
// loopback, private, shared, link-local, metadata, multicast, unspecified or
// reserved. It returns the empty string for public addresses. Addresses that
// carry an IPv4 address inside are judged by that one.
func Classify(a netip.Addr) string {
	a = a.WithZone("").Unmap()
	if !a.IsValid() {
		return "reserved"
	}
	worst := ""
	for _, s := range special {
		if s.prefix.Contains(a) && (worst == "" || s.class == "metadata") {
			worst = s.class
		}
	}
	switch {
	case worst == "metadata", a == netip.AddrFrom4([4]byte{169, 254, 169, 254}):
		return "metadata"
	case a.IsUnspecified():
		return "unspecified"
	case a.IsLoopback():
		return "loopback"
	case worst != "":
		return worst
	case a.IsPrivate():
		return "private"
	case a.IsLinkLocalUnicast():
		return "link-local"
	case a.IsMulticast(), a.IsInterfaceLocalMulticast(), a.IsLinkLocalMulticast():
		return "multicast"
	}
	return classifyEmbedded(a)
}

// classifyEmbedded looks at the IPv4 address inside transition addresses,
// which a gateway would otherwise follow into the own network.
func classifyEmbedded(a netip.Addr) string {
	if !a.Is6() {
		return ""
	}
	b := a.As16()
	switch {
	case nat64Local.Contains(a):
		return "private"
	case nat64.Contains(a), v4Compat.Contains(a):
		return Classify(netip.AddrFrom4([4]byte(b[12:16])))
	case sixToFour.Contains(a):
		return Classify(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return ""
}

// refused finds the guard's own refusal inside the error of a request.
func refused(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && fault.CodeOf(f) == fault.Forbidden {
		return f
	}
	return nil
}

// String names the level of trust.
func (t Trust) String() string {
	switch t {
	case Public:
		return "public"
	case Inside:
		return "inside"
	case Any:
		return "any"
	}
	return fmt.Sprintf("Trust(%d)", int(t))
}
