package install

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom/licence"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// distribution is a package that is installed, as its folder *.dist-info describes it.
type distribution struct {
	name    string // normalized: "python-dateutil"
	version string
	info    string   // name of the folder in site-packages
	files   []string // of its, relative to site-packages, sorted; none is outside of it
	size    int64    // of the files in bytes
	about   mail.Header
}

const infoSuffix = ".dist-info"

// distributions returns those of a folder site-packages, sorted by name.
func distributions(site string) ([]distribution, error) {
	root, err := os.OpenRoot(site)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	infos, err := fs.Glob(root.FS(), "*"+infoSuffix)
	if err != nil {
		return nil, err
	}
	var all []distribution
	for _, info := range infos {
		d, err := readDistribution(root, info)
		if err != nil {
			return nil, fmt.Errorf("reading %s of an installed package: %w", info, err)
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b distribution) int { return strings.Compare(a.name+"\x00"+a.info, b.name+"\x00"+b.info) })
	return all, nil
}

// describe reads of a distribution what METADATA says of it.
func describe(root *os.Root, info string) (distribution, error) {
	d := distribution{info: info}
	text, err := tree.ReadIn(root, path.Join(info, "METADATA"))
	if err != nil {
		return d, err
	}
	// The fields are those of a mail (Core metadata specifications); a description behind them need not be read.
	head, _, _ := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n\n")
	message, err := mail.ReadMessage(strings.NewReader(head + "\n\n"))
	if err != nil {
		return d, err
	}
	d.about = message.Header
	d.name, d.version = Normalized(d.about.Get("Name")), strings.TrimSpace(d.about.Get("Version"))
	return d, nil
}

func readDistribution(root *os.Root, info string) (distribution, error) {
	d, err := describe(root, info)
	if err != nil {
		return d, err
	}
	record, err := tree.ReadIn(root, path.Join(info, "RECORD"))
	if err != nil {
		return d, err
	}
	lines := csv.NewReader(strings.NewReader(string(record)))
	lines.FieldsPerRecord = -1
	rows, err := lines.ReadAll()
	if err != nil {
		return d, err
	}
	for _, row := range rows {
		name := path.Clean(row[0])
		if !filepath.IsLocal(name) {
			continue // a program or another file of the environment
		}
		about, err := root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return d, err
		}
		if !about.IsDir() {
			d.files = append(d.files, name)
			d.size += about.Size()
		}
	}
	slices.Sort(d.files)
	d.files = slices.Compact(d.files)
	return d, nil
}

// separators are the characters of a name that mean the same.
var separators = regexp.MustCompile(`[-_.]+`)

// Normalized returns the name of a project as indexes have it (PEP 503).
func Normalized(name string) string {
	return strings.ToLower(separators.ReplaceAllString(strings.TrimSpace(name), "-"))
}

// tops returns the entries of site-packages in which a distribution has files, sorted.
func (d distribution) tops() []string {
	var tops []string
	for _, file := range d.files {
		top, _, _ := strings.Cut(file, "/")
		tops = append(tops, top)
	}
	return slices.Compact(tops)
}

// component returns what a bill of materials says of a distribution. Its licences are those that it names as SPDX does, or else those whose
// texts it has.
func (d distribution) component(site string) sbom.Component {
	c := sbom.Component{
		Name: d.name, Version: d.version,
		PURL: packageurl.NewPackageURL(packageurl.TypePyPi, "", d.name, d.version, nil, "").ToString(),
	}
	if expression := strings.TrimSpace(d.about.Get("License-Expression")); expression != "" {
		c.Licenses = []string{expression}
		return c
	}
	dir := filepath.Join(site, d.info)
	for _, at := range []string{dir, filepath.Join(dir, "licenses")} {
		c.Licenses = append(c.Licenses, licence.Of(at)...)
	}
	// The field may also hold the whole text, in which case that is not known to be one of SPDX.
	if text := strings.TrimSpace(d.about.Get("License")); len(c.Licenses) == 0 && text != "" && len(text) < 60 {
		c.Licenses = []string{text}
	}
	return c
}
