package artifact

import (
	_ "embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
)

// Needs is what an artifact asks of a runtime.
type Needs struct {
	Java    int      `json:"java"`    // the oldest release that loads its classes, 0 if there are none
	From    string   `json:"from"`    // the file that asks for this release
	Desktop string   `json:"desktop"` // why it draws: "org/jfree/chart in jfreechart-1.5.5.jar", "" if it does not
	Modules []string `json:"modules"` // of the JDK, sorted, without java.base: those that class files mention, and what these load by name
}

// moduleFile has a line for each module of the JDK except java.base, with the packages that it exports. A test compares it with a JDK.
//
//go:embed modules.txt
var moduleFile string

// modules are the modules of the JDK by their packages, with slashes.
var modules = sync.OnceValue(func() map[string]string {
	table := map[string]string{}
	for line := range strings.Lines(moduleFile) {
		name, packages, _ := strings.Cut(line, ":")
		for one := range strings.FieldsSeq(packages) {
			table[strings.ReplaceAll(one, ".", "/")] = name
		}
	}
	return table
})

// byName are modules that others load by name, and of which no class file tells.
var byName = map[string][]string{
	"":                   {"java.logging", "java.management", "jdk.crypto.ec", "jdk.unsupported", "jdk.zipfs"}, // of java.base
	"java.naming":        {"jdk.naming.dns"},
	"java.rmi":           {"jdk.naming.rmi"},
	"java.management":    {"jdk.management"},
	"java.security.jgss": {"jdk.security.jgss"},
	"java.security.sasl": {"jdk.security.jgss"},
	"java.desktop":       {"java.prefs"},
	"jdk.jfr":            {"jdk.management.jfr"},
	"java.instrument":    {"jdk.attach"},
}

// drawing are the packages of the JDK whose callers draw.
var drawing = map[string]bool{
	"java/awt/image": true, "java/awt/font": true, "java/awt/print": true, "javax/imageio": true, "javax/imageio/stream": true,
}

// drawn are packages of libraries that draw whatever the app asks of them.
var drawn = []string{
	"com/google/code/kaptcha/", "com/google/zxing/client/j2se/", "com/itextpdf/", "com/lowagie/text/", "com/openhtmltopdf/",
	"com/twelvemonkeys/imageio/", "net/coobird/thumbnailator/", "net/sf/jasperreports/", "org/apache/batik/", "org/apache/fop/",
	"org/apache/pdfbox/", "org/apache/poi/", "org/icepdf/", "org/jfree/chart/", "org/knowm/xchart/", "org/krysalis/barcode4j/",
	"org/xhtmlrenderer/",
}

// desktopOf returns the package of a library that draws, "" if there is none among a jar's files.
func desktopOf(members []member) string {
	for _, m := range members {
		for _, name := range drawn {
			if strings.HasPrefix(m.Name, name) {
				return strings.TrimSuffix(name, "/")
			}
		}
	}
	return ""
}

// needs returns what the artifact asks of a runtime.
func (a *Artifact) needs(k known) Needs {
	var n Needs
	wanted := map[string]bool{}
	for i, f := range a.files {
		own := f.layer == application
		if java, class := k.facts[i].java(own); java > n.Java {
			n.Java, n.From = java, f.to
			if own && class != "" {
				n.From = class
			}
		}
		if n.Desktop == "" && k.facts[i].Desktop != "" {
			n.Desktop = k.facts[i].Desktop + " in " + f.to
		}
		if n.Desktop == "" && own {
			n.Desktop = a.draws(k.facts[i].Draws)
		}
		for _, one := range k.facts[i].Modules {
			wanted[one] = true
		}
	}
	for _, one := range append(slices.Sorted(maps.Keys(wanted)), "") {
		for _, more := range byName[one] {
			wanted[more] = true
		}
	}
	n.Modules = slices.Sorted(maps.Keys(wanted))
	return n
}

// draws returns which of the app's own packages draws: one that begins as that of the class which is started. A jar of the app may have
// libraries in it.
func (a *Artifact) draws(packages []string) string {
	own := strings.Split(strings.ReplaceAll(a.main, ".", "/"), "/")
	prefix := path.Join(own[:min(2, len(own)-1)]...)
	for _, name := range packages {
		if a.war || strings.HasPrefix(name+"/", prefix+"/") || prefix == "" {
			return "classes of " + name
		}
	}
	return ""
}

// Libraries of our run image glibc that native code in jars may need. Others may have more.
var ofImage = []string{
	"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libanl.so.1", "libatomic.so.1", "libc.so.6", "libcrypto.so.3", "libdl.so.2",
	"libgcc_s.so.1", "libm.so.6", "libmvec.so.1", "libpthread.so.0", "libresolv.so.2", "librt.so.1", "libssl.so.3", "libstdc++.so.6",
	"libutil.so.1", "libz.so.1", "libzstd.so.1",
}

// machines are what debug/elf calls architectures.
var machines = map[string]string{"amd64": "EM_X86_64", "arm64": "EM_AARCH64"}

// warnings returns what is to be said of native libraries in jars, one line for each jar of which none runs in the image.
func (a *Artifact) warnings(target bp.Target, k known) []string {
	libc, _ := target.Libc()
	if libc != bp.Glibc || !target.Ours() {
		return nil
	}
	var lines []string
	for i, f := range a.files {
		has := map[string]bool{}
		for _, n := range k.facts[i].Native {
			has[path.Base(n.Name)] = true
		}
		var lacks []string
		runs, some := false, false
		for _, n := range k.facts[i].Native {
			if n.Machine != machines[target.Arch] {
				continue
			}
			some = true
			missing := slices.DeleteFunc(slices.Clone(n.Needed), func(name string) bool {
				return slices.Contains(ofImage, name) || has[name] || strings.HasPrefix(name, "libjvm.") || strings.HasPrefix(name, "libjawt.")
			})
			runs = runs || len(missing) == 0
			if len(missing) > 0 {
				lacks = append(lacks, n.Name+" needs "+strings.Join(missing, ", "))
			}
		}
		switch {
		case !some && len(k.facts[i].Native) > 0:
			lines = append(lines, fmt.Sprintf("%s has native libraries, and none for %s", f.to, target.Arch))
		case some && !runs:
			lines = append(lines, fmt.Sprintf("%s has native libraries that lack others in the image: %s", f.to, list(lacks)))
		}
	}
	return lines
}
