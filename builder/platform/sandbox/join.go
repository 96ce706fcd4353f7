package sandbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Process is the first process of a sandbox, as the host knows it. Its number may be another process's when it has ended.
type Process struct {
	PID   int
	Began string // when, in ticks of the kernel's clock: proc_pid_stat(5), starttime
}

// ProcessOf returns the process that has a number now.
func ProcessOf(pid int) (Process, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, err
	}
	// The program's name, in brackets, may have spaces. What is behind it begins with field 3; the time is field 22.
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return Process{}, fs.ErrNotExist
	}
	return Process{pid, fields[19]}, nil
}

// Runs reports whether the process has not ended.
func (p Process) Runs() bool {
	now, err := ProcessOf(p.PID)
	return err == nil && now == p
}

// joinName is argv[0] of the process that starts another one in the namespaces of a sandbox, and waits for it. No process of several
// threads can enter a user namespace, and every program in Go has several: setns(2).
const joinName = "strata-sandbox-join"

// joined are the namespaces that a sandbox shares with the one that it joins. Mounts are its own, and so it sees its own root.
const joined = syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWCGROUP

// join is the program of joinName. It ends as the process that it starts.
func join(args []string) (code int, err error) {
	runtime.LockOSThread() // the process ends with this thread
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return 0, err
	}
	target, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, fmt.Errorf(endedStep+": %w", err)
	}
	if !(Process{pid, args[1]}).Runs() { // the process that was meant, or none, is behind the descriptor
		return 0, fmt.Errorf(endedStep+": %w", unix.ESRCH)
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	child, err := within(target)
	if err != nil {
		return 0, err
	}
	_ = unix.Close(3) // the channel is the child's
	go func() {
		for s := range signals {
			number, _ := s.(syscall.Signal)
			_ = syscall.Kill(child, number) // it may have ended meanwhile
		}
	}()
	var status syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(child, &status, 0, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err == nil && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return status.ExitStatus(), err
}

// enterJoined makes the process one that ends with who waits for it, and has no terminal yet.
func enterJoined() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("binding the command's life to its parent: %w", err)
	}
	if _, err := unix.Setsid(); err != nil {
		return fmt.Errorf("making a session: %w", err)
	}
	return nil
}

// within starts this program again, as the first process of a sandbox, in the namespaces of a process, and returns its number.
func within(target int) (pid int, err error) {
	path, err := unix.BytePtrFromString("/proc/self/exe")
	if err != nil {
		return 0, err
	}
	name, err := unix.BytePtrFromString(initName)
	if err != nil {
		return 0, err
	}
	report, told, err := os.Pipe() // closed when a program is executed
	if err != nil {
		return 0, err
	}
	defer report.Close()
	defer told.Close()
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	f := forked{target: uintptr(target), report: told.Fd(), path: path, argv: [2]*byte{name}, before: &before}
	f.set.header.Version = unix.LINUX_CAPABILITY_VERSION_3
	for _, capability := range capabilities {
		f.set.data[capability>>5].Permitted |= 1 << (capability & 31)
		f.set.data[capability>>5].Effective |= 1 << (capability & 31)
		f.set.data[capability>>5].Inheritable |= 1 << (capability & 31)
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before); err != nil {
		return 0, err
	}
	first := f.fork()
	if err := errors.Join(unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil), told.Close()); err != nil {
		return 0, err
	}
	if first < 0 {
		return 0, fmt.Errorf("starting a process: %w", syscall.Errno(-first))
	}
	if _, err := syscall.Wait4(first, nil, 0, nil); err != nil {
		return 0, fmt.Errorf("waiting for a process: %w", err)
	}
	answer := make([]byte, unsafe.Sizeof(f.answer))
	if _, err := io.ReadFull(report, answer); err != nil {
		return 0, fmt.Errorf("hearing from a process: %w", err)
	}
	n := *(*[2]int32)(unsafe.Pointer(&answer[0]))
	if errno := syscall.Errno(n[1]); errno != 0 {
		return 0, fmt.Errorf("%s: %w", steps[n[0]], errno)
	}
	return int(n[0]), nil
}

// steps are what the processes do, by their numbers in an answer.
var steps = [...]string{
	joinStep, "making a mount namespace", "taking capabilities", "keeping capabilities", "starting a process",
}

// maskSize is how large the kernel's set of signals is, in bytes.
const maskSize = 8

// forked is what two processes need that are a copy of this one with a single thread.
type forked struct {
	target, report uintptr
	path           *byte
	argv           [2]*byte // the second one ends it, and is the whole environment
	before         *unix.Sigset_t
	set            struct {
		header unix.CapUserHeader
		data   [2]unix.CapUserData
	}
	answer [2]int32 // the number of the second process, or a step and its error
}

// fork starts a process that enters the namespaces and starts another one in them. It returns the number of the first, or an error below 0.
// In these processes the runtime does not work: they may do nothing but system calls, as those that the package syscall starts.
//
//go:norace
//go:noinline
func (f *forked) fork() int {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return -int(errno)
	}
	if pid != 0 {
		return int(pid)
	}
	step := int32(0)
	if _, _, errno = syscall.RawSyscall(unix.SYS_SETNS, f.target, joined, 0); errno != 0 {
		goto failed
	}
	step++
	if _, _, errno = syscall.RawSyscall(unix.SYS_UNSHARE, unix.CLONE_NEWNS, 0, 0); errno != 0 {
		goto failed
	}
	step++
	_, _, errno = syscall.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&f.set.header)), uintptr(unsafe.Pointer(&f.set.data)), 0)
	if errno != 0 {
		goto failed
	}
	step++
	for i := range capabilities {
		_, _, errno = syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, capabilities[i], 0, 0, 0)
		if errno != 0 {
			goto failed
		}
	}
	step++
	// A sibling of this process, for who waits for both.
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, unix.CLONE_PARENT|uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		goto failed
	}
	if pid != 0 {
		f.answer[0] = int32(pid)
		_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, f.report, uintptr(unsafe.Pointer(&f.answer)), unsafe.Sizeof(f.answer))
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(f.before)), 0, maskSize, 0, 0)
	_, _, _ = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(f.path)), uintptr(unsafe.Pointer(&f.argv)),
		uintptr(unsafe.Pointer(&f.argv[1])))
	_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 125, 0, 0)
failed:
	f.answer[0], f.answer[1] = step, int32(errno)
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, f.report, uintptr(unsafe.Pointer(&f.answer)), unsafe.Sizeof(f.answer))
	_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 125, 0, 0)
	return 0
}
