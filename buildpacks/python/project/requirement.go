package project

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Requirement is one thing to install.
type Requirement struct {
	Name   string   // as Name has it, "" where only what is installed knows it
	Spec   string   // "flask[async]==3.1.0", "x @ git+https://example.test/x@COMMIT", "./lib"
	Marker string   // the condition, "" for none: "python_version < '3.13'"
	Hashes []string // "sha256:…", in order
	Local  string   // a folder or an archive in the app, by its path there with slashes, "." for all of it; "" for none
	Git    bool
	From   string // where it is named: "requirements.txt line 3"
}

// Line returns the requirement as a line of requirements.txt.
func (r Requirement) Line() string {
	words := []string{r.Spec}
	if r.Marker != "" {
		words = append(words, ";", r.Marker)
	}
	for _, hash := range r.Hashes {
		words = append(words, "--hash="+hash)
	}
	return strings.Join(words, " ")
}

// Second reports whether a requirement is installed after the others: nothing has a hash of a folder or of what git has.
func (r Requirement) Second() bool { return r.Git || r.Local != "" && len(r.Hashes) == 0 }

// Install is what is to be installed. Nothing changes it.
type Install struct {
	Requirements []Requirement // in the order of the file, those of a lock in order of their names
	Constraints  []string      // lines that limit versions and install nothing
	Options      []string      // lines for the head of requirements.txt: "--extra-index-url https://example.test/simple"
	Wheels       []string      // folders of the app that Options has as places of wheels, by their paths in it with slashes
	Prereleases  bool          // they are asked for
	Files        []string      // that were read, by their paths in the app with slashes, each once
	Export       []string      // arguments of uv, in Root, which writes what With reads; nil: there is nothing to export
	Locked       bool          // each package is named, with its version
	Itself       string        // the project, which is installed last, by its folder in the app; "" if it is no package
	Extras       []string      // of Itself, where it says alone what it needs
	Notes        []string      // what a person should know, a sentence without a full stop each
}

// Lines returns requirements.txt for the requirements that are installed first, or second.
func (in Install) Lines(second bool) string {
	lines := slices.Clone(in.Options)
	for _, r := range in.Requirements {
		if r.Second() == second {
			lines = append(lines, r.Line())
		}
	}
	return strings.Join(append(lines, ""), "\n")
}

// Hashed reports whether there are hashes, so that all that is installed first must have one.
func (in Install) Hashed() bool {
	return slices.ContainsFunc(in.Requirements, func(r Requirement) bool { return len(r.Hashes) > 0 })
}

// Has reports whether a package is named, by its name in any spelling.
func (in Install) Has(name string) bool {
	return slices.ContainsFunc(in.Requirements, func(r Requirement) bool { return r.Name == Name(name) })
}

var (
	named     = regexp.MustCompile(`^([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*(.*)$`)
	archive   = regexp.MustCompile(`(?i)\.(whl|zip|tar\.gz|tgz|tar\.bz2|tar\.xz)$`)
	egg       = regexp.MustCompile(`[#&]egg=([\w.-]+)`)
	hash      = regexp.MustCompile(`\s--hash(?:=|\s+)(\S+)`)
	perOption = regexp.MustCompile(`\s--[a-z]`)
	commit    = regexp.MustCompile(`@[0-9a-f]{7,64}(?:#.*)?$`)
	extras    = regexp.MustCompile(`(\[[^\]]*\])$`)
)

// requirement reads a requirement as pip does (PEP 508 and requirements.txt), without comments. Folder is where paths begin, relative to
// the app with slashes. Wrong says what is wrong with it, "" if nothing is.
func requirement(text, folder, from string) (r Requirement, wrong string) {
	if r, wrong = parsed(text, folder); wrong != "" {
		return Requirement{From: from}, wrong
	}
	r.From = from
	marker, never, ok := simplify(r.Marker, nil, nil)
	if !ok {
		return r, "has a marker that is none"
	}
	if never {
		return Requirement{From: from}, "" // it is of an extra
	}
	r.Marker = marker
	return r, r.wrong()
}

