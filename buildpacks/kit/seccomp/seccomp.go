// Package seccomp writes and reads profiles of the system calls that an image may make, in the form of container engines
// (OCI runtime-spec, config-linux.md, "Seccomp").
package seccomp

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/elastic/go-seccomp-bpf/arch"
)

// Variable asks for a profile of an app.
const Variable = "BP_SECCOMP_PROFILE"

// Label is the label of an image that holds its profile.
const Label = "io.strata.seccomp"

// Profile are the system calls that an image may make. All others are refused with EPERM.
type Profile struct {
	Arch  string   // as in GOARCH
	Calls []string // their names, sorted
}

// Recipe changes when the same programs give another profile. All programs are then looked into again.
const Recipe = 3

// names are architectures as libseccomp calls them, by their names in Go.
var names = map[string]string{"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}

const (
	allow  = "SCMP_ACT_ALLOW"
	refuse = "SCMP_ACT_ERRNO"
)

// OCI is a profile as container engines read it.
type OCI struct {
	DefaultAction string   `json:"defaultAction" yaml:"defaultAction"`
	Architectures []string `json:"architectures" yaml:"architectures"`
	Syscalls      []Group  `json:"syscalls" yaml:"syscalls"`
}

// Group are system calls with the same action.
type Group struct {
	Names  []string `json:"names" yaml:"names"`
	Action string   `json:"action" yaml:"action"`
}

// OCI returns the profile as container engines read it.
func (p Profile) OCI() OCI {
	return OCI{DefaultAction: refuse, Architectures: []string{names[p.Arch]}, Syscalls: []Group{{Names: p.Calls, Action: allow}}}
}

// Text returns the profile in JSON, in one line.
func (p Profile) Text() (string, error) {
	text, err := json.Marshal(p.OCI())
	return string(text), err
}

// maxText is the largest profile that is read, in bytes. All calls of Linux take 6 kB.
const maxText = 64 << 10

// Parse reads what Text wrote. Whatever else a text says is refused: a profile comes from a build.
func Parse(text string) (Profile, error) {
	if len(text) > maxText {
		return Profile{}, fmt.Errorf("the profile has more than %d bytes", maxText)
	}
	var read OCI
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		return Profile{}, fmt.Errorf("reading the profile: %w", err)
	}
	if read.DefaultAction != refuse || len(read.Architectures) != 1 || len(read.Syscalls) != 1 || read.Syscalls[0].Action != allow {
		return Profile{}, fmt.Errorf("the profile is no list of calls that are allowed")
	}
	for goarch, name := range names {
		if name != read.Architectures[0] {
			continue
		}
		p := Profile{Arch: goarch}
		for _, call := range read.Syscalls[0].Names {
			number, known := Number(goarch, call)
			if !known || slices.Contains(Reserved, call) {
				return p, fmt.Errorf("the profile has %q, which is no call that it may allow", call)
			}
			name, _ := Name(goarch, number)
			p.Calls = append(p.Calls, name)
		}
		slices.Sort(p.Calls)
		p.Calls = slices.Compact(p.Calls)
		for _, call := range Engine(goarch) {
			if !slices.Contains(p.Calls, call) {
				return p, fmt.Errorf("the profile lacks %s, without which an engine cannot start a program", call)
			}
		}
		return p, nil
	}
	return Profile{}, fmt.Errorf("the profile is for %q", read.Architectures[0])
}

// The library has another name for a call of arm64 than libseccomp, by which engines know it (src/syscalls.csv), and a name for the
// first of some numbers that are kept free (include/uapi/asm-generic/unistd.h).
const (
	statOfLibrary = "fstatat"
	stat          = "newfstatat"
	free          = "arch_specific_syscall"
)

// Name returns what engines call a system call, by its number. A number that nobody has given a name has none.
func Name(goarch string, number uint64) (string, bool) {
	machine, err := arch.GetInfo(goarch)
	if err != nil || number > math.MaxInt32 {
		return "", false
	}
	name, known := machine.SyscallNumbers[int(number)]
	if name == statOfLibrary {
		name = stat
	}
	return name, known && name != free
}

// Number returns the number of a system call, by its name for engines or for the library.
func Number(goarch, call string) (uint64, bool) {
	machine, err := arch.GetInfo(goarch)
	if err != nil || call == free {
		return 0, false
	}
	number, known := machine.SyscallNames[call]
	if !known && call == stat {
		number, known = machine.SyscallNames[statOfLibrary]
	}
	return uint64(number), known
}

// Reserved are the system calls that container engines allow nobody, or only with a capability. There is none of them that an
// unprivileged program needs, and each has a part of the kernel to itself.
var Reserved = []string{
	// other ways to the kernel's own code
	"bpf", "create_module", "delete_module", "finit_module", "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup",
	"kexec_file_load", "kexec_load", "perf_event_open", "userfaultfd",
	// keys, which know no namespaces
	"add_key", "keyctl", "request_key",
	// mounts and namespaces
	"fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree", "open_tree_attr", "pivot_root",
	"setns", "umount2", "unshare",
	// the machine as a whole
	"acct", "clock_adjtime", "clock_settime", "fanotify_init", "get_kernel_syms", "ioperm", "iopl", "lookup_dcookie", "nfsservctl",
	"quotactl", "quotactl_fd", "query_module", "reboot", "sethostname", "setdomainname", "settimeofday", "swapoff", "swapon", "syslog",
	"sysfs", "_sysctl", "uselib", "ustat", "vhangup",
	// memory and files around their owners
	"get_mempolicy", "kcmp", "mbind", "migrate_pages", "move_pages", "name_to_handle_at", "open_by_handle_at", "set_mempolicy",
	"set_mempolicy_home_node",
}

// Engine returns the system calls that a container engine makes between setting a profile and starting the program, sorted: those of runc
// 1.4 by the base profile of the Security Profiles Operator, and restart_syscall, which the kernel makes itself.
func Engine(goarch string) []string {
	return slices.DeleteFunc(slices.Clone(engine), func(call string) bool { return call == "arch_prctl" && goarch != "amd64" })
}

var engine = []string{
	"arch_prctl", "brk", "capget", "capset", "chdir", "close", "close_range", "epoll_ctl", "epoll_pwait", "execve", "exit_group",
	"faccessat2", "fcntl", "fstat", "fstatfs", "futex", "getcwd", "getdents64", "getpid", "getppid", "getuid", "mmap", "mprotect",
	"nanosleep", "newfstatat", "openat", "openat2", "prctl", "read", "recvfrom", "restart_syscall", "rt_sigreturn", "sched_yield",
	"set_tid_address", "setgid", "setgroups", "setuid", "sigaltstack", "statx", "tgkill", "write",
}
