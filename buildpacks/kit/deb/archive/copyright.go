package archive

import (
	"regexp"
	"slices"
	"strings"
)

// Licences returns the licences that a copyright file in the machine-readable format (DEP-5) names for the files of a source
// package: SPDX expressions, sorted, each of which applies to some of the files. A name that SPDX does not know becomes
// LicenseRef-Debian-NAME. For a file in any other format Licences returns nil.
func Licences(copyright string) []string {
	all := stanzas(copyright)
	if len(all) == 0 || !strings.Contains(all[0]["Format"], "copyright-format") {
		return nil
	}
	var out []string
	for i, s := range all {
		// A later paragraph without files is the text of a licence that another one names.
		if _, files := s["Files"]; !files && i > 0 {
			continue
		}
		name, _, _ := strings.Cut(s["License"], "\n")
		if name != "" {
			out = append(out, spdx(name))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// spdx translates a licence field such as "A or B and C with X exception". In both languages "and" binds more than "or". A
// comma changes that in Debian's, and does not exist in SPDX's.
func spdx(field string) string {
	if strings.Contains(field, ",") {
		return licenceRef(field)
	}
	var alternatives []string
	for alternative := range strings.SplitSeq(field, " or ") {
		var parts []string
		for part := range strings.SplitSeq(alternative, " and ") {
			parts = append(parts, spdxTerm(strings.TrimSpace(part)))
		}
		alternatives = append(alternatives, strings.Join(parts, " AND "))
	}
	return strings.Join(alternatives, " OR ")
}

func spdxTerm(term string) string {
	name, exception, with := strings.Cut(term, " with ")
	id, known := spdxName(name)
	if with {
		exception = spdxExceptions[strings.TrimSuffix(strings.ToLower(exception), " exception")]
		id, known = id+" WITH "+exception, known && exception != ""
	}
	if !known {
		return licenceRef(term)
	}
	return id
}

var gnu = regexp.MustCompile(`^(A?GPL|LGPL|GFDL)(-NIV)?-([0-9])(\.[0-9])?(\+|-ONLY|-OR-LATER)?$`)

// spdxName translates a licence's short name.
func spdxName(name string) (id string, known bool) {
	if m := gnu.FindStringSubmatch(strings.ToUpper(name)); m != nil {
		family, invariant, major, minor, later := m[1], m[2], m[3], m[4], m[5]
		id := family + "-" + major + minor
		if minor == "" {
			id += ".0"
		}
		if invariant != "" {
			id += "-no-invariants"
		}
		if later == "+" || later == "-OR-LATER" {
			return id + "-or-later", true
		}
		return id + "-only", true
	}
	id, known = spdxNames[strings.ToLower(name)]
	return id, known
}

var notRef = regexp.MustCompile(`[^A-Za-z0-9.\-]+`)

// licenceRef names a licence that SPDX does not know. It writes "or later" for a plus sign, which SPDX does not allow.
func licenceRef(name string) string {
	name = strings.ReplaceAll(name, "+", "-or-later")
	return "LicenseRef-Debian-" + strings.Trim(notRef.ReplaceAllString(name, "-"), "-")
}

// spdxNames maps Debian's short names, in lower case, to the identifiers of the same licences. It lacks names that Debian's
// maintainers use for several texts, such as Artistic.
var spdxNames = map[string]string{
	"0bsd": "0BSD", "apache-2": "Apache-2.0", "apache-2.0": "Apache-2.0", "beerware": "Beerware", "boost": "BSL-1.0",
	"bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "bsd-4-clause-uc": "BSD-4-Clause-UC", "bsl-1": "BSL-1.0",
	"bsl-1.0": "BSL-1.0", "cc-by-3.0": "CC-BY-3.0", "cc0-1.0": "CC0-1.0", "curl": "curl", "expat": "MIT", "fsfap": "FSFAP",
	"fsful": "FSFUL", "fsfullr": "FSFULLR", "isc": "ISC", "latex2e": "Latex2e", "mit": "MIT", "mpl-1.1": "MPL-1.1",
	"mpl-2.0": "MPL-2.0", "ms-pl": "MS-PL", "oldap-2.8": "OLDAP-2.8", "openldap-2.8": "OLDAP-2.8", "sleepycat": "Sleepycat",
	"unicode-dfs-2016": "Unicode-DFS-2016", "x11": "X11", "zlib": "Zlib",
}

var spdxExceptions = map[string]string{
	"bison": "Bison-exception-2.2", "bison-2.2": "Bison-exception-2.2", "libtool": "Libtool-exception",
	"linux-syscall-note": "Linux-syscall-note", "texinfo": "Texinfo-exception",
}
