package sandbox

import (
	"fmt"
	"maps"
	"slices"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// refusedCalls are the system calls that a command may not make: those that Docker's default profile allows nobody, or only with a
// capability. Programs take the answer, EPERM, for that of an engine. There is none of them that an unprivileged build needs, and
// each has a part of the kernel to itself.
var refusedCalls = []string{
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

// executionDomains are those that personality(2) may set, as in Docker's profile: Linux with or without a short uname, and the question
// which is set.
var executionDomains = []uint64{0x0, 0x8, 0x20000, 0x20008, 0xffffffff}

// filter refuses system calls, until the end of the command. A call of another architecture, such as of a 32-bit program, is refused, as
// are those that are newer than the list of the library.
func filter() error {
	machine, err := arch.GetInfo("")
	if err != nil {
		return fmt.Errorf("filtering system calls: %w", err)
	}
	err = seccomp.LoadFilter(seccomp.Filter{Flag: seccomp.FilterFlagTSync, Policy: policy(machine)})
	if err != nil {
		return fmt.Errorf("filtering system calls: %w", err)
	}
	return nil
}

// policy says which system calls of a machine are allowed.
func policy(machine *arch.Info) seccomp.Policy {
	var allowed []string
	for _, name := range slices.Sorted(maps.Keys(machine.SyscallNames)) {
		if !slices.Contains(refusedCalls, name) && name != "personality" && name != "socket" {
			allowed = append(allowed, name)
		}
	}
	conditional := []seccomp.NameWithConditions{
		// Sockets of virtual machines know no network namespaces.
		{Name: "socket", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.NotEqual, Value: unix.AF_VSOCK}}},
	}
	for _, domain := range executionDomains {
		conditional = append(conditional, seccomp.NameWithConditions{
			Name: "personality", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.Equal, Value: domain}},
		})
	}
	return seccomp.Policy{
		DefaultAction: seccomp.ActionErrno,
		Syscalls: []seccomp.SyscallGroup{
			{Names: allowed, Action: seccomp.ActionAllow}, {NamesWithCondtions: conditional, Action: seccomp.ActionAllow},
		},
	}
}
