package lock

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// file is the form of lock.toml. What all releases of a package have in common is written once.
type file struct {
	Default  map[string]string `toml:"default"`
	Names    map[string]string `toml:"names"`
	Ended    Lines             `toml:"ended"`
	Requires Lines             `toml:"requires"`
	Packages []pkg             `toml:"package"`
}

type pkg struct {
	ID       string      `toml:"id"`
	Arch     string      `toml:"arch"`
	PURL     string      `toml:"purl"` // with placeholder where the version is
	Releases [][2]string `toml:"releases"`
}

const placeholder = "{version}"

// Read reads the text of a lock.toml.
func Read(text string) (Lock, error) {
	var f file
	if _, err := toml.Decode(text, &f); err != nil {
		return Lock{}, fmt.Errorf("reading lock.toml: %w", err)
	}
	l := Lock{Default: f.Default, Names: f.Names, Ended: f.Ended, Requires: f.Requires}
	for _, p := range f.Packages {
		for _, r := range p.Releases {
			l.Releases = append(l.Releases, Release{
				ID: p.ID, Arch: p.Arch, Version: r[0], PURL: strings.ReplaceAll(p.PURL, placeholder, r[0]), Hash: r[1],
			})
		}
	}
	return l, nil
}

// Text returns the text of a lock.toml. The same lock gives the same text, and Read gives the lock.
func (l Lock) Text() string {
	var out bytes.Buffer
	out.WriteString("# Written by scripts/update. Do not edit.\n")
	table(&out, "default", l.Default)
	table(&out, "names", l.Names)
	for _, facts := range []struct {
		name  string
		lines Lines
	}{{"ended", l.Ended}, {"requires", l.Requires}} {
		for _, id := range slices.Sorted(maps.Keys(facts.lines)) {
			table(&out, facts.name+"."+id, facts.lines[id])
		}
	}
	last := pkg{}
	for _, r := range l.Releases {
		next := pkg{ID: r.ID, Arch: r.Arch, PURL: template(r)}
		if next.ID != last.ID || next.Arch != last.Arch || next.PURL != last.PURL {
			if last.ID != "" {
				out.WriteString("]\n")
			}
			next.begin(&out)
			last = next
		}
		fmt.Fprintf(&out, "  [%q, %q],\n", r.Version, r.Hash)
	}
	if last.ID != "" {
		out.WriteString("]\n")
	}
	return out.String()
}

func (p pkg) begin(out *bytes.Buffer) {
	fmt.Fprintf(out, "\n[[package]]\nid = %q\n", p.ID)
	if p.Arch != "" {
		fmt.Fprintf(out, "arch = %q\n", p.Arch)
	}
	fmt.Fprintf(out, "purl = %q\nreleases = [\n", p.PURL)
}

// template returns a release's package URL with a placeholder for its version.
func template(r Release) string {
	at := strings.LastIndex(r.PURL, r.Version)
	if at < 0 {
		return r.PURL
	}
	return r.PURL[:at] + placeholder + r.PURL[at+len(r.Version):]
}

// table writes a table of texts, sorted by name.
func table(out *bytes.Buffer, name string, values map[string]string) {
	if len(values) == 0 {
		return
	}
	fmt.Fprintf(out, "\n[%s]\n", name)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(out, "%q = %q\n", name, values[name])
	}
}
