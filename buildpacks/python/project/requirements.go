package project

import (
	"bytes"
	"fmt"
	"iter"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// options are the options of requirements.txt that count, by the names that pip has for them, each with the name that uv has, too. An
// empty one means nothing here.
var options = map[string]string{
	"-i": "--index-url", "--index-url": "--index-url", "--pypi-url": "--index-url", "--extra-index-url": "--extra-index-url",
	"--no-index": "--no-index", "-f": "--find-links", "--find-links": "--find-links",
	"--no-binary": "--no-binary", "--only-binary": "--only-binary",
	"--require-hashes": "", "--prefer-binary": "", "--use-feature": "", "--trusted-host": "",
}

// reader reads files as requirements.txt is.
type reader struct {
	project Project
	in      Install
}

// requirements reads the files that BP_PIP_REQUIREMENT names, or requirements.txt.
func (p Project) requirements() (Install, error) {
	r := reader{project: p}
	files := p.Requirements
	if len(files) == 0 {
		files = []string{p.File}
	}
	for _, name := range files {
		from := "BP_PIP_REQUIREMENT"
		if err := r.file(p.within(name), from, false); err != nil {
			return Install{}, err
		}
	}
	if !r.in.Hashed() {
		r.in.Notes = append(r.in.Notes, "two builds may install different packages: "+p.within(files[0])+" has no hashes, which "+
			`"uv pip compile --generate-hashes" writes`)
	}
	return r.in, nil
}

// file reads a file of requirements or constraints, by its path in the app with slashes, and those that it names.
func (r *reader) file(name, from string, constraints bool) error {
	if slices.Contains(r.in.Files, name) {
		return nil
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return lineFault(from, "names "+name+", which is outside of the app", "name a file of the app")
	}
	data, err := r.project.Read(name)
	switch {
	case err != nil:
		return err
	case data == nil:
		return lineFault(from, "names "+name+", which is not there", "add the file, or remove the line")
	}
	r.in.Files = append(r.in.Files, name)
	for number, line := range logical(decoded(data)) {
		if err := r.line(line, name, fmt.Sprintf("%s line %d", name, number), constraints); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) line(line, file, from string, constraints bool) error {
	option, value := "", ""
	if strings.HasPrefix(line, "-") {
		at := strings.IndexAny(line, "= \t")
		if at < 0 {
			at = len(line)
		}
		option, value = line[:at], strings.Trim(line[at:], "= \t\"'")
		for _, short := range []string{"-r", "-c", "-e", "-i", "-f"} { // -rbase.txt
			if strings.HasPrefix(option, short) && len(option) > 2 {
				option, value = short, strings.TrimSpace(line[2:])
			}
		}
	}
	folder := path.Dir(file)
	switch option {
	case "-r", "--requirement":
		return r.file(path.Join(folder, value), from, constraints)
	case "-c", "--constraint":
		return r.file(path.Join(folder, value), from, true)
	case "-e", "--editable":
		line = "-e " + value
	case "--pre":
		r.in.Prereleases = true
		return nil
	case "":
	default:
		return r.option(option, value, folder, from)
	}
	found, wrong := requirement(line, r.project.from(), from)
	switch {
	case wrong != "":
		return lineFault(from, fmt.Sprintf("%.100q %s", line, wrong), "write it as pip reads it, such as flask==3.1.0 or ./folder")
	case constraints:
		r.in.Constraints = append(r.in.Constraints, found.Line())
		return nil
	}
	if found.Spec == "" { // its marker never holds
		return nil
	}
	if found.Git && !commit.MatchString(found.Spec) {
		r.in.Notes = append(r.in.Notes, from+" names no commit, so each build may install another one")
	}
	r.in.Requirements = append(r.in.Requirements, found)
	return nil
}

// option reads an option of the whole file.
func (r *reader) option(option, value, folder, from string) error {
	known, found := options[option]
	if !found {
		return lineFault(from, option+" is an option that requirements.txt does not have", "remove it")
	}
	if known == "--find-links" && !strings.Contains(value, "://") {
		for _, value = range []string{path.Join(folder, value), path.Join(r.project.from(), value)} {
			if !filepath.IsLocal(filepath.FromSlash(value)) {
				return lineFault(from, "names "+value+", which is outside of the app", "name a folder of the app")
			}
			if r.project.folder(value) {
				break
			}
		}
		r.in.Wheels = append(r.in.Wheels, value)
	}
	if known != "" {
		r.in.Options = append(r.in.Options, strings.TrimSpace(known+" "+value))
	}
	return nil
}

// logical yields the lines of requirements.txt with their numbers, from 1, without comments. A line that ends with a backslash goes on.
func logical(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		whole, first := "", 0
		for i, line := range strings.Split(text, "\n") {
			line = strings.TrimRight(line, "\r")
			if whole == "" {
				first = i + 1
			}
			if body, on := strings.CutSuffix(line, `\`); on && !strings.HasPrefix(strings.TrimSpace(line), "#") {
				whole += body + " "
				continue
			}
			whole += line
			if at := comment(whole); at >= 0 {
				whole = whole[:at]
			}
			if whole = strings.TrimSpace(whole); whole != "" && !yield(first, whole) {
				return
			}
			whole = ""
		}
		if whole = strings.TrimSpace(whole); whole != "" {
			yield(first, whole)
		}
	}
}

// comment returns where a comment begins, -1 if there is none: an address may have "#".
func comment(line string) int {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return i
		}
	}
	return -1
}

// decoded returns a file as UTF-8. PowerShell writes UTF-16 with a byte order mark, which pip reads.
func decoded(data []byte) string {
	order := func(a, b byte) uint16 { return uint16(a) | uint16(b)<<8 }
	switch {
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = func(a, b byte) uint16 { return uint16(b) | uint16(a)<<8 }
	case !bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		return strings.TrimPrefix(string(data), "\ufeff")
	}
	var units []uint16
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, order(data[i], data[i+1]))
	}
	return string(utf16.Decode(units))
}

func lineFault(from, what, do string) error {
	return fault.Fault{ID: "python-requirements", What: from + ": " + what, Do: do}
}
