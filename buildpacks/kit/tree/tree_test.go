package tree_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// before is another time than now.
var before = time.Unix(1, 0)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sample returns a folder with something of each kind.
func sample(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sample")
	kittest.Write(t, dir, map[string]string{"a": "A", "d/b": "B", "d/e/c": "C", ".git/HEAD": "x"})
	check(t, os.Symlink("d/b", filepath.Join(dir, "link")))
	check(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	check(t, os.Chmod(filepath.Join(dir, "a"), 0o755))
	return dir
}

func hash(t *testing.T, dir string) string {
	t.Helper()
	sum, err := tree.Hash(dir, nil)
	check(t, err)
	return sum
}

func TestHash(t *testing.T) {
	t.Parallel()
	at := filepath.Join
	tests := []struct {
		name   string
		change func(dir string) error
		same   bool
	}{
		{"content", func(dir string) error { return os.WriteFile(at(dir, "a"), []byte("B"), 0o755) }, false},
		{"name", func(dir string) error { return os.Rename(at(dir, "a"), at(dir, "b")) }, false},
		{"folder", func(dir string) error { return os.Rename(at(dir, "d/e"), at(dir, "d/f")) }, false},
		{"empty folder", func(dir string) error { return os.Remove(at(dir, "empty")) }, false},
		{"executable bit", func(dir string) error { return os.Chmod(at(dir, "a"), 0o644) }, false},
		{"kind", func(dir string) error { return errors.Join(os.Remove(at(dir, "a")), os.Mkdir(at(dir, "a"), 0o755)) }, false},
		{"link", func(dir string) error {
			return errors.Join(os.Remove(at(dir, "link")), os.Symlink("d/e", at(dir, "link")))
		}, false},
		{"pipe", func(dir string) error { return syscall.Mkfifo(at(dir, "p"), 0o644) }, false},
		{"nothing", func(string) error { return nil }, true},
		{"who may read", func(dir string) error { return os.Chmod(at(dir, "d/b"), 0o600) }, true},
		{"time", func(dir string) error { return os.Chtimes(at(dir, "a"), before, before) }, true},
	}
	for _, test := range tests {
		dir := sample(t)
		old := hash(t, dir)
		check(t, test.change(dir))
		if got := hash(t, dir); (got == old) != test.same {
			t.Errorf("%s: the hash is the same: %t, want %t", test.name, got == old, test.same)
		}
	}
	dir := sample(t)
	skip := func(e tree.Entry) bool { return e.Rel == ".git" && e.IsDir() }
	with, err := tree.Hash(dir, skip)
	check(t, err)
	check(t, os.RemoveAll(at(dir, ".git")))
	if without := hash(t, dir); with != without {
		t.Error("what is left out counts")
	}
	link := at(t.TempDir(), "link")
	check(t, os.Symlink(dir, link))
	if hash(t, link) != hash(t, dir) {
		t.Error("a link to the folder has another hash")
	}
	if _, err := tree.Hash(at(dir, "absent"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v of a folder that is not there", err)
	}
}

// TestHashStreams reads a large file that takes no space. It is not parallel: it counts what the process allocates.
func TestHashStreams(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "model"))
	check(t, err)
	check(t, errors.Join(f.Truncate(64<<20), f.Close()))
	var start, end runtime.MemStats
	runtime.ReadMemStats(&start)
	hash(t, dir)
	runtime.ReadMemStats(&end)
	if used := end.TotalAlloc - start.TotalAlloc; used > 1<<20 {
		t.Errorf("hashing a file of 64 MiB took %d bytes", used)
	}
}

