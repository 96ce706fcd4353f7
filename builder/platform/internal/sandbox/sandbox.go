// Package sandbox runs one command in Linux namespaces of its own: user,
// mount, pid, ipc, uts, cgroup and, when asked, network. It needs no root, no daemon
// and no helper program: the calling binary starts itself again as the first
// process inside (see Init) and that process becomes the command.
//
// What the command gets: the root file system it was given (read-only unless
// asked otherwise), the folders that were bound, a /proc and a /dev of its own,
// the environment it was given and nothing else of the host. It holds no
// capability, cannot gain any (not even in a user namespace of its own), never
// has the host's uid 0, and dies with the process that started it.
//
// What it keeps: the supplementary groups of a caller that is not root, the
// caller's resource limits, and on the host's network all that listens on the
// machine itself, at the loopback address or at an abstract socket. No system
// call is filtered.
package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// hostID is the uid and gid of the host that a sandbox started by root runs
// with, so that what it escapes to, if it ever did, owns nothing. It lies below
// 65536, because a container's root often has no more ids than that.
const hostID = 65432

// HostIDs returns the uid and gid that the command has on the host: the
// caller's own, or for root an id that owns nothing. Folders bound writable must belong to it.
func HostIDs() (uid, gid int) {
	if os.Getuid() == 0 {
		return hostID, hostID
	}
	return os.Getuid(), os.Getgid()
}

// Network says what the command can reach.
type Network string

// The networks a command can have.
const (
	// HostNetwork is the host's own: what the machine reaches, the command reaches.
	HostNetwork Network = "host"
	// NoNetwork has a loopback interface and nothing else.
	NoNetwork Network = "none"
)

// Bind makes a file or folder of the host visible inside.
type Bind struct {
	Source   string // absolute path on the host
	Target   string // absolute path inside; it has to exist in the root
	Writable bool
}

// Spec describes one command and the world it sees.
type Spec struct {
	Root         string // the folder that becomes /
	RootWritable bool
	Binds        []Bind
	UID, GID     int // inside
	Dir          string
	Env          []string
	Args         []string
	Network      Network
	// Listen is served on 127.0.0.1 inside, at these ports, by the handler of Serve
	// on the host's side; it needs NoNetwork.
	Listen []int

	Serve          func(net.Listener) `json:"-"`
	Stdin          io.Reader          `json:"-"`
	Stdout, Stderr io.Writer          `json:"-"`
	// Grace is how long the command may take to end after SIGTERM when the context
	// is done; zero kills it at once.
	Grace time.Duration `json:"-"`
}

// initName is argv[0] of the first process inside.
const initName = "strata-sandbox"

// Run starts the command and waits for it. A command that ends with another
// status than 0 gives an *exec.ExitError; a sandbox that cannot be made gives a
// fault that says what the machine refuses.
func Run(ctx context.Context, spec Spec) error {
	// The kernel ends the sandbox when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	config, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("writing the sandbox's configuration: %w", err)
	}
	channel, inside, err := socketPair()
	if err != nil {
		return err
	}
	defer channel.Close()
	defer inside.Close()

	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{initName}
	cmd.Env = []string{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = spec.Stdin, spec.Stdout, spec.Stderr
	cmd.ExtraFiles = []*os.File{inside}
	cmd.SysProcAttr = attributes(spec)
	if spec.Grace > 0 {
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = spec.Grace
	}
	if err := cmd.Start(); err != nil {
		return refused(err)
	}
	inside.Close()

	listeners, setupErr := converse(channel, config)
	for _, listener := range listeners {
		defer listener.Close()
		go spec.Serve(listener)
	}
	waitErr := cmd.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if setupErr != nil {
		return setupErr
	}
	return waitErr
}

func attributes(spec Spec) *syscall.SysProcAttr {
	uid, gid := HostIDs()
	flags := uintptr(syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWCGROUP)
	if spec.Network != HostNetwork {
		flags |= syscall.CLONE_NEWNET
	}
	return &syscall.SysProcAttr{
		Cloneflags:  flags,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: spec.UID, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: spec.GID, HostID: gid, Size: 1}},
		// Root may drop its groups; anybody else may not be trusted with setgroups (user_namespaces(7)).
		GidMappingsEnableSetgroups: os.Getuid() == 0,
		AmbientCaps:                []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_RESOURCE},
		Pdeathsig:                  syscall.SIGKILL,
		// Ctrl-C is for the parent, which ends the sandbox itself. In a session of its own
		// the command cannot type into the terminal either: ioctl_tty(2), TIOCSTI.
		Setsid: true,
	}
}

// converse gives the first process its configuration and takes what it says:
// listeners to serve, then either an error text or, when it became the command, nothing.
func converse(channel *os.File, config []byte) ([]net.Listener, error) {
	conn, err := net.FileConn(channel)
	if err != nil {
		return nil, fmt.Errorf("opening the channel to the sandbox: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write(config); err != nil {
		return nil, fmt.Errorf("configuring the sandbox: %w", err)
	}
	var listeners []net.Listener
	for {
		message, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
		n, rn, _, _, err := conn.(*net.UnixConn).ReadMsgUnix(message, rights)
		switch {
		case errors.Is(err, io.EOF) || err == nil && n == 0:
			return listeners, nil
		case err != nil:
			return listeners, fmt.Errorf("hearing from the sandbox: %w", err)
		case rn > 0:
			listener, err := receiveListener(rights[:rn])
			if err != nil {
				return listeners, err
			}
			listeners = append(listeners, listener)
		default:
			return listeners, setupFault(string(message[:n]))
		}
	}
}

func receiveListener(rights []byte) (net.Listener, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return nil, fmt.Errorf("receiving the sandbox's listener: %w", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("receiving the sandbox's listener: %w", err)
	}
	file := os.NewFile(uintptr(fds[0]), "listener")
	defer file.Close()
	return net.FileListener(file)
}

func socketPair() (outside, inside *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a channel to the sandbox: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "sandbox"), os.NewFile(uintptr(fds[1]), "sandbox"), nil
}

const allowNamespaces = "allow them (as root: `sysctl user.max_user_namespaces=15000`, on Ubuntu also `sysctl kernel.apparmor_restrict_unprivileged_userns=0`), or build with pack"

// refused explains why the kernel did not make the namespaces.
func refused(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EUSERS) {
		return fault.Fault{ID: "sandbox-refused", What: "this machine does not allow user namespaces", Do: allowNamespaces, Err: err}
	}
	return fmt.Errorf("starting the sandbox: %w", err)
}

func setupFault(text string) error {
	if strings.HasPrefix(text, privateStep) {
		return fault.Fault{ID: "sandbox-refused", What: "this machine does not let a user namespace mount anything", Do: allowNamespaces, Err: errors.New(text)}
	}
	return fmt.Errorf("setting up the sandbox: %s", text)
}
