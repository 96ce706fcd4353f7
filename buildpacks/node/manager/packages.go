package manager

import (
	"bytes"
	"regexp"
	"strings"
)

// packages is how a lockfile names a package and its hash. There is an empty line between packages.
type packages struct{ name, hash *regexp.Regexp }

// unhashed finds the packages of the lockfile without a hash.
func (a *app) unhashed(p packages) (Lock, error) {
	data, err := a.in.ReadLockfile()
	if err != nil {
		return Lock{}, err
	}
	var lock Lock
	for one := range bytes.SplitSeq(unixLines(data), []byte("\n\n")) {
		if name := p.name.FindSubmatch(one); name != nil && !p.hash.Match(one) && a.meets(string(one)) {
			lock.Unhashed = append(lock.Unhashed, string(name[1]))
		}
	}
	return lock, nil
}

func unixLines(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) }

// meets reports whether a package of a lockfile is for this machine. Yarn from 2 on has no checksums of those that are for some
// machines alone.
func (a *app) meets(locked string) bool {
	_, conditions, _ := strings.Cut(locked, "\n  conditions: ")
	conditions, _, _ = strings.Cut(conditions, "\n")
	for name, value := range map[string]string{"os": "linux", "cpu": a.arch, "libc": "glibc"} {
		if strings.Contains(conditions, name+"=") && !strings.Contains(conditions, name+"="+value) && !strings.Contains(conditions, name+"=!") {
			return false
		}
	}
	return true
}
