package install

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/python/compile"
)

// compiledDir is the folder, beside installs, that keeps compiled modules of each package by what they are made of.
const compiledDir = "compiled"

// compile compiles the modules of packages of a folder site-packages, as far as a folder of the cache does not have them, and forgets those
// of other packages. It sets the folder of each that has them as site-packages does. The image will have them in a layer.
func (i *Installer) compile(ctx context.Context, site, layer, kept string, all []*packaged) error {
	python, err := i.source.Python.Folder(ctx)
	if err != nil {
		return err
	}
	cache := filepath.Join(i.installs, kept)
	var names []string
	var jobs [][]compile.Module
	partial := map[string]string{}
	for _, p := range all {
		key, files, err := i.toCompile(site, layer, p)
		if err != nil {
			return err
		}
		if len(files) == 0 {
			continue
		}
		p.compiled = filepath.Join(cache, key)
		names = append(names, key)
		if _, err := os.Stat(p.compiled); err == nil || partial[p.compiled] != "" {
			continue
		}
		partial[p.compiled] = p.compiled + ".partial"
		if err := tree.Remove(partial[p.compiled]); err != nil {
			return err
		}
		var job []compile.Module
		for _, name := range files {
			job = append(job, compile.Module{
				Source: filepath.Join(site, name), Final: filepath.Join(i.finalSite(layer), name),
				Output: filepath.Join(partial[p.compiled], compile.Output(name, i.version())),
			})
		}
		jobs = append(jobs, job)
	}
	if len(jobs) > 0 {
		done := i.source.In.Log.Phase("Compiling the modules of %d packages", len(jobs))
		if err := compile.Run(ctx, i.source.In.Log, python, i.version(), jobs); err != nil {
			return err
		}
		done()
	}
	for to, from := range partial {
		if err := os.MkdirAll(from, 0o755); err != nil { // no module could be compiled
			return err
		}
		if err := os.Rename(from, to); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	return tree.Empty(cache, names...)
}

// toCompile returns the modules of a package that are compiled, and a name for what they are compiled to.
func (i *Installer) toCompile(site, layer string, p *packaged) (key string, files []string, err error) {
	sum := sha256.New()
	fmt.Fprintln(sum, recipe, i.source.Python.Version, i.source.Python.Source, i.finalSite(layer))
	for _, name := range p.kept {
		if path.Ext(name) != ".py" || slices.Contains(strings.Split(name, "/"), "__pycache__") {
			continue
		}
		f, err := os.Open(filepath.Join(site, name))
		if err != nil {
			return "", nil, err
		}
		one := sha256.New()
		_, err = io.Copy(one, f)
		f.Close()
		if err != nil {
			return "", nil, err
		}
		fmt.Fprintf(sum, "%q %x\n", name, one.Sum(nil))
		files = append(files, name)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), files, nil
}

// finalSite is the folder site-packages of a layer in the image.
func (i *Installer) finalSite(layer string) string {
	return filepath.Join(i.source.In.Layers.Path(), layer, i.site())
}