// What the parts of a line may be. Nothing in them begins another line, or an option.
var (
	indexed   = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*(\[[\w.,-]*\])?((===|~=|==|!=|<=|>=|<|>)[\w.*+!-]+(,|$))*$`)
	elsewhere = regexp.MustCompile(`^([A-Za-z0-9][\w.-]*(\[[\w.,-]*\])? @ )?[a-z+]+:[^\s\x00-\x1f]+$`)
	inside    = regexp.MustCompile(`^([A-Za-z0-9][\w.-]*(\[[\w.,-]*\])? @ )?\./[^\s\x00-\x1f]*$`)
	sum       = regexp.MustCompile(`^[a-z0-9_]+:[0-9A-Fa-f]+$`)
)

// wrong returns what is wrong with the parts of a requirement, "" if nothing is.
func (r Requirement) wrong() string {
	allowed := indexed
	if r.Local != "" {
		allowed = inside
	} else if r.Git || strings.Contains(r.Spec, "://") {
		allowed = elsewhere
	}
	if !allowed.MatchString(r.Spec) {
		return "is no requirement"
	}
	if slices.ContainsFunc(r.Hashes, func(h string) bool { return !sum.MatchString(h) }) {
		return "has a hash that is none"
	}
	return ""
}

// parsed reads the parts of a requirement.
func parsed(text, folder string) (r Requirement, wrong string) {
	for _, found := range hash.FindAllStringSubmatch(text, -1) {
		r.Hashes = append(r.Hashes, found[1])
	}
	slices.Sort(r.Hashes)
	if at := perOption.FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	text, isEditable := strings.CutPrefix(strings.TrimSpace(text), "-e ")
	text = strings.TrimSpace(text)
	body, marker := text, ""
	if at := markerAt(text); at >= 0 {
		body, marker = strings.TrimSpace(text[:at]), strings.TrimSpace(text[at+1:])
	}
	r.Marker = marker
	found := named.FindStringSubmatch(body)
	switch {
	case found != nil && strings.HasPrefix(found[3], "@"):
		r.Name = Name(found[1])
		source := strings.TrimSpace(found[3][1:])
		return r.located(source, found[1]+found[2]+" @ ", folder)
	case isEditable, strings.Contains(body, "://"), strings.HasPrefix(body, "file:"), strings.HasPrefix(body, "."),
		strings.HasPrefix(body, "/"), strings.Contains(body, "/") && !strings.ContainsAny(body, "<>=!~"), archive.MatchString(body):
		if name := egg.FindStringSubmatch(body); name != nil {
			r.Name = Name(name[1])
		}
		return r.located(body, "", folder)
	case found == nil || found[3] != "" && !strings.ContainsAny(found[3][:1], "<>=!~("):
		return r, "is no requirement"
	}
	r.Name = Name(found[1])
	r.Spec = found[1] + strings.ReplaceAll(found[2], " ", "") + strings.ReplaceAll(strings.Trim(found[3], "()"), " ", "")
	return r, ""
}

// markerAt returns where the semicolon before a marker is, -1 if there is none. After an address there is a space before it.
func markerAt(text string) int {
	if !strings.Contains(text, "://") {
		return strings.Index(text, ";")
	}
	if at := strings.Index(text, " ;"); at >= 0 {
		return at + 1
	}
	return -1
}

// located returns a requirement that is not of an index. Before is what its line has before the address or the path.
func (r Requirement) located(source, before, folder string) (_ Requirement, wrong string) {
	scheme, _, address := strings.Cut(source, "://")
	switch {
	case strings.HasPrefix(source, "git+"):
		r.Git, r.Spec = true, before+source
		return r, ""
	case address && scheme != "file":
		if _, _, other := strings.Cut(scheme, "+"); other {
			return r, "needs " + scheme[:strings.Index(scheme, "+")] + ", which builds do not have"
		}
		r.Spec = before + source
		return r, ""
	}
	at := strings.TrimPrefix(strings.TrimPrefix(source, "file://"), "file:")
	at, _, _ = strings.Cut(at, "#")
	extra := extras.FindString(at)
	at = path.Clean(strings.TrimSuffix(at, extra))
	if !path.IsAbs(at) {
		at = path.Join(folder, at)
	}
	if !filepath.IsLocal(filepath.FromSlash(at)) {
		return r, "is outside of the app"
	}
	r.Local, r.Spec = at, before+"./"+at+extra
	return r, ""
}
