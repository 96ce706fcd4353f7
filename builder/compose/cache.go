package compose

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// cache keeps the layers that take seconds to make, one per name: a change
// replaces the old one, so that it does not grow.
type cache struct{ dir string }

// record is what a cached layer was made from and what it must still be.
type record struct {
	Key    string  `json:"key"`
	Digest v1.Hash `json:"digest"`
	DiffID v1.Hash `json:"diffID"`
}

// layer returns the cached layer of this name if it was made from the same key
// and is undamaged, and makes it otherwise. Two processes may race: the loser's
// record does not match its bytes, and the next run makes the layer again.
func (c cache) layer(name, key string, entries func() ([]entry, error)) (blob, error) {
	data, info := c.files(name)
	if b, ok := load(data, info, key); ok {
		return b, nil
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return blob{}, fmt.Errorf("making the cache folder: %w", err)
	}
	list, err := entries()
	if err != nil {
		return blob{}, err
	}
	b, err := pack("/", list)
	if err != nil {
		return blob{}, err
	}
	return b, c.keep(name, key, b)
}

// files are the paths of the bytes of a layer and of its record.
func (c cache) files(name string) (data, info string) {
	return filepath.Join(c.dir, name+".tar.gz"), filepath.Join(c.dir, name+".json")
}

// keep puts a layer into the cache.
func (c cache) keep(name, key string, b blob) error {
	data, info := c.files(name)
	if err := replace(data, b.data); err != nil {
		return err
	}
	return writeRecord(info, key, b)
}

// writeRecord writes what a layer was made from and what it must still be.
func writeRecord(path, key string, b blob) error {
	rec, err := json.Marshal(record{Key: key, Digest: b.digest, DiffID: b.diffID})
	if err != nil {
		return fmt.Errorf("internal error: describing a layer: %w", err)
	}
	return replace(path, rec)
}

// readRecord reads what writeRecord wrote. It reports whether the layer was made from the key.
func readRecord(path, key string) (record, bool) {
	var rec record
	raw, err := os.ReadFile(path)
	return rec, err == nil && json.Unmarshal(raw, &rec) == nil && rec.Key == key
}

func load(data, info, key string) (blob, bool) {
	rec, ok := readRecord(info, key)
	if !ok {
		return blob{}, false
	}
	content, err := os.ReadFile(data)
	if err != nil || digestOf(content) != rec.Digest {
		return blob{}, false
	}
	return blob{data: content, digest: rec.Digest, diffID: rec.DiffID}, true
}

// replace puts the content at path in one step.
func replace(path string, content []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return fmt.Errorf("caching a layer: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	if _, err := tmp.Write(content); err != nil {
		_ = tmp.Close()
		return fmt.Errorf("caching a layer: %w", err)
	}
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("caching a layer: %w", err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("caching a layer: %w", err)
	}
	return nil
}
