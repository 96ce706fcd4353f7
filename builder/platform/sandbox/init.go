package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// What the messages of some steps begin with.
const (
	privateStep = "detaching from the host's mounts" // the first that a hardened kernel refuses
	folderStep  = "entering the working folder"
	executeStep = "executing"
	joinStep    = "entering the namespaces of the sandbox"
	endedStep   = "looking for the sandbox to join"
)

// Init turns a process that Run started into the sandbox's first process, and then does not return. Every other process
// goes on. A program that calls Run calls Init first thing in main.
func Init() {
	if len(os.Args) == 3 && os.Args[0] == joinName {
		code, err := join(os.Args[1:])
		if err != nil {
			channel := os.NewFile(3, "sandbox")
			_, _ = channel.Read(make([]byte, 1<<20)) // or the parent's connection would be reset
			_, _ = channel.WriteString(err.Error())  // nobody would hear of a second error
			code = 125
		}
		os.Exit(code)
	}
	if len(os.Args) != 1 || os.Args[0] != initName {
		return
	}
	runtime.LockOSThread()
	channel := os.NewFile(3, "sandbox")
	err := leave()
	if err == nil {
		err = enter(channel)
	}
	if err != nil {
		_, _ = channel.WriteString(err.Error()) // nobody would hear of a second error
		os.Exit(125)
	}
}

// leave gives up what the process inherited: open files, among which may be a folder of the host, and the keys of its
// session.
func leave() error {
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("closing what the command must not have: %w", err)
	}
	_, err := unix.KeyctlJoinSessionKeyring("strata")
	// A kernel without keys gives none away, and neither does a container that forbids keyctl(2).
	if err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("making a keyring: %w", err)
	}
	return nil
}

// enter builds the world of the command and becomes it; it returns only an error.
func enter(channel *os.File) error {
	var spec Spec
	if err := spec.receive(channel); err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	if spec.Join != (Process{}) {
		if err := enterJoined(); err != nil {
			return err
		}
	} else if err := unix.Sethostname([]byte("strata")); err != nil {
		return fmt.Errorf("naming the host: %w", err)
	}
	if spec.Network != HostNetwork {
		if err := listen(channel, spec.Listen); err != nil {
			return err
		}
	}
	if spec.Network == OwnNetwork {
		if err := makeLink(channel, spec.Link); err != nil {
			return err
		}
	}
	if err := mountAll(spec); err != nil {
		return err
	}
	if err := awaitLimits(channel); err != nil {
		return err
	}
	if err := spec.Limits.confine(); err != nil {
		return err
	}
	if err := drop(spec); err != nil {
		return err
	}
	if err := os.Chdir(spec.Dir); err != nil {
		return fmt.Errorf(folderStep+" %q: %w", spec.Dir, fault.WithoutPath(err))
	}
	if spec.Terminal {
		if err := openTerminal(channel); err != nil {
			return fmt.Errorf("opening a terminal: %w", err)
		}
	}
	if err := filter(); err != nil {
		return err
	}
	if spec.Limited {
		if err := allowOnly(channel, spec.Calls); err != nil {
			return fmt.Errorf("filtering system calls by a profile: %w", err)
		}
	}
	return fmt.Errorf(executeStep+" %q: %w", spec.Args[0], syscall.Exec(spec.Args[0], spec.Args, spec.Env))
}

// receive reads the spec that the parent sends.
func (s *Spec) receive(channel *os.File) error {
	what, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(channel.Fd()), what, rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return err
	}
	config, err := fileOf(rights[:n], "configuration")
	if err != nil {
		return err
	}
	defer config.Close()
	return json.NewDecoder(config).Decode(s)
}

// listen brings the loopback interface up and hands a listener per address to the parent.
func listen(channel *os.File, addresses []netip.AddrPort) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening a socket: %w", err)
	}
	defer func() { _ = unix.Close(socket) }() // it was only there to ask
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("naming the loopback interface: %w", err)
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("bringing the loopback interface up: %w", err)
	}
	for _, address := range addresses {
		if err := listenOn(channel, address); err != nil {
			return fmt.Errorf("listening at %s: %w", address, err)
		}
	}
	return nil
}

func listenOn(channel *os.File, address netip.AddrPort) error {
	listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(address))
	if err != nil {
		return err
	}
	defer listener.Close()
	file, err := listener.File()
	if err != nil {
		return err
	}
	defer file.Close()
	return send(channel, listenerMessage, file)
}

