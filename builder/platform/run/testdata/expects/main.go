// The program that a test starts in run images: it uses what programs expect to find and says what it found.
package main

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"time"
)

func main() {
	fmt.Println("ids", os.Getuid(), os.Getgid())
	roots, err := x509.SystemCertPool()
	//nolint:staticcheck // the number is all that is asked for
	fmt.Println("certificates", err == nil && len(roots.Subjects()) > 100)
	for _, zone := range []string{"Europe/Berlin", "US/Pacific", "Europe/Kiev"} {
		_, err := time.LoadLocation(zone)
		fmt.Println("zone", zone, err == nil)
	}
	for _, name := range []string{"root", "nonroot", "nobody"} {
		u, err := user.Lookup(name)
		fmt.Println("user", name, err == nil && u.HomeDir != "")
	}
	port, err := net.LookupPort("tcp", "postgresql")
	fmt.Println("service", port, err == nil)
	for _, dir := range []string{"/", "/etc", "/tmp", "/var/tmp", "/home/nonroot"} {
		file := filepath.Join(dir, "written")
		fmt.Println("write", dir, os.WriteFile(file, nil, 0o644) == nil)
	}
}
