package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// group is the cgroup of one sandbox: a folder of cgroup v2, or of cgroup v1 one for memory and one for processes (cgroups(7)).
type group struct {
	limits       Limits
	memory, pids string // the same folder in v2
	unified      bool
}

// errNoCgroup is the error of a machine without a cgroup that may be used.
var errNoCgroup = errors.New("it has no cgroup with the controllers memory and pids that this user may write to")

// groupPrefix begins the names of cgroups of ours. The process that made one follows.
const groupPrefix = "strata-"

// newGroup makes a cgroup with limits, and removes those of killed processes beside it.
func newGroup(l Limits) (*group, error) {
	parents, err := parentGroups()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s%d-%d", groupPrefix, os.Getpid(), time.Now().UnixNano())
	for _, p := range parents {
		g := &group{limits: l, memory: filepath.Join(p.memory, name), pids: filepath.Join(p.pids, name), unified: p.memory == p.pids}
		sweepGroups(p.memory)
		sweepGroups(p.pids)
		if err := g.make(); err == nil {
			return g, nil
		}
		g.remove()
	}
	return nil, errNoCgroup
}

// make makes the folders and writes the limits.
func (g *group) make() error {
	if err := os.Mkdir(g.memory, 0o755); err != nil {
		return err
	}
	if !g.unified {
		if err := os.Mkdir(g.pids, 0o755); err != nil {
			return err
		}
	}
	type setting struct {
		file  string
		value int64
		may   bool // be missing, because the kernel was built or started without it
	}
	settings := []setting{{filepath.Join(g.pids, "pids.max"), g.limits.PIDs, false}}
	if g.unified {
		settings = append(settings, setting{filepath.Join(g.memory, "memory.max"), g.limits.Memory, false})
	} else {
		settings = append(settings, setting{filepath.Join(g.memory, "memory.limit_in_bytes"), g.limits.Memory, false},
			setting{filepath.Join(g.memory, "memory.memsw.limit_in_bytes"), g.limits.Memory, true})
	}
	for _, s := range settings {
		if s.value == 0 {
			continue
		}
		err := write(s.file, strconv.FormatInt(s.value, 10))
		if err != nil && (!s.may || !errors.Is(err, os.ErrNotExist)) {
			return err
		}
	}
	if g.unified && g.limits.Memory > 0 {
		// Swap would be memory beyond the limit. And what is left of a build after a kill makes no image.
		for file, value := range map[string]string{"memory.swap.max": "0", "memory.oom.group": "1"} {
			if err := write(filepath.Join(g.memory, file), value); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// add puts a process into the cgroup.
func (g *group) add(pid int) error {
	for _, dir := range slices.Compact([]string{g.memory, g.pids}) {
		if err := write(filepath.Join(dir, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("limiting the sandbox: %w", err)
		}
	}
	return nil
}

// reached returns a fault that names the limit which the processes met, or nil.
func (g *group) reached() error {
	killed := "memory.events"
	if !g.unified {
		killed = "memory.oom_control"
	}
	switch {
	case counted(filepath.Join(g.memory, killed), "oom_kill"):
		return fault.Fault{
			ID: "limit-memory", What: fmt.Sprintf("the build took all the memory that --memory gives it, %d MiB", g.limits.Memory>>20),
			Do: "give it more, or have it do less at a time",
		}
	case counted(filepath.Join(g.pids, "pids.events"), "max"):
		return fault.Fault{
			ID: "limit-pids", What: fmt.Sprintf("the build had as many processes and threads as --pids gives it, %d", g.limits.PIDs),
			Do: "give it more, or have it do less at a time",
		}
	}
	return nil
}

// remove removes the cgroup. Its processes have ended, and the kernel may not have noticed yet.
func (g *group) remove() {
	for _, dir := range slices.Compact([]string{g.memory, g.pids}) {
		for range 100 {
			if err := unix.Rmdir(dir); !errors.Is(err, unix.EBUSY) {
				break // what stays is removed by the next command
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// sweepGroups removes the cgroups of killed processes in a folder. Those in use stay: the kernel removes no cgroup with processes.
func sweepGroups(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return // nothing can be made there either
	}
	for _, entry := range entries {
		number, ours := strings.CutPrefix(entry.Name(), groupPrefix)
		number, _, _ = strings.Cut(number, "-")
		pid, err := strconv.Atoi(number)
		if ours && err == nil && errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			_ = unix.Rmdir(filepath.Join(parent, entry.Name())) // the next command tries again
		}
	}
}

// counted reports whether a file of counters has one of that name above zero.
func counted(file, name string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == name {
			return fields[1] != "0"
		}
	}
	return false
}

// write writes to a file that is there.
func write(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// parentGroup is where a cgroup may be made: a folder for each controller.
type parentGroup struct{ memory, pids string }

// parentGroups returns the cgroups in which one may be made, the nearest first. Of cgroup v2 it is the nearest above this process that
// gives both controllers to those below it: the process's own cannot while the process is in it. Of v1 it is the process's own.
func parentGroups() ([]parentGroup, error) {
	own, err := ownGroups()
	if err != nil {
		return nil, err
	}
	var parents []parentGroup
	if unified, found := own[""]; found {
		for dir := unified.dir; ; dir = filepath.Dir(dir) {
			given, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
			if all := strings.Fields(string(given)); err == nil && slices.Contains(all, "memory") && slices.Contains(all, "pids") {
				parents = append(parents, parentGroup{dir, dir})
			}
			if dir == unified.mount || len(dir) <= len(unified.mount) {
				break
			}
		}
	}
	memory, hasMemory := own["memory"]
	pids, hasPIDs := own["pids"]
	if hasMemory && hasPIDs && memory.dir != pids.dir {
		parents = append(parents, parentGroup{memory.dir, pids.dir})
	}
	return parents, nil
}

// ownGroup is the cgroup of this process for a controller.
type ownGroup struct{ mount, dir string }

// ownGroups returns the cgroups of this process by controller; that of cgroup v2 has the name "".
func ownGroups() (map[string]ownGroup, error) {
	membership, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for line := range strings.Lines(string(membership)) {
		if fields := strings.SplitN(strings.TrimSpace(line), ":", 3); len(fields) == 3 {
			for controller := range strings.SplitSeq(fields[1], ",") {
				paths[controller] = fields[2]
			}
		}
	}
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer mounts.Close()
	own := map[string]ownGroup{}
	lines := bufio.NewScanner(mounts)
	for lines.Scan() {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		where, what := strings.Fields(before), strings.Fields(after)
		if len(where) < 5 || len(what) < 3 || !strings.HasPrefix(what[0], "cgroup") {
			continue
		}
		controllers := strings.Split(what[2], ",")
		if what[0] == "cgroup2" {
			controllers = []string{""}
		}
		for _, controller := range controllers {
			// The mount may show a part of the tree: its root.
			if path, found := paths[controller]; found {
				if below, err := filepath.Rel(where[3], path); err == nil && filepath.IsLocal(below) {
					own[controller] = ownGroup{where[4], filepath.Join(where[4], below)}
				}
			}
		}
	}
	return own, lines.Err()
}
