package sandbox

import (
	"fmt"
	"os"
)

// hostID is the uid and gid on the host of a sandbox that root starts. It owns nothing there, should the command ever
// escape. It is below 65536, because a container's root often has no more ids than that.
const hostID = 65432

// HostIDs returns the uid and gid that the command has on the host: the caller's own or, for root, an id that owns
// nothing. Folders that are bound writable must belong to it.
func HostIDs() (uid, gid int) {
	if os.Getuid() == 0 {
		return hostID, hostID
	}
	return os.Getuid(), os.Getgid()
}

// Own gives folders to the user that the command is on the host. It makes those that are missing.
func Own(dirs ...string) error {
	uid, gid := HostIDs()
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making %s: %w", dir, err)
		}
		if os.Getuid() != uid {
			if err := os.Lchown(dir, uid, gid); err != nil {
				return fmt.Errorf("giving %s to the sandbox: %w", dir, err)
			}
		}
	}
	return nil
}
