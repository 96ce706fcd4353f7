// Package egress is the way out of a build that has a network of its own. It answers the packets of the build with a
// TCP/IP stack in this process (gvisor.dev/gvisor/pkg/tcpip), and opens each connection again from the host. So the build
// reaches what the host reaches, except the host itself and the networks that only the host is trusted in.
//
// Of UDP there is DNS alone. Name servers of the host answer the questions that the build asks the gateway.
package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"

	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
)

// The addresses of a build and of its gateway. Those of IPv4 are never routed and have global scope (RFC 7335), so that
// clients take them as they take any other. Those of IPv6 are unique local ones (RFC 4193); clients prefer IPv4 to them.
var (
	buildAddresses = []netip.Prefix{netip.MustParsePrefix("192.0.0.2/29"), netip.MustParsePrefix("fd5c:7a1d:6b0e::2/64")}
	gateways       = []netip.Addr{netip.MustParseAddr("192.0.0.1"), netip.MustParseAddr("fd5c:7a1d:6b0e::1")}

	buildHardware   = net.HardwareAddr{0x02, 0, 0, 0, 0, 2} // locally administered
	gatewayHardware = net.HardwareAddr{0x02, 0, 0, 0, 0, 1}
)

// mtu is in bytes. The link has no wire: large packets are the cheapest.
const mtu = 65_000

// Gateway says what a build reaches, and by which name servers.
type Gateway struct {
	policy      policy
	nameServers []netip.AddrPort
	resolvConf  []byte
	ipv6        bool
	forwards    map[netip.AddrPort]string // of loopback addresses inside to addresses of the host
}

// New returns a gateway that also lets through what rules allow. For each address that it refuses, it calls refused once,
// from any goroutine. It reads the host's name servers.
func New(rules []Rule, refused func(Refusal)) (*Gateway, error) {
	content, err := HostResolvConf()
	if err != nil {
		return nil, err
	}
	g := &Gateway{policy: policy{rules: rules, refused: refused}, ipv6: leadsOut("2000::"), forwards: map[netip.AddrPort]string{}}
	g.nameServers, g.resolvConf = readResolvConf(content)
	for _, rule := range rules {
		if inside, ok := rule.loopback(); ok {
			g.forwards[inside] = net.JoinHostPort(rule.host, fmt.Sprint(rule.port))
		}
	}
	return g, nil
}

// HostResolvConf is the machine's file /etc/resolv.conf, empty if it has none.
func HostResolvConf() ([]byte, error) {
	content, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the machine's name servers: %w", err)
	}
	return content, nil
}

// leadsOut reports whether the host has a route to an address. It sends nothing.
func leadsOut(address string) bool {
	conn, err := net.Dial("udp", net.JoinHostPort(address, "53"))
	if err != nil {
		return false
	}
	_ = conn.Close() // it was only there to ask
	return true
}

// ResolvConf is the file /etc/resolv.conf of the build.
func (g *Gateway) ResolvConf() []byte { return g.resolvConf }

// Link is the network device of the build.
func (g *Gateway) Link() sandbox.Link {
	return sandbox.Link{
		MTU: mtu, Hardware: buildHardware, GatewaysHardware: gatewayHardware,
		Addresses: buildAddresses[:g.families()], Gateways: gateways[:g.families()],
	}
}

// families is how many of IPv4 and IPv6 the build has. Without the second, a client knows at once that it has to take the
// first.
func (g *Gateway) families() int {
	if g.ipv6 {
		return 2
	}
	return 1
}

// Listen are the loopback addresses of the build that Serve leads to the host's.
func (g *Gateway) Listen() []netip.AddrPort {
	var addresses []netip.AddrPort
	for address := range g.forwards {
		addresses = append(addresses, address)
	}
	return addresses
}

// connection is a build that is connected.
type connection struct {
	*Gateway
	stack  *stack.Stack
	gate   *gate
	ctx    context.Context // done when it is to end
	cancel context.CancelFunc

	mu      sync.Mutex // held while running grows from without, and while the context ends
	running sync.WaitGroup
	slots   chan struct{} // one for each connection that is open
	queries chan struct{} // one for each question that is asked
}

