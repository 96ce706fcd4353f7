package python

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/python/compile"
)

// maxModule is the size in bytes of the largest module that is compiled at build: what is larger is data, and takes memory to compile.
const maxModule = 4 << 20

// compileApp compiles the app's own modules beside their sources, as far as the cache does not have them, each by a process of its own.
// Python compares them with their sources, so that it runs what a person or live reload changes. Those that the app has are removed: they
// are of another machine, and stale by the date that files have in images.
func (b build) compileApp(ctx context.Context) error {
	cache, err := b.Cache(ctx, "python-modules")
	if err != nil {
		return err
	}
	sources, err := b.modules()
	if err != nil {
		return fmt.Errorf("reading the app's modules: %w", err)
	}
	var jobs [][]compile.Module
	var names []string
	compiled := map[string]string{} // output -> what the cache has of it
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			return fmt.Errorf("reading the app's modules: %w", err)
		}
		sum := sha256.New()
		fmt.Fprintf(sum, "%d %s %q\n%s", recipe, b.plan.python.Folder(), source, text)
		name := hex.EncodeToString(sum.Sum(nil)[:16])
		kept := filepath.Join(cache, name)
		names, compiled[compile.Output(source, b.plan.python.Minor())] = append(names, name), kept
		if _, err := os.Lstat(kept); err != nil {
			jobs = append(jobs, []compile.Module{{Source: source, Final: source, Output: kept, Checked: true}})
		}
	}
	if err := b.compileModules(ctx, jobs); err != nil {
		return err
	}
	for output, kept := range compiled {
		data, err := os.ReadFile(kept)
		if err == nil && len(data) > 0 {
			err = errors.Join(os.MkdirAll(filepath.Dir(output), 0o755), os.WriteFile(output, data, 0o644))
		}
		if err != nil {
			return fmt.Errorf("compiling the app's modules: %w", err)
		}
	}
	return tree.Empty(cache, names...)
}

// compileModules compiles modules into the cache: a module of another Python to an empty file.
func (b build) compileModules(ctx context.Context, jobs [][]compile.Module) error {
	if len(jobs) == 0 {
		return nil
	}
	python, err := b.folder(ctx)
	if err != nil {
		return err
	}
	done := b.Log.Phase("Compiling %d modules of the app", len(jobs))
	if err := compile.Run(ctx, b.Log, python, b.plan.python.Minor(), jobs); err != nil {
		return err
	}
	done()
	for _, job := range jobs {
		file, err := os.OpenFile(job[0].Output, os.O_CREATE|os.O_WRONLY, 0o644)
		if err = errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("compiling the app's modules: %w", err)
		}
	}
	return nil
}

// modules returns the paths of the app's modules, without those of Node.js' packages, and removes what was compiled of them elsewhere.
func (b build) modules() (sources []string, err error) {
	var stale []string
	err = filepath.WalkDir(b.AppDir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Name() == "__pycache__":
			stale = append(stale, path)
		case entry.IsDir() && entry.Name() == "node_modules":
		case entry.Type().IsRegular() && filepath.Ext(path) == ".py":
			about, err := entry.Info()
			if err == nil && about.Size() <= maxModule {
				sources = append(sources, path)
			}
			return err
		default:
			return nil
		}
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	for _, path := range stale {
		err = errors.Join(err, tree.Remove(path))
	}
	return sources, err
}
