// Package sandbox runs one command in Linux namespaces of its own: user, mount, pid, ipc, uts, cgroup and, unless it is
// given the host's, network. It needs no root, no daemon and no other program: the calling binary starts itself again as the first process
// inside (see Init), and that process becomes the command.
//
// The command gets the root file system that it was given (read-only unless asked otherwise), the folders that were
// bound, a /proc and a /dev of its own, when asked the host's /sys, read-only, the environment that it was given, and
// nothing else of the host. It holds no capability and cannot gain one, not even in a user namespace of its own. It never
// has the host's uid 0, and it dies with the process that started it.
//
// The command keeps the supplementary groups of a caller that is not root, and the caller's resource limits, unless
// Limits has others. On the host's network it reaches everything that listens on the machine itself, at the loopback
// address or at an abstract socket. System calls are filtered as container engines do.
package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
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
	InMemory     []Folder // after Binds
	UID, GID     int      // inside
	Dir          string
	Env          []string
	Args         []string
	Network      Network
	Limits       Limits
	// Sysfs shows the host's /sys, read-only. The root has to have the folder.
	Sysfs bool
	// Listen are loopback addresses inside. On the host's side, Serve answers them. HostNetwork has none.
	Listen []netip.AddrPort
	// Link is the network device on OwnNetwork. On the host's side, Connect answers its packet socket until it is closed.
	Link Link
	// Terminal gives the command a terminal instead of Stdin, Stdout and Stderr. On the host's side, Attach reads what the
	// command writes and writes what it reads, until reading fails.
	Terminal bool
	// Join is the first process of another sandbox with the same ids: the command sees the processes of that one, and may do to them what
	// they may do to each other. Its files are those of the root; those of a process are in /proc/PID/root. The network is the host's.
	Join Process

	// Limited leaves the command Calls, by their names for engines, of the system calls that a sandbox allows. Others are refused with
	// EPERM, and Refused is called with their names.
	Limited bool
	Calls   []string
	Refused func(call string) `json:"-"`

	// Started is called with the first process, which has not begun. Its error ends the sandbox.
	Started func(Process) error `json:"-"`

	Serve          func(net.Listener)                `json:"-"`
	Connect        func(*os.File) (io.Closer, error) `json:"-"`
	Attach         func(*os.File)                    `json:"-"`
	Stdin          io.Reader                         `json:"-"`
	Stdout, Stderr io.Writer                         `json:"-"`
	// Signals are passed on to the command.
	Signals <-chan os.Signal `json:"-"`
	// Grace is how long the command may take to end after it was sent SIGINT or SIGTERM. It is sent SIGTERM when the
	// context is done. Zero kills it at once.
	Grace time.Duration `json:"-"`
}

// initName is argv[0] of the first process inside.
const initName = "strata-sandbox"

// Run starts the command and waits for it. The error of a command that ends with another status than 0 is an
// *exec.ExitError. The error of a sandbox that cannot be made is a fault that says what the machine refuses.
func Run(ctx context.Context, spec Spec) error {
	// The kernel ends the sandbox when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	config, err := inMemory(spec)
	if err != nil {
		return fmt.Errorf("writing the sandbox's configuration: %w", err)
	}
	defer config.Close()
	channel, inside, err := socketPair()
	if err != nil {
		return err
	}
	defer channel.Close()
	defer inside.Close()

	held, err := spec.Limits.hold()
	if err != nil {
		return err
	}
	if held != nil {
		defer held.remove()
	}
	cmd := spec.command(ctx, inside)
	if err := spec.begin(cmd, inside, channel, config); err != nil {
		return err
	}
	return spec.attend(ctx, cmd, held, channel)
}

// begin starts the first process and tells it its configuration. One that cannot be told is killed.
func (s Spec) begin(cmd *exec.Cmd, inside, channel, config *os.File) error {
	if err := cmd.Start(); err != nil {
		return refused(err)
	}
	inside.Close()
	s.handOver(cmd.Process.Pid)
	err := s.started(cmd.Process.Pid)
	if err == nil {
		if err = send(channel, configMessage, config); err != nil {
			err = fmt.Errorf("configuring the sandbox: %w", err)
		}
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
	return err
}

// attend serves the sandbox until its command has ended.
func (s Spec) attend(ctx context.Context, cmd *exec.Cmd, held *group, channel *os.File) error {
	limited := make(chan error, 1)
	go func() { limited <- limit(cmd.Process, held, channel) }()
	got, setupErr := converse(channel)
	if err := <-limited; setupErr == nil {
		setupErr = err
	}
	closeAll, attached, err := s.serve(got)
	defer closeAll()
	if err != nil {
		_ = cmd.Process.Kill() // it may have ended meanwhile
		setupErr = errors.Join(setupErr, err)
	}
	ended := make(chan struct{})
	go s.passOn(cmd.Process, ended)
	waitErr := cmd.Wait()
	close(ended)
	attached.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case setupErr != nil:
		return setupErr
	case waitErr != nil && held != nil:
		return cmp.Or(held.reached(), waitErr)
	}
	return waitErr
}

