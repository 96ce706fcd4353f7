package egress_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/egress"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
)

// The tests run in a world of their own: a network namespace that is the host, and one that is the Internet. A veth pair
// joins both. A build runs in a sandbox of the host. All three run this binary.
const (
	roleVariable = "EGRESS_TEST_ROLE"
	hostRole     = "host"
	buildRole    = "build"

	nameServer = "10.9.9.9" // of the host, on the Internet
)

// refusedHere says why there is no world, empty if there is one.
var refusedHere string

func TestMain(m *testing.M) {
	sandbox.Init()
	if slices.ContainsFunc(os.Args, func(arg string) bool { return strings.HasPrefix(arg, "-test.fuzz") }) {
		os.Exit(m.Run()) // each process that fuzzes would make a host, and none needs one
	}
	switch os.Getenv(roleVariable) {
	case hostRole:
		if err := becomeHost(); err != nil {
			fmt.Fprintln(os.Stderr, "making the host:", err)
			os.Exit(1)
		}
	case buildRole:
		if err := act(os.Args[1:]); err != nil {
			fmt.Println(err)
		}
		os.Exit(0)
	default:
		status, err := startHost()
		if err == nil {
			os.Exit(status)
		}
		refusedHere = err.Error()
	}
	os.Exit(m.Run())
}

// startHost runs the tests again in namespaces of their own and returns their status.
func startHost() (int, error) {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), roleVariable+"="+hostRole)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getgid(), Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_SYS_ADMIN, unix.CAP_NET_BIND_SERVICE},
		Pdeathsig:   syscall.SIGKILL,
	}
	err := cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// becomeHost gives the process a resolv.conf and a hosts file of its own, and brings the loopback interface up.
func becomeHost() error {
	dir, err := os.MkdirTemp("", "egress")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for path, content := range map[string]string{
		"/etc/resolv.conf": "search example.test\nnameserver " + nameServer + "\n", "/etc/hosts": "127.0.0.1 localhost\n10.1.2.3 company.test\n",
	} {
		file := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(file, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("binding %s: %w", path, err)
		}
	}
	return up("lo")
}

func up(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// internet is the addresses that answer in every test. Each is one that the host reaches.
var internet = []string{
	"198.51.100.7", "10.1.2.3", "172.16.1.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "198.18.0.1", "192.0.0.9", nameServer,
	"2001:db8::7", "fd00::7", "fec0::7", "64:ff9b::a01:203", "64:ff9b:1::1", "2002:a01:203::1", "64:ff9b::c633:6407",
}

// hosts are the addresses of the host's own interface towards the Internet.
var hosts = []string{"203.0.113.2", "2001:db8:1::2"}

// start makes the Internet, and serves it until the test ends.
func start(t *testing.T) {
	t.Helper()
	if refusedHere != "" {
		t.Skip("user namespaces are refused here: ", refusedHere)
	}
	ready, end := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		listeners, err := makeInternet()
		ready <- err
		for _, one := range listeners {
			go serve(one)
		}
		<-end
		for _, one := range listeners {
			_ = one.Close()
		}
		ready <- nil
	}()
	if err := <-ready; err != nil {
		t.Fatal("making the Internet: ", err)
	}
	t.Cleanup(func() {
		close(end)
		<-ready
		if link, err := netlink.LinkByName("internet"); err == nil {
			_ = netlink.LinkDel(link)
		}
	})
}

// makeInternet leaves the thread in a namespace of its own.
func makeInternet() (listeners []io.Closer, err error) {
	host, err := netns.Get()
	if err != nil {
		return nil, err
	}
	defer host.Close()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	if err := up("lo"); err != nil {
		return nil, err
	}
	far := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "far"}, PeerName: "internet", PeerNamespace: netlink.NsFd(int(host))}
	if err := netlink.LinkAdd(far); err != nil {
		return nil, err
	}
	atHost, err := netlink.NewHandleAt(host)
	if err != nil {
		return nil, err
	}
	defer atHost.Close()
	near, err := atHost.LinkByName("internet")
	if err != nil {
		return nil, err
	}
	own, err := netlink.NewHandle()
	if err != nil {
		return nil, err
	}
	defer own.Close()
	for _, side := range []struct {
		handle         *netlink.Handle
		link           netlink.Link
		own, neighbour []string
	}{{atHost, near, hosts, internet}, {own, far, internet, hosts}} {
		if err := join(side.handle, side.link, side.own, side.neighbour); err != nil {
			return nil, err
		}
	}
	// A machine with IPv6 has a default route.
	if err := atHost.RouteAdd(&netlink.Route{LinkIndex: near.Attrs().Index, Dst: everything}); err != nil {
		return nil, err
	}
	for _, address := range internet {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, "80"))
		if err != nil {
			return listeners, err
		}
		listeners = append(listeners, listener)
	}
	dns, err := net.ListenPacket("udp", nameServer+":53")
	if err != nil {
		return listeners, err
	}
	tcp, err := net.Listen("tcp", nameServer+":53")
	return append(listeners, dns, tcp), err
}

