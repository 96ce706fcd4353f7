package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
)

// translators are the networks of IPv6 whose addresses a network of the host translates to addresses of IPv4 (NAT64). Each network may
// choose its own, and its name servers say which (RFC 7050).
type translators struct {
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

	mu      sync.Mutex
	known   bool
	through []netip.Prefix
}

// wellKnown are the addresses of ipv4only.arpa. It has none of IPv6 by itself: a name server that translates makes them.
var wellKnown = []netip.Addr{netip.MustParseAddr("192.0.0.170"), netip.MustParseAddr("192.0.0.171")}

// special is what an address leads to that is not one of the Internet, as the function special says it, "" for all others.
func (t *translators) special(ctx context.Context, address netip.Addr) string {
	address = address.Unmap().WithZone("")
	if !address.Is6() {
		return ""
	}
	prefixes, err := t.prefixes(ctx)
	if err != nil {
		return "which may lead to a private address, because no name server says (ipv4only.arpa: " + err.Error() + ")"
	}
	for _, prefix := range prefixes {
		if !prefix.Contains(address) {
			continue
		}
		inside := inPrefix(address, prefix.Bits())
		if is := special(inside); is != "" {
			return is
		}
		if ofHost(inside) {
			return ofMachine
		}
	}
	return ""
}

// prefixes asks until there is an answer, and then no more.
func (t *translators) prefixes(ctx context.Context) ([]netip.Prefix, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known {
		return t.through, nil
	}
	lookup := t.lookup
	if lookup == nil {
		lookup = net.DefaultResolver.LookupNetIP
	}
	found, err := lookup(ctx, "ip6", "ipv4only.arpa.")
	if missing := new(net.DNSError); err != nil && (!errors.As(err, &missing) || !missing.IsNotFound) {
		return nil, err
	}
	for _, address := range found {
		t.through = append(t.through, prefixesOf(address)...)
	}
	t.known = true
	return t.through, nil
}

// prefixesOf returns the networks for which an address of ipv4only.arpa was made.
func prefixesOf(address netip.Addr) (all []netip.Prefix) {
	for _, bits := range []int{32, 40, 48, 56, 64, 96} {
		for _, known := range wellKnown {
			if address.Is6() && inPrefix(address, bits) == known {
				all = append(all, netip.PrefixFrom(address, bits).Masked())
			}
		}
	}
	return all
}

// inPrefix returns the address of IPv4 behind a prefix of that length (RFC 6052, section 2.2). It goes around the ninth byte.
func inPrefix(address netip.Addr, bits int) netip.Addr {
	all := address.As16()
	if bits == 96 {
		return netip.AddrFrom4([4]byte(all[12:]))
	}
	behind := append(all[bits/8:8:8], all[9:]...)
	return netip.AddrFrom4([4]byte(behind[:4]))
}
