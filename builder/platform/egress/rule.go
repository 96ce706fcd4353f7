package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Rule lets a build through to a host that it would not reach.
type Rule struct {
	host    string       // a name, an address or a network, as it was written
	network netip.Prefix // of an address or a network
	port    uint16       // 0 is all
}

// hostName matches names of hosts. One that ends with a number would be an address that is misspelt.
var hostName = regexp.MustCompile(`^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*[A-Za-z_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.?$`)

// ParseRule reads HOST or HOST:PORT. HOST is a name, an address or a network, such as 10.1.0.0/16; one of IPv6 is in brackets
// if there is a port. The error is a fault.
func ParseRule(text string) (Rule, error) {
	wrong := func(what, do string) (Rule, error) {
		return Rule{}, fault.Fault{ID: "network-allow", What: fmt.Sprintf("--network-allow %q %s", text, what), Do: do}
	}
	rule := Rule{host: text}
	if !rule.readHost() {
		host, port, err := net.SplitHostPort(text)
		number, bad := strconv.ParseUint(port, 10, 16)
		if rule.host = host; err != nil || bad != nil || number == 0 || !rule.readHost() {
			return wrong("names no host", "write a name, an address or a network, and a port if you like: registry.example.test:8443")
		}
		rule.port = uint16(number)
	}
	if _, ok := rule.loopback(); !ok && rule.ofLoopback() {
		return wrong("needs an address and a port: a build has a loopback address of its own",
			"write the port of this machine that the build is to find at its loopback address: 127.0.0.1:8080")
	}
	return rule, nil
}

// readHost understands the host.
func (r *Rule) readHost() bool {
	host := r.host
	if inner, is := strings.CutPrefix(host, "["); is && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	if address, err := netip.ParseAddr(host); err == nil && !strings.ContainsAny(address.Zone(), "[]:") { // which a port follows
		address = address.Unmap()
		r.host, r.network = host, netip.PrefixFrom(address.WithZone(""), address.BitLen())
		return true
	}
	if network, err := netip.ParsePrefix(host); err == nil {
		r.host, r.network = host, network.Masked()
		return true
	}
	return hostName.MatchString(r.host)
}

// ofLoopback reports whether the rule is about the loopback address, by a name that each machine has for it or by number.
func (r Rule) ofLoopback() bool {
	if r.isName() {
		return strings.EqualFold(strings.TrimSuffix(r.host, "."), "localhost")
	}
	return r.network.Addr().IsLoopback()
}

// loopback returns the loopback address of the build at which it is to find the one of the host.
func (r Rule) loopback() (netip.AddrPort, bool) {
	switch {
	case !r.ofLoopback() || r.port == 0 || !r.isName() && !r.network.IsSingleIP():
		return netip.AddrPort{}, false
	case r.isName():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), r.port), true
	}
	return netip.AddrPortFrom(r.network.Addr(), r.port), true
}

func (r Rule) isName() bool { return !r.network.IsValid() }

// allows reports whether the rule is about an address. A name is looked up each time: it may have moved.
func (r Rule) allows(ctx context.Context, wanted netip.AddrPort) bool {
	if r.port != 0 && r.port != wanted.Port() {
		return false
	}
	address := wanted.Addr().Unmap().WithZone("")
	if !r.isName() {
		return r.network.Contains(address)
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", r.host)
	return err == nil && slices.ContainsFunc(found, func(one netip.Addr) bool { return one.Unmap().WithZone("") == address })
}

// String returns the rule as ParseRule reads it.
func (r Rule) String() string {
	if r.port == 0 {
		return r.host
	}
	return net.JoinHostPort(r.host, strconv.Itoa(int(r.port)))
}

// ports are those that the schemes of registries and proxies stand for.
var ports = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// RulesOf returns a rule for each address with a scheme in some values of settings, by its host and port. A value is an
// address or a list of them, as GOPROXY has it, and cargo's sparse+ may be before a scheme. Words
// without an address in them are left out.
func RulesOf(values ...string) []Rule {
	var rules []Rule
	for _, value := range values {
		for word := range strings.FieldsFuncSeq(value, func(r rune) bool { return strings.ContainsRune(",| \t\n", r) }) {
			address, err := url.Parse(strings.TrimPrefix(word, "sparse+"))
			if err != nil || ports[address.Scheme] == "" || address.Hostname() == "" {
				continue
			}
			port := address.Port()
			if port == "" {
				port = ports[address.Scheme]
			}
			if rule, err := ParseRule(net.JoinHostPort(address.Hostname(), port)); err == nil && !slices.Contains(rules, rule) {
				rules = append(rules, rule)
			}
		}
	}
	return rules
}
