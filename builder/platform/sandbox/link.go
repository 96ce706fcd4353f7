package sandbox

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Link is the network device of a command on OwnNetwork. All that the command sends to others goes to the gateway, whose
// side of the device is a packet socket (packet(7)) of Ethernet frames.
type Link struct {
	MTU              int              // in bytes
	Addresses        []netip.Prefix   // of the command
	Gateways         []netip.Addr     // one at most for IPv4 and one for IPv6
	Hardware         net.HardwareAddr // of the command's side
	GatewaysHardware net.HardwareAddr
}

// The two ends of the device. Both are in the sandbox's network namespace; the second has no address there.
const (
	linkName = "eth0"
	farName  = "gateway"
)

// linkStep is what the message of a kernel begins with that has no such devices.
const linkStep = "making a network device (veth)"

// makeLink makes the device and hands the gateway's side of it to the parent.
func makeLink(channel *os.File, link Link) error {
	near := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: linkName, MTU: link.MTU, HardwareAddr: link.Hardware},
		PeerName:  farName, PeerMTU: uint32(link.MTU),
	}
	if err := netlink.LinkAdd(near); err != nil {
		return fmt.Errorf(linkStep+": %w", err)
	}
	far, err := netlink.LinkByName(farName)
	if err != nil {
		return fmt.Errorf("finding the gateway's network device: %w", err)
	}
	if err := configure(near, far, link); err != nil {
		return err
	}
	socket, err := packetSocket(far.Attrs().Index)
	if err != nil {
		return fmt.Errorf("opening the gateway's network device: %w", err)
	}
	defer socket.Close()
	return send(channel, linkMessage, socket)
}

// configure brings the device up and leads all that the command sends through it. Nobody has to be asked for hardware addresses.
func configure(near, far netlink.Link, link Link) error {
	for _, end := range []netlink.Link{far, near} { // the near end has its carrier when it comes up
		if err := netlink.LinkSetUp(end); err != nil {
			return fmt.Errorf("bringing the network device %s up: %w", end.Attrs().Name, err)
		}
	}
	for _, address := range link.Addresses {
		ip := &net.IPNet{IP: address.Addr().AsSlice(), Mask: net.CIDRMask(address.Bits(), address.Addr().BitLen())}
		// Nobody else can have the address: it is not asked for (IFA_F_NODAD).
		if err := netlink.AddrAdd(near, &netlink.Addr{IPNet: ip, Flags: unix.IFA_F_NODAD}); err != nil {
			return fmt.Errorf("giving the network device the address %s: %w", address, err)
		}
	}
	for _, gateway := range link.Gateways {
		neighbour := &netlink.Neigh{
			LinkIndex: near.Attrs().Index, State: unix.NUD_PERMANENT, IP: gateway.AsSlice(), HardwareAddr: link.GatewaysHardware,
		}
		if err := netlink.NeighAdd(neighbour); err != nil {
			return fmt.Errorf("naming the hardware address of %s: %w", gateway, err)
		}
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: near.Attrs().Index, Gw: gateway.AsSlice()}); err != nil {
			return fmt.Errorf("routing through %s: %w", gateway, err)
		}
	}
	return nil
}

// packetSocket opens a device for the frames that come in on it, and for those that go out.
func packetSocket(device int) (*os.File, error) {
	// Without a protocol it hears nothing before it is bound.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	socket := os.NewFile(uintptr(fd), "link")
	// Frames leave as soon as they are written, without a queue in between.
	for _, option := range []int{unix.PACKET_IGNORE_OUTGOING, unix.PACKET_QDISC_BYPASS} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, option, 1); err != nil {
			_ = socket.Close() // the first error counts
			return nil, err
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL), Ifindex: device}); err != nil {
		_ = socket.Close() // the first error counts
		return nil, err
	}
	return socket, nil
}

// bigEndian returns a number whose bytes in memory are n's in network order.
func bigEndian(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}
