package artifact

import (
	"archive/zip"
	"cmp"
	"context"
	"crypto/sha256"
	debugelf "debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/java/classfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// facts are what is known of a jar by its content. They are kept by its hash, because reading all classes of an app takes seconds.
type facts struct {
	Versions map[int]int    `json:"versions"` // how many classes are of a major version, except those for newer releases of Java
	Newest   map[int]string `json:"newest"`   // a class of each
	Modules  []string       `json:"modules"`  // of the JDK, by the packages that classes mention
	Draws    []string       `json:"draws"`    // packages of classes that draw
	Servlets map[string]int `json:"servlets"` // how many classes mention the API of servlets in "javax" and in "jakarta"
	Desktop  string         `json:"desktop"`  // a package of a library that draws
	Native   []native       `json:"native"`
	Bill     []component    `json:"bill"`
}

// native is a library for Linux.
type native struct {
	Name    string   `json:"name"`
	Machine string   `json:"machine"` // as debug/elf has it
	Needed  []string `json:"needed"`
}

// factsRecipe changes whenever other facts are read of the same jar.
const factsRecipe = 3

const (
	// maxClasses is how many bytes of classes are read of a jar.
	maxClasses = 1 << 30
	// maxNative is the size in bytes of the largest library that is looked at.
	maxNative = 128 << 20
)

// known are the facts of all files of an artifact, and their hashes, in its order.
type known struct {
	sums  []string
	facts []facts
}

// learn reads the facts of an artifact's files. A folder keeps those of jars between builds.
func (a *Artifact) learn(ctx context.Context, cache string) (known, error) {
	k := known{make([]string, len(a.files)), make([]facts, len(a.files))}
	fresh := make([]bool, len(a.files))
	group, _ := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, f := range a.files {
		group.Go(func() (err error) {
			k.sums[i], k.facts[i], fresh[i], err = a.look(f, cache)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return k, err
	}
	for i, found := range k.facts {
		if !fresh[i] {
			continue
		}
		data, err := json.Marshal(found)
		if err == nil && len(data) < tree.MaxFile {
			err = tree.WriteFile(factsFile(cache, k.sums[i], a.files[i]), data)
		}
		if err != nil {
			return k, err
		}
	}
	return k, removeOld(cache, k.sums)
}

// factsFile returns the path of what is known of a jar, some of it by its name.
func factsFile(cache, sum string, f file) string {
	name := sha256.Sum256([]byte(path.Base(f.Name)))
	return filepath.Join(cache, fmt.Sprintf("%s-%x-%d.json", sum, name[:4], factsRecipe))
}

// look returns the hash of a file and what is known of it, and whether that is worth keeping.
func (a *Artifact) look(f file, cache string) (sum string, found facts, fresh bool, err error) {
	if f.folder {
		return "folder", found, false, nil
	}
	if sum, err = f.sum(); err != nil {
		return "", found, false, err
	}
	if !f.isJar() && f.entries == nil {
		switch {
		case a.war && path.Ext(f.to) == ".class":
			found, err = a.scan([]member{f.member})
		case a.war && path.Base(f.to) == "pom.properties":
			found.Bill, _, err = archiveOf([]member{f.member}).poms()
		}
		return sum, found, false, err
	}
	data, err := tree.ReadFile(factsFile(cache, sum, f))
	if err == nil && json.Unmarshal(data, &found) == nil {
		return sum, found, false, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", found, false, err
	}
	found, err = a.study(f, sum)
	return sum, found, true, err
}

// study reads the facts of a jar.
func (a *Artifact) study(f file, sum string) (facts, error) {
	if f.entries != nil {
		var members []member
		for _, e := range f.entries {
			if e.data == nil {
				members = append(members, e.member)
				members[len(members)-1].Name = e.name
			}
		}
		found, err := a.scan(members)
		if err == nil {
			found.Bill, _, err = archiveOf(members).poms()
		}
		return found, err
	}
	return a.studyJar(f.member, sum, 0)
}

// maxNested is how many jars deep a jar is looked into.
const maxNested = 3

// studyJar reads the facts of a jar and of the jars in it.
func (a *Artifact) studyJar(m member, sum string, depth int) (facts, error) {
	jar, err := m.jar(a.spool)
	if err != nil {
		return facts{}, err
	}
	found, err := a.scan(jar.members)
	if err == nil {
		found.Bill, err = billOf(jar, path.Base(m.Name), sum)
	}
	for _, inner := range jar.members {
		if err != nil || depth == maxNested || path.Ext(inner.Name) != ".jar" {
			continue
		}
		var hash string
		if hash, err = (file{member: inner}).sum(); err == nil {
			var more facts
			if more, err = a.studyJar(inner, hash, depth+1); err == nil {
				found.add(more)
			} else if errors.Is(err, zip.ErrFormat) {
				err = nil // it is only called so
			}
		}
	}
	return found, errors.Join(err, jar.close())
}

// add adds the facts of a jar within the jar.
func (f *facts) add(more facts) {
	for version, count := range more.Versions {
		f.Versions[version] += count
		f.Newest[version] = max(f.Newest[version], more.Newest[version])
	}
	for api, count := range more.Servlets {
		f.Servlets[api] += count
	}
	merge := func(all, more []string) []string {
		return slices.Compact(slices.Sorted(slices.Values(slices.Concat(all, more))))
	}
	f.Modules, f.Draws = merge(f.Modules, more.Modules), merge(f.Draws, more.Draws)
	f.Desktop = cmp.Or(f.Desktop, more.Desktop)
	f.Native, f.Bill = append(f.Native, more.Native...), append(f.Bill, more.Bill...)
	f.Draws, f.Native, f.Bill = cut(f.Draws), cut(f.Native), cut(f.Bill)
}

// maxKept is how many of a kind are known of a jar.
const maxKept = 5000

func cut[T any](list []T) []T { return list[:min(len(list), maxKept)] }

// sum returns the hash of a file's content, SHA-256 in hexadecimal, and of a jar that is made one that stands for its entries.
func (f file) sum() (string, error) {
	hash := sha256.New()
	if f.entries == nil {
		_, err := f.copy(hash)
		return hex.EncodeToString(hash.Sum(nil)), err
	}
	for _, e := range f.entries {
		one := sha256.New()
		if _, err := e.copy(one); err != nil {
			return "", jarFault(e.member.String(), "it cannot be read", err)
		}
		fmt.Fprintf(hash, "%q %x\n", e.name, one.Sum(nil))
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// newerOnly matches classes that Java takes in a newer release only.
var newerOnly = regexp.MustCompile(`^META-INF/versions/[0-9]+/|(^|/)module-info\.class$`)

// nativeName matches the names of shared libraries for Linux.
var nativeName = regexp.MustCompile(`\.so(\.[0-9]+)*$`)

// scan reads the classes and native libraries among files.
func (a *Artifact) scan(members []member) (facts, error) {
	f := facts{Versions: map[int]int{}, Newest: map[int]string{}, Servlets: map[string]int{}}
	seen := mentions{modules: map[string]bool{}, draws: map[string]bool{}}
	left := int64(maxClasses)
	for _, m := range members {
		switch {
		case path.Ext(m.Name) == ".class":
			if left -= m.Size; left < 0 {
				return f, jarFault(m.in, fmt.Sprintf("its classes have more than %d MB", maxClasses>>20), nil)
			}
			if err := f.class(m, &seen); err != nil {
				return f, err
			}
		case nativeName.MatchString(m.Name) && m.Size <= maxNative:
			if err := f.library(m, a.spool); err != nil {
				return f, err
			}
		}
	}
	for name := range seen.modules {
		f.Modules = append(f.Modules, name)
	}
	for name := range seen.draws {
		f.Draws = append(f.Draws, name)
	}
	slices.Sort(f.Modules)
	slices.Sort(f.Draws)
	f.Draws, f.Native = cut(f.Draws), cut(f.Native)
	f.Desktop = desktopOf(members)
	return f, nil
}

// maxVersion is the largest major version of a class file that is taken for one.
const maxVersion = 200

// mentions collects what classes mention.
type mentions struct {
	modules, draws map[string]bool
}

// class reads a class. What Java would not load either is passed over: jars have templates that are called so.
func (f *facts) class(m member, seen *mentions) error {
	data, err := m.small()
	if errors.Is(err, errLarge) {
		return nil
	}
	if err != nil {
		return jarFault(m.in, "its entry "+m.Name+" cannot be read", err)
	}
	c, err := classfile.Read(data)
	if err != nil || c.Version > maxVersion {
		return nil //nolint:nilerr // see above
	}
	if !newerOnly.MatchString(m.Name) {
		f.Versions[c.Version]++
		f.Newest[c.Version] = max(f.Newest[c.Version], m.Name)
	}
	draws, servlets := false, map[string]bool{}
	for _, text := range c.Texts {
		classfile.Mentions(text, func(name string) {
			for _, folder := range []string{name, path.Dir(name)} {
				if module := modules()[folder]; module != "" {
					seen.modules[module] = true
				}
				draws = draws || drawing[folder]
			}
			for _, api := range []string{"javax", "jakarta"} {
				servlets[api] = servlets[api] || strings.HasPrefix(name, api+"/servlet/")
			}
		})
	}
	for api, mentioned := range servlets {
		if mentioned {
			f.Servlets[api]++
		}
	}
	if draws {
		seen.draws[path.Dir(m.Name)] = true
	}
	return nil
}

// library reads what a native library asks for. One that no loader takes is none.
func (f *facts) library(m member, s *spool) error {
	r, err := m.open()
	if err != nil {
		return jarFault(m.in, "its entry "+m.Name+" cannot be read", err)
	}
	begin := make([]byte, len(debugelf.ELFMAG))
	_, err = io.ReadFull(r, begin)
	if err := r.Close(); err != nil {
		return err
	}
	if err != nil || string(begin) != debugelf.ELFMAG {
		return nil //nolint:nilerr // it is shorter than any library
	}
	unpacked, _, err := s.file(m)
	if err != nil {
		return err
	}
	if file, loaded, err := elf.ReadAt(unpacked); err == nil && loaded {
		f.Native = append(f.Native, native{m.Name, file.Machine.String(), file.Needed})
	}
	return unpacked.Close()
}

// java returns the oldest release of Java that most of a jar's classes load with, and the name of such a class. The app's own classes count
// one by one; libraries have single classes for newer releases, which they try to load.
func (f facts) java(own bool) (int, string) {
	all, version := 0, 0
	for _, count := range f.Versions {
		all += count
	}
	for v, count := range f.Versions {
		if own || count*10 >= all {
			version = max(version, v)
		}
	}
	if version == 0 {
		return 0, ""
	}
	return classfile.Java(version), f.Newest[version]
}

// removeOld removes facts of a folder that no file of this build has.
func removeOld(cache string, sums []string) error {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return err
	}
	for _, e := range entries {
		sum, _, _ := strings.Cut(e.Name(), "-")
		if !slices.Contains(sums, sum) {
			err = errors.Join(err, tree.Remove(filepath.Join(cache, e.Name())))
		}
	}
	return err
}
