package sandbox

import (
	"slices"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"

	calls "github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

// TestPolicy looks at the system calls of each machine that images are for. No other machine's can be run here. The numbers are the
// kernel's (include/uapi/asm-generic/unistd.h; arch/x86/entry/syscalls/syscall_64.tbl).
func TestPolicy(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, machine := range []struct {
		name             string
		allowed, refused []int
	}{
		// openat, newfstatat, execve, clone3, openat2, faccessat2, futex_waitv, rseq; io_uring_setup, bpf, mount, unshare, keyctl, setns,
		// userfaultfd, perf_event_open, fsopen, name_to_handle_at
		{"amd64", []int{257, 262, 59, 435, 437, 439, 449, 334}, []int{425, 321, 165, 272, 250, 308, 323, 298, 430, 303}},
		{"arm64", []int{56, 79, 221, 435, 437, 439, 449, 293}, []int{425, 280, 40, 97, 219, 268, 282, 241, 430, 264}},
	} {
		info, err := arch.GetInfo(machine.name)
		if err != nil {
			t.Fatal(err)
		}
		var allowed []int
		for _, name := range policy(info).Syscalls[0].Names {
			allowed = append(allowed, info.SyscallNames[name])
		}
		for name := range info.SyscallNames {
			known[name] = true
		}
		for _, number := range machine.allowed {
			if !slices.Contains(allowed, number) {
				t.Errorf("%s: the call %d is refused", machine.name, number)
			}
		}
		for _, number := range machine.refused {
			if slices.Contains(allowed, number) {
				t.Errorf("%s: the call %d is allowed", machine.name, number)
			}
		}
	}
	for _, name := range calls.Reserved {
		if !known[name] {
			t.Errorf("no machine knows the call %s, which is to be refused", name)
		}
	}
}
