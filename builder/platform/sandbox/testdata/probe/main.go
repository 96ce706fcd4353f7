// Probe prints what it sees of its world; the sandbox's tests compare it.
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) > 1 {
		act(os.Args[1], os.Args[2:])
		return
	}
	look()
}

// look prints what the probe has and may do.
func look() {
	fmt.Println("ids", os.Getuid(), os.Getgid())
	fmt.Println("pid", os.Getpid())
	fmt.Println("env", strings.Join(os.Environ(), " "))
	host, _ := os.Hostname()
	fmt.Println("hostname", host)
	wd, _ := os.Getwd()
	fmt.Println("dir", wd)
	status, _ := os.Open("/proc/self/status")
	for lines := bufio.NewScanner(status); lines.Scan(); {
		for _, key := range []string{"CapEff", "CapPrm", "CapAmb", "NoNewPrivs"} {
			if strings.HasPrefix(lines.Text(), key) {
				fmt.Println(strings.Join(strings.Fields(lines.Text()), " "))
			}
		}
	}
	fmt.Println("root", list("/"))
	fmt.Println("write /", verdict(os.WriteFile("/new", nil, 0o644)))
	fmt.Println("write /rw", verdict(os.WriteFile("/rw/new", []byte("x"), 0o644)))
	fmt.Println("write /ro", verdict(os.WriteFile("/ro/new", nil, 0o644)))
	fmt.Println("write /dev/null", verdict(os.WriteFile("/dev/null", []byte("x"), 0o644)))
	interfaces, _ := net.Interfaces()
	fmt.Println("interfaces", len(interfaces))
}

// list returns the names in a folder.
func list(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// memory is what the probe took.
var memory [][]byte

func act(what string, args []string) {
	switch what {
	case "get":
		response, err := http.Get(args[0])
		if err != nil {
			fmt.Println("error", err)
			os.Exit(3)
		}
		fmt.Println(response.Status)
	case "exit":
		os.Exit(7)
	case "beside": // looks at the processes of a sandbox that it joined
		look()
		for _, pid := range strings.Fields(list("/proc")) {
			line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			fmt.Println("process", strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " ")))
		}
		fmt.Println("root of 1:", list("/proc/1/root"))
	case "fork": // leaves a child behind that outlives it unless somebody ends both
		child := exec.Command("/probe", "wait")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			fmt.Println(err)
		}
		fmt.Println("started")
		time.Sleep(time.Hour)
	case "wait":
		time.Sleep(time.Hour)
	case "forks": // starts processes until it may not, and ends with an error
		for n := 1; ; n++ {
			if err := exec.Command("/probe", "wait").Start(); err != nil {
				fmt.Println("stopped", n < 10_000)
				os.Exit(3)
			}
		}
	case "memory": // takes memory until it may not
		for n := 0; n < 1<<12; n++ {
			page := make([]byte, 1<<20)
			for i := range page {
				page[i] = 1
			}
			memory = append(memory, page)
		}
		fmt.Println("all of it")
	case "core":
		var core unix.Rlimit
		fmt.Println("core", verdict(unix.Getrlimit(unix.RLIMIT_CORE, &core)), core.Cur, core.Max)
	case "daemon": // leaves a child in a session of its own and ends
		child := exec.Command("/probe", "wait")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		child.Stdout = os.Stdout
		fmt.Println("daemon", verdict(child.Start()))
	case "attack":
		attack()
	case "calls":
		calls()
	case "dial":
		_, err := net.Dial("unix", args[0])
		fmt.Println("dial", verdict(err))
	case "cat":
		content, err := os.ReadFile(args[0])
		fmt.Println("read", verdict(err), string(content))
	case "folder":
		for _, dir := range args {
			folder(dir)
		}
	case "trap": // ends with the number of the signal that it gets
		signals := make(chan os.Signal, 1)
		signal.Notify(signals)
		fmt.Println("started")
		os.Exit(int((<-signals).(syscall.Signal)))
	case "ignore":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("started")
		time.Sleep(time.Hour)
	case "reopen":
		for _, path := range args {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				fmt.Println(path, err)
				continue
			}
			fmt.Fprintln(file, path)
		}
	case "machine":
		machine()
	case "terminal":
		terminal()
	case "killall":
		fmt.Println("kill", verdict(syscall.Kill(-1, syscall.SIGKILL)))
	}
}

