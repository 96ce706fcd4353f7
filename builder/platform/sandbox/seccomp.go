package sandbox

import (
	"fmt"
	"maps"
	"slices"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"

	calls "github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

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

// policy says which system calls of a machine are allowed: those that Docker's default profile does not keep for capabilities. Programs
// take the answer, EPERM, for that of an engine.
func policy(machine *arch.Info) seccomp.Policy {
	var allowed []string
	for _, name := range slices.Sorted(maps.Keys(machine.SyscallNames)) {
		if !slices.Contains(calls.Reserved, name) && name != "personality" && name != "socket" {
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
