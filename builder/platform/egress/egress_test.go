package egress_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/egress"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
)

const seven = "198.51.100.7:80"

// TestReached has a build connect to what the Internet has.
func TestReached(t *testing.T) {
	start(t)
	// The last of them leads to 198.51.100.7 by NAT64.
	output, refused := build(t, nil, "hello", seven, "[2001:db8::7]:80", "[64:ff9b::c633:6407]:80", "198.51.100.7:81")
	want := "198.51.100.7:80 hello from 198.51.100.7:80\n" +
		"[2001:db8::7]:80 hello from [2001:db8::7]:80\n" +
		"[64:ff9b::c633:6407]:80 hello from [64:ff9b::c633:6407]:80\n" +
		"198.51.100.7:81 ECONNREFUSED\n"
	if diff := cmp.Diff(want, output); diff != "" || len(refused) > 0 {
		t.Errorf("refused %v (-want +got):\n%s", refused, diff)
	}
}

// TestRefused has a build connect to each kind of address that the host reaches and it does not. Every one of them answers the
// host, and answers the build when it is allowed.
func TestRefused(t *testing.T) {
	start(t)
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	// Not an address of an interface, but the host takes it for its own.
	routed := &netlink.Route{
		LinkIndex: lo.Attrs().Index, Dst: &net.IPNet{IP: net.IPv4(203, 0, 113, 64), Mask: net.CIDRMask(26, 32)}, Type: unix.RTN_LOCAL,
		Scope: unix.RT_SCOPE_HOST, Table: unix.RT_TABLE_LOCAL,
	}
	if err := netlink.RouteAdd(routed); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = netlink.RouteDel(routed) })
	listener, err := net.Listen("tcp", ":80") // of the host itself
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go serve(listener)
	kinds := [][2]string{
		{"10.1.2.3:80", "a private address"},
		{"172.16.1.1:80", "a private address"},
		{"192.168.1.1:80", "a private address"},
		{"100.64.0.1:80", "a private address"},
		{"198.18.0.1:80", "a private address"},
		{"192.0.0.9:80", "a private address"},
		{"169.254.169.254:80", "a link-local address"},
		{"203.0.113.2:80", "an address of this machine"},
		{"203.0.113.70:80", "an address of this machine"},
		{"[2001:db8:1::2]:80", "an address of this machine"},
		{"[fd00::7]:80", "a private address"},
		{"[fec0::7]:80", "a private address"},
		{"[64:ff9b::a01:203]:80", "a private address"}, // 10.1.2.3 by NAT64
		{"[64:ff9b:1::1]:80", "a private address"},
		{"[2002:a01:203::1]:80", "a private address"}, // 10.1.2.3 by 6to4
	}
	var rules, want []string
	var refusedOutput, allowedOutput strings.Builder
	for _, kind := range kinds {
		if got := hello(kind[0]); got != "hello from "+kind[0] {
			t.Errorf("%s does not answer the host: %s", kind[0], got)
		}
		rules = append(rules, kind[0])
		want = append(want, kind[0]+" "+kind[1])
		fmt.Fprintf(&refusedOutput, "%s ECONNREFUSED\n", kind[0])
		fmt.Fprintf(&allowedOutput, "%s hello from %s\n", kind[0], kind[0])
	}
	output, refused := build(t, nil, append([]string{"hello"}, append(rules, rules...)...)...) // each is reported once
	if diff := cmp.Diff(strings.Repeat(refusedOutput.String(), 2), output); diff != "" {
		t.Errorf("without a rule (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Errorf("what was refused (-want +got):\n%s", diff)
	}
	output, refused = build(t, rules, append([]string{"hello"}, rules...)...)
	if diff := cmp.Diff(allowedOutput.String(), output); diff != "" || len(refused) > 0 {
		t.Errorf("with rules, refused %v (-want +got):\n%s", refused, diff)
	}
}

// TestAllowed lets through exactly what a rule says.
func TestAllowed(t *testing.T) {
	start(t)
	listener, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go serve(listener)
	for _, test := range []struct{ rule, address, want string }{
		{"10.1.2.3", "10.1.2.3:80", "hello from 10.1.2.3:80"},
		{"10.1.2.3:81", "10.1.2.3:80", "ECONNREFUSED"},
		{"10.1.2.4", "10.1.2.3:80", "ECONNREFUSED"},
		{"10.1.0.0/16", "10.1.2.3:80", "hello from 10.1.2.3:80"},
		{"10.1.0.0/16:80", "10.1.2.3:80", "hello from 10.1.2.3:80"},
		{"10.2.0.0/16", "10.1.2.3:80", "ECONNREFUSED"},
		{"company.test", "10.1.2.3:80", "hello from 10.1.2.3:80"},
		{"company.test:80", "company.test:80", "hello from 10.1.2.3:80"},
		{"company.test:80", "192.168.1.1:80", "ECONNREFUSED"},
		{"seven.test", "10.1.2.3:80", "ECONNREFUSED"},
		{"absent.test", "10.1.2.3:80", "ECONNREFUSED"},
		{"fd00::/8", "[fd00::7]:80", "hello from [fd00::7]:80"},
		{"[fd00::7]:80", "[fd00::7]:80", "hello from [fd00::7]:80"},
		{"127.0.0.1:8080", "127.0.0.1:8080", "hello from 127.0.0.1:8080"},
		{"localhost:8080", "localhost:8080", "hello from 127.0.0.1:8080"},
		{"localhost:8081", "localhost:8081", "ECONNRESET"}, // nobody listens
		{"seven.test", "127.0.0.1:8080", "ECONNREFUSED"},
	} {
		output, _ := build(t, []string{test.rule}, "hello", test.address)
		if want := test.address + " " + test.want + "\n"; output != want {
			t.Errorf("with the rule %s: got %q, want %q", test.rule, output, want)
		}
	}
}

