package linkage

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// plugIn is what a library opens by a name in a folder of Debian's that run images do not have, and by which variable it looks elsewhere.
type plugIn struct {
	reader   string // the library, "" for glibc
	path     string // a folder or a file of the package, in which TRIPLET is the architecture
	variable string
	owner    string // the package
	lacks    string // what programs lack without it
}

var plugIns = []plugIn{
	{"", "usr/lib/TRIPLET/gconv", "GCONV_PATH", "libc6", "character sets (iconv) other than UTF-8, ASCII and UCS"},
	{"libcrypto.so.3", "usr/lib/TRIPLET/ossl-modules", "OPENSSL_MODULES", "openssl-provider-legacy", ""}, // few want it
	{"libsasl2.so.2", "usr/lib/TRIPLET/sasl2", "SASL_PATH", "libsasl2-modules", "mechanisms of SASL"},
	{"libmagic.so.1", "usr/lib/file/magic.mgc", "MAGIC", "libmagic-mgc", "the table of types of files"},
}

// pythonOpens are distributions of Python that open libraries by their names, as their sources say, with packages of these.
var pythonOpens = map[string]struct {
	libraries []string
	packages  string
}{
	"cairocffi":    {[]string{"libcairo.so.2"}, "libcairo2"},
	"python_magic": {[]string{"libmagic.so.1"}, "libmagic1t64"},
	"weasyprint": {
		[]string{"libgobject-2.0.so.0", "libpango-1.0.so.0", "libharfbuzz.so.0", "libharfbuzz-subset.so.0", "libfontconfig.so.1",
			"libpangoft2-1.0.so.0"},
		"libpangoft2-1.0-0,libharfbuzz-subset0",
	},
}

// opener is a file that opens libraries by their names, or what is recorded of a distribution of Python that does.
type opener struct {
	path     string
	opens    []elf.Opened
	packages string // those that have the libraries, separated by commas, if that is known
}

// distribution returns the opener of a folder in which Python's installers record a distribution, and reports whether there is one.
func distribution(folder string) (opener, bool) {
	name, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(path.Base(folder), ".dist-info", "")), "-")
	known, ok := pythonOpens[name]
	o := opener{path: folder, packages: known.packages}
	for _, library := range known.libraries {
		o.opens = append(o.opens, elf.Opened{Names: []string{library}, Priority: elf.Recommended})
	}
	return o, ok
}

// unopened returns what an opener opens with a priority and what is nowhere: the names of each, of which any one would do.
func (l libraries) unopened(o opener, priority string) []string {
	if !l.known || l.libc == "static" {
		return nil
	}
	var missing []string
	for _, one := range o.opens {
		if one.Priority == priority && !slices.ContainsFunc(one.Names, func(name string) bool { return l.names[name] }) {
			missing = append(missing, strings.Join(one.Names, " or "))
		}
	}
	return missing
}

// tellOpened says in the log what files open by its name and do not find. What few users lack only a debugging log has.
func tellOpened(log *report.Log, seen seen, there libraries) {
	for _, o := range seen.openers {
		if names := there.unopened(o, elf.Recommended); len(names) > 0 {
			packages := cmp.Or(o.packages, "the packages of Debian that have them")
			log.Warn("%s opens by name what the image does not have: %s; add %s to %s", o.path, strings.Join(names, ", "), packages, debian.Variable)
		}
		if names := there.unopened(o, elf.Suggested); len(names) > 0 {
			log.Debug("%s may open %s by name, which the image does not have", o.path, strings.Join(names, ", "))
		}
	}
	for _, p := range plugIns {
		if there.libc != "glibc" || !there.known || p.lacks == "" || there.plugIns[p.variable] {
			continue
		}
		var readers []string
		for _, file := range seen.files {
			if p.reader == "" && file.Converts || p.reader != "" && slices.Contains(file.Needed, p.reader) {
				readers = append(readers, file.path)
			}
		}
		if len(readers) > 0 {
			log.Bullet("the image has no %s, for which %s and %d more files have functions; %s in %s brings them",
				p.lacks, readers[0], len(readers)-1, p.owner, debian.Variable)
		}
	}
}