// folder prints the files of a folder, and whether it can write there.
func folder(dir string) {
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Println(path, info.Mode(), string(content))
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println("write", dir, verdict(os.WriteFile(filepath.Join(dir, "new"), nil, 0o644)))
}

// attack prints what of the host it finds and what it can change.
func attack() {
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		to, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if err == nil && !strings.HasPrefix(to, "/proc/") && !strings.HasPrefix(to, "anon_inode:") {
			fmt.Println("fd", fd.Name(), strings.TrimRight(to, "0123456789[]"))
		}
	}
	processes, _ := os.ReadDir("/proc")
	for _, p := range processes {
		if strings.Trim(p.Name(), "0123456789") == "" {
			environment, err := os.ReadFile("/proc/" + p.Name() + "/environ")
			fmt.Println("process", p.Name(), strings.Trim(string(environment), "\x00"), verdict(err))
		}
	}
	session, err := unix.Getsid(0)
	fmt.Println("session", session, verdict(err))
	key, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", "strata-test", 0)
	fmt.Println("key", key > 0, verdict(err))
	cgroups, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(cgroups)) {
		if !strings.HasSuffix(line, ":/\n") {
			fmt.Print("cgroup ", line)
		}
	}
	nested := exec.Command("/probe", "exit")
	nested.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	fmt.Println("user namespace", verdict(nested.Start()))
	fmt.Println("remount /ro", verdict(unix.Mount("", "/ro", "", unix.MS_REMOUNT|unix.MS_BIND, "")))
	fmt.Println("unmount /ro", verdict(unix.Unmount("/ro", unix.MNT_DETACH)))
	fmt.Println("device", verdict(unix.Mknod("/rw/mem", unix.S_IFCHR|0o666, 1<<8|1)))
	fmt.Println("chroot", verdict(unix.Chroot("/rw")))
	fmt.Println("become root", verdict(syscall.Setuid(0)))
	_ = os.Symlink("/ro", "/rw/link")
	fmt.Println("write /ro by a link", verdict(os.WriteFile("/rw/link/new", nil, 0o644)))
	fmt.Println("write /proc/sys", verdict(os.WriteFile("/proc/sys/kernel/core_pattern", []byte("|/probe"), 0o644)))
	fmt.Println("write oom_score_adj", verdict(os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0o644)))
}

// machine prints what it sees of the machine that container engines hide.
func machine() {
	for _, path := range args() {
		info, err := os.Stat(path)
		if err != nil {
			fmt.Println(path, "missing")
			continue
		}
		writable := verdict(unix.Access(path, unix.W_OK))
		if info.IsDir() {
			entries, _ := os.ReadDir(path)
			fmt.Println(path, "folder", len(entries) > 0, "write", writable)
			continue
		}
		content, err := os.ReadFile(path)
		fmt.Println(path, "file", len(content) > 0, verdict(err), "write", writable)
	}
}

func args() []string { return os.Args[2:] }

// terminal tells its terminal and answers one line.
func terminal() {
	name, err := os.Readlink("/proc/self/fd/0")
	fmt.Println("stdin", name, verdict(err))
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	fmt.Println("controlling terminal", verdict(err))
	size, err := unix.IoctlGetWinsize(1, unix.TIOCGWINSZ)
	fmt.Println("size", size != nil, verdict(err))
	line, err := bufio.NewReader(tty).ReadString('\n')
	fmt.Printf("read %q %s\n", line, verdict(err))
}

func verdict(err error) string {
	if err != nil {
		return "refused"
	}
	return "allowed"
}
