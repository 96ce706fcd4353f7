package unpack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// What an xz block or a zstd frame may ask for in a header of some bytes. Each asks for as much at its highest level, xz -9
// and zstd --ultra -22, and Debian's packages and lists for less.
const (
	maxDictionary = 64 << 20
	maxWindow     = 128 << 20
)

// Decompress returns what was compressed into a file whose name ends with .gz, .xz or .zst, and the bytes as they are for "".
func Decompress(r io.Reader, suffix string) (io.ReadCloser, error) {
	switch suffix {
	case "":
		return io.NopCloser(r), nil
	case ".gz":
		return gzip.NewReader(r)
	case ".xz":
		x, err := xz.NewReader(r, maxDictionary)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(x), nil
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return nil, fmt.Errorf("compression %q is not known", suffix)
}

// suffixOf returns the suffix of what begins like this: "" for what is not compressed.
func suffixOf(r *bufio.Reader) (string, error) {
	begin, err := r.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	for suffix, magic := range map[string]string{".gz": "\x1f\x8b", ".xz": "\xfd7zXZ\x00", ".zst": "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(begin, []byte(magic)) {
			return suffix, nil
		}
	}
	return "", nil
}
