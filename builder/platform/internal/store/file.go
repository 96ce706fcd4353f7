package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func reader(content []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(content)) }

// writeFile replaces a file whole: a reader sees the old content or the new.
func writeFile(path string, content []byte) error {
	return Replace(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// writeBlob is writeFile for content that has to have a digest.
func writeBlob(path string, digest v1.Hash, content io.Reader) error {
	return Replace(path, func(w io.Writer) error {
		hash := sha256.New()
		if _, err := io.Copy(io.MultiWriter(w, hash), content); err != nil {
			return err
		}
		if got := hex.EncodeToString(hash.Sum(nil)); got != digest.Hex {
			return fmt.Errorf("blob %s has the digest sha256:%s", digest, got)
		}
		return nil
	})
}

// Replace writes a file whole: a reader sees the old content or the new, and a failure leaves the old.
func Replace(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when the rename succeeded
	err = fill(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