const (
	nic = 1

	// maxConnections and maxQueries bound what a build can have open at a time.
	maxConnections = 1_000
	maxQueries     = 200

	// buffer is how much of a connection waits in each direction, in bytes. The way to the build has no delay to fill.
	buffer = 512 << 10
)

// Connect answers the packets of a socket until what it returns is closed. Then every connection has ended.
func (g *Gateway) Connect(socket *os.File) (io.Closer, error) {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
	})
	c := &connection{Gateway: g, stack: s, slots: make(chan struct{}, maxConnections), queries: make(chan struct{}, maxQueries)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if err := c.start(int(socket.Fd())); err != nil {
		_ = c.Close() // never fails
		return nil, fmt.Errorf("connecting the build's network: %w", err)
	}
	return c, nil
}

func (c *connection) start(fd int) error {
	device, err := fdbased.New(&fdbased.Options{
		FDs: []int{fd}, MTU: mtu, EthernetHeader: true, Address: tcpip.LinkAddress(gatewayHardware),
		// The kernel leaves the checksums of packets that never see a wire to the device.
		RXChecksumOffload: true,
		// TCP has goroutines of its own; packets that one reads need no others on the way there.
		ProcessorsPerChannel: 1,
	})
	if err != nil {
		return err
	}
	c.gate = &gate{LinkEndpoint: device}
	if err := c.configure(c.gate); err != nil {
		return errors.New(err.String())
	}
	forwarder := tcp.NewForwarder(c.stack, buffer, maxConnections, c.forward)
	c.stack.SetTransportProtocolHandler(tcp.ProtocolNumber, forwarder.HandlePacket)
	if err := c.answerQuestions(); err != nil {
		return err
	}
	c.gate.open()
	return nil
}

// gate is a device that waits with the first packet until it is opened. The build may send one at any time, and a stack that is
// not configured in full would refuse it. It is shut before the stack ends: the stack would hold a lock while it waits for a last
// packet, and that packet would wait for the lock.
type gate struct {
	stack.LinkEndpoint
	to stack.NetworkDispatcher
}

// Attach implements stack.LinkEndpoint.
func (g *gate) Attach(to stack.NetworkDispatcher) {
	if to == nil {
		g.LinkEndpoint.Attach(nil)
	}
	g.to = to
}

func (g *gate) open() { g.LinkEndpoint.Attach(g.to) }

// shut returns when no packet is under way.
func (g *gate) shut() { g.LinkEndpoint.Attach(nil) }

// configure makes the stack answer for every address.
func (c *connection) configure(endpoint stack.LinkEndpoint) tcpip.Error {
	send := tcpip.TCPSendBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: buffer, Max: buffer}
	if err := c.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &send); err != nil {
		return err
	}
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: buffer, Max: buffer}
	if err := c.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &receive); err != nil {
		return err
	}
	if err := c.stack.CreateNIC(nic, endpoint); err != nil {
		return err
	}
	if err := c.stack.SetPromiscuousMode(nic, true); err != nil {
		return err
	}
	if err := c.stack.SetSpoofing(nic, true); err != nil {
		return err
	}
	c.stack.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}, {Destination: header.IPv6EmptySubnet, NIC: nic}})
	for i := range c.families() {
		protocol := protocolOf(gateways[i])
		address := tcpip.AddrFromSlice(gateways[i].AsSlice()).WithPrefix()
		own := tcpip.ProtocolAddress{Protocol: protocol, AddressWithPrefix: address}
		if err := c.stack.AddProtocolAddress(nic, own, stack.AddressProperties{}); err != nil {
			return err
		}
		build := tcpip.AddrFromSlice(buildAddresses[i].Addr().AsSlice())
		if err := c.stack.AddStaticNeighbor(nic, protocol, build, tcpip.LinkAddress(buildHardware)); err != nil {
			return err
		}
	}
	return nil
}

func protocolOf(address netip.Addr) tcpip.NetworkProtocolNumber {
	if address.Is4() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

// Close ends every connection and waits until nothing of it runs.
func (c *connection) Close() error {
	c.mu.Lock()
	c.cancel()
	c.mu.Unlock()
	c.running.Wait()
	if c.gate != nil {
		c.gate.shut()
	}
	c.stack.Destroy()
	return nil
}