func TestEach(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	found, err := tree.Each(dir, func(e tree.Entry) bool { return e.Rel == ".git" }, func(e tree.Entry) (string, error) {
		var content bytes.Buffer
		_, err := e.Sum(&content)
		return content.String(), err
	})
	check(t, err)
	var got []string
	for _, one := range found {
		got = append(got, one.Entry.Rel+"="+one.Value)
	}
	if diff := cmp.Diff([]string{"a=A", "d=", "d/b=B", "d/e=", "d/e/c=C", "empty=", "link="}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	broken := errors.New("broken")
	if _, err := tree.Each(dir, nil, func(e tree.Entry) (int, error) {
		if e.Rel == "d/b" {
			return 0, broken
		}
		return 0, nil
	}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	from := sample(t)
	for name, mode := range map[string]fs.FileMode{"a": 0o500, "d/b": 0o666, "d/e/c": 0o444, "d/e": 0o555, "empty": 0o700} {
		check(t, os.Chmod(filepath.Join(from, name), mode))
	}
	check(t, syscall.Mkfifo(filepath.Join(from, "pipe"), 0o644))
	to := filepath.Join(t.TempDir(), "new", "copy")
	check(t, tree.Copy(from, to))
	want := kittest.Tree(t, from)
	delete(want, "pipe")
	if diff := cmp.Diff(want, kittest.Tree(t, to)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := tree.Copy(from, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v when the files are there", err)
	}
	there := t.TempDir()
	kittest.Write(t, there, map[string]string{"other": "x"})
	check(t, os.Chmod(there, 0o750))
	check(t, tree.Copy(from, there))
	if info, err := os.Stat(there); err != nil || info.Mode().Perm() != 0o750 || len(kittest.Tree(t, there)) != len(want)+1 {
		t.Errorf("a folder that was there is %v (%v) with %v", info, err, kittest.Tree(t, there))
	}
	check(t, tree.Remove(there))
	check(t, tree.Remove(from))
	check(t, tree.Remove(to))
}

// TestCopyHoles copies files with holes, at the beginning, between and at the end, and one of holes alone.
func TestCopyHoles(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	const large = 8 << 20
	for name, at := range map[string][]int64{"start": {large}, "end": {0}, "between": {0, 3 * large, 5*large - 100}, "all": nil} {
		f, err := os.Create(filepath.Join(from, name))
		check(t, err)
		for _, offset := range at {
			_, err := f.WriteAt([]byte(strings.Repeat("data", 1000)), offset)
			check(t, err)
		}
		check(t, errors.Join(f.Truncate(6*large), f.Close()))
	}
	check(t, tree.Copy(from, to))
	if diff := cmp.Diff(kittest.Tree(t, from), kittest.Tree(t, to)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name := range kittest.Tree(t, from) {
		var is, was unix.Stat_t
		check(t, errors.Join(unix.Stat(filepath.Join(from, name), &was), unix.Stat(filepath.Join(to, name), &is)))
		if is.Blocks > was.Blocks+256 {
			t.Errorf("%s takes %d blocks, the original %d", name, is.Blocks, was.Blocks)
		}
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	kittest.Write(t, outside, map[string]string{"kept": "x"})
	check(t, os.Chmod(outside, 0o555))
	dir := sample(t)
	check(t, os.Symlink(outside, filepath.Join(dir, "d/e/out")))
	for _, name := range []string{"d/e", "d", "empty", "."} {
		check(t, os.Chmod(filepath.Join(dir, name), 0o500))
	}
	check(t, tree.Remove(dir))
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there (%v)", err)
	}
	if got := kittest.Tree(t, filepath.Dir(outside)); !strings.HasPrefix(got["outside/"], "dir 0555") || got["outside/kept"] == "" {
		t.Errorf("it changed what a link leads to: %v", got)
	}
	check(t, tree.Remove(dir)) // nothing is there
	check(t, os.Chmod(outside, 0o755))
}

func TestEmptyAndOnly(t *testing.T) {
	t.Parallel()
	names := func(dir string) []string {
		var all []string
		found, err := tree.Each(dir, nil, func(tree.Entry) (struct{}, error) { return struct{}{}, nil })
		check(t, err)
		for _, one := range found {
			all = append(all, one.Entry.Rel)
		}
		return all
	}
	tests := []struct {
		name   string
		remove func(dir string) error
		want   []string
	}{
		{"empty", func(dir string) error { return tree.Empty(dir) }, nil},
		{"empty except two", func(dir string) error { return tree.Empty(dir, "d", "a", "b") }, []string{"a", "d", "d/b", "d/e", "d/e/c"}},
		{"a file", func(dir string) error { return tree.Only(dir, func(n string) bool { return n == "d/e/c" }) }, []string{"d", "d/e", "d/e/c"}},
		{"a folder", func(dir string) error { return tree.Only(dir, func(n string) bool { return n == "d" }) },
			[]string{"d", "d/b", "d/e", "d/e/c"}},
		{"an empty folder", func(dir string) error { return tree.Only(dir, func(n string) bool { return n == "empty" }) }, []string{"empty"}},
		{"a link", func(dir string) error { return tree.Only(dir, func(n string) bool { return n == "link" }) }, []string{"link"}},
		{"nothing", func(dir string) error { return tree.Only(dir, func(string) bool { return false }) }, nil},
	}
	for _, test := range tests {
		dir := sample(t)
		check(t, test.remove(dir))
		if diff := cmp.Diff(test.want, names(dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestHoist(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	kittest.Write(t, dir, map[string]string{"d/e/d/b": "inner"}) // it has a name that is gone by then
	check(t, tree.Hoist(dir, "d/e"))
	got := kittest.Tree(t, dir)
	want := map[string]string{"c": got["c"], "d/": "dir 0755", "d/b": got["d/b"]}
	if diff := cmp.Diff(want, got); diff != "" || got["c"] == "" || got["d/b"] == "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := tree.Hoist(dir, "absent"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v for a folder that is not there", err)
	}
	if diff := cmp.Diff(want, kittest.Tree(t, dir)); diff != "" {
		t.Errorf("it changed what was there (-want +got):\n%s", diff)
	}
}

func TestSink(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	want := map[string]string{"d/": "dir 0755"}
	for name, kind := range kittest.Tree(t, dir) {
		if name == "a" {
			want[name] = kind
			continue
		}
		want["d/"+name] = kind
	}
	check(t, tree.Sink(dir, "d", "a"))
	if diff := cmp.Diff(want, kittest.Tree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, content := range []string{"first", "second"} {
		check(t, tree.WriteFile(filepath.Join(dir, "file"), []byte(content)))
		if got, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(got) != content || len(kittest.Tree(t, dir)) != 1 {
			t.Errorf("it has %q (%v) in %v", got, err, kittest.Tree(t, dir))
		}
	}
	if err := tree.WriteFile(filepath.Join(dir, "absent", "file"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v where no folder is", err)
	}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "parent", "tool")
	kittest.Write(t, dir+".partial", map[string]string{"left/over": "by a build that was killed"})
	broken := errors.New("broken")
	fill := func(content string, err error) func(string) error {
		return func(partial string) error {
			kittest.Write(t, partial, map[string]string{"file": content})
			return err
		}
	}
	if err := tree.Once(dir, fill("half", broken)); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if got := kittest.Tree(t, filepath.Dir(dir)); len(got) != 0 {
		t.Errorf("it left %v", got)
	}
	for _, content := range []string{"first", "second"} {
		check(t, tree.Once(dir, fill(content, nil)))
	}
	all := kittest.Tree(t, filepath.Dir(dir))
	if content, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(content) != "first" || len(all) != 2 {
		t.Errorf("it has %q (%v) in %v", content, err, all)
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"a": "A", "empty": "", "large": ""})
	check(t, os.Truncate(filepath.Join(dir, "large"), 64<<20+1))
	check(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	for name, want := range map[string]string{"a": "A", "empty": ""} {
		if got, err := tree.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{
		"large": "large has more than 64 MiB, and is read into memory; make it smaller",
		"pipe":  "pipe is no file, and is read as one; remove it, or put a file in its place",
		".":     " is no file, and is read as one; remove it, or put a file in its place",
	} {
		if _, err := tree.ReadFile(filepath.Join(dir, name)); !errors.As(err, new(fault.Fault)) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	kittest.Write(t, dir, map[string]string{"toml": "a = 7"})
	var into struct{ A int }
	if _, err := tree.ReadTOML(filepath.Join(dir, "toml"), &into); err != nil || into.A != 7 {
		t.Errorf("got %+v, %v", into, err)
	}
	if _, err := tree.ReadTOML(filepath.Join(dir, "pipe"), &into); !errors.As(err, new(fault.Fault)) {
		t.Errorf("got %v for a pipe", err)
	}
	if _, err := tree.ReadFile(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v of a file that is not there", err)
	}
}
