package main

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// calls makes system calls with arguments that do nothing.
func calls() {
	for _, call := range []struct {
		name   string
		number uintptr
		first  uintptr
	}{
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, 0}, {"io_uring_enter", unix.SYS_IO_URING_ENTER, 1 << 20},
		{"userfaultfd", unix.SYS_USERFAULTFD, 1 << 20}, {"bpf", unix.SYS_BPF, 1 << 20}, {"perf_event_open", unix.SYS_PERF_EVENT_OPEN, 0},
		{"keyctl", unix.SYS_KEYCTL, 1 << 20}, {"add_key", unix.SYS_ADD_KEY, 0}, {"name_to_handle_at", unix.SYS_NAME_TO_HANDLE_AT, 1 << 20},
		{"fsopen", unix.SYS_FSOPEN, 0}, {"unshare", unix.SYS_UNSHARE, 1}, {"vsock", unix.SYS_SOCKET, unix.AF_VSOCK},
		{"no randomness", unix.SYS_PERSONALITY, 0x40000}, {"unknown", 2000, 0},
		{"personality", unix.SYS_PERSONALITY, 0xffffffff}, {"socket", unix.SYS_SOCKET, unix.AF_UNIX},
	} {
		_, _, errno := syscall.RawSyscall6(call.number, call.first, 1, 0, 0, 0, 0)
		if errno == 0 {
			fmt.Println(call.name, nil)
			continue
		}
		fmt.Println(call.name, errno)
	}
}
