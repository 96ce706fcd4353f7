package assemble

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/truststore"
	"github.com/strata-buildpacks/strata/stacks/internal/layer"
	"github.com/strata-buildpacks/strata/stacks/internal/ldcache"
)

// fill puts a layer's files on top of the layers below. It also returns what is kept of the layer's packages.
func fill(r recipe, packages []unpacked, below []*stratum) (*layer.Tree, map[string]layer.Package, error) {
	var lower [][]layer.Entry
	all := map[string]layer.Package{}
	for _, l := range below {
		lower = append(lower, l.Entries())
		maps.Copy(all, l.Packages())
	}
	t := layer.NewTree(lower...)
	known := map[string]layer.Package{}
	for _, p := range packages {
		files, err := r.files(p)
		if err != nil {
			return nil, nil, err
		}
		for _, f := range slices.Concat(files, r.records(p, files)) {
			if err := t.Add(f, p.Name); err != nil {
				return nil, nil, conflict(err)
			}
		}
		known[p.Name] = layer.Package{Control: string(p.Control), Licences: archive.Licences(copyright(p, packages))}
	}
	if maps.Copy(all, known); r.Whole && r.Top {
		if err := t.Add(text("var/lib/dpkg/status", status(all)), ""); err != nil {
			return nil, nil, conflict(err)
		}
	}
	for _, step := range []func() error{
		func() error { return r.extras(t, packages, below) },
		func() error { return r.trust(t, below) },
		func() error { return r.loaderCache(t) },
	} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	return t, known, nil
}

func conflict(err error) error {
	return fault.Fault{
		ID:   "stack-conflict",
		What: "two owners of one file",
		Err:  err,
		Do:   "take it out of one of them in the slice or in stack.toml",
	}
}

// documentation matches what no image needs to work. Licences stay: whoever passes an image on passes them on too.
var documentation = []string{
	"/usr/share/doc/**", "!/usr/share/doc/*", "!/usr/share/doc/*/copyright", "/usr/share/man/**", "/usr/share/locale/**",
	"/usr/share/info/**", "/usr/share/lintian/**", "/usr/share/bug/**",
}

// files returns what the layer takes of a package.
func (r recipe) files(p unpacked) ([]deb.File, error) {
	if patterns, ok := r.Slices[p.Name]; ok {
		return cut(p, patterns)
	}
	take := map[string]bool{}
	for _, f := range p.Files {
		take[f.Path] = true
	}
	for _, pattern := range slices.Concat(documentation, r.Drop) {
		body, keep := strings.CutPrefix(pattern, "!")
		for _, f := range matching(p.Package, body) {
			take[f.Path] = keep
		}
	}
	return pick(p.Package, func(f deb.File) bool { return take[f.Path] }), nil
}

// extras adds what stack.toml declares.
func (r recipe) extras(t *layer.Tree, packages []unpacked, below []*stratum) error {
	for _, d := range r.Layer.Dirs {
		if err := t.Declare(deb.File{Path: d.Path[1:], Type: deb.Dir, Mode: d.Mode, UID: d.UID, GID: d.GID}); err != nil {
			return conflict(err)
		}
	}
	var files []deb.File
	for _, x := range r.Layer.Texts {
		if x.Append {
			if err := appendText(t, x, below); err != nil {
				return err
			}
			continue
		}
		files = append(files, text(x.Path[1:], []byte(x.Text)))
	}
	for _, l := range r.Layer.Links {
		files = append(files, link(l.Path, l.Target))
	}
	for _, x := range r.Layer.Applets {
		if _, ok := t.Lookup(x.Program[1:]); !ok {
			return fault.Fault{
				ID:   "applets-program",
				What: "applets of " + x.Program,
				Err:  errors.New("no package of the stack has it"),
				Do:   "correct program",
			}
		}
		for _, name := range x.Names {
			files = append(files, link(path.Join(path.Dir(x.Program), name), path.Base(x.Program)))
		}
	}
	for _, x := range r.Layer.Bundles {
		b, err := bundle(x, packages)
		if err != nil {
			return err
		}
		files = append(files, text(x.Path[1:], b))
	}
	for _, f := range files {
		if err := t.Add(f, ""); err != nil {
			return conflict(err)
		}
	}
	return nil
}

func link(path, target string) deb.File {
	return deb.File{Path: path[1:], Type: deb.Symlink, Mode: 0o777, Link: target}
}

// appendText replaces a file of the layers below by the same file with more at its end.
func appendText(t *layer.Tree, x Text, below []*stratum) error {
	b, err := read(x.Path[1:], below)
	if err != nil {
		return err
	}
	if err := t.Replace(text(x.Path[1:], append(b, x.Text...))); err != nil {
		return conflict(err)
	}
	return nil
}

// read returns the content of a regular file of the layers below.
func read(path string, below []*stratum) ([]byte, error) {
	for _, l := range slices.Backward(below) {
		for _, e := range l.Entries() {
			if e.Path == path && e.Type == deb.Regular {
				return l.ReadFile(path)
			}
		}
	}
	return nil, fault.Fault{
		ID:   "file-not-below",
		What: "/" + path,
		Err:  errors.New("the layers below have no such file"),
		Do:   "correct its path, or choose a base that has it",
	}
}

// Where the run images keep the certificates that they trust. All other places are links to caBundle.
const (
	caBundle  = "etc/ssl/certs/ca-certificates.crt"
	javaStore = "etc/ssl/certs/java/cacerts"
)

