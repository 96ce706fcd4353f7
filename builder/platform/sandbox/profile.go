package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"unsafe"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	calls "github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

// allowOnly leaves the calling thread, and what it becomes, these system calls. The kernel asks the parent about others
// (seccomp_unotify(2)). Other threads of this process go on as before; the command ends them when it begins.
func allowOnly(channel *os.File, names []string) error {
	names, err := namesOfLibrary(names)
	if err != nil {
		return err
	}
	policy := seccomp.Policy{
		DefaultAction: seccomp.ActionTrace, // in place of the next, which the library does not take here
		Syscalls:      []seccomp.SyscallGroup{{Names: names, Action: seccomp.ActionAllow}},
	}
	instructions, err := policy.Assemble()
	if err != nil {
		return err
	}
	for i, one := range instructions {
		if one == (bpf.RetConstant{Val: uint32(seccomp.ActionTrace)}) {
			instructions[i] = bpf.RetConstant{Val: uint32(seccomp.ActionUserNotify)}
		}
	}
	raw, err := bpf.Assemble(instructions)
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, 0, len(raw))
	for _, one := range raw {
		filter = append(filter, unix.SockFilter{Code: one.Op, Jt: one.Jt, Jf: one.Jf, K: one.K})
	}
	// The file has to be sent by a thread without the filter. It begins before, because one that this thread begins has the filter, too.
	listener, sent := make(chan *os.File), make(chan error)
	go func() {
		listener <- nil
		sent <- send(channel, refusedMessage, <-listener)
	}()
	<-listener
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	fd, _, failed := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
		uintptr(unsafe.Pointer(&program))) //nolint:gosec // the kernel reads it
	if failed != 0 {
		return failed
	}
	listener <- os.NewFile(fd, "refused")
	return <-sent
}

// namesOfLibrary returns what the library calls system calls of this machine.
func namesOfLibrary(names []string) ([]string, error) {
	machine, err := arch.GetInfo("")
	if err != nil {
		return nil, err
	}
	found := make([]string, 0, len(names))
	for _, name := range names {
		number, known := calls.Number(runtime.GOARCH, name)
		if !known {
			return nil, fmt.Errorf("this machine has no system call %q", name)
		}
		found = append(found, machine.SyscallNumbers[int(number)])
	}
	return found, nil
}

// notification is a system call that the kernel asks about, and answer what to do with it (struct seccomp_notif and seccomp_notif_resp).
type notification struct {
	ID          uint64
	PID, Flags  uint32
	Number      int32
	Arch        uint32
	Instruction uint64
	Arguments   [6]uint64
}

type answer struct {
	ID    uint64
	Value int64
	Error int32
	Flags uint32
}

// refusals answers what the kernel asks about the system calls of a command.
type refusals struct {
	listener        *os.File
	ended, finished chan struct{}
}

// refuse refuses each system call that the kernel asks about, and tells of it, until it is closed, when the command has ended.
func refuse(listener *os.File, tell func(call string)) io.Closer {
	r := refusals{listener, make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(r.finished)
		for r.next(tell) {
		}
	}()
	return r
}

func (r refusals) Close() error {
	close(r.ended)
	<-r.finished
	return r.listener.Close()
}

// pause is how long to wait for the next question before looking whether the command has ended, in milliseconds.
const pause = 100

// next answers a question, if there is one, and reports whether there may be another.
func (r refusals) next(tell func(call string)) bool {
	ready := []unix.PollFd{{Fd: int32(r.listener.Fd()), Events: unix.POLLIN}}
	if _, err := unix.Poll(ready, pause); err != nil && !errors.Is(err, unix.EINTR) {
		return false
	}
	if ready[0].Revents&unix.POLLIN == 0 {
		select {
		case <-r.ended:
			return false
		default:
			return ready[0].Revents == 0
		}
	}
	var asked notification
	if err := r.control(unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&asked)); err != nil { //nolint:gosec // the kernel writes it
		return true // who asked has ended
	}
	tell(callName(asked.Number))
	refusal := answer{ID: asked.ID, Error: -int32(unix.EPERM)}
	_ = r.control(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&refusal)) //nolint:gosec // the kernel reads it; who asked may have ended
	return true
}

func (r refusals) control(request uintptr, about unsafe.Pointer) error {
	if _, _, err := unix.Syscall(unix.SYS_IOCTL, r.listener.Fd(), request, uintptr(about)); err != 0 {
		return err
	}
	return nil
}

// callName returns the name of a system call of this machine, or its number.
func callName(number int32) string {
	if name, known := calls.Name(runtime.GOARCH, uint64(uint32(number))); known {
		return name
	}
	return fmt.Sprintf("system call %d", number)
}
