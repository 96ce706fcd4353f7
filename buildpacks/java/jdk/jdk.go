// Package jdk has Java: development kits, of Debian or of a vendor, and the runtimes that are linked from them, each once for all apps.
package jdk

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

//go:embed trixie/lock-*.toml bookworm/lock-*.toml
var locks embed.FS

// recipe changes when the same packages give another folder.
const recipe = "3"

// debians are the releases of Java that Debian has, the default first. All of them run with the libraries of Debian 13.
var debians = []struct {
	major int
	suite string // of Debian
	aged  string // what there is to say of its age, "" for nothing
}{
	{major: 25, suite: "trixie"},
	{major: 21, suite: "trixie"},
	{major: 17, suite: "bookworm", aged: "it is of Debian 12, which has fixes until 2028-06-30 from volunteers alone"},
}

// JDK is a development kit of Java for an architecture.
type JDK struct {
	Version  string // as its authors have it: "25.0.5.1"
	Aged     string // what there is to say of its age, "" for nothing
	arch     string
	packages []deb.Locked // of Debian
	release  lock.Release // the vendor's archive, if it is none of Debian
}

// Source says where JDKs come from.
type Source struct {
	Mirrors deb.Mirrors // of Debian
	Mirror  string      // of vendors' archives, as MirrorVariable has it
	Log     *report.Log
	// Home installs a JDK and returns its folder: a runtime is linked from it.
	Home func(context.Context, JDK) (string, error)
}

// Debian returns the JDKs that Debian has for an architecture, the default first, none for one that is not locked.
func Debian(arch string) ([]JDK, error) {
	var found []JDK
	for _, d := range debians {
		packages, err := locked(d.suite, arch)
		if err != nil || packages == nil {
			return nil, err
		}
		j := JDK{Aged: d.aged, arch: arch, packages: of(packages, fmt.Sprintf("jdk%d", d.major))}
		for _, one := range j.packages {
			j.Version, _, _ = strings.Cut(one.Version, "+")
		}
		found = append(found, j)
	}
	return found, nil
}

// locked returns the packages that are locked of a suite of Debian for an architecture, nil if none are.
func locked(suite, arch string) ([]deb.Locked, error) {
	text, err := locks.ReadFile(suite + "/lock-" + arch + ".toml")
	if err != nil {
		return nil, nil
	}
	return deb.ReadLock(string(text))
}

// of returns the packages of a layer.
func of(packages []deb.Locked, layer string) []deb.Locked {
	return slices.DeleteFunc(packages, func(one deb.Locked) bool { return one.Layer != layer })
}

// Named returns the kit of a folder.
func Named(arch, folder string, s Source) (tool.Tool, error) {
	all, err := Debian(arch)
	if err != nil {
		return tool.Tool{}, err
	}
	for _, j := range all {
		if t := j.Kit(s); t.Folder == folder {
			return t, nil
		}
	}
	return tool.Tool{}, fault.Fault{ID: "java-tool-unknown", What: folder + " is no JDK that is locked", Do: "leave it to the app's build"}
}

// Kit returns the tool that all apps share: the JDK, in a folder of its own name, and beside it the two runtimes.
func (j JDK) Kit(s Source) tool.Tool {
	parts := []tool.Tool{j.Server().Tool(s), j.Web().Tool(s)}
	sum := sha256.Sum256([]byte(j.Folder() + parts[0].Folder + parts[1].Folder))
	return tool.Tool{
		Folder: "java-" + j.Version + "-" + hex.EncodeToString(sum[:8]), Title: deb.Title("Java "+j.Version+" and its runtimes", j.packages),
		Fill: func(ctx context.Context, client *fetch.Client, dir string) error {
			own := s
			own.Home = func(context.Context, JDK) (string, error) { return filepath.Join(dir, j.Folder()), nil }
			for _, part := range []tool.Tool{j.Tool(own), j.Server().Tool(own), j.Web().Tool(own)} {
				inner := filepath.Join(dir, part.Folder)
				if err := os.Mkdir(inner, 0o755); err != nil {
					return err
				}
				if err := part.Fill(ctx, client, inner); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// Major returns the release: 25 of "25.0.5.1".
func (j JDK) Major() int {
	major, _, _ := strings.Cut(j.Version, ".")
	n, _ := strconv.Atoi(major) // all versions that are locked begin with a number; a test holds that
	return n
}

// digest names the files of the JDK.
func (j JDK) digest() string {
	if j.Vendor() {
		sum := sha256.Sum256([]byte(recipe + " " + j.release.Hash))
		return hex.EncodeToString(sum[:8])
	}
	return deb.Digest(recipe, j.packages)
}

// Folder names the JDK: another name for other files.
func (j JDK) Folder() string { return "jdk-" + j.Version + "-" + j.digest() }

// Tool returns the tool that the JDK is: a folder that JAVA_HOME may name.
func (j JDK) Tool(s Source) tool.Tool {
	if j.Vendor() {
		return j.vendorTool(s)
	}
	return tool.Tool{
		Folder: j.Folder(), Title: deb.Title("Java "+j.Version, j.packages),
		Fill: func(ctx context.Context, client *fetch.Client, dir string) error {
			return deb.Unpack(ctx, client, s.Mirrors, j.packages, dir, unpack.Options{Place: j.place})
		},
	}
}

// unused are folders and files of a JDK that no build reads: other archives of classes than the usual one, manuals, and what is for Debian.
// Licences are in the copyright of the packages.
var unused = []string{
	"docs", "legal", "lib/jar.binfmt", "lib/server/classes_coh.jsa", "lib/server/classes_nocoops.jsa", "lib/server/classes_nocoops_coh.jsa",
	"lib/src.zip", "man",
}

// place returns where a file of the packages is in the JDK's folder, "" for one that is left out. Settings stay in etc: links of the
// packages lead there, and unpack keeps them within the folder.
func (j JDK) place(name string) string {
	release := fmt.Sprintf("java-%d-openjdk", j.Major())
	if inner, found := strings.CutPrefix(name, "usr/lib/jvm/"+release+"-"+j.arch+"/"); found {
		if slices.ContainsFunc(unused, func(one string) bool { return inner == one || strings.HasPrefix(inner, one+"/") }) {
			return ""
		}
		return inner
	}
	if strings.HasPrefix(name, "etc/"+release+"/") {
		return name
	}
	if inner, found := strings.CutPrefix(name, "usr/share/doc/"); found && strings.HasSuffix(inner, "/copyright") {
		return "legal/" + inner
	}
	return ""
}
