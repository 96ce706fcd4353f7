package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// disk counts what is read from and written to the disk that the checkout is on; an engine's data counts when it is there, too.
type disk struct{ stat string } // of the kernel, Documentation/block/stat.rst; empty if the checkout is on no disk

func diskOf(dir string) (disk, error) {
	var info unix.Stat_t
	if err := unix.Stat(dir, &info); err != nil {
		return disk{}, fmt.Errorf("%s: %w", dir, err)
	}
	stat := fmt.Sprintf("/sys/dev/block/%d:%d/stat", unix.Major(info.Dev), unix.Minor(info.Dev))
	_, err := os.Stat(stat)
	if errors.Is(err, fs.ErrNotExist) {
		return disk{}, nil
	}
	return disk{stat}, err
}

// moved returns the bytes that were read and written since the machine started, those that waited to be written included.
func (d disk) moved() (read, written int64, err error) {
	if d.stat == "" {
		return 0, 0, nil
	}
	unix.Sync()
	text, err := os.ReadFile(d.stat)
	if err != nil {
		return 0, 0, err
	}
	const sectorsRead, sectorsWritten, sectorSize = 2, 6, 512
	fields := strings.Fields(string(text))
	if len(fields) <= sectorsWritten {
		return 0, 0, fmt.Errorf("%s: %q has no sectors written", d.stat, text)
	}
	read, err = strconv.ParseInt(fields[sectorsRead], 10, 64)
	if err == nil {
		written, err = strconv.ParseInt(fields[sectorsWritten], 10, 64)
	}
	return read * sectorSize, written * sectorSize, err
}
