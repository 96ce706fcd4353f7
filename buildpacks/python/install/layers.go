package install

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

const (
	// layerName is the layer of the virtual environment.
	layerName = "packages"
	// wheelPrefix begins the name of a layer with one package alone.
	wheelPrefix = "package-"
	// bigSite is the folder of it there. By its name one knows that files in it are of a package, and which.
	bigSite = "site-packages"
	// bigSize is the size in bytes from which on a package has a layer of its own, as it is installed.
	bigSize = 10 << 20
	// maxBig is how many packages have one, the largest: an image has at most 127 layers.
	maxBig = 12
)

// bigPackage is a package with a layer of its own.
type bigPackage struct {
	Name  string `json:"name"`
	Files string `json:"files"` // hash of what is installed
}

// layerKey is everything that the layer of the virtual environment depends on, and what came of it.
type layerKey struct {
	Key Key          `json:"key"`
	Big []bigPackage `json:"big,omitempty"`
}

// bigKey is everything that the layer of one package depends on. It is the same for all apps.
type bigKey struct {
	bigPackage
	Recipe   int    `json:"recipe"`
	LeaveOut string `json:"leaveOut"`
}

// packaged is a distribution with what an image has of it.
type packaged struct {
	distribution
	kept     []string // files; those that another package before it keeps too are its
	shared   []string // those that are another package's
	compiled string   // folder with compiled modules, "" for none
}

// Contribute makes or keeps the layers of packages, and returns the path of the virtual environment in the image.
func (i *Installer) Contribute(ctx context.Context, r Requirements) (string, error) {
	i.wanted = r
	var before, key layerKey
	found, err := i.source.In.Layers.KeyBefore(layerName, &before, r.Needs...)
	if err != nil {
		return "", err
	}
	whole, err := i.key()
	if err != nil {
		return "", err
	}
	key.Key = whole.layered()
	if i.name, err = digest(whole); err != nil {
		return "", err
	}
	if found && before.Key == key.Key {
		key.Big = before.Big
	} else if key.Big, err = i.big(ctx); err != nil {
		return "", err
	}
	for _, big := range key.Big {
		_, err := i.source.In.Layers.Contribute(ctx, layer.Request{
			Name: wheelPrefix + big.Name, Flags: layer.Flags{Launch: true},
			Key: bigKey{big, recipe, key.Key.LeaveOut}, Needs: r.Needs,
			Fill: func(ctx context.Context, l *layer.Layer) error { return i.fillBig(ctx, big.Name, l) },
		})
		if err != nil {
			return "", err
		}
	}
	if err := i.contributeItself(ctx, key.Key); err != nil {
		return "", err
	}
	l, err := i.source.In.Layers.Contribute(ctx, layer.Request{
		Name: layerName, Flags: layer.Flags{Launch: true}, Key: key, Needs: r.Needs,
		Fill: func(ctx context.Context, l *layer.Layer) error { return i.fillPackages(ctx, key.Big, l) },
	})
	if err != nil {
		return "", err
	}
	return l.Path, nil
}

// packages returns what is installed, compiled and without what is left out. It is read once.
func (i *Installer) packages(ctx context.Context) (site string, all []*packaged, err error) {
	dir, err := i.All(ctx)
	if err != nil {
		return "", nil, err
	}
	site = filepath.Join(dir, i.site())
	if i.all != nil {
		return site, i.all, nil
	}
	list, err := distributions(site)
	if err != nil {
		return "", nil, err
	}
	root, err := os.OpenRoot(site)
	if err != nil {
		return "", nil, err
	}
	defer root.Close()
	left, owned := trim{i.wanted.LeaveOut, map[string]int64{}}, map[string]bool{}
	for _, d := range list {
		kept, err := left.kept(root, d)
		if err != nil {
			return "", nil, err
		}
		p := &packaged{distribution: d}
		for _, name := range kept {
			if owned[name] {
				p.shared = append(p.shared, name)
				continue
			}
			owned[name] = true
			p.kept = append(p.kept, name)
		}
		all = append(all, p)
	}
	if text := left.String(); text != "" {
		i.source.In.Log.Bullet("Left out of packages: %s", text)
	}
	if err := i.compile(ctx, site, layerName, compiledDir, all); err != nil {
		return "", nil, fmt.Errorf("compiling modules: %w", err)
	}
	i.all = all
	return site, all, nil
}

// big returns the packages that get a layer of their own: large ones that share no folder with others, sorted by name.
func (i *Installer) big(ctx context.Context) ([]bigPackage, error) {
	site, all, err := i.packages(ctx)
	if err != nil {
		return nil, err
	}
	owners := map[string]int{}
	for _, p := range all {
		for _, top := range p.tops() {
			owners[top]++
		}
	}
	var found []*packaged
	for _, p := range all {
		shared := slices.ContainsFunc(p.tops(), func(top string) bool { return owners[top] > 1 })
		if p.size >= bigSize && !shared {
			found = append(found, p)
		}
	}
	slices.SortStableFunc(found, func(a, b *packaged) int { return cmp.Compare(b.size, a.size) })
	found = found[:min(len(found), maxBig)]
	slices.SortStableFunc(found, func(a, b *packaged) int { return strings.Compare(a.name, b.name) })
	var list []bigPackage
	for _, p := range found {
		sum := sha256.New()
		for _, name := range p.kept {
			if p.written(name) {
				continue
			}
			about, err := os.Lstat(filepath.Join(site, name))
			if err != nil {
				return nil, err
			}
			content, err := tree.Entry{DirEntry: fs.FileInfoToDirEntry(about), Path: filepath.Join(site, name), Rel: name}.Sum()
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(sum, "%q %s\n", name, content)
		}
		list = append(list, bigPackage{p.name, hex.EncodeToString(sum.Sum(nil))})
	}
	return list, nil
}

