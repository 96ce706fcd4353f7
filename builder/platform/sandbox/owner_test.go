package sandbox_test

import (
	"io/fs"
	"syscall"
	"testing"
)

func ownerOf(t *testing.T, info fs.FileInfo) uint32 {
	t.Helper()
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("the file system tells no owner")
	}
	return stat.Uid
}
