// Probe prints what it sees of its world; the sandbox's tests compare it.
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		act(os.Args[1], os.Args[2:])
		return
	}
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
	entries, _ := os.ReadDir("/")
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	fmt.Println("root", strings.Join(names, " "))
	fmt.Println("write /", verdict(os.WriteFile("/new", nil, 0o644)))
	fmt.Println("write /rw", verdict(os.WriteFile("/rw/new", []byte("x"), 0o644)))
	fmt.Println("write /ro", verdict(os.WriteFile("/ro/new", nil, 0o644)))
	fmt.Println("write /dev/null", verdict(os.WriteFile("/dev/null", []byte("x"), 0o644)))
	interfaces, _ := net.Interfaces()
	fmt.Println("interfaces", len(interfaces))
}

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
	case "fork": // leaves a child behind that outlives it unless somebody ends both
		child := exec.Command("/probe", "wait")
		if err := child.Start(); err != nil {
			fmt.Println(err)
		}
		fmt.Println("started")
		time.Sleep(time.Hour)
	case "wait":
		time.Sleep(time.Hour)
	}
}

func verdict(err error) string {
	if err != nil {
		return "refused"
	}
	return "allowed"
}