// awaitLimits returns when the parent has limited this process.
func awaitLimits(channel *os.File) error {
	if _, err := channel.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("waiting for the limits: %w", err)
	}
	return nil
}

// limitedMessage is what the parent sends when the first process has its limits.
const limitedMessage = 'g'

// What an open file is sent as: the parent sends the configuration, the first process the others.
const (
	configMessage   = 'c'
	listenerMessage = 'l'
	terminalMessage = 't'
	linkMessage     = 'n'
	refusedMessage  = 'r'
)

func send(channel *os.File, what byte, file *os.File) error {
	return unix.Sendmsg(int(channel.Fd()), []byte{what}, unix.UnixRights(int(file.Fd())), nil, 0)
}

// openTerminal makes a new terminal the one of the command and hands its other side to the parent: pty(7).
func openTerminal(channel *os.File) error {
	other, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer other.Close()
	if err := unix.IoctlSetPointerInt(int(other.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return err
	}
	number, err := unix.IoctlGetInt(int(other.Fd()), unix.TIOCGPTN)
	if err != nil {
		return err
	}
	terminal, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer terminal.Close()
	if err := unix.IoctlSetInt(int(terminal.Fd()), unix.TIOCSCTTY, 0); err != nil {
		return err
	}
	for _, standard := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if err := unix.Dup3(int(terminal.Fd()), int(standard.Fd()), 0); err != nil {
			return err
		}
	}
	return send(channel, terminalMessage, other)
}

func mountAll(spec Spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf(privateStep+": %w", err)
	}
	if err := unix.Mount(spec.Root, spec.Root, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("binding the root file system: %w", err)
	}
	// From here on the root is ".". Its path may lead through folders that only the host's root may enter, and mountSystem
	// gives up that right.
	if err := os.Chdir(spec.Root); err != nil {
		return fmt.Errorf("entering the root file system: %w", err)
	}
	for _, bind := range spec.Binds {
		target := filepath.Join(".", bind.Target)
		if err := inside(target); err != nil {
			return err
		}
		if err := unix.Mount(bind.Source, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("binding %s: %w", bind.Target, err)
		}
		if err := protect(target, bind.Writable); err != nil {
			return err
		}
	}
	if err := mountSystem(spec); err != nil {
		return err
	}
	for _, folder := range spec.InMemory {
		if err := mountFolder(folder); err != nil {
			return err
		}
	}
	if err := protect(".", spec.RootWritable); err != nil {
		return err
	}
	// The new root lies over the old one, which is then taken away from below: pivot_root(2), NOTES.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("changing the root file system: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leaving the host's root file system: %w", err)
	}
	return nil
}

// inside checks that a mount point is in the root file system. The kernel would follow a link in its path on the host.
func inside(target string) error {
	fd, err := unix.Openat2(unix.AT_FDCWD, target, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH})
	if errors.Is(err, unix.EXDEV) {
		return fmt.Errorf("mounting: /%s leads out of the root file system", target)
	}
	if err != nil {
		return fmt.Errorf("mounting on /%s: %w", target, err)
	}
	return unix.Close(fd)
}

// protect makes a mount nosuid and nodev, and read-only unless writable.
func protect(target string, writable bool) error {
	attributes := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	if !writable {
		attributes.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, target, 0, &attributes); err != nil {
		return fmt.Errorf("protecting %s: %w", target, err)
	}
	return nil
}

// drop leaves the process with the command's ids, without a capability, and without a way to get one.
func drop(spec Spec) error {
	if os.Getuid() != spec.UID { // root started it: it still has the host's uid 0, which has no name in here
		if err := syscall.Setgroups(nil); err != nil {
			return fmt.Errorf("dropping groups: %w", err)
		}
		if err := syscall.Setresgid(spec.GID, spec.GID, spec.GID); err != nil {
			return fmt.Errorf("changing to gid %d: %w", spec.GID, err)
		}
		if err := syscall.Setresuid(spec.UID, spec.UID, spec.UID); err != nil {
			return fmt.Errorf("changing to uid %d: %w", spec.UID, err)
		}
		// A change of ids clears the signal that ends this process with its parent: prctl(2), PR_SET_PDEATHSIG.
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
			return fmt.Errorf("binding the sandbox's life to its parent: %w", err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("dropping capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forbidding new privileges: %w", err)
	}
	return nil
}