// trust adds certificates to the bundle of the layers below, and makes the key store from it.
func (r recipe) trust(t *layer.Tree, below []*stratum) error {
	store := strings.TrimPrefix(r.Layer.JavaStore, "/")
	if _, ok := t.Lookup(javaStore); ok && len(r.Certificates) > 0 {
		store = javaStore
	}
	if store == "" && len(r.Certificates) == 0 {
		return nil
	}
	b, err := read(caBundle, below)
	if err != nil {
		return err
	}
	if len(r.Certificates) > 0 {
		b = append(b, strings.Join(r.Certificates, "")...)
		if err := t.Replace(text(caBundle, b)); err != nil {
			return conflict(err)
		}
	}
	if store == "" {
		return nil
	}
	all, err := truststore.Parse(b)
	if err != nil {
		return fmt.Errorf("reading /%s: %w", caBundle, err)
	}
	if err := t.Replace(text(store, truststore.JKS(all, layer.Epoch))); err != nil {
		return conflict(err)
	}
	return nil
}

// loaderCache writes the loader's list of libraries into the top layer of a stack with glibc.
func (r recipe) loaderCache(t *layer.Tree) error {
	all := t.All()
	dir := "lib/" + deb.Triplets[r.Arch] + "/"
	if _, ok := all["usr/"+dir+"libc.so.6"]; !ok || !r.Top {
		return nil
	}
	found := map[string]bool{}
	for p, e := range all {
		// Only what the loader finds by its name without the cache, too: the link with that name is there.
		if _, ok := all["usr/"+dir+e.Soname]; ok && e.Soname != "" && path.Dir(p)+"/" == "usr/"+dir {
			found[e.Soname] = true
		}
	}
	var libraries []ldcache.Library
	for _, name := range slices.Sorted(maps.Keys(found)) {
		libraries = append(libraries, ldcache.Library{Soname: name, Path: "/" + dir + name})
	}
	b, err := ldcache.Format(r.Arch, libraries)
	if err != nil {
		return err
	}
	if err := t.Replace(text("etc/ld.so.cache", b)); err != nil {
		return conflict(err)
	}
	return nil
}

func text(path string, data []byte) deb.File {
	return deb.File{Path: path, Type: deb.Regular, Mode: 0o644, Data: data}
}

// bundle joins the matching files of a package in the order of their paths. Each ends with a newline.
func bundle(x Bundle, packages []unpacked) ([]byte, error) {
	i := slices.IndexFunc(packages, func(p unpacked) bool { return p.Name == x.Package })
	var b bytes.Buffer
	if i >= 0 {
		found := matching(packages[i].Package, x.From)
		slices.SortFunc(found, func(a, b deb.File) int { return strings.Compare(a.Path, b.Path) })
		for _, f := range found {
			if f.Type == deb.Regular {
				b.Write(bytes.TrimSpace(f.Data))
				b.WriteByte('\n')
			}
		}
	}
	if b.Len() == 0 {
		return nil, fault.Fault{
			ID:   "bundle-empty",
			What: "bundle " + x.Path,
			Err:  fmt.Errorf("no file of package %q in this layer matches %q", x.Package, x.From),
			Do:   "correct it in stack.toml",
		}
	}
	return b.Bytes(), nil
}

// records returns the files that tell scanners which package is here, and which of its files. A run image has an entry per
// package in status.d, in the layer of the package. A whole stack has dpkg's own database, with the status file in the top
// layer.
func (r recipe) records(p unpacked, files []deb.File) []deb.File {
	var sums, list strings.Builder
	list.WriteString("/.\n")
	for _, f := range files {
		list.WriteString("/" + f.Path + "\n")
		if sum, ok := p.MD5Sums[f.Path]; ok && f.Type != deb.Dir && f.Type != deb.Symlink {
			sums.WriteString(sum + "  " + f.Path + "\n")
		}
	}
	stem := "var/lib/dpkg/status.d/" + p.Name
	out := []deb.File{text(stem, p.Control)}
	if r.Whole {
		stem = "var/lib/dpkg/info/" + p.Name
		if control(p.Control, "Multi-Arch") == "same" {
			stem += ":" + r.Arch
		}
		out = []deb.File{text(stem+".list", []byte(list.String()))}
	}
	// A scanner gives up on an md5sums file with an empty line, so there is no file rather than an empty one.
	if sums.Len() > 0 {
		out = append(out, text(stem+".md5sums", []byte(sums.String())))
	}
	return out
}

// copyright returns a package's copyright file. The folder of that file may be a link to another package's.
func copyright(p unpacked, packages []unpacked) string {
	owner, dir := p, "usr/share/doc/"+p.Name
	for _, f := range p.Files {
		if f.Path == dir && f.Type == deb.Symlink {
			dir = path.Join(path.Dir(dir), f.Link)
			if i := slices.IndexFunc(packages, func(q unpacked) bool { return q.Name == path.Base(dir) }); i >= 0 {
				owner = packages[i]
			}
		}
	}
	for _, f := range owner.Files {
		if f.Path == dir+"/copyright" {
			return string(f.Data)
		}
	}
	return ""
}

// status returns dpkg's status file for installed packages.
func status(packages map[string]layer.Package) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		first, rest, _ := strings.Cut(packages[name].Control, "\n")
		fmt.Fprintf(&b, "%s\nStatus: install ok installed\n%s\n", first, rest)
	}
	return b.Bytes()
}

// control returns a one-line field of a control file, or "" if the file lacks it.
func control(text []byte, field string) string {
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
