package tree

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// MaxFile is the size in bytes of the largest file of an app that is read as a whole. Lockfiles have some ten million.
const MaxFile = 64 << 20

// ReadTOML reads a TOML file as ReadFile does, and decodes it.
func ReadTOML(path string, into any) (toml.MetaData, error) {
	text, err := ReadFile(path)
	if err != nil {
		return toml.MetaData{}, err
	}
	return toml.Decode(string(text), into)
}

// ReadFile reads a file of an app or of a layer. It is a fault if the file is larger than any that a person wrote, or no file at all.
func ReadFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would wait for somebody who writes
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f, path)
}

// ReadIn is ReadFile for a file below a folder. A link that leads out of the folder is an error: what lies there is not the
// app's.
func ReadIn(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f, name)
}

func read(f *os.File, path string) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fault.Fault{ID: "file-kind", What: path + " is no file, and is read as one", Do: "remove it, or put a file in its place"}
	}
	// The size is not believed: a file may grow while it is read.
	var content bytes.Buffer
	content.Grow(int(min(info.Size(), MaxFile)) + bytes.MinRead)
	n, err := content.ReadFrom(io.LimitReader(f, MaxFile+1))
	if err == nil && n > MaxFile {
		err = fault.Fault{ID: "file-size", Do: "make it smaller",
			What: fmt.Sprintf("%s has more than %d MiB, and is read into memory", path, MaxFile>>20)}
	}
	return content.Bytes(), err
}
