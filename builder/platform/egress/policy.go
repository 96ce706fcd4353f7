package egress

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Refusal is an address that a build was not let through to.
type Refusal struct {
	Address netip.AddrPort
	Is      string // what the address is, such as "a private address"
}

// String says what was refused, and how it is let through.
func (r Refusal) String() string {
	return fmt.Sprintf("refused a connection of the build to %s, %s; --network-allow %s lets it through", r.Address, r.Is, r.Address)
}

// maxRefusals bounds how many addresses a build can have reported.
const maxRefusals = 50

// policy decides which addresses a build reaches. It knows nothing of names: a name can get another address at any time.
type policy struct {
	rules      []Rule
	refused    func(Refusal)
	translated translators

	mu       sync.Mutex
	reported map[netip.AddrPort]bool
}

// permits reports whether a connection to an address may be opened, and reports the address if not.
func (p *policy) permits(ctx context.Context, wanted netip.AddrPort) bool {
	is := special(wanted.Addr())
	if is == "" && ofHost(wanted.Addr()) {
		is = ofMachine
	}
	if is == "" {
		is = p.translated.special(ctx, wanted.Addr())
	}
	if is == "" || slices.ContainsFunc(p.rules, func(r Rule) bool { return r.allows(ctx, wanted) }) {
		return true
	}
	p.report(Refusal{wanted, is})
	return false
}

const ofMachine = "an address of this machine"

func (p *policy) report(refusal Refusal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reported[refusal.Address] || len(p.reported) == maxRefusals {
		return
	}
	if p.reported == nil {
		p.reported = map[netip.AddrPort]bool{}
	}
	p.reported[refusal.Address] = true
	p.refused(refusal)
}

// specials are the networks that are not the Internet: an address there means another machine on each host, and its
// services often trust whoever reaches them (IANA's special-purpose address registries, RFC 6890).
var specials = []struct {
	network netip.Prefix
	is      string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an unspecified address"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a private address"},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a private address"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "a private address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"}, // broadcast is one of them
	{netip.MustParsePrefix("::/128"), "an unspecified address"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a private address"},
	{netip.MustParsePrefix("fc00::/7"), "a private address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fec0::/10"), "a private address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
	{netip.MustParsePrefix("::/8"), "a reserved address"}, // addresses with one of IPv4 inside
}

// special says what an address is that is not one of the Internet. It returns "" for all others.
func special(address netip.Addr) string {
	address = embedded(address)
	for _, one := range specials {
		if one.network.Contains(address) {
			return one.is
		}
	}
	return ""
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixToFour = netip.MustParsePrefix("2002::/16")    // RFC 3056
)

// embedded returns the IPv4 address that an IPv6 address leads to, and every other address as it is.
func embedded(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	bytes := address.As16()
	switch {
	case nat64.Contains(address):
		return netip.AddrFrom4([4]byte(bytes[12:]))
	case sixToFour.Contains(address):
		return netip.AddrFrom4([4]byte(bytes[2:6]))
	}
	return address
}

// ofHost reports whether the kernel would keep a packet to an address for itself: those of its interfaces, and those that only
// a route makes its own. If it does not say, every address may be.
func ofHost(address netip.Addr) bool {
	routes, err := netlink.RouteGet(embedded(address).AsSlice())
	if err != nil {
		return !errors.Is(err, unix.ENETUNREACH) && !errors.Is(err, unix.EHOSTUNREACH) // which nothing can connect to
	}
	return slices.ContainsFunc(routes, func(r netlink.Route) bool { return r.Type != unix.RTN_UNICAST })
}
