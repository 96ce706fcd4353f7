package sandbox

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Limits bound what the processes of a sandbox take together. Zero is no bound. The memory is that of a cgroup: what processes and
// files in memory take, without what the kernel can drop. The number of processes counts threads.
//
// Where there is no cgroup to write to, RLIMIT_NPROC holds the number of processes, since Linux 5.14 in each user namespace by itself,
// and nothing holds the memory: RLIMIT_AS counts what programs reserve, and JavaScript engines reserve gigabytes that they never use.
type Limits struct {
	Memory int64 // bytes, swapped ones included
	PIDs   int64
	// Asked says that a person asked for the memory: a machine that cannot hold it is a fault.
	Asked bool
}

// DefaultLimits are those of a build for which nobody sets others. The memory is seven eighths of the machine's: a build that takes more
// would make the kernel end other programs. No toolchain has needed a tenth of the processes.
func DefaultLimits() Limits {
	l := Limits{PIDs: 4096}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		l.Memory = int64(info.Totalram) * int64(info.Unit) / 8 * 7
	}
	return l
}

// hold makes the cgroup for the limits, or none.
func (l Limits) hold() (*group, error) {
	if l.Memory == 0 && l.PIDs == 0 {
		return nil, nil
	}
	g, err := newGroup(l)
	if g == nil && l.Asked && l.Memory > 0 {
		return nil, fault.Fault{
			ID: "limit-memory", What: "this machine lets nobody hold --memory", Err: err,
			Do: "leave it out, run as root, or in a cgroup of your own: `systemd-run --user --scope -p Delegate=yes strata build …`",
		}
	}
	return g, nil
}

// confine sets what a process holds by itself: no files with the memory of crashed programs, and as many processes as a cgroup would.
func (l Limits) confine() error {
	if l == (Limits{}) {
		return nil
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbidding core dumps: %w", err)
	}
	if l.PIDs == 0 || !countsPerNamespace() {
		return nil
	}
	n := uint64(l.PIDs)
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: n, Max: n}); err != nil && !os.IsPermission(err) { // the caller's is lower
		return fmt.Errorf("limiting the number of processes: %w", err)
	}
	return nil
}

// countsPerNamespace reports whether the kernel counts the processes of a user in each user namespace by itself. Before Linux 5.14,
// those of the user's whole machine would count.
func countsPerNamespace() bool {
	var system unix.Utsname
	if unix.Uname(&system) != nil {
		return false
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(system.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 5 || major == 5 && minor >= 14
}