// limit puts the first process into its cgroup, if it has one, and lets it become the command. The kernel may take longer for that than
// the process for all that comes before.
func limit(first *os.Process, held *group, channel *os.File) error {
	if held != nil {
		if err := held.add(first.Pid); err != nil {
			_ = first.Kill() // the error counts
			return err
		}
	}
	if err := unix.Send(int(channel.Fd()), []byte{limitedMessage}, unix.MSG_NOSIGNAL); err != nil {
		return fmt.Errorf("starting the command: %w", err)
	}
	return nil
}

// started tells of the first process.
func (s Spec) started(pid int) error {
	if s.Started == nil {
		return nil
	}
	process, err := ProcessOf(pid)
	if err != nil {
		return fmt.Errorf("looking at the sandbox: %w", err)
	}
	return s.Started(process)
}

// serve serves what the first process handed over. attached ends when nobody reads and writes the terminal any more.
func (s Spec) serve(got handed) (closeAll func(), attached *sync.WaitGroup, err error) {
	var open []io.Closer
	closeAll = func() {
		for _, one := range slices.Backward(open) {
			one.Close()
		}
	}
	for _, listener := range got.listeners {
		open = append(open, listener)
		go s.Serve(listener)
	}
	attached = new(sync.WaitGroup)
	if got.terminal != nil {
		attached.Go(func() {
			defer got.terminal.Close() // which hangs up
			s.Attach(got.terminal)
		})
	}
	if got.refused != nil {
		open = append(open, refuse(got.refused, s.Refused))
	}
	if got.link != nil {
		open = append(open, inBackground{got.link}) // the kernel takes its time, and nobody reads from it any more
		var connected io.Closer
		if connected, err = s.Connect(got.link); err == nil {
			open = append(open, connected)
		}
	}
	return closeAll, attached, err
}

// inBackground closes without waiting. An error would change nothing.
type inBackground struct{ io.Closer }

func (b inBackground) Close() error {
	go b.Closer.Close()
	return nil
}

// command returns the first process inside, which gets the other end of the channel.
func (s Spec) command(ctx context.Context, inside *os.File) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{initName}
	if s.Join != (Process{}) {
		cmd.Args = []string{joinName, strconv.Itoa(s.Join.PID), s.Join.Began}
	}
	cmd.Env = []string{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.Stdin, s.Stdout, s.Stderr
	cmd.ExtraFiles = []*os.File{inside}
	cmd.SysProcAttr = attributes(s)
	if s.Grace > 0 {
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = s.Grace
	}
	return cmd
}

// capabilities are those that the first process needs to make the sandbox. The command has none.
var capabilities = []uintptr{
	unix.CAP_SYS_ADMIN, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_RAW,
	unix.CAP_SYS_RESOURCE,
}

// namespaces are those that every sandbox has.
const namespaces = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC |
	syscall.CLONE_NEWUTS | syscall.CLONE_NEWCGROUP

func attributes(spec Spec) *syscall.SysProcAttr {
	if spec.Join != (Process{}) {
		return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	}
	uid, gid := HostIDs()
	flags := uintptr(namespaces)
	if spec.Network != HostNetwork {
		flags |= syscall.CLONE_NEWNET
	}
	return &syscall.SysProcAttr{
		Cloneflags:  flags,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: spec.UID, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: spec.GID, HostID: gid, Size: 1}},
		// The kernel lets only root drop its groups (user_namespaces(7)).
		GidMappingsEnableSetgroups: os.Getuid() == 0,
		AmbientCaps:                capabilities,
		Pdeathsig:                  syscall.SIGKILL,
		// Ctrl-C is for the parent, which ends the sandbox itself. In a session of its own the command cannot type into the
		// terminal either: ioctl_tty(2), TIOCSTI.
		Setsid: true,
	}
}

// handOver gives the command the pipes that it writes to, so that it can open them again as /dev/stdout and /dev/stderr. The
// first process has not begun. Where it fails, the command writes to what it has open, and is refused the rest.
func (s Spec) handOver(pid int) {
	uid, gid := HostIDs()
	for fd, writer := range map[int]io.Writer{1: s.Stdout, 2: s.Stderr} {
		if _, isFile := writer.(*os.File); writer != nil && !isFile && uid != os.Getuid() {
			_ = os.Chown(fmt.Sprintf("/proc/%d/fd/%d", pid, fd), uid, gid)
		}
	}
}

// passOn sends the command the signals that arrive until it has ended, and kills it when its grace is over.
func (s Spec) passOn(command *os.Process, ended <-chan struct{}) {
	var over <-chan time.Time
	for {
		select {
		case <-ended:
			return
		case sent := <-s.Signals:
			_ = command.Signal(sent) // it may have ended meanwhile
			if over == nil && (sent == syscall.SIGINT || sent == syscall.SIGTERM) {
				over = time.After(s.Grace)
			}
		case <-over:
			_ = command.Kill()
		}
	}
}