// TestNames has a build ask the host's name server by both protocols, and for a name that leads to a private address.
func TestNames(t *testing.T) {
	start(t)
	output, _ := build(t, nil, "look", "seven.test", "company.test", "long.test", "absent.test")
	var want strings.Builder
	for _, answer := range []string{
		"seven.test 198.51.100.7", "company.test 10.1.2.3", "long.test 198.51.100.7", "absent.test no such host",
	} {
		fmt.Fprintf(&want, "udp %s\ntcp %s\n", answer, answer)
	}
	if diff := cmp.Diff(want.String(), output); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	output, refused := build(t, nil, "hello", "company.test:80")
	if output != "company.test:80 ECONNREFUSED\n" || len(refused) != 1 || refused[0] != "10.1.2.3:80 a private address" {
		t.Errorf("got %q, refused %v", output, refused)
	}
}

// TestOtherPackets has a build send a packet that is no question: it hears at once that nobody takes it.
func TestOtherPackets(t *testing.T) {
	start(t)
	for _, address := range []string{"198.51.100.7:443", "[2001:db8::7]:443", nameServer + ":53"} {
		if output, _ := build(t, nil, "udp", address); output != "ECONNREFUSED\n" {
			t.Errorf("%s: got %q", address, output)
		}
	}
}

// TestMoves sends 100 MB each way. The server sums up what it gets after the build has said that this is all.
func TestMoves(t *testing.T) {
	start(t)
	const size = "100000000"
	n, sum := sumOf(io.LimitReader(pattern(), 100_000_000))
	want := fmt.Sprintln(n, sum)
	for _, what := range []string{"send", "sum"} {
		if output, refused := build(t, nil, what, seven, size); output != want {
			t.Errorf("%s: got %q, want %q; refused %v", what, output, want, refused)
		}
	}
}

func TestMany(t *testing.T) {
	start(t)
	if output, _ := build(t, nil, "many", seven, "500"); output != "500 answered\n" {
		t.Errorf("got %q", output)
	}
}

func TestReset(t *testing.T) {
	start(t)
	if output, _ := build(t, nil, "reset", seven); output != "ECONNRESET\n" {
		t.Errorf("got %q", output)
	}
}

// ofConnection matches the stack of a goroutine that answers a build: files of this package, except tests, and of the TCP/IP stack.
var ofConnection = regexp.MustCompile(`egress/[a-z]+\.go:|gvisor`)

// TestEnd ends a build while its connections wait for a peer that reads nothing.
func TestEnd(t *testing.T) {
	start(t)
	if output, _ := build(t, nil, "hold", seven); output != "held\n" {
		t.Fatalf("got %q", output)
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for one := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if ofConnection.Match(one) {
			t.Errorf("this is left:\n%s", one)
		}
	}
}

// TestAbstractSockets has a build connect to a socket of the host that has no file.
func TestAbstractSockets(t *testing.T) {
	start(t)
	name := fmt.Sprint("@egress-test-", os.Getpid())
	listener, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if output, _ := build(t, nil, "socket", name); output != "ECONNREFUSED\n" {
		t.Errorf("got %q", output)
	}
}

// TestNeighbours has one build listen at its loopback address, and another one not find it.
func TestNeighbours(t *testing.T) {
	start(t)
	gateway, err := egress.New(nil, func(egress.Refusal) {})
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := specOf(t, gateway, "listen", "127.0.0.1:18555")
	r, w := io.Pipe()
	spec.Stdout = w
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- w.CloseWithError(sandbox.Run(ctx, spec)) }()
	if _, err := r.Read(make([]byte, 64)); err != nil {
		t.Fatal("the first build ended: ", err)
	}
	if output, _ := build(t, nil, "hello", "127.0.0.1:18555"); output != "127.0.0.1:18555 ECONNREFUSED\n" {
		t.Errorf("got %q", output)
	}
	cancel()
	<-ended
}

// TestWithoutIPv6 has a host with no way out over IPv6. The build hears it at once, and takes IPv4.
func TestWithoutIPv6(t *testing.T) {
	start(t)
	link, err := netlink.LinkByName("internet")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.RouteDel(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: everything}); err != nil {
		t.Fatal(err)
	}
	output, _ := build(t, nil, "hello", "[2001:db8::7]:80", seven)
	if want := "[2001:db8::7]:80 ENETUNREACH\n" + seven + " hello from " + seven + "\n"; output != want {
		t.Errorf("got %q, want %q", output, want)
	}
}
