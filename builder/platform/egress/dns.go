package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
)

const (
	dnsPort = 53
	// maxMessage is the size of the largest DNS message, in bytes.
	maxMessage = 1<<16 - 1
	// answerTimeout is how long each name server has. Clients ask again after 5 s (resolv.conf(5)).
	answerTimeout = 4 * time.Second
)

// readResolvConf returns the name servers of a resolv.conf(5), and the file with the gateway as the only one.
func readResolvConf(content []byte) (servers []netip.AddrPort, own []byte) {
	own = fmt.Appendf(nil, "nameserver %s\n", gateways[0])
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			own = append(own, line...)
			continue
		}
		if address, err := netip.ParseAddr(fields[1]); err == nil {
			servers = append(servers, netip.AddrPortFrom(address, dnsPort))
		}
	}
	if len(servers) == 0 {
		servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dnsPort)}
	}
	return servers, own
}

// answerQuestions takes the build's DNS messages at the gateways. They go to the host's name servers as they are.
func (c *connection) answerQuestions() error {
	for _, gateway := range gateways[:c.families()] {
		address := tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFromSlice(gateway.AsSlice()), Port: dnsPort}
		conn, err := gonet.DialUDP(c.stack, &address, nil, protocolOf(gateway))
		if err != nil {
			return err
		}
		context.AfterFunc(c.ctx, func() { _ = conn.Close() })
		c.running.Go(func() { c.takeQuestions(conn) })
	}
	return nil
}

func (c *connection) takeQuestions(conn *gonet.UDPConn) {
	message := make([]byte, maxMessage)
	for {
		n, from, err := conn.ReadFrom(message)
		if err != nil {
			return // it was closed
		}
		question := append([]byte(nil), message[:n]...)
		select {
		case c.queries <- struct{}{}:
		default:
			continue // the client asks again
		}
		c.running.Go(func() {
			defer func() { <-c.queries }()
			_, _ = conn.WriteTo(c.answer(question), from) // a client that went away asks nobody
		})
	}
}

// answer asks the name servers in turn. If none answers, the answer is a failure, so that the client need not wait.
func (c *connection) answer(question []byte) []byte {
	for _, server := range c.nameServers {
		if answer, err := ask(c.ctx, server, question); err == nil {
			return answer
		}
	}
	return serverFailure(question)
}

// headerSize is the size of a DNS message's header, in bytes (RFC 1035, section 4.1.1).
const headerSize = 12

// serverFailure answers a question with RCODE 2.
func serverFailure(question []byte) []byte {
	if len(question) < headerSize {
		return question
	}
	answer := append([]byte(nil), question...)
	answer[2] |= 1 << 7 // QR: it is an answer
	answer[3] = answer[3]&0xf0 | 2
	return answer
}

func ask(ctx context.Context, server netip.AddrPort, question []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "udp", server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := conn.Write(question); err != nil {
		return nil, err
	}
	answer := make([]byte, maxMessage)
	n, err := conn.Read(answer)
	if err != nil {
		return nil, err
	}
	return answer[:n], nil
}

// dialNameServer connects with the first name server that takes a connection.
func (c *connection) dialNameServer(ctx context.Context) (*net.TCPConn, error) {
	var all error
	for _, server := range c.nameServers {
		attempt, cancel := context.WithTimeout(ctx, answerTimeout)
		conn, err := dialTCP(attempt, server.String())
		cancel()
		if err == nil {
			return conn, nil
		}
		all = errors.Join(all, err)
	}
	return nil, all
}
