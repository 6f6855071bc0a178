package fetch_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

func TestClassify_KnowsEveryBlockThatIsNotPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"93.184.216.34": "", "8.8.8.8": "", "2606:4700:4700::1111": "", "172.32.0.1": "", "100.128.0.1": "",
		"127.0.0.1": "loopback", "127.8.8.8": "loopback", "::1": "loopback",
		"0.0.0.0": "unspecified", "::": "unspecified", "0.1.2.3": "reserved",
		"10.0.0.1": "private", "172.16.0.1": "private", "172.31.255.255": "private", "192.168.1.1": "private",
		"fd12:3456::1": "private", "fec0::1": "private", "64:ff9b:1::1": "private",
		"100.64.0.1": "shared", "100.127.255.255": "shared",
		"169.254.1.1": "link-local", "fe80::1": "link-local", "fe80::1%eth0": "link-local",
		"169.254.169.254": "metadata", "fd00:ec2::254": "metadata", "100.100.100.200": "metadata",
		"224.0.0.1": "multicast", "239.255.255.255": "multicast", "ff02::1": "multicast", "ff0e::1": "multicast",
		"255.255.255.255": "reserved", "240.0.0.1": "reserved", "198.18.0.1": "reserved", "192.0.2.1": "reserved",
		"203.0.113.9": "reserved", "2001:db8::1": "reserved", "2001::1": "reserved", "100::1": "reserved",
		"::ffff:127.0.0.1": "loopback", "::ffff:10.0.0.1": "private", "::ffff:169.254.169.254": "metadata", "::ffff:8.8.8.8": "",
		"64:ff9b::a00:1": "private", "64:ff9b::a9fe:a9fe": "metadata", "64:ff9b::808:808": "",
		"2002:a00:1::": "private", "2002:7f00:1::": "loopback", "::7f00:1": "loopback", "::a00:1": "private",
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			if got := fetch.Classify(netip.MustParseAddr(address)); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestGuard_RefusesByTheResolvedAddress(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		address string
		trust   fetch.Trust
		refused bool
	}{
		"a public name that leads to a private address":      {"10.1.2.3", fetch.Public, true},
		"a public name that leads home":                      {"127.0.0.1", fetch.Public, true},
		"a mapped address":                                   {"::ffff:127.0.0.1", fetch.Public, true},
		"a trusted name that leads to the metadata service":  {"169.254.169.254", fetch.Inside, true},
		"a trusted name that leads to a link-local address":  {"169.254.7.7", fetch.Inside, true},
		"a trusted name that leads to a multicast address":   {"224.0.0.9", fetch.Inside, true},
		"a trusted name that leads to the unspecified one":   {"0.0.0.0", fetch.Inside, true},
		"a trusted name that leads home":                     {"127.0.0.1", fetch.Inside, false},
		"an address that the operator wrote down as address": {"127.0.0.1", fetch.Any, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			guard := fetch.Guard{
				Trust: func(string, string) fetch.Trust { return tc.trust },
				Lookup: func(context.Context, string) ([]netip.Addr, error) {
					return []netip.Addr{netip.MustParseAddr(tc.address)}, nil
				},
			}
			// Port 1 is closed: what is not refused fails in another way.
			conn, err := guard.DialContext(t.Context(), "tcp", "name.example:1")
			if err == nil {
				_ = conn.Close()
			}
			if got := fault.Is(err, fault.Forbidden); got != tc.refused {
				t.Errorf("refused %v, want %v: %v", got, tc.refused, err)
			}
		})
	}
}

func TestGuard_TriesTheNextAddress(t *testing.T) {
	t.Parallel()
	guard := fetch.Guard{Lookup: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.0.0.1")}, nil
	}}
	_, err := guard.DialContext(t.Context(), "tcp", "name.example:1")
	if !fault.Is(err, fault.Forbidden) {
		t.Errorf("got %v, want forbidden for all addresses", err)
	}
}
