package install

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// compileScript compiles modules with the interpreter that will load them.
//
//go:embed compile.py
var compileScript string

// compiledDir is the folder, beside installs, that keeps compiled modules of each package by what they are made of.
const compiledDir = "compiled"

// compile compiles the modules of packages, as far as the cache does not have them, and forgets those of other packages. It sets the
// folder of each that has them as site-packages does.
func (i *Installer) compile(ctx context.Context, site string, all []*packaged) error {
	python, err := i.source.Python.Folder(ctx)
	if err != nil {
		return err
	}
	cache := filepath.Join(i.installs, compiledDir)
	var names, jobs []string
	partial := map[string]string{}
	for _, p := range all {
		key, files, err := i.toCompile(site, p)
		if err != nil || len(files) == 0 {
			if err != nil {
				return err
			}
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
		job, err := i.job(p.compiled, key, files, site)
		if err != nil {
			return err
		}
		jobs = append(jobs, job)
	}
	if len(jobs) > 0 {
		script, err := i.write("compile.py", compileScript)
		if err != nil {
			return err
		}
		done := i.source.In.Log.Phase("Compiling the modules of %d packages", len(jobs))
		err = command.Run(ctx, command.Command{
			Path: filepath.Join(python, "bin", i.minor()), Args: append([]string{"-S", "-s", "-B", "-W", "ignore", script}, jobs...), Dir: i.home,
			Env: libraryPath(python).With(config.Environment{"PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1"}).List(), Log: i.source.In.Log,
		})
		if err != nil {
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
func (i *Installer) toCompile(site string, p *packaged) (key string, files []string, err error) {
	sum := sha256.New()
	fmt.Fprintln(sum, recipe, i.source.Python.Version, i.source.Python.Source, i.finalSite())
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

// job writes the file that tells compile.py what to do for a package.
func (i *Installer) job(compiled, key string, files []string, site string) (string, error) {
	tag := "cpython-" + strings.ReplaceAll(strings.TrimPrefix(i.minor(), "python"), ".", "")
	var list [][3]string
	for _, name := range files {
		output := path.Join(path.Dir(name), "__pycache__", strings.TrimSuffix(path.Base(name), ".py")+"."+tag+".pyc")
		list = append(list, [3]string{
			filepath.Join(site, name), filepath.Join(i.finalSite(), name), filepath.Join(compiled+".partial", output),
		})
	}
	text, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	return i.write(key+".json", string(text))
}

// finalSite is the folder site-packages in the image.
func (i *Installer) finalSite() string {
	return filepath.Join(i.source.In.Layers.Path(), layerName, i.site())
}
