package artifact

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

const (
	// maxEntries is how many entries a jar may have. The largest with all of an app's libraries in it have 100,000.
	maxEntries = 200_000
	// maxDirectory is the length in bytes of a jar's list of entries that is read.
	maxDirectory = 32 << 20
	// maxJar is the size in bytes of a jar within a jar, and of a file that is put into the image.
	maxJar = 2 << 30
	// maxSmall is the size in bytes of a file that is read into memory: a manifest, a list, a class.
	maxSmall = 8 << 20
)

// archive is a jar or a WAR, or a folder that one was unpacked into. Its entries are regular files, each name once.
type archive struct {
	name    string // in messages: its path in the app's folder, "app.jar!/BOOT-INF/lib/a.jar" for one within another
	members []member
	index   map[string]int
	close   func() error
}

// member is a file of an archive.
type member struct {
	Name string // clean, relative, with slashes
	Size int64
	zip  *zip.File
	file io.ReaderAt // that has the zip
	root *os.Root    // of a folder
	at   string      // the path there
	in   string      // the archive's name
}

// fileIn returns a file of a folder.
func fileIn(root *os.Root, name string, size int64) member {
	return member{Name: name, Size: size, root: root, at: name}
}

// String names the file in messages.
func (m member) String() string {
	if m.zip != nil {
		return m.in + "!/" + m.Name
	}
	return path.Join(m.in, m.at)
}

// folder is the path in the app's folder of the folder that a file is of.
func (m member) folder() string {
	if m.root == nil {
		return "."
	}
	return m.in
}

// open opens the file.
func (m member) open() (io.ReadCloser, error) {
	if m.zip != nil {
		return m.zip.Open()
	}
	return m.root.Open(m.at)
}

// jarFault is the error of a jar that cannot be taken as it is.
func jarFault(name, wrong string, err error) error {
	return fault.Fault{ID: "java-jar", What: name + " is no jar that can be started from: " + wrong, Err: err,
		Do: "build it again, and look into it with \"jar tf\""}
}

// openFile opens a jar of the app's folder, or one of its folders.
func openFile(app *os.Root, name string) (*archive, error) {
	info, err := app.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return openFolder(app, name)
	}
	if !info.Mode().IsRegular() {
		return nil, jarFault(name, "it is no file", nil)
	}
	file, err := app.Open(name)
	if err != nil {
		return nil, err
	}
	a, err := openZip(name, file, info.Size())
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	a.close = file.Close
	return a, nil
}

// notOfJar matches what an app's folder has besides the jar that was unpacked into it: files of Git and of platforms.
var notOfJar = regexp.MustCompile(`^(\.git.*|Procfile|project\.toml)$`)

// openFolder opens a folder as if it were a jar. Links and other files that are not regular are left out.
func openFolder(app *os.Root, name string) (*archive, error) {
	root, err := app.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	a := &archive{name: name, index: map[string]int{}, close: root.Close}
	err = fs.WalkDir(root.FS(), ".", func(file string, entry fs.DirEntry, err error) error {
		if name == "." && notOfJar.MatchString(file) && entry.IsDir() {
			return fs.SkipDir
		}
		if err != nil || !entry.Type().IsRegular() || name == "." && notOfJar.MatchString(file) {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if len(a.members) == maxEntries {
			return jarFault(name, fmt.Sprintf("it has more than %d files", maxEntries), nil)
		}
		a.index[file] = len(a.members)
		a.members = append(a.members, member{Name: file, Size: info.Size(), root: root, at: file, in: name})
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return a, nil
}

// listing lets a zip's list of entries be read up to a limit: each of them takes memory.
type listing struct {
	io.ReaderAt
	left int
}

func (l *listing) ReadAt(p []byte, at int64) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, fmt.Errorf("its list of entries is longer than %d MB", maxDirectory>>20)
	}
	return l.ReaderAt.ReadAt(p, at)
}

// openZip reads the list of a jar's entries.
func openZip(name string, file io.ReaderAt, size int64) (*archive, error) {
	list := &listing{file, maxDirectory}
	z, err := zip.NewReader(list, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // paths are looked at below
		return nil, jarFault(name, "its list of entries cannot be read", err)
	}
	list.left = int(^uint(0) >> 1)
	a := &archive{name: name, index: map[string]int{}, close: func() error { return nil }}
	if len(z.File) > maxEntries {
		return nil, jarFault(name, fmt.Sprintf("it has %d entries, more than %d", len(z.File), maxEntries), nil)
	}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		clean, err := cleanName(f.Name)
		if err != nil {
			return nil, jarFault(name, err.Error(), nil)
		}
		if f.UncompressedSize64 > maxJar {
			return nil, jarFault(name, fmt.Sprintf("its entry %s has more than %d MB", clean, maxJar>>20), nil)
		}
		if f.Flags&1 != 0 {
			return nil, jarFault(name, "its entry "+clean+" is encrypted", nil)
		}
		one := member{Name: clean, Size: int64(f.UncompressedSize64), zip: f, file: file, in: name}
		// Java takes one of two entries of a name, and others another one. Which is meant, nobody can tell.
		if at, twice := a.index[clean]; twice && decides(clean) {
			return nil, jarFault(name, fmt.Sprintf("it has %s twice, as entries %d and %d", clean, at+1, len(a.members)+1), nil)
		} else if twice {
			a.members[at] = one
			continue
		}
		a.index[clean] = len(a.members)
		a.members = append(a.members, one)
	}
	return a, nil
}

