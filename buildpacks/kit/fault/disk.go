package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"syscall"
)

// Full reports whether an error is that of a disk without space.
func Full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// DiskFull returns the fault of a disk without space. It names the folder with the least space among those given and that of the file
// which the error names.
func DiskFull(err error, folders ...string) Fault {
	f := Fault{ID: "disk-full", What: "a disk is full", Err: err, Do: "free some space, for example with strata prune, and try again"}
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		folders = append(folders, filepath.Dir(file.Path))
	}
	least := uint64(math.MaxUint64)
	for _, dir := range folders {
		var disk syscall.Statfs_t
		if syscall.Statfs(dir, &disk) != nil {
			continue
		}
		if free := disk.Bavail * uint64(disk.Bsize); free < least {
			least = free
			f.What = fmt.Sprintf("the disk of %s is full: %d of %d MB are free", dir, free/1e6, disk.Blocks*uint64(disk.Bsize)/1e6)
		}
	}
	return f
}