var everything = &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}

func join(handle *netlink.Handle, link netlink.Link, own, neighbours []string) error {
	if err := handle.LinkSetUp(link); err != nil {
		return err
	}
	network := func(address string) *net.IPNet {
		a := netip.MustParseAddr(address)
		return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
	}
	for _, address := range own {
		if err := handle.AddrAdd(link, &netlink.Addr{IPNet: network(address), Flags: unix.IFA_F_NODAD}); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
	for _, address := range neighbours {
		if err := handle.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: network(address), Scope: unix.RT_SCOPE_LINK}); err != nil {
			return fmt.Errorf("to %s: %w", address, err)
		}
	}
	return nil
}

// serve answers as a server of the Internet does, until it is closed.
func serve(server io.Closer) {
	if packets, ok := server.(net.PacketConn); ok {
		serveNames(packets)
		return
	}
	for {
		conn, err := server.(net.Listener).Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			if strings.HasSuffix(conn.LocalAddr().String(), ":53") {
				serveName(conn)
				return
			}
			in := bufio.NewReader(conn)
			line, _ := in.ReadString('\n')
			what, count, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch what {
			case "hello":
				_, _ = io.WriteString(conn, "hello from "+conn.LocalAddr().String())
			case "send": // so many bytes
				n, _ := strconv.ParseInt(count, 10, 64)
				_, _ = io.CopyN(conn, pattern(), n)
			case "sum": // says what it got after the client has said that this is all
				n, sum := sumOf(in)
				fmt.Fprint(conn, n, " ", sum)
			case "stall": // reads nothing and says nothing
				_, _ = io.WriteString(conn, "stalled")
				<-make(chan struct{})
			case "reset":
				_ = conn.(*net.TCPConn).SetLinger(0)
			}
		}()
	}
}

// pattern is bytes without an end, the same ones each time.
func pattern() io.Reader { return rand.NewChaCha8([32]byte{1}) }

func sumOf(r io.Reader) (n int64, sum string) {
	hash := sha256.New()
	n, _ = io.Copy(hash, r)
	return n, fmt.Sprintf("%x", hash.Sum(nil)[:8])
}

// build runs this binary in a sandbox whose way out is a gateway, and returns what it printed and what was refused.
func build(t *testing.T, rules []string, args ...string) (output string, refused []string) {
	t.Helper()
	var parsed []egress.Rule
	for _, rule := range rules {
		one, err := egress.ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, one)
	}
	gateway, err := egress.New(parsed, func(r egress.Refusal) { refused = append(refused, r.Address.String()+" "+r.Is) })
	if err != nil {
		t.Fatal(err)
	}
	spec, out := specOf(t, gateway, args...)
	if err := sandbox.Run(t.Context(), spec); err != nil {
		t.Fatal(err, out)
	}
	return out.String(), refused
}

func specOf(t *testing.T, gateway *egress.Gateway, args ...string) (sandbox.Spec, *bytes.Buffer) {
	t.Helper()
	root := t.TempDir()
	for _, folder := range []string{"dev", "proc", "etc"} {
		if err := os.Mkdir(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{
		"etc/resolv.conf": gateway.ResolvConf(), "etc/hosts": []byte("127.0.0.1 localhost\n"), "test": nil,
	} {
		if err := os.WriteFile(filepath.Join(root, path), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	output := &bytes.Buffer{}
	return sandbox.Spec{
		Root: root, UID: 1001, GID: 1000, Dir: "/", Env: []string{roleVariable + "=" + buildRole}, Args: append([]string{"/test"}, args...),
		Binds:   []sandbox.Bind{{Source: binary, Target: "/test"}},
		Network: sandbox.OwnNetwork, Link: gateway.Link(), Connect: gateway.Connect, Listen: gateway.Listen(), Serve: gateway.Serve,
		Stdout: output, Stderr: output,
	}, output
}