// decides reports whether an entry says what is started, and not only what is found then.
func decides(name string) bool {
	return name == manifestName || strings.HasSuffix(name, ".idx") || strings.HasSuffix(name, ".jar")
}

// cleanName returns the clean form of an entry's name. It refuses those that lead out of a folder and those that are not one line of text.
func cleanName(name string) (string, error) {
	short := fmt.Sprintf("%.200q", name)
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || len(name) > 4096:
		return "", errors.New("the name of its entry " + short + " is not printable, or too long")
	case name == "" || path.IsAbs(name) || strings.Contains(name, `\`) || slices.Contains(strings.Split(name, "/"), ".."):
		return "", errors.New("its entry " + short + " leads out of it")
	}
	return path.Clean(name), nil
}

// archiveOf returns files as an archive.
func archiveOf(members []member) *archive {
	a := &archive{members: members, index: map[string]int{}}
	for i, m := range members {
		a.index[m.Name] = i
	}
	return a
}

// has reports whether there is a file of a name.
func (a *archive) has(name string) bool { _, found := a.index[name]; return found }

// under returns the files below a folder, "lib/", in the archive's order.
func (a *archive) under(folder string) []member {
	var list []member
	for _, m := range a.members {
		if strings.HasPrefix(m.Name, folder) {
			list = append(list, m)
		}
	}
	return list
}

// read returns the content of a small file, nil if there is none of the name.
func (a *archive) read(name string) ([]byte, error) {
	at, found := a.index[name]
	if !found {
		return nil, nil
	}
	data, err := a.members[at].small()
	if err != nil {
		return nil, jarFault(a.name, "its entry "+name+" cannot be read", err)
	}
	return data, nil
}

var errLarge = fmt.Errorf("it has more than %d MB", maxSmall>>20)

// small returns the content of a small file.
func (m member) small() ([]byte, error) {
	if m.Size > maxSmall {
		return nil, errLarge
	}
	r, err := m.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxSmall+1))
	if err == nil && len(data) > maxSmall {
		err = errLarge
	}
	return data, err
}

// spool is where jars are unpacked that are compressed in another one. They are gone when they are closed.
type spool struct {
	folder string
	left   atomic.Int64 // bytes that may be unpacked in all
}

func newSpool() (*spool, error) {
	folder, err := os.MkdirTemp("", "strata-jars-")
	s := &spool{folder: folder}
	s.left.Store(maxSpool)
	return s, err
}

// maxSpool is how many bytes of files in files are unpacked to be looked at.
const maxSpool = 8 << 30

// file unpacks a file of an archive.
func (s *spool) file(m member) (*os.File, int64, error) {
	if s.left.Add(-m.Size) < 0 {
		return nil, 0, jarFault(m.in, fmt.Sprintf("what is compressed in it more than once has more than %d GB", maxSpool>>30), nil)
	}
	file, err := os.CreateTemp(s.folder, "")
	if err != nil {
		return nil, 0, err
	}
	err = os.Remove(file.Name())
	var size int64
	if err == nil {
		if size, err = m.copy(file); err != nil {
			err = jarFault(m.String(), "it cannot be read", err)
		}
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, size, nil
}

// jar opens a jar that is a file of an archive.
func (m member) jar(s *spool) (*archive, error) {
	if m.root != nil {
		file, err := m.root.Open(m.at)
		if err != nil {
			return nil, err
		}
		return openClosing(m.String(), file, m.Size)
	}
	if m.zip.Method == zip.Store {
		at, err := m.zip.DataOffset()
		if err != nil {
			return nil, jarFault(m.String(), "it cannot be read", err)
		}
		return openZip(m.String(), io.NewSectionReader(m.file, at, m.Size), m.Size)
	}
	file, size, err := s.file(m)
	if err != nil {
		return nil, err
	}
	return openClosing(m.String(), file, size)
}

func openClosing(name string, file *os.File, size int64) (*archive, error) {
	a, err := openZip(name, file, size)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	a.close = file.Close
	return a, nil
}

// copy writes the file's content, and returns its length.
func (m member) copy(to io.Writer) (int64, error) {
	r, err := m.open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	n, err := io.Copy(to, io.LimitReader(r, m.Size+1))
	if err == nil && n != m.Size {
		err = fmt.Errorf("%s has not the %d bytes that it is said to have", m.Name, m.Size)
	}
	return n, err
}
