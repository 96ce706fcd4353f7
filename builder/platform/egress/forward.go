package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// dialTimeout is how long the host waits for a peer. The build's own clients give up earlier.
const dialTimeout = 2 * time.Minute

// forward answers the first packet of a connection: it opens the same connection from the host, and joins both. What the
// host cannot open is reset.
func (c *connection) forward(request *tcp.ForwarderRequest) {
	if !c.begin() {
		request.Complete(true)
		return
	}
	defer c.running.Done()
	defer func() { <-c.slots }()
	peer, err := c.dial(request.ID())
	if err != nil {
		request.Complete(true)
		return
	}
	var queue waiter.Queue
	endpoint, failed := request.CreateEndpoint(&queue)
	request.Complete(failed != nil)
	if failed != nil {
		_ = peer.Close() // nobody is left to hear of it
		return
	}
	build := buildConn{gonet.NewTCPConn(&queue, endpoint), endpoint.Abort}
	join(c.ctx, build, hostConn{peer})
}

// begin counts a connection, unless there are too many or the build has ended.
func (c *connection) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return false
	}
	select {
	case c.slots <- struct{}{}:
		c.running.Add(1)
		return true
	default:
		return false
	}
}

// dial opens the connection that a build asks for.
func (c *connection) dial(id stack.TransportEndpointID) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(c.ctx, dialTimeout)
	defer cancel()
	address, _ := netip.AddrFromSlice(id.LocalAddress.AsSlice()) // of 4 or 16 bytes
	wanted := netip.AddrPortFrom(address, id.LocalPort)
	if slices.Contains(gateways, address) && wanted.Port() == dnsPort {
		return c.dialNameServer(ctx)
	}
	if !c.policy.permits(ctx, wanted) {
		return nil, errRefused
	}
	return dialTCP(ctx, wanted.String())
}

var errRefused = errors.New("refused")

func dialTCP(ctx context.Context, address string) (*net.TCPConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// Serve leads the connections to a loopback address of the build to the host's, until the listener is closed.
func (g *Gateway) Serve(listener net.Listener) {
	target := g.forwards[listener.Addr().(*net.TCPAddr).AddrPort()]
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for {
		build, err := listener.Accept()
		if err != nil {
			break // it was closed
		}
		running.Go(func() {
			peer, err := dialTCP(ctx, target)
			if err != nil {
				hostConn{build.(*net.TCPConn)}.reset()
				return
			}
			join(ctx, hostConn{build.(*net.TCPConn)}, hostConn{peer})
		})
	}
	cancel()
	running.Wait()
}

// conn is one side of two that are joined.
type conn interface {
	io.ReadWriteCloser
	CloseWrite() error
	reset() // ends it, so that the other end knows that something is missing
}

// hostConn is a connection of the host.
type hostConn struct{ *net.TCPConn }

func (h hostConn) reset() {
	_ = h.SetLinger(0)
	_ = h.Close() // it ends in any case
}

// buildConn is a connection of the build.
type buildConn struct {
	*gonet.TCPConn
	abort func()
}

func (b buildConn) reset() { b.abort() }

// join copies what each side sends to the other, until both have sent all, one of them fails, or the context is done.
func join(ctx context.Context, a, b conn) {
	failed := sync.OnceFunc(func() { a.reset(); b.reset() })
	stop := context.AfterFunc(ctx, failed)
	defer stop()
	var copying sync.WaitGroup
	for _, way := range [][2]conn{{a, b}, {b, a}} {
		copying.Go(func() {
			if err := carry(way[0], way[1]); err != nil {
				failed()
			}
		})
	}
	copying.Wait()
	_, _ = a.Close(), b.Close() // both have sent all, or are reset
}

// carry copies what one side sends, its end included.
func carry(from, to conn) error {
	// Only Reader and Writer: the methods for copying of a connection of the host take smaller steps.
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 64<<10))
	if err != nil {
		return err
	}
	return to.CloseWrite()
}
