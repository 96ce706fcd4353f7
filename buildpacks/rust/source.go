package rust

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// source is what an app's folder holds, by paths: of a file its hash, of a folder that of the names in it.
type source map[string]string

// readSource reads every file of the app, except those of a repository and a folder that cargo made.
func readSource(dir string) (source, error) {
	_, err := os.Stat(filepath.Join(dir, "target", ".rustc_info.json"))
	made := err == nil // by cargo; else it is a folder of the app
	skip := func(e tree.Entry) bool { return e.Name() == ".git" || made && e.Rel == "target" }
	entries, err := tree.Each(dir, skip, func(e tree.Entry) (string, error) {
		if e.IsDir() {
			return "", nil
		}
		return e.Sum()
	})
	if err != nil {
		return nil, fmt.Errorf("reading the source: %w", err)
	}
	s, names := source{}, map[string]*strings.Builder{".": {}}
	for _, e := range entries {
		if e.Entry.IsDir() {
			names[e.Entry.Rel] = &strings.Builder{}
		}
		s[e.Entry.Rel] = e.Value
		fmt.Fprintf(names[path.Dir(e.Entry.Rel)], "%q\n", e.Entry.Name())
	}
	for folder, text := range names {
		s[folder] = digest(text.String())
	}
	return s, nil
}

// hash stands for all of the source.
func (s source) hash() string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // texts alone
	}
	return digest(string(data))
}

// digest returns the hash of a text in hex.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// dated is a file with the time that cargo sees, which is that of the build in which it changed last.
type dated struct {
	Hash string    `json:"hash"`
	Time time.Time `json:"time"`
}

// later returns now, or a time after all that cargo made: the clock may have gone back since then.
func later(target string, now time.Time) (time.Time, error) {
	for _, pattern := range []string{"*/.fingerprint/*/*", "*/*/.fingerprint/*/*"} {
		found, err := filepath.Glob(filepath.Join(target, pattern))
		if err != nil {
			return now, err
		}
		for _, path := range found {
			info, err := os.Lstat(path)
			if err != nil {
				return now, fmt.Errorf("reading when cargo made its units: %w", err)
			}
			if !info.ModTime().Before(now) {
				now = info.ModTime().Add(time.Second)
			}
		}
	}
	return now, nil
}

// date gives the files and folders of an app times that depend on what they hold: cargo compiles again what is newer than what it made. A
// file of the cache has those of the last build. A platform may give all files one time, or those of a checkout.
func (s source) date(app, file string, now time.Time) error {
	before := map[string]dated{}
	if data, err := tree.ReadFile(file); err == nil {
		if json.Unmarshal(data, &before) != nil {
			clear(before) // all is compiled again
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the times of the source: %w", err)
	}
	after, led := map[string]dated{}, false
	for name, hash := range s { // a link has the time of the file that it leads to, which may be an old one
		led = led || strings.HasPrefix(hash, "link ") && before[name].Hash != hash
	}
	for name, hash := range s {
		d := before[name]
		if led || d.Hash != hash || d.Time.After(now) {
			d = dated{hash, now}
		}
		after[name] = d
	}
	data, err := json.Marshal(after)
	if err == nil {
		err = tree.WriteFile(file, data)
	}
	for name, d := range after {
		if err != nil {
			break
		}
		at := filepath.Join(app, filepath.FromSlash(name))
		if info, wrong := os.Lstat(at); wrong != nil || info.Mode()&fs.ModeSymlink != 0 {
			err = wrong
			continue
		}
		err = os.Chtimes(at, d.Time, d.Time)
	}
	if err != nil {
		return fmt.Errorf("giving the source its times: %w", err)
	}
	return nil
}