// written reports whether the installer writes a file of a distribution: such a file differs from app to app.
func (d distribution) written(name string) bool {
	inner, found := strings.CutPrefix(name, d.info+"/")
	return found && slices.Contains([]string{"RECORD", "REQUESTED", "INSTALLER", "direct_url.json", "uv_cache.json", "uv_build.json"}, inner)
}

// fillBig fills the layer of one package.
func (i *Installer) fillBig(ctx context.Context, name string, l *layer.Layer) error {
	site, all, err := i.packages(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(p *packaged) bool { return p.name == name })
	if at < 0 {
		return fmt.Errorf("the package %s, which has a layer of its own, is not installed", name)
	}
	p := all[at]
	if err := i.copyPackage(site, p, filepath.Join(l.Path, bigSite), true); err != nil {
		return err
	}
	if l.SBOM, err = i.document(site, filepath.Join(l.Path, bigSite), l.Name, []*packaged{p}); err != nil {
		return err
	}
	return i.linkBack(site, p, filepath.Join(l.Path, bigSite))
}

// origin begins a path from the folder of a library.
var origin = regexp.MustCompile(`^\$(?:ORIGIN|\{ORIGIN\})/`)

// linkBack makes links, in the layer of a package, to other packages in whose folders its libraries look for libraries: ".." leads from a
// folder to what is beside it in the layer, and not beside the link to it. Whether an app has these packages does not matter.
func (i *Installer) linkBack(site string, p *packaged, to string) error {
	for _, name := range p.kept {
		if !strings.Contains(path.Base(name), ".so") {
			continue
		}
		file, _, err := elf.Read(filepath.Join(site, name))
		if err != nil {
			continue // it is damaged, which is told of where the image is checked
		}
		for _, folder := range file.Folders {
			at := path.Join(path.Dir(name), origin.ReplaceAllString(folder, ""))
			top, _, _ := strings.Cut(at, "/")
			if !origin.MatchString(folder) || !filepath.IsLocal(at) || at == "." || slices.Contains(p.tops(), top) {
				continue
			}
			err := os.Symlink(filepath.Join(i.finalSite(layerName), top), filepath.Join(to, top))
			if err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
	}
	return nil
}

// fillPackages fills the layer of the virtual environment.
func (i *Installer) fillPackages(ctx context.Context, big []bigPackage, l *layer.Layer) error {
	site, all, err := i.packages(ctx)
	if err != nil {
		return err
	}
	to := filepath.Join(l.Path, i.site())
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	var rest []*packaged
	for _, p := range all {
		if !slices.ContainsFunc(big, func(b bigPackage) bool { return b.Name == p.name }) {
			rest = append(rest, p)
			err = errors.Join(err, i.copyPackage(site, p, to, false))
			continue
		}
		for _, top := range p.tops() {
			err = errors.Join(err, os.Symlink(filepath.Join(i.source.In.Layers.Path(), wheelPrefix+p.name, bigSite, top), filepath.Join(to, top)))
		}
		// Compiled modules of modules without a folder lie beside the links.
		if top := filepath.Join(p.compiled, "__pycache__"); p.compiled != "" && isFolder(top) {
			err = errors.Join(err, tree.Copy(top, filepath.Join(to, "__pycache__")))
		}
	}
	if err != nil {
		return err
	}
	if err := i.copyPrefix(filepath.Dir(filepath.Dir(filepath.Dir(site))), l.Path); err != nil {
		return err
	}
	if i.wanted.Project != "" { // Python reads names of further folders from such files
		err := os.WriteFile(filepath.Join(to, "strata-project.pth"), []byte(i.finalSite(projectLayer)+"\n"), 0o644)
		if err != nil {
			return err
		}
	}
	if l.SBOM, err = i.document(site, to, l.Name, rest); err != nil {
		return err
	}
	return i.environmentOf(l.Path, i.source.Python.Home)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// digest names an install by its key.
func digest(key Key) (string, error) {
	text, err := json.Marshal(key)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), err
}

// record returns the text of RECORD for files that are copied: without hashes, as some are changed.
func record(files []string) []byte {
	var text strings.Builder
	for _, name := range files {
		if strings.ContainsAny(name, ",\"\n\r") {
			name = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
		text.WriteString(name + ",,\n")
	}
	return []byte(text.String())
}

// recordOf is the path of RECORD.
func (d distribution) recordOf() string { return path.Join(d.info, "RECORD") }
